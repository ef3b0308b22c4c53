//! Messages for a guest that knows nothing of the hypervisor's calls: lines of text ([`ivc::text`]), behind a port of its virtio console.
//!
//! A message is acknowledged when the guest has asked for it and it is told, so that its sender waits as long as the guest does.

use alloc::{collections::VecDeque, string::String};
use core::fmt::{self, Write};

use ivc::statistics::{Counter, Table};
use ivc::text::{LONGEST, Report, Request};

use crate::devices::pl011::Line;

/// A message.
pub use ivc::guest::Words;

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

    /// Sends a message through all channels that take part in broadcasts, of which there must be one. Nothing is learnt of the receivers.
    fn broadcast(&mut self, message: Words) -> Result<(), Refused>;

    /// Signals through a channel.
    fn signal(&mut self, channel: u8) -> Result<(), Refused>;

    /// Takes the signals that have come, a bit for each channel.
    fn take_signals(&mut self) -> u64;

    /// Channels with a message, a bit each.
    fn full(&mut self) -> u64;

    /// Takes the message that has come through a channel.
    fn receive(&mut self, channel: u8) -> Option<Words>;
}

/// The line.
pub struct MessageLine<'a, E> {
    exchange: E,
    /// Messages that were sent, and taken.
    sent: Counter<'a>,
    taken: Counter<'a>,
    /// The line that is being written; `None`: it is too long, and what is left of it is dropped.
    request: Option<String>,
    /// What is to be read.
    output: VecDeque<u8>,
    /// Signals that were taken and not yet told.
    signals: u64,
    /// Channels of which the guest has asked to be told what comes next, a bit each.
    wanted: u64,
}

impl<'a, E: Exchange> MessageLine<'a, E> {
    /// The line to an exchange, which counts in a table, too.
    pub fn new(exchange: E, table: &mut Table<'a>) -> Self {
        let (sent, taken) = (table.counter("messages sent"), table.counter("messages taken"));
        Self { exchange, sent, taken, request: Some(String::new()), output: VecDeque::new(), signals: 0, wanted: 0 }
    }

    fn tell(&mut self, report: Report) {
        struct Bytes<'a>(&'a mut VecDeque<u8>);
        impl Write for Bytes<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.extend(text.bytes());
                Ok(())
            }
        }
        // A queue of bytes takes everything.
        let _ = writeln!(Bytes(&mut self.output), "{report}");
    }

    fn byte(&mut self, byte: u8) {
        if byte == b'\n' {
            match self.request.replace(String::new()) {
                Some(line) if line.trim().is_empty() => {}
                line => match line.and_then(|line| line.parse().ok()) {
                    Some(request) => self.answer(request),
                    None => self.tell(Report::Unknown),
                },
            }
        } else if let Some(line) = &mut self.request {
            line.push(byte.into());
            if line.len() > LONGEST {
                self.request = None;
            }
        }
    }

    fn answer(&mut self, request: Request) {
        let result = match request {
            Request::Send(channel, message) => self.counted(|exchange| exchange.send(channel, message)),
            Request::Broadcast(message) => self.counted(|exchange| exchange.broadcast(message)),
            Request::Signal(channel) => self.exchange.signal(channel),
            Request::Receive(channel) => {
                self.wanted = channel.map_or(u64::MAX, |channel| 1 << channel);
                return;
            }
            Request::Stop => {
                self.wanted = 0;
                return self.tell(Report::Stopped);
            }
        };
        self.tell(match result {
            Ok(()) => Report::Sent,
            Err(Refused::Busy) => Report::Busy,
            Err(Refused::NoRight) => Report::Refused,
        });
    }

    fn counted(&mut self, send: impl FnOnce(&mut E) -> Result<(), Refused>) -> Result<(), Refused> {
        let result = send(&mut self.exchange);
        self.sent.add(u64::from(result.is_ok()));
        result
    }

    /// Takes the next thing that has come, if the guest has asked for it and has read all before.
    fn look(&mut self) {
        if self.wanted == 0 || !self.output.is_empty() {
            return;
        }
        self.signals |= self.exchange.take_signals();
        let signals = self.signals & self.wanted;
        let full = self.exchange.full() & self.wanted;
        if signals != 0 {
            let channel = signals.trailing_zeros();
            self.signals &= !(1 << channel);
            self.wanted = 0;
            self.tell(Report::Signal(channel as u8));
        } else if full != 0 {
            let channel = full.trailing_zeros() as u8;
            if let Some(message) = self.exchange.receive(channel) {
                self.wanted = 0;
                self.taken.add(1);
                self.tell(Report::Message(channel, message));
            }
        }
    }
}

impl<E: Exchange> Line for MessageLine<'_, E> {
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

    /// What one program has asked for, no other is told.
    fn reopened(&mut self) {
        self.request = Some(String::new());
        self.output.clear();
        self.wanted = 0;
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

        fn broadcast(&mut self, message: Words) -> Result<(), Refused> {
            self.broadcasts.push(message);
            Ok(())
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

    fn read(line: &mut MessageLine<'_, Fake>) -> String {
        let mut text = String::new();
        while let Some(byte) = line.receive() {
            text.push(byte.into());
        }
        text
    }

    /// Writes all of a text, reading what is answered.
    fn write(line: &mut MessageLine<'_, Fake>, text: &str) -> String {
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
        let mut line = MessageLine::new(Fake::default(), &mut Table::default());
        assert_eq!(write(&mut line, "send 1 1 0x2 3\nsend 1 4 5 6\nsend 9 1 2 3\n"), "sent\nbusy\nrefused\n");
        assert_eq!(write(&mut line, "  signal 3  \n\nbroadcast 7 8 9\nsignal 4\n"), "sent\nsent\nrefused\n");
        assert_eq!(line.exchange.sent, [(1, [1, 2, 3])]);
        assert_eq!((line.exchange.signalled, line.exchange.broadcasts), (vec![3], vec![[7, 8, 9]]));
    }

    #[test]
    fn what_is_sent_and_taken_is_counted() {
        let memory: Vec<ivc::Block> = (0..16).map(|_| ivc::Block::new()).collect();
        let mut table = Table::over(ivc::Region::over(&memory));
        let mut line = MessageLine::new(Fake::default(), &mut table);
        line.exchange.slots.insert(5, [1, 2, 3]);
        write(&mut line, "send 1 1 2 3\nsend 1 1 2 3\nsend 9 1 2 3\nbroadcast 1 2 3\nsignal 3\nreceive\n");
        let counted = ivc::statistics::Reader::over(ivc::Region::over(&memory)).counters();
        assert!(
            counted
                .map(|(name, value)| (String::from(name.as_str()), value))
                .eq([("messages sent".into(), 2), ("messages taken".into(), 1)])
        );
    }

    #[test]
    fn what_is_no_request_is_told() {
        let mut line = MessageLine::new(Fake::default(), &mut Table::default());
        for wrong in ["hello", "send 1", &"x".repeat(1000)] {
            let answer = write(&mut line, &std::format!("{wrong}\n"));
            assert!(answer.starts_with("unknown: ") && answer.len() <= LONGEST, "{wrong}: {answer}");
        }
        assert_eq!(write(&mut line, "send 2 1 1 1\n"), "sent\n", "it goes on");
    }

    #[test]
    fn a_message_is_acknowledged_when_it_was_asked_for() {
        let mut line = MessageLine::new(Fake::default(), &mut Table::default());
        line.exchange.slots.insert(5, [1, 255, u64::MAX]);
        line.exchange.signals = 1 << 63 | 1;
        assert!(!line.settle(false, false), "nothing was asked for");
        assert_eq!(line.send(b"receive\n"), 8);
        assert!(line.settle(false, false), "there is something to read");
        assert_eq!(read(&mut line), "signal 0\n");
        assert_eq!(write(&mut line, "receive 5\nreceive 5\n"), "message 5 0x1 0xff 0xffffffffffffffff\n");
        assert!(line.exchange.slots.is_empty());
        assert_eq!(write(&mut line, "receive\n"), "signal 63\n", "what was asked last holds");
        assert!(!line.settle(false, false));
    }

    #[test]
    fn what_is_asked_for_comes_later_unless_it_is_not_wanted_any_more() {
        let mut line = MessageLine::new(Fake::default(), &mut Table::default());
        assert_eq!(write(&mut line, "receive 6\n"), "");
        line.exchange.slots.insert(5, [5; 3]);
        assert!(!line.settle(false, false), "it is another channel's");
        assert_eq!(write(&mut line, "receive\n"), "message 5 0x5 0x5 0x5\n");
        assert_eq!(write(&mut line, "receive\nstop\n"), "stopped\n");
        line.exchange.slots.insert(6, [6; 3]);
        assert!(!line.settle(false, false));
        assert_eq!(line.exchange.slots.len(), 1);
    }

    #[test]
    fn another_program_finds_nothing_of_the_one_before() {
        let mut line = MessageLine::new(Fake::default(), &mut Table::default());
        line.send(b"receive\nsignal 3\n");
        line.send(b"half a li");
        line.reopened();
        line.exchange.slots.insert(5, [5; 3]);
        assert_eq!(read(&mut line), "");
        assert_eq!(write(&mut line, "signal 3\n"), "sent\n");
        assert_eq!(line.exchange.slots.len(), 1, "nobody asked for it");
    }

    #[test]
    fn requests_wait_until_answers_are_read() {
        let mut line = MessageLine::new(Fake::default(), &mut Table::default());
        let text = b"signal 3\nsignal 3\n";
        let taken = line.send(text);
        assert_eq!(taken, 9);
        assert!(!line.settle(true, true), "nothing can be read, so nothing can be written");
        assert_eq!(line.exchange.signalled.len(), 1);
        assert_eq!(read(&mut line), "sent\n");
        assert!(line.settle(true, true), "there is room");
        assert_eq!(line.send(&text[taken..]), 9);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_and_memory_is_bounded(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut line = MessageLine::new(Fake::default(), &mut Table::default());
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                rest = &rest[line.send(rest)..];
                prop_assert!(line.output.len() <= LONGEST && line.request.as_ref().is_none_or(|text| text.len() <= 2 * LONGEST));
                read(&mut line);
            }
        }
    }
}
