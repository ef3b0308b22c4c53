//! The whole server between a terminal and its clients, woken by signals only.

use console::config::Config;
use console::{Client, Console};
use ivc::console::Port;
use ivc::statistics::{Reader, Table};
use ivc::{Block, Region};
use proptest::collection::vec;
use proptest::prelude::*;

const TERMINAL: usize = 0;
const HISTORY: usize = 1024;

/// Memory for a line whose rings have `blocks` times 64 bytes.
fn line(blocks: usize) -> &'static [Block] {
    std::iter::repeat_with(Block::new).take(2 * (2 + blocks)).collect::<Vec<_>>().leak()
}

/// The server, and the other ends of its lines. The client on channel `n` is `clients[n - 1]`.
struct Rig {
    console: Console<'static>,
    terminal: Port<'static>,
    clients: Vec<Port<'static>>,
    memory: Vec<&'static [Block]>,
    /// Channels that the server has signalled and nobody has looked at.
    signals: u64,
    screen: Vec<u8>,
}

impl Rig {
    /// With the clients of `text`, whose channels are 1, 2, …
    fn new(text: &str) -> Self {
        let (mut config, mut problems) = Config::parse(text.as_bytes());
        let lines: Vec<_> = (0..=config.clients.len()).map(|_| line(4)).collect();
        let view = |channel: usize| Region::over(lines[channel]);
        let clients = config.connect(&mut problems, |channel| Port::server(view(channel)).ok());
        assert_eq!(problems, []);
        let terminal = Client { channel: TERMINAL, port: Port::client(view(TERMINAL)).expect("large enough") };
        let others = (1..lines.len()).map(|channel| Port::client(view(channel)));
        let mut rig = Self {
            console: Console::new(terminal, clients, &config, &problems, HISTORY),
            terminal: Port::server(view(TERMINAL)).expect("large enough"),
            clients: others.map(|port| port.expect("large enough")).collect(),
            memory: lines,
            signals: 0,
            screen: Vec::new(),
        };
        rig.run();
        rig
    }

    /// One with a greeting that is already off the screen.
    fn greeted(text: &str) -> Self {
        let mut rig = Self::new(&format!("labels plain\n{text}"));
        rig.settle();
        rig.screen.clear();
        rig
    }

    fn run(&mut self) {
        loop {
            let turn = self.console.turn();
            self.signals |= turn.signals.channels().fold(0, |signals, channel| signals | 1 << channel);
            if !turn.more {
                return;
            }
        }
    }

    /// Runs the server if somebody owes it a signal.
    fn deliver(&mut self) {
        let ends = self.clients.iter_mut().chain([&mut self.terminal]);
        // Not `any`: every end has to be asked.
        if ends.filter_map(|end| end.owes_signal().then_some(())).count() > 0 {
            self.run();
        }
    }

    fn take_signal(&mut self, channel: usize) -> bool {
        let signalled = self.signals & 1 << channel != 0;
        self.signals &= !(1 << channel);
        signalled
    }

    /// The terminal shows up to `limit` bytes, as its driver would: when signalled.
    fn drain(&mut self, limit: usize) -> usize {
        let mut buffer = vec![0; limit];
        let length = self.terminal.read(&mut buffer);
        self.screen.extend_from_slice(&buffer[..length]);
        self.terminal.await_input();
        self.deliver();
        length
    }

    /// Lets the terminal show everything.
    fn settle(&mut self) {
        while self.drain(100) > 0 {}
    }

    fn write(&mut self, client: usize, bytes: &[u8]) -> usize {
        let length = self.clients[client].write(bytes);
        self.deliver();
        length
    }

    fn type_keys(&mut self, keys: &[u8]) {
        for key in keys {
            assert_eq!(self.terminal.write(&[*key]), 1, "the server always reads");
            self.deliver();
        }
        self.settle();
    }

    fn read(&mut self, client: usize) -> Vec<u8> {
        let mut buffer = [0; 1024];
        let length = self.clients[client].read(&mut buffer);
        self.deliver();
        buffer[..length].to_vec()
    }

    /// What has appeared on the screen since this was last asked.
    fn shown(&mut self) -> String {
        self.settle();
        String::from_utf8(std::mem::take(&mut self.screen)).expect("text")
    }
}

#[test]
fn it_greets_with_banner_chord_and_problems() {
    let mut rig = Rig::new("banner Ctrl-a x leaves QEMU.\nlabels plain\n1 linux\n2 echo");
    assert_eq!(
        rig.shown(),
        "--- Ctrl-a x leaves QEMU.\r\n--- Ctrl-^ ? explains the console's keys.\r\n\
         --- 1 linux\r\n--- 2 echo\r\n"
    );
    let (mut config, problems) = Config::parse(b"labels plain\nfoo");
    let clients = config.connect(&mut Vec::new(), |_| None);
    let memory = line(4);
    let port = Port::client(Region::over(memory)).expect("large enough");
    let terminal = Client { channel: 0, port };
    let mut console = Console::new(terminal, clients, &config, &problems, HISTORY);
    let turn = console.turn();
    assert!(!turn.more);
    let mut screen = [0; 1000];
    let length = Port::server(Region::over(memory)).expect("large enough").read(&mut screen);
    let text = std::str::from_utf8(&screen[..length]).expect("text");
    assert!(text.contains("--- clients, line 2: begins neither"), "{text}");
    assert!(text.ends_with("--- no clients\r\n"), "{text}");
}

#[test]
fn labels_are_bold_unless_plain() {
    let mut rig = Rig::new("1 a");
    rig.shown();
    rig.write(0, b"x\n");
    assert_eq!(rig.shown(), "\x1b[1m[a] \x1b[mx\r\n");
}

#[test]
fn lines_are_labelled_and_unfinished_ones_shown_but_not_broken_without_need() {
    let mut rig = Rig::greeted("1 a\n2 b");
    rig.write(0, b"one\r\ntwo");
    assert_eq!(rig.shown(), "[a] one\r\n[a] two");
    rig.write(1, b"prompt> ");
    assert_eq!(rig.shown(), "", "two prompts cannot share a line");
    rig.write(0, b" and a half");
    assert_eq!(rig.shown(), " and a half");
    rig.write(1, b"ok\n\n");
    assert_eq!(rig.shown(), "\r\n[b] prompt> ok\r\n[b] \r\n");
    rig.write(0, b", three\n");
    assert_eq!(rig.shown(), "[a] , three\r\n");
}

#[test]
fn no_client_can_imitate_another() {
    let mut rig = Rig::greeted("1 a\n2 b");
    rig.write(0, b"x\r[b] y\x1b[2K\x1b[1G[b] z\x1b]0;t\x07\x08\x08\x08\n\x1b[31mred\x1b[m\x05\tend\n");
    assert_eq!(rig.shown(), "[a] x\r\n[a] [b] y[b] z\r\n[a] red^E\tend\r\n");
}

#[test]
fn the_focus_is_raw_both_ways() {
    let mut rig = Rig::greeted("1 a focus\n2 b");
    rig.write(0, b"\x1b[2J\x1b[6nraw\r\xff\x00");
    rig.settle();
    assert_eq!(rig.screen, b"\x1b[2J\x1b[6nraw\r\xff\x00");
    rig.type_keys(b"ls\r\x1e\x1e\x03");
    assert_eq!(rig.read(0), b"ls\r\x1e\x03");
    assert_eq!(rig.read(1), b"");
}

#[test]
fn what_is_printed_typed_and_dropped_is_counted() {
    let counters = line(4);
    let mut rig = Rig::greeted("1 a focus\n2 b");
    rig.console = rig.console.counted(&mut Table::over(Region::over(counters)));
    rig.clients[1].write(b"12345");
    rig.deliver();
    let room = rig.clients[0].space();
    for _ in 0..room + 3 {
        rig.terminal.write(b"x");
        rig.deliver();
    }
    let counted: Vec<u64> = Reader::over(Region::over(counters)).counters().map(|(_, value)| value).collect();
    assert_eq!(counted, [5, room as u64 + 3, 3]);
}

#[test]
fn the_chord_moves_the_focus_lists_and_helps() {
    let mut rig = Rig::greeted("1 a\n2 b");
    rig.type_keys(b"xy");
    assert_eq!(rig.shown(), "--- nobody is in focus: Ctrl-^ and a client's number\r\n");
    rig.type_keys(b"\x1e2z\x1enw\x1env");
    assert_eq!(rig.shown(), "--- b\r\n\x1b[m--- a\r\n\x1b[m--- b\r\n");
    assert_eq!((rig.read(0), rig.read(1)), (b"w".to_vec(), b"zv".to_vec()));
    rig.type_keys(b"\x1e9\x1el");
    assert_eq!(rig.shown(), "--- no client 9\r\n--- 1 a\r\n--- 2 b (in focus)\r\n");
    rig.type_keys(b"\x1ex");
    assert_eq!(rig.shown(), "--- unknown key; Ctrl-^ ? explains them\r\n");
    rig.type_keys(b"\x1e?");
    assert!(rig.shown().contains("--- Ctrl-^ n       the next client gets the focus\r\n"));
    rig.type_keys(b"\x1ea");
    assert_eq!(rig.shown(), "\x1b[m--- all clients\r\n");
}

#[test]
fn history_is_replayed_as_text_and_the_prompt_always() {
    let mut rig = Rig::greeted("1 a focus\n2 b");
    rig.write(1, b"boot\n\x1b[1mbold\x1b[m\x1b[6n\x1b[2J\n$ ");
    rig.type_keys(b"\x1e2");
    assert_eq!(rig.shown(), "\x1b[m--- b\r\nboot\r\n\x1b[1mbold\x1b[m\r\n$ ");
    rig.write(1, b"\x1b[6n");
    rig.type_keys(b"\x1e1\x1e2");
    assert_eq!(rig.shown(), "\x1b[6n\x1b[m\r\n--- a\r\n\x1b[m--- b\r\n$ ");
}

#[test]
fn what_falls_out_of_the_history_is_counted() {
    let mut rig = Rig::greeted("1 a focus\n2 b");
    let mut written = 0;
    while written < 3 * HISTORY {
        let length = rig.write(1, b"0123456789abcde\n");
        assert_eq!(length, 16, "it is never held back");
        written += length;
    }
    rig.type_keys(b"\x1e2");
    let shown = rig.shown();
    let expected = format!("\x1b[m--- b\r\n--- {} bytes of earlier output lost\r\n", written - HISTORY);
    let text = shown.strip_prefix(&expected).expect("a mark");
    assert_eq!(text, "0123456789abcde\r\n".repeat(HISTORY / 16));
}

#[test]
fn losses_are_marked_on_the_labelled_screen() {
    let mut rig = Rig::greeted("1 a\n2 b");
    let mut written = 0;
    while written < 4 * HISTORY {
        written += rig.write(0, b"0123456789abcde\n");
        rig.write(1, b"");
    }
    let shown = rig.shown();
    let (mut marked, mut lines) = (0, 0);
    for line in shown.lines() {
        let text = line.strip_prefix("[a] ").expect("a label");
        match text.strip_prefix("... ").and_then(|text| text.strip_suffix(" bytes lost ...")) {
            Some(lost) => marked += lost.parse::<usize>().expect("a number"),
            None => {
                assert!("0123456789abcde".ends_with(text) || "0123456789abcde".starts_with(text));
                lines += 1;
            }
        }
    }
    assert!(marked > 0 && lines >= HISTORY / 16);
    assert_eq!(marked % 16, 0);
    assert_eq!(marked + 16 * lines, written);
}

#[test]
fn a_client_that_does_not_read_loses_its_input_and_no_other_does() {
    let mut rig = Rig::greeted("1 a focus\n2 b");
    rig.type_keys(&[b'x'; 256]);
    assert_eq!(rig.shown(), "");
    rig.type_keys(&[b'y'; 30]);
    assert_eq!(rig.shown(), "--- a does not read: input is dropped\r\n");
    rig.type_keys(b"\x1e2hello\x1e1");
    assert_eq!(rig.read(1), b"hello");
    rig.shown();
    assert_eq!(rig.read(0), [b'x'; 256]);
    rig.type_keys(b"z");
    assert_eq!(rig.shown(), "--- 30 bytes of input to a were dropped\r\n");
    assert_eq!(rig.read(0), b"z");
}

#[test]
fn restarts_and_corruption_are_told_once() {
    let mut rig = Rig::greeted("1 a\n2 b");
    rig.memory[1][0].scribble(0, u64::MAX);
    rig.write(1, b"still here\n");
    assert_eq!(rig.shown(), "--- a has corrupted its ring: ignored until it restarts\r\n[b] still here\r\n");
    rig.write(1, b"and on\n");
    assert_eq!(rig.shown(), "[b] and on\r\n");
    rig.clients[0] = Port::client(Region::over(rig.memory[1])).expect("large enough");
    rig.clients[0].write(b"back\n");
    rig.run();
    assert_eq!(rig.shown(), "--- a has started anew\r\n[a] back\r\n");
}

#[test]
fn nobody_can_stall_the_others() {
    let mut rig = Rig::greeted("1 endless focus\n2 b\n3 c");
    // The one in focus fills everything, the terminal shows nothing.
    while rig.write(0, b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa") > 0 {}
    assert_eq!(rig.write(1, b"works\n"), 6);
    assert_eq!(rig.write(2, &[b'x'; 256]), 256);
    assert_eq!(rig.write(2, &[b'x'; 256]), 256);
    rig.type_keys(b"\x1e2");
    assert!(rig.shown().ends_with("--- b\r\nworks\r\n"));
}

#[test]
fn an_endless_line_gives_way() {
    let mut rig = Rig::greeted("1 a\n2 b");
    rig.write(1, b"");
    for _ in 0..10 {
        rig.write(0, &[b'x'; 100]);
        rig.settle();
    }
    rig.write(0, &[b'x'; 100]);
    rig.write(1, b"me too\n");
    assert!(rig.shown().ends_with("\r\n[b] me too\r\n"));
}

/// What a client may write in the property tests: lines, escapes, anything.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => b'a'..=b'z',
        2 => Just(b'\n'),
        1 => Just(b'\r'),
        1 => Just(0x1b),
        1 => Just(b'['),
        1 => any::<u8>(),
    ];
    vec(byte, 0..80)
}

proptest! {
    // Each case is a whole conversation.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_stream_in_focus_loses_nothing(
        pieces in vec((vec(any::<u8>(), 0..120), 0usize..100), 1..60),
        noise in vec(any::<u8>(), 0..100),
    ) {
        let mut rig = Rig::greeted("1 a focus\n2 b");
        let mut written = Vec::new();
        rig.signals = 0;
        let mut may_write = true;
        for (piece, drained) in &pieces {
            let mut rest = piece.as_slice();
            while !rest.is_empty() {
                rig.write(1, &noise);
                may_write |= rig.take_signal(1);
                if may_write {
                    let length = rig.write(0, rest);
                    written.extend_from_slice(&rest[..length]);
                    rest = &rest[length..];
                    may_write = rest.is_empty() || !rig.clients[0].await_space();
                } else {
                    // Held back, and not yet told to go on: the terminal must have something to show.
                    prop_assert!(rig.drain(*drained + 1) > 0);
                }
            }
            rig.drain(*drained);
        }
        rig.settle();
        prop_assert_eq!(&rig.screen, &written);
    }

    #[test]
    fn every_line_of_all_carries_its_true_label(
        steps in vec((0usize..2, output(), 0usize..200), 0..60),
    ) {
        let mut rig = Rig::greeted("1 first\n2 second");
        for (client, bytes, drained) in &steps {
            prop_assert_eq!(rig.write(*client, bytes), bytes.len());
            rig.drain(*drained);
        }
        let shown = rig.shown();
        for line in shown.lines() {
            prop_assert!(line.starts_with("[first] ") || line.starts_with("[second] "), "{line:?}");
            prop_assert!(!line.contains(|char: char| char.is_control() && char != '\t'), "{line:?}");
        }
    }

    #[test]
    fn labelled_text_is_complete(
        steps in vec((0usize..2, "[ -~]{0,30}\n?"), 0..60),
    ) {
        let mut rig = Rig::greeted("1 0\n2 1");
        let mut written = [String::new(), String::new()];
        for (client, text) in &steps {
            rig.write(*client, text.as_bytes());
            written[*client].extend(text.chars().filter(|&char| char != '\n'));
            rig.settle();
        }
        // A complete line shows what an unfinished one keeps off the screen.
        for client in 0..2 {
            rig.write(client, b"\n");
        }
        let shown = rig.shown();
        let mut texts = [String::new(), String::new()];
        for line in shown.lines() {
            let text = line.strip_prefix("[0] ").map(|text| (0, text));
            let text = text.or(line.strip_prefix("[1] ").map(|text| (1, text)));
            let (client, text) = text.expect("a label");
            texts[client].push_str(text);
        }
        prop_assert_eq!(texts, written);
    }

    #[test]
    fn a_hostile_client_does_not_disturb(
        scribbles in vec((0usize..12, 0usize..8, any::<u64>()), 1..40),
        keys in vec(b' '..=b'~', 0..20),
    ) {
        let mut rig = Rig::greeted("1 hostile focus\n2 good");
        for (block, index, value) in scribbles {
            rig.memory[1][block].scribble(index, value);
            rig.run();
            rig.type_keys(&keys);
            rig.type_keys(b"\x1ea");
            rig.screen.clear();
            prop_assert_eq!(rig.write(1, b"marker\n"), 7);
            rig.settle();
            let shown = String::from_utf8_lossy(&rig.screen);
            prop_assert_eq!(shown.matches("[good] marker\r\n").count(), 1, "{}", shown);
            rig.type_keys(b"\x1e1");
        }
    }
}
