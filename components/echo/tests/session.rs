//! The session between a console server that is slow and keys that come when they like.

use echo::{Machine, Session};
use ivc::console::Port;
use ivc::guest::Refused;
use ivc::{Block, Region};
use proptest::prelude::*;

/// A guest that answers each message when it was asked for often enough: with the words one higher.
#[derive(Default)]
struct Fake {
    message: Option<[u64; 3]>,
    asked: usize,
}

impl Machine for Fake {
    fn ticks(&self) -> u64 {
        42
    }

    fn frequency(&self) -> u64 {
        1
    }

    fn send(&mut self, message: [u64; 3]) -> Result<(), Refused> {
        match message[0] {
            0 => Err(Refused::NoPort),
            1 => Err(Refused::Busy),
            _ => {
                (self.message, self.asked) = (Some(message), 0);
                Ok(())
            }
        }
    }

    fn answer(&mut self) -> Option<[u64; 3]> {
        self.asked += 1;
        let message = self.message.take_if(|message| message[0] != 9 && self.asked > 1)?;
        Some(message.map(|word| word + 1))
    }

    fn fault(&mut self) {}
}

/// Session and server with rings of 64 bytes.
struct Rig {
    session: Session<'static, Fake>,
    server: Port<'static>,
    screen: String,
}

impl Rig {
    fn new() -> Self {
        let memory: &[Block] = std::iter::repeat_with(Block::new).take(6).collect::<Vec<_>>().leak();
        let line = Port::client(Region::over(memory)).expect("large enough");
        let mut rig = Self {
            session: Session::new(line, Fake::default()),
            server: Port::server(Region::over(memory)).expect("large enough"),
            screen: String::new(),
        };
        let _ = rig.session.run();
        rig
    }

    /// The server reads up to `limit` bytes; the session runs only if that owes it a signal.
    fn show(&mut self, limit: usize) -> usize {
        let mut buffer = vec![0; limit];
        let length = self.server.read(&mut buffer);
        self.screen.push_str(std::str::from_utf8(&buffer[..length]).expect("ASCII"));
        self.server.await_input();
        self.deliver();
        length
    }

    fn deliver(&mut self) {
        if self.server.owes_signal() {
            let _ = self.session.run();
        }
    }

    fn settle(&mut self) {
        while self.show(50) > 0 {}
    }

    fn type_keys(&mut self, keys: &str) {
        for key in keys.bytes() {
            while self.server.write(&[key]) == 0 {
                self.settle();
            }
            self.deliver();
        }
    }

    /// Types `keys` and returns what appears.
    fn answer(&mut self, keys: &str) -> String {
        self.settle();
        self.screen.clear();
        self.type_keys(keys);
        self.settle();
        std::mem::take(&mut self.screen)
    }
}

#[test]
fn it_greets_echoes_and_answers() {
    let mut rig = Rig::new();
    rig.settle();
    assert_eq!(rig.screen, "A native protection domain. Try help.\r\necho> ");
    assert_eq!(rig.answer("ping\r"), "ping\r\npong\r\necho> ");
    assert_eq!(rig.answer("\r"), "\r\necho> ");
    assert_eq!(rig.answer("x\x03"), "x^C\r\necho> ");
    assert!(rig.answer("help\r").ends_with("touches memory that is not there\r\necho> "));
    assert_eq!(rig.answer("fault\r"), "fault\r\nThis domain faults now.\r\necho> ");
}

#[test]
fn a_flood_is_held_back_not_lost() {
    let mut rig = Rig::new();
    let expected: String = (1..=500).map(|n| format!("line {n} of 500\r\n")).collect();
    assert_eq!(rig.answer("flood 500\r"), format!("flood 500\r\n{expected}echo> "));
}

#[test]
fn a_flood_can_be_ended() {
    let mut rig = Rig::new();
    rig.settle();
    rig.type_keys("flood 4000000000\r");
    for _ in 0..20 {
        rig.show(50);
    }
    rig.type_keys("\x03");
    let shown = rig.answer("ping\r");
    assert!(shown.ends_with("ping\r\npong\r\necho> "), "{shown}");
}

#[test]
fn it_mirrors_bytes_and_tells_the_size() {
    let mut rig = Rig::new();
    assert_eq!(rig.answer("size\r"), "size\r\nnot known\r\necho> ");
    rig.server.set_size(ivc::remote::Size { columns: 132, rows: 50 });
    assert_eq!(rig.answer("size\r"), "size\r\n132 columns, 50 rows\r\necho> ");
    let bytes: String = (0..1000_u32).map(|n| char::from(n.to_le_bytes()[0] & 0x7f)).collect();
    assert_eq!(
        rig.answer(&format!("mirror 1000\r{bytes}ping\r")),
        format!("mirror 1000\r\nready\r\n{bytes}echo> ping\r\npong\r\necho> ")
    );
}

#[test]
fn a_guest_is_sent_words_and_its_answer_is_told() {
    let mut rig = Rig::new();
    assert_eq!(rig.answer("words 0 0 0\r"), "words 0 0 0\r\nthere is no guest to send to\r\necho> ");
    assert_eq!(rig.answer("words 1 0 0\r"), "words 1 0 0\r\nbusy: the message before has not been taken\r\necho> ");
    assert_eq!(rig.answer("words 7 0xff 8\r"), "words 7 0xff 8\r\n", "it waits");
    // The guest's signal.
    let _ = rig.session.run();
    rig.settle();
    assert_eq!(rig.screen, "0x8 0x100 0x9\r\necho> ");
    assert_eq!(rig.answer("words 9 9 9\rx"), "words 9 9 9\r\n", "it waits for ever");
    assert_eq!(rig.answer("\x03ping\r"), "^C\r\necho> ping\r\npong\r\necho> ");
}

proptest! {
    #[test]
    fn any_pace_gives_the_same_conversation(paces in proptest::collection::vec(0usize..40, 1..50)) {
        let script = "echo one two\rflood 20\r";
        let expected = Rig::new().answer(script);
        let mut rig = Rig::new();
        let mut paces = paces.into_iter().cycle();
        rig.settle();
        rig.screen.clear();
        for key in script.split_inclusive(|_| true) {
            rig.show(paces.next().unwrap_or(1));
            rig.type_keys(key);
        }
        rig.settle();
        prop_assert_eq!(&rig.screen, &expected);
    }
}
