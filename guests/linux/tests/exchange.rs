//! What the program says to a monitor, and what it makes of the answers.

use std::collections::VecDeque;

use linux_programs::{Command, Ended, Failure, Lost, Port, run};
use proptest::prelude::*;

/// A monitor that answers each line it is told with bytes that were prepared, in pieces; `None` in their place: it is gone.
struct Monitor<'a> {
    answers: VecDeque<(&'a str, Option<&'a str>)>,
    output: VecDeque<u8>,
    piece: usize,
    gone: bool,
}

fn monitor<'a>(answers: &[(&'a str, Option<&'a str>)], piece: usize) -> Monitor<'a> {
    Monitor { answers: answers.iter().copied().collect(), output: VecDeque::new(), piece, gone: false }
}

impl Port for Monitor<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let (expected, answer) = self.answers.pop_front().expect("it says no more than that");
        assert_eq!(str::from_utf8(bytes), Ok(format!("{expected}\n").as_str()));
        match answer {
            Some(answer) => self.output.extend(answer.bytes()),
            None => self.gone = true,
        }
        Ok(())
    }

    fn read(&mut self, bytes: &mut [u8], patience: Option<u64>) -> Result<usize, Lost> {
        let count = bytes.len().min(self.piece).min(self.output.len());
        if self.gone || count == 0 && patience.is_none() && !bytes.is_empty() {
            return Err(Lost);
        }
        for (place, byte) in bytes.iter_mut().zip(self.output.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

fn talk(line: &str, monitor: Monitor<'_>) -> (Result<Ended, Failure>, String) {
    let command = Command::parse(line.split_whitespace()).expect("a command");
    let mut out = String::new();
    (run(command, monitor, &mut out), out)
}

#[test]
fn what_was_sent_is_told_by_how_it_ends() {
    let cases = [
        (Some("sent\n"), Ok(Ended::Done), 0),
        (Some("busy\n"), Err(Failure::Busy), 3),
        (Some("refused\n"), Err(Failure::Refused), 4),
        (Some("unknown: what?\n"), Err(Failure::Garbled), 1),
        (Some("sent 0\n"), Err(Failure::Garbled), 1),
        (None, Err(Failure::Lost), 1),
    ];
    for (answer, expected, code) in cases {
        let (ended, out) = talk("send 5 1 2 0x10", monitor(&[("send 5 0x1 0x2 0x10", answer)], 3));
        assert_eq!((ended, out.as_str()), (expected, ""), "{answer:?}");
        assert_eq!(ended.map_or_else(Failure::code, Ended::code), code);
    }
    assert_eq!(talk("broadcast 1 2 3", monitor(&[("broadcast 0x1 0x2 0x3", Some("sent\n"))], 9)).0, Ok(Ended::Done));
    assert_eq!(talk("signal 3", monitor(&[("signal 3", Some("refused\n"))], 9)).0, Err(Failure::Refused));
}

#[test]
fn one_thing_is_taken_or_all() {
    let (ended, out) = talk("receive", monitor(&[("receive", Some("message 3 0x1 0x2 0x3\n"))], 1));
    assert_eq!((ended, out.as_str()), (Ok(Ended::Done), "message 3 0x1 0x2 0x3\n"));
    let all = [("receive 3", Some("signal 3\n")), ("receive 3", Some("message 3 0x0 0x0 0x1\n")), ("receive 3", None)];
    let (ended, out) = talk("listen 3", monitor(&all, 100));
    assert_eq!((ended, out.as_str()), (Err(Failure::Lost), "signal 3\nmessage 3 0x0 0x0 0x1\n"));
}

/// Who gives up says so first: what has come by then is shown, and what comes later is left.
#[test]
fn nothing_is_lost_by_giving_up() {
    let nothing = [("receive", Some("")), ("stop", Some("stopped\n"))];
    assert_eq!(talk("receive -t 1", monitor(&nothing, 4)), (Ok(Ended::Nothing), String::new()));
    assert_eq!(Ended::Nothing.code(), 5);
    let late = [("receive", Some("")), ("stop", Some("signal 9\nstopped\n"))];
    assert_eq!(talk("receive -t 1", monitor(&late, 4)), (Ok(Ended::Done), "signal 9\n".to_owned()));
}

proptest! {
    #[test]
    fn any_bytes_of_a_monitor_are_survived(bytes in "[ -~\n]{0,600}", piece in 1usize..200) {
        let answers = [("receive", Some(bytes.as_str())), ("stop", None)];
        let (ended, out) = talk("receive -t 1", monitor(&answers, piece));
        prop_assert!(ended != Ok(Ended::Nothing) && out.lines().count() <= 1);
    }
}
