//! What is said to the monitor and heard of it.

use core::fmt::{self, Write};
use core::str;

use ivc::text::{LONGEST, Report, Request};

use crate::Command;

/// The port that the monitor has for messages.
pub trait Port {
    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// When the port is gone.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Lost>;

    /// Waits until there is something, and reads it. Zero bytes: nothing has come within `patience` milliseconds.
    ///
    /// # Errors
    /// When the port is gone.
    fn read(&mut self, bytes: &mut [u8], patience: Option<u64>) -> Result<usize, Lost>;
}

/// The port is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// How the program ends when all went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What was asked for is done.
    Done,
    /// Nothing came in time.
    Nothing,
}

/// Why what was asked for is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The port is gone.
    Lost,
    /// The monitor says what this program does not understand.
    Garbled,
    /// The receiver has not taken the message before.
    Busy,
    /// The guest has no such right.
    Refused,
}

impl Failure {
    /// With what the program ends.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Lost | Self::Garbled => 1,
            Self::Busy => 3,
            Self::Refused => 4,
        }
    }
}

impl Ended {
    /// With what the program ends.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Nothing => 5,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "the monitor has closed the port",
            Self::Garbled => "the monitor speaks another language",
            Self::Busy => "busy: the message before has not been taken",
            Self::Refused => "refused: this guest may not do that",
        })
    }
}

impl From<Lost> for Failure {
    fn from(_: Lost) -> Self {
        Self::Lost
    }
}

/// A line in the making.
struct Line {
    bytes: [u8; LONGEST + 1],
    length: usize,
}

impl Line {
    const EMPTY: Self = Self { bytes: [0; LONGEST + 1], length: 0 };

    /// The first line of what there is, and how many bytes it has with its end.
    fn first(&self) -> Option<(&[u8], usize)> {
        let end = self.bytes[..self.length].iter().position(|&byte| byte == b'\n')?;
        Some((&self.bytes[..end], end + 1))
    }

    fn drop_first(&mut self, count: usize) {
        self.bytes.copy_within(count..self.length, 0);
        self.length -= count;
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let place = self.bytes.get_mut(self.length..self.length + text.len()).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

/// A conversation.
struct Talk<P> {
    port: P,
    heard: Line,
}

impl<P: Port> Talk<P> {
    fn ask(&mut self, request: Request) -> Result<(), Failure> {
        let mut line = Line::EMPTY;
        // Every request has room.
        let _ = writeln!(line, "{request}");
        Ok(self.port.write(&line.bytes[..line.length])?)
    }

    /// The next line that the monitor says. `None`: nothing, for so long.
    fn hear(&mut self, patience: Option<u64>) -> Result<Option<Report>, Failure> {
        loop {
            if let Some((line, count)) = self.heard.first() {
                let report = str::from_utf8(line).ok().and_then(|line| line.parse().ok());
                self.heard.drop_first(count);
                return report.map(Some).ok_or(Failure::Garbled);
            }
            let length = self.heard.length;
            match self.port.read(&mut self.heard.bytes[length..], patience)? {
                0 if length == self.heard.bytes.len() => return Err(Failure::Garbled),
                0 => return Ok(None),
                count => self.heard.length += count,
            }
        }
    }

    /// Has something done.
    fn done(&mut self, request: Request) -> Result<Ended, Failure> {
        self.ask(request)?;
        match self.hear(None)? {
            Some(Report::Sent) => Ok(Ended::Done),
            Some(Report::Busy) => Err(Failure::Busy),
            Some(Report::Refused) => Err(Failure::Refused),
            _ => Err(Failure::Garbled),
        }
    }

    /// What comes next. `None`: nothing, for so long; then it stays for who asks next.
    fn take(&mut self, channel: Option<u8>, patience: Option<u64>) -> Result<Option<Report>, Failure> {
        self.ask(Request::Receive(channel))?;
        let mut heard = self.hear(patience)?;
        if heard.is_none() {
            self.ask(Request::Stop)?;
            heard = self.hear(None)?;
            if heard == Some(Report::Stopped) {
                return Ok(None);
            }
            // Something came at the last moment.
            let stopped = self.hear(None)?;
            if stopped != Some(Report::Stopped) {
                return Err(Failure::Garbled);
            }
        }
        match heard {
            Some(Report::Message(..) | Report::Signal(_)) => Ok(heard),
            _ => Err(Failure::Garbled),
        }
    }
}

/// Does what the command line asks for. What comes is written to `out`, a line each.
///
/// # Errors
/// Why it is not done.
pub fn run(command: Command, port: impl Port, out: &mut impl Write) -> Result<Ended, Failure> {
    let mut talk = Talk { port, heard: Line::EMPTY };
    let (channel, patience, all) = match command {
        Command::Help => return Ok(Ended::Done),
        Command::Ask(request) => return talk.done(request),
        Command::Take { channel, patience, all } => (channel, patience, all),
    };
    while let Some(report) = talk.take(channel, patience)? {
        // Who does not listen misses it.
        let _ = writeln!(out, "{report}");
        if !all {
            return Ok(Ended::Done);
        }
    }
    Ok(Ended::Nothing)
}
