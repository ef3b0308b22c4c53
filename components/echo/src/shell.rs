//! The commands.

use core::fmt::{self, Write};

use heapless::String;
use ivc::guest::{Refused, Words};
use ivc::text::number;

/// Room for the longest answer.
pub type Output = String<1024>;

/// What the commands need of the machine.
pub trait Machine {
    /// The physical counter.
    fn ticks(&self) -> u64;

    /// Its ticks per second.
    fn frequency(&self) -> u64;

    /// Sends a message to the guest that it has a channel to.
    ///
    /// # Errors
    /// The guest has not taken the one before, or there is none.
    fn send(&mut self, _message: Words) -> Result<(), Refused> {
        Err(Refused::NoPort)
    }

    /// Takes the guest's answer. If there is none, a signal will tell of it.
    fn answer(&mut self) -> Option<Words> {
        None
    }

    /// Signals the console server, that it may show what was said so far, and touches memory that is not
    /// there. Comes back only if somebody resumes the domain.
    fn fault(&mut self);
}

/// What a command leads to beyond its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// This many numbered lines of output.
    Flood(u32),
    /// This many bytes that come are sent back as they are.
    Mirror(u32),
    /// Tells the terminal's size.
    Size,
    /// A message goes to the guest, and its answer is told.
    Send(Words),
    /// The domain faults.
    Fault,
}

struct Command {
    name: &'static str,
    arguments: &'static str,
    meaning: &'static str,
    run: fn(&str, &dyn Machine, &mut Output) -> Result<Action, fmt::Error>,
}

const COMMANDS: &[Command] = &[
    Command { name: "help", arguments: "", meaning: "this list", run: |_, _, out| help(out) },
    Command {
        name: "echo",
        arguments: "TEXT",
        meaning: "says TEXT",
        run: |text, _, out| {
            write!(out, "{text}\r\n")?;
            Ok(Action::None)
        },
    },
    Command {
        name: "ping",
        arguments: "",
        meaning: "says pong",
        run: |_, _, out| {
            write!(out, "pong\r\n")?;
            Ok(Action::None)
        },
    },
    Command {
        name: "ticks",
        arguments: "",
        meaning: "the physical counter and its frequency",
        run: |_, machine, out| {
            write!(out, "{} at {} Hz\r\n", machine.ticks(), machine.frequency())?;
            Ok(Action::None)
        },
    },
    Command {
        name: "uptime",
        arguments: "",
        meaning: "seconds since the counter began",
        run: |_, machine, out| uptime(machine, out),
    },
    Command {
        name: "flood",
        arguments: "N",
        meaning: "N lines of output (Ctrl-C ends it)",
        run: |argument, _, out| flood(argument, out),
    },
    Command {
        name: "mirror",
        arguments: "N",
        meaning: "says ready, and the next N bytes as they come",
        run: |argument, _, out| mirror(argument, out),
    },
    Command {
        name: "size",
        arguments: "",
        meaning: "columns and rows of the terminal",
        run: |_, _, _| Ok(Action::Size),
    },
    Command {
        name: "words",
        arguments: "A B C",
        meaning: "sends a guest three words, and tells its answer",
        run: |argument, _, out| words(argument, out),
    },
    Command {
        name: "fault",
        arguments: "",
        meaning: "touches memory that is not there",
        run: |_, _, out| {
            write!(out, "This domain faults now.\r\n")?;
            Ok(Action::Fault)
        },
    },
];

/// Runs the command in `line`, with the answer in `out`, which should be empty.
///
/// # Errors
/// `out` has no room for the answer; it holds the beginning.
pub fn execute(line: &str, machine: &dyn Machine, out: &mut Output) -> Result<Action, fmt::Error> {
    let line = line.trim();
    let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
    if name.is_empty() {
        return Ok(Action::None);
    }
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(argument.trim_start(), machine, out),
        None => {
            write!(out, "{name}: no such command; try help\r\n")?;
            Ok(Action::None)
        }
    }
}

fn help(out: &mut Output) -> Result<Action, fmt::Error> {
    for Command { name, arguments, meaning, .. } in COMMANDS {
        write!(out, "{name:7}{arguments:6}{meaning}\r\n")?;
    }
    Ok(Action::None)
}

fn uptime(machine: &dyn Machine, out: &mut Output) -> Result<Action, fmt::Error> {
    let (ticks, frequency) = (machine.ticks(), machine.frequency().max(1));
    let milliseconds = ticks % frequency * 1000 / frequency;
    write!(out, "{}.{milliseconds:03} s\r\n", ticks / frequency)?;
    Ok(Action::None)
}

fn flood(argument: &str, out: &mut Output) -> Result<Action, fmt::Error> {
    match argument.parse() {
        Ok(count) => Ok(Action::Flood(count)),
        Err(_) => {
            write!(out, "flood: a number of lines, please\r\n")?;
            Ok(Action::None)
        }
    }
}

fn mirror(argument: &str, out: &mut Output) -> Result<Action, fmt::Error> {
    match argument.parse() {
        Ok(count) => {
            write!(out, "ready\r\n")?;
            Ok(Action::Mirror(count))
        }
        Err(_) => {
            write!(out, "mirror: a number of bytes, please\r\n")?;
            Ok(Action::None)
        }
    }
}

fn words(argument: &str, out: &mut Output) -> Result<Action, fmt::Error> {
    let mut words = argument.split_ascii_whitespace().map(number);
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(Some(a)), Some(Some(b)), Some(Some(c)), None) => Ok(Action::Send([a, b, c])),
        _ => {
            write!(out, "words: three numbers, please\r\n")?;
            Ok(Action::None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake;

    impl Machine for Fake {
        fn ticks(&self) -> u64 {
            100_062_500
        }

        fn frequency(&self) -> u64 {
            62_500_000
        }

        fn fault(&mut self) {}
    }

    fn answer(line: &str) -> (Action, Output) {
        let mut out = Output::new();
        let action = execute(line, &Fake, &mut out).expect("room for every answer");
        (action, out)
    }

    #[test]
    fn commands_answer() {
        assert_eq!(answer("echo one  two").1, "one  two\r\n");
        assert_eq!(answer(" ping ").1, "pong\r\n");
        assert_eq!(answer("ticks").1, "100062500 at 62500000 Hz\r\n");
        assert_eq!(answer("uptime").1, "1.601 s\r\n");
        assert_eq!(answer("  "), (Action::None, Output::new()));
        assert_eq!(answer("flood 7"), (Action::Flood(7), Output::new()));
        assert_eq!(answer("flood -1").0, Action::None);
        assert_eq!(answer("words 1 0x10 3").0, Action::Send([1, 16, 3]));
        assert_eq!(answer("words 1 2").1, "words: three numbers, please\r\n");
        assert_eq!(answer("words 1 2 3 4").1, "words: three numbers, please\r\n");
        assert_eq!(answer("fault").0, Action::Fault);
        assert_eq!(answer("fly").1, "fly: no such command; try help\r\n");
    }

    #[test]
    fn help_has_room_for_every_command() {
        let (_, out) = answer("help");
        for command in COMMANDS {
            assert!(out.contains(command.meaning));
        }
    }
}
