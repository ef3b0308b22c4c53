//! Messages for a guest that knows nothing of the hypervisor's calls: a line of text, behind a port of its virtio console.
//!
//! The guest writes `send C A B C`, `broadcast A B C` or `signal C`, a line each, and reads `sent C`, `busy C`, `refused C` in answer
//! to a `send` or `signal`; and `message C A B C` or `signal C` when something has come through channel `C`. Words are decimal or, with
//! `0x`, hexadecimal; those that it reads are hexadecimal. A message is acknowledged when the guest reads it, so that its sender waits as long
//! as the guest does.

use alloc::{collections::VecDeque, string::String};
use core::fmt::{self, Write};

use crate::devices::pl011::Line;

/// A message.
pub type Words = [u64; 3];

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The receiver has not yet taken the one before.
    Busy,
    /// The guest has no such right.
    NoRight,
}

/// What the guest may do, and what has come for it.
pub trait Exchange {
    /// Sends a message through a channel.
    fn send(&mut self, channel: u8, message: Words) -> Result<(), Refused>;

    /// Sends a message through all channels that take part in broadcasts.
    fn broadcast(&mut self, message: Words);

    /// Signals through a channel.
    fn signal(&mut self, channel: u8) -> Result<(), Refused>;

    /// Takes the signals that have come, a bit for each channel.
    fn take_signals(&mut self) -> u64;

    /// Channels with a message, a bit each.
    fn full(&mut self) -> u64;

    /// Takes the message that has come through a channel.
    fn receive(&mut self, channel: u8) -> Option<Words>;
}

/// The longest line that is taken.
const LONGEST: usize = 128;

/// What a line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Send(u8, Words),
    Broadcast(Words),
    Signal(u8),
}

/// A number as the guest writes it.
fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

impl Request {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let verb = words.next()?;
        let mut next = || words.next().and_then(number);
        let channel = |value: u64| u8::try_from(value).ok().filter(|channel| *channel < 64);
        let request = match verb {
            "send" => Self::Send(channel(next()?)?, [next()?, next()?, next()?]),
            "broadcast" => Self::Broadcast([next()?, next()?, next()?]),
            "signal" => Self::Signal(channel(next()?)?),
            _ => return None,
        };
        words.next().is_none().then_some(request)
    }
}

/// The line.
pub struct MessageLine<E> {
    exchange: E,
    /// The line that is being written; `None`: it is too long, and what is left of it is dropped.
    request: Option<String>,
    /// What is to be read.
    output: VecDeque<u8>,
    /// Signals that were taken and not yet told.
    signals: u64,
}

impl<E: Exchange> MessageLine<E> {
    /// The line to an exchange.
    pub fn new(exchange: E) -> Self {
        Self { exchange, request: Some(String::new()), output: VecDeque::new(), signals: 0 }
    }

    fn tell(&mut self, line: fmt::Arguments<'_>) {
        struct Bytes<'a>(&'a mut VecDeque<u8>);
        impl Write for Bytes<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.extend(text.bytes());
                Ok(())
            }
        }
        // A queue of bytes takes everything.
        let _ = writeln!(Bytes(&mut self.output), "{line}");
    }

    fn byte(&mut self, byte: u8) {
        if byte == b'\n' {
            match self.request.replace(String::new()) {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => self.answer(Request::parse(&line)),
                None => self.answer(None),
            }
        } else if let Some(line) = &mut self.request {
            line.push(byte.into());
            if line.len() > LONGEST {
                self.request = None;
            }
        }
    }

    fn answer(&mut self, request: Option<Request>) {
        let (channel, result) = match request {
            Some(Request::Send(channel, message)) => (channel, self.exchange.send(channel, message)),
            Some(Request::Signal(channel)) => (channel, self.exchange.signal(channel)),
            Some(Request::Broadcast(message)) => return self.exchange.broadcast(message),
            None => {
                return self.tell(format_args!("unknown: write `send C A B C`, `broadcast A B C` or `signal C`"));
            }
        };
        match result {
            Ok(()) => self.tell(format_args!("sent {channel}")),
            Err(Refused::Busy) => self.tell(format_args!("busy {channel}")),
            Err(Refused::NoRight) => self.tell(format_args!("refused {channel}")),
        }
    }

    /// Takes the next thing that has come, if the guest has read all before.
    fn look(&mut self) {
        if !self.output.is_empty() {
            return;
        }
        self.signals |= self.exchange.take_signals();
        if self.signals != 0 {
            let channel = self.signals.trailing_zeros();
            self.signals &= self.signals - 1;
            return self.tell(format_args!("signal {channel}"));
        }
        let full = self.exchange.full();
        if full != 0 {
            let channel = full.trailing_zeros() as u8;
            if let Some([a, b, c]) = self.exchange.receive(channel) {
                self.tell(format_args!("message {channel} {a:#x} {b:#x} {c:#x}"));
            }
        }
    }
}

impl<E: Exchange> Line for MessageLine<E> {
    /// Takes a request only when the answer to the one before was read.
    fn send(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for &byte in bytes {
            if !self.output.is_empty() {
                break;
            }
            self.byte(byte);
            taken += 1;
        }
        taken
    }

    fn receive(&mut self) -> Option<u8> {
        self.look();
        self.output.pop_front()
    }

    fn settle(&mut self, blocked: bool, full: bool) -> bool {
        if !full {
            self.look();
        }
        !full && !self.output.is_empty() || blocked && self.output.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{collections::BTreeMap, vec, vec::Vec};

    /// Channels 1 and 2 can be sent to, each holding one message; 3 can be signalled.
    #[derive(Default)]
    struct Fake {
        sent: Vec<(u8, Words)>,
        signalled: Vec<u8>,
        broadcasts: Vec<Words>,
        signals: u64,
        slots: BTreeMap<u8, Words>,
    }

    impl Exchange for Fake {
        fn send(&mut self, channel: u8, message: Words) -> Result<(), Refused> {
            if !(1..=2).contains(&channel) {
                return Err(Refused::NoRight);
            }
            if self.sent.iter().any(|(other, _)| *other == channel) {
                return Err(Refused::Busy);
            }
            self.sent.push((channel, message));
            Ok(())
        }

        fn broadcast(&mut self, message: Words) {
            self.broadcasts.push(message);
        }

        fn signal(&mut self, channel: u8) -> Result<(), Refused> {
            if channel != 3 {
                return Err(Refused::NoRight);
            }
            self.signalled.push(channel);
            Ok(())
        }

        fn take_signals(&mut self) -> u64 {
            core::mem::take(&mut self.signals)
        }

        fn full(&mut self) -> u64 {
            self.slots.keys().fold(0, |full, channel| full | 1 << channel)
        }

        fn receive(&mut self, channel: u8) -> Option<Words> {
            self.slots.remove(&channel)
        }
    }

    fn read(line: &mut MessageLine<Fake>) -> String {
        let mut text = String::new();
        while let Some(byte) = line.receive() {
            text.push(byte.into());
        }
        text
    }

    /// Writes all of a text, reading what is answered.
    fn write(line: &mut MessageLine<Fake>, text: &str) -> String {
        let (mut bytes, mut answers) = (text.as_bytes(), String::new());
        while !bytes.is_empty() {
            let taken = line.send(bytes);
            bytes = &bytes[taken..];
            answers += &read(line);
        }
        answers
    }

    #[test]
    fn requests_are_lines() {
        let mut line = MessageLine::new(Fake::default());
        assert_eq!(write(&mut line, "send 1 1 0x2 3\nsend 1 4 5 6\nsend 9 1 2 3\n"), "sent 1\nbusy 1\nrefused 9\n");
        assert_eq!(write(&mut line, "  signal 3  \n\nbroadcast 7 8 9\nsignal 4\n"), "sent 3\nrefused 4\n");
        assert_eq!(line.exchange.sent, [(1, [1, 2, 3])]);
        assert_eq!((line.exchange.signalled, line.exchange.broadcasts), (vec![3], vec![[7, 8, 9]]));
    }

    #[test]
    fn what_is_no_request_is_told() {
        let mut line = MessageLine::new(Fake::default());
        let long = "x".repeat(1000);
        for wrong in ["send", "send 1 2 3", "send 1 2 3 4 5", "send 64 1 2 3", "send 1 -2 3 4", "hello", &long] {
            let answer = write(&mut line, &std::format!("{wrong}\n"));
            assert!(answer.starts_with("unknown: "), "{wrong}: {answer}");
        }
        assert_eq!(write(&mut line, "send 2 1 1 1\n"), "sent 2\n", "it goes on");
    }

    #[test]
    fn a_message_is_acknowledged_when_it_is_read() {
        let mut line = MessageLine::new(Fake::default());
        line.exchange.slots.insert(5, [1, 255, u64::MAX]);
        line.exchange.signals = 1 << 63 | 1;
        assert!(line.settle(false, false), "there is something to read");
        assert!(line.exchange.slots.contains_key(&5));
        assert_eq!(read(&mut line), "signal 0\nsignal 63\nmessage 5 0x1 0xff 0xffffffffffffffff\n");
        assert!(line.exchange.slots.is_empty());
        assert!(!line.settle(false, false));
    }

    #[test]
    fn requests_wait_until_answers_are_read() {
        let mut line = MessageLine::new(Fake::default());
        let text = b"signal 3\nsignal 3\n";
        let taken = line.send(text);
        assert_eq!(taken, 9);
        assert!(!line.settle(true, true), "nothing can be read, so nothing can be written");
        assert_eq!(line.exchange.signalled.len(), 1);
        assert_eq!(read(&mut line), "sent 3\n");
        assert!(line.settle(true, true), "there is room");
        assert_eq!(line.send(&text[taken..]), 9);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_and_memory_is_bounded(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut line = MessageLine::new(Fake::default());
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                rest = &rest[line.send(rest)..];
                prop_assert!(line.output.len() <= LONGEST && line.request.as_ref().is_none_or(|text| text.len() <= 2 * LONGEST));
                read(&mut line);
            }
        }
    }
}
