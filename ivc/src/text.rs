//! Messages as lines of text: what a guest without the hypervisor's calls writes to, and reads from, the port of its virtio console that
//! its monitor has for it.
//!
//! Words are decimal or, with `0x`, hexadecimal; those that are read are hexadecimal. Nothing that has come is told, and so acknowledged,
//! before it was asked for: `receive` asks for one thing.

use core::{fmt, str::FromStr};

use sel4_abi::quoll::port;

use crate::guest::Words;

/// The port's name.
pub const PORT: &str = "quoll.messages";
/// The longest line, without its end.
pub const LONGEST: usize = 128;

/// What a guest asks for, a line each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// To send a message through a channel.
    Send(u8, Words),
    /// To send a message through all channels that take part in broadcasts.
    Broadcast(Words),
    /// To signal through a channel.
    Signal(u8),
    /// To be told what comes next, through this channel or any.
    Receive(Option<u8>),
    /// To be told nothing more of what comes.
    Stop,
}

/// What a guest is told, a line each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// It was sent, or signalled.
    Sent,
    /// The receiver has not yet taken the message before.
    Busy,
    /// The guest has no such right.
    Refused,
    /// The request is none.
    Unknown,
    /// Nothing more of what comes is told.
    Stopped,
    /// A message has come through a channel.
    Message(u8, Words),
    /// The other end of a channel has signalled.
    Signal(u8),
}

/// A line that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// A number as it is written. A sign is none.
#[must_use]
pub fn number(word: &str) -> Option<u64> {
    let (digits, radix) = word.strip_prefix("0x").map_or((word, 10), |digits| (digits, 16));
    if digits.starts_with('+') { None } else { u64::from_str_radix(digits, radix).ok() }
}

/// The number of a channel as it is written.
#[must_use]
pub fn channel(word: &str) -> Option<u8> {
    number(word).filter(|&channel| channel < port::SLOTS as u64).and_then(|channel| channel.try_into().ok())
}

/// The words of a line behind its first.
struct Rest<'a>(core::str::SplitAsciiWhitespace<'a>);

impl Rest<'_> {
    fn channel(&mut self) -> Result<u8, Unreadable> {
        self.0.next().and_then(channel).ok_or(Unreadable)
    }

    fn words(&mut self) -> Result<Words, Unreadable> {
        let mut words = [0; port::WORDS];
        for word in &mut words {
            *word = self.0.next().and_then(number).ok_or(Unreadable)?;
        }
        Ok(words)
    }

    fn channel_if_any(&mut self) -> Result<Option<u8>, Unreadable> {
        self.0.next().map(|word| channel(word).ok_or(Unreadable)).transpose()
    }

    /// What was read, if that was all.
    fn end<T>(mut self, read: T) -> Result<T, Unreadable> {
        if self.0.next().is_none() { Ok(read) } else { Err(Unreadable) }
    }
}

fn split(line: &str) -> Result<(&str, Rest<'_>), Unreadable> {
    let mut words = line.split_ascii_whitespace();
    let verb = words.next().ok_or(Unreadable)?;
    Ok((verb, Rest(words)))
}

impl FromStr for Request {
    type Err = Unreadable;

    fn from_str(line: &str) -> Result<Self, Unreadable> {
        let (verb, mut rest) = split(line)?;
        let request = match verb {
            "send" => Self::Send(rest.channel()?, rest.words()?),
            "broadcast" => Self::Broadcast(rest.words()?),
            "signal" => Self::Signal(rest.channel()?),
            "receive" => Self::Receive(rest.channel_if_any()?),
            "stop" => Self::Stop,
            _ => return Err(Unreadable),
        };
        rest.end(request)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Send(channel, [a, b, c]) => write!(f, "send {channel} {a:#x} {b:#x} {c:#x}"),
            Self::Broadcast([a, b, c]) => write!(f, "broadcast {a:#x} {b:#x} {c:#x}"),
            Self::Signal(channel) => write!(f, "signal {channel}"),
            Self::Receive(Some(channel)) => write!(f, "receive {channel}"),
            Self::Receive(None) => f.write_str("receive"),
            Self::Stop => f.write_str("stop"),
        }
    }
}

impl FromStr for Report {
    type Err = Unreadable;

    fn from_str(line: &str) -> Result<Self, Unreadable> {
        let (verb, mut rest) = split(line)?;
        let report = match verb {
            "sent" => Self::Sent,
            "busy" => Self::Busy,
            "refused" => Self::Refused,
            // Behind it stands what would be known.
            "unknown:" => return Ok(Self::Unknown),
            "stopped" => Self::Stopped,
            "message" => Self::Message(rest.channel()?, rest.words()?),
            "signal" => Self::Signal(rest.channel()?),
            _ => return Err(Unreadable),
        };
        rest.end(report)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Sent => f.write_str("sent"),
            Self::Busy => f.write_str("busy"),
            Self::Refused => f.write_str("refused"),
            Self::Unknown => f.write_str(
                "unknown: write `send CHANNEL A B C`, `broadcast A B C`, `signal CHANNEL`, `receive [CHANNEL]` or `stop`",
            ),
            Self::Stopped => f.write_str("stopped"),
            Self::Message(channel, [a, b, c]) => write!(f, "message {channel} {a:#x} {b:#x} {c:#x}"),
            Self::Signal(channel) => write!(f, "signal {channel}"),
        }
    }
}
