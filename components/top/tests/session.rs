//! What is seen at a terminal: tables of a system that is made up.

use ivc::statistics::{Reader, Table};
use ivc::{Block, Region, console::Port, remote::Size};
use std::cell::RefCell;
use std::rc::Rc;
use top::{Clock, Meter, Session};

const SECOND: u64 = 1000;

/// Time stands still until the test moves it; each context has used what the test says.
#[derive(Clone, Default)]
struct Fake(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    now: u64,
    used: [u64; 4],
}

impl Clock for Fake {
    fn now(&self) -> u64 {
        self.0.borrow().now
    }

    fn frequency(&self) -> u64 {
        SECOND
    }

    fn consumed(&mut self, slot: u64) -> u64 {
        std::mem::take(&mut self.0.borrow_mut().used[slot as usize])
    }
}

fn memory(blocks: usize) -> &'static [Block] {
    Vec::leak(std::iter::repeat_with(Block::new).take(blocks).collect())
}

struct Terminal {
    port: Port<'static>,
    session: Session<'static, Fake>,
    clock: Fake,
    table: Table<'static>,
}

impl Terminal {
    fn new(blocks: usize) -> Self {
        let (line, shared) = (memory(blocks), memory(16));
        let clock = Fake::default();
        let meters = vec![
            Meter::new("idle", None, vec![3]),
            Meter::new("guest", Some(Reader::over(Region::over(shared))), vec![1, 2]),
            Meter::new("server", None, vec![]),
        ];
        let client = Port::client(Region::over(line)).expect("room");
        let session = Session::new(client, clock.clone(), meters);
        let port = Port::server(Region::over(line)).expect("room");
        Self { port, session, clock, table: Table::over(Region::over(shared)) }
    }

    fn after(&self, ticks: u64, used: [u64; 4]) {
        let mut state = self.clock.0.borrow_mut();
        state.now += ticks;
        state.used = used;
    }

    /// What is shown after a key, or without one.
    fn shows(&mut self, key: &str) -> String {
        self.port.write(key.as_bytes());
        let mut text = Vec::new();
        let mut buffer = [0; 64];
        loop {
            let _ = self.session.run();
            match self.port.read(&mut buffer) {
                0 => return String::from_utf8(text).expect("text"),
                length => text.extend_from_slice(&buffer[..length]),
            }
        }
    }
}

#[test]
fn time_and_counters_are_told() {
    let mut terminal = Terminal::new(64);
    assert!(terminal.shows("").contains("h explains"));
    let (exits, calls, gic) =
        (terminal.table.counter("exits"), terminal.table.counter("calls"), terminal.table.counter("gic"));
    exits.add(30);
    calls.add(10);
    gic.add(20);
    terminal.after(2 * SECOND, [0, 150_000, 100_000, 20_000]);
    let lines = "last: 2.000 s,  13.50 % of a core, in a second; h for help\r\n\
                 idle               1.00 %\r\n\
                 guest             12.50 %        15 exits     gic 10  calls 5\r\n\
                 server                  -\r\n";
    assert_eq!(terminal.shows(" "), lines);
    exits.add(1);
    terminal.after(2 * SECOND, [0, 0, 0, 30_000]);
    let lines = "since the start: 4.000 s,   7.50 % of a core, totals; h for help\r\n\
                 idle               1.25 %\r\n\
                 guest              6.25 %        31 exits     gic 20  calls 10\r\n\
                 server                  -\r\n";
    assert_eq!(terminal.shows("t"), lines);
}

#[test]
fn rows_are_sorted() {
    let mut terminal = Terminal::new(64);
    terminal.shows("");
    terminal.table.counter("exits").add(1);
    terminal.after(SECOND, [0, 1, 1, 20_000]);
    let names = |text: String| -> Vec<String> {
        text.lines().skip(1).filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
    };
    assert_eq!(names(terminal.shows("e")), ["guest", "idle", "server"]);
    terminal.after(SECOND, [0, 1, 1, 20_000]);
    assert_eq!(names(terminal.shows("c")), ["idle", "guest", "server"]);
    terminal.after(SECOND, [0, 30_000, 1, 20_000]);
    assert_eq!(names(terminal.shows("\r")), ["guest", "idle", "server"]);
}

#[test]
fn a_terminal_with_a_size_is_drawn_anew_each_second() {
    let mut terminal = Terminal::new(64);
    terminal.shows("");
    assert_eq!(terminal.session.run().wake_at, None, "nobody looks");
    terminal.port.set_size(Size { columns: 20, rows: 3 });
    let text = terminal.shows("");
    assert!(text.starts_with("\x1b[Hlast: 0.000 s,   0.\x1b[K\r\nidle"), "{text:?}");
    assert!(text.ends_with("\x1b[K\x1b[J") && text.matches("\r\n").count() == 2, "{text:?}");
    assert_eq!(terminal.session.run().wake_at, Some(SECOND));
    assert_eq!(terminal.shows(""), "");
    terminal.after(SECOND, [0; 4]);
    assert!(terminal.shows("").starts_with("\x1b[H"));
    // Another clock may be a little ahead of the counter.
    terminal.after(SECOND - 1, [0; 4]);
    terminal.session.tick();
    assert!(terminal.shows("").starts_with("\x1b[H"));
    assert_eq!(terminal.shows("q"), "");
    terminal.session.tick();
    assert_eq!(terminal.shows(""), "", "nobody looks any more");
    terminal.after(SECOND, [0; 4]);
    assert_eq!((terminal.shows(""), terminal.session.run().wake_at), (String::new(), None));
    // So it is without a size when one asks for it.
    assert!(terminal.shows("l").contains("guest"));
    assert!(terminal.session.run().wake_at.is_some());
}

#[test]
fn a_slow_terminal_gets_fewer_tables_and_all_of_each() {
    // Two rings of 64 bytes.
    let mut terminal = Terminal::new(6);
    terminal.shows("");
    terminal.port.write(b"l");
    let _ = terminal.session.run();
    for _ in 0..5 {
        terminal.after(SECOND, [0; 4]);
        assert_eq!(terminal.session.run().wake_at, None, "there is room first");
    }
    let text = terminal.shows("");
    assert_eq!((text.matches("last: ").count(), text.matches("server").count()), (2, 2), "{text:?}");
}
