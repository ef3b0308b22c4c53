//! Who has which part of the disk: a text that the system description puts into a memory region.
//!
//! One statement per line, `#` begins a comment:
//!
//! ```text
//! 1 linux-a 0 16M                channel 1 is called "linux-a" and has the first 16 MiB
//! 2 linux-b 16M 8M               channel 2 has the next 8
//! 3 auditor 0 24M read-only      channel 3 may read all of it
//! 4 linux-c partition root       channel 4 has the partition of this label, or with this identifier, of a disk with a GPT
//! ```
//!
//! Places and sizes are in bytes, with `K`, `M` and `G` for powers of 1024; they are multiples of a sector.

use alloc::{string::String, vec::Vec};
use core::fmt;

use clients::{is_name, statements};
use ivc::block::SECTOR;

use crate::gpt;

/// Where a part lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// There.
    At {
        /// First sector.
        first: u64,
        /// Number of sectors.
        sectors: u64,
    },
    /// Where the disk's partition table says that the partition of this label, or with this identifier, is.
    Partition(String),
    /// Nowhere: what was said of it is wrong, which was told.
    Nowhere,
}

impl Place {
    /// First sector, and number of sectors: none while it is not known.
    #[must_use]
    pub fn extent(&self) -> (u64, u64) {
        match *self {
            Self::At { first, sectors } => (first, sectors),
            Self::Partition(_) | Self::Nowhere => (0, 0),
        }
    }
}

/// A client's part of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Channel of the server that leads to the client.
    pub channel: usize,
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// The client cannot write.
    pub read_only: bool,
    /// Number of the line that says so.
    pub line: usize,
}

impl Part {
    /// Whether both can write, and some of it is the same. Those that only read may share what one writes: the description says so on
    /// purpose.
    #[must_use]
    pub fn conflicts_with(&self, other: &Self) -> bool {
        let ((first, sectors), (others_first, others)) = (self.place.extent(), other.place.extent());
        let apart = first.saturating_add(sectors) <= others_first || others_first.saturating_add(others) <= first;
        !self.read_only && !other.read_only && sectors > 0 && others > 0 && !apart
    }
}

/// A line that is left out.
pub type Problem = clients::Problem<Reason>;

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not text.
    NotUtf8,
    /// Not a channel, a name, a place and a size.
    Incomplete,
    /// No such channel.
    BadChannel,
    /// The channel has a client already.
    ChannelTwice,
    /// Empty, too long, or with other characters than letters, digits, `-`, `_` and `.`.
    BadName,
    /// A place or a size that is none, or not of whole sectors.
    BadSize,
    /// Something behind the size that is not `read-only`.
    UnknownFlag,
    /// Another client has some of it, and both can write.
    Overlap(String),
    /// No usable region is shared with the client.
    NoRegion,
    /// Something is wrong with one of the disk's partition tables.
    Table(gpt::Copy, gpt::Damage),
    /// The two tables say different things.
    TablesDiffer,
    /// No partition is called so.
    NoPartition(String),
    /// Several partitions are called so.
    SeveralPartitions(String),
    /// The disk is too small.
    BeyondDisk {
        /// In sectors.
        disk: u64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "not UTF-8",
            Self::Incomplete => "is not a channel, a name, and a place and a size (or `partition` and its label)",
            Self::BadChannel => "channels are 0 to 15",
            Self::ChannelTwice => "this channel has a client already",
            Self::BadName => "a name has 1 to 16 letters, digits, `-`, `_` or `.`",
            Self::BadSize => "places and sizes are multiples of 512 bytes, like 512, 4K or 16M",
            Self::UnknownFlag => "only `read-only` may follow the size",
            Self::Overlap(other) => return write!(f, "some of it is {other}'s, and both can write"),
            Self::NoRegion => "no usable region is mapped for this channel (client_<channel>_vaddr)",
            Self::Table(copy, damage) => return write!(f, "{copy} {damage}"),
            Self::TablesDiffer => "the partition table and its copy differ: the copy is not used",
            Self::NoPartition(name) => return write!(f, "no partition is called {name}"),
            Self::SeveralPartitions(name) => return write!(f, "several partitions are called {name}"),
            Self::BeyondDisk { disk } => return write!(f, "ends behind the disk, which has {disk} sectors"),
        })
    }
}

/// Reads the text. Lines with a problem are left out and told, the others count.
#[must_use]
pub fn parse(text: &[u8]) -> (Vec<Part>, Vec<Problem>) {
    let (mut parts, mut problems) = (Vec::new(), Vec::new());
    for (line, statement) in statements(text) {
        match statement.ok_or(Reason::NotUtf8).and_then(|statement| part(&parts, line, statement)) {
            Ok(part) => parts.push(part),
            Err(reason) => problems.push(Problem { line, reason }),
        }
    }
    (parts, problems)
}

fn part(parts: &[Part], line: usize, statement: &str) -> Result<Part, Reason> {
    let mut words = statement.split_whitespace();
    let mut word = || words.next().ok_or(Reason::Incomplete);
    let (channel, name, first, second) = (word()?, word()?, word()?, word()?);
    let channel = clients::channel(channel).ok_or(Reason::BadChannel)?;
    if !is_name(name) {
        return Err(Reason::BadName);
    }
    let place = place(first, second).ok_or(Reason::BadSize)?;
    let read_only = match (words.next(), words.next()) {
        (None, _) => false,
        (Some("read-only"), None) => true,
        _ => return Err(Reason::UnknownFlag),
    };
    if parts.iter().any(|other| other.channel == channel) {
        return Err(Reason::ChannelTwice);
    }
    let part = Part { channel, name: name.into(), place, read_only, line };
    match parts.iter().find(|other| part.conflicts_with(other)) {
        Some(other) => Err(Reason::Overlap(other.name.clone())),
        None => Ok(part),
    }
}

fn place(first: &str, second: &str) -> Option<Place> {
    if first == "partition" {
        return Some(Place::Partition(second.into()));
    }
    let (first, sectors) = (size(first)?, size(second).filter(|&sectors| sectors > 0)?);
    first.checked_add(sectors).map(|_| Place::At { first, sectors })
}

/// A size in sectors.
fn size(word: &str) -> Option<u64> {
    let (digits, unit) = match word.char_indices().last()? {
        (end, 'K') => (&word[..end], 1 << 10),
        (end, 'M') => (&word[..end], 1 << 20),
        (end, 'G') => (&word[..end], 1 << 30),
        _ => (word, 1),
    };
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let bytes = all_digits.then(|| digits.parse::<u64>().ok()?.checked_mul(unit))??;
    bytes.is_multiple_of(SECTOR as u64).then_some(bytes / SECTOR as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read() {
        let (parts, problems) =
            parse(b"# a disk\n1 a 0 16M\n\n2 b 16M 1K # small\n3 c 0 1G read-only\n4 d partition x");
        assert_eq!(problems, []);
        let all: Vec<_> = parts.iter().map(|p| (p.channel, p.name.as_str(), p.place.extent(), p.read_only)).collect();
        let expected = [
            (1, "a", (0, 32768), false),
            (2, "b", (32768, 2), false),
            (3, "c", (0, 1 << 21), true),
            (4, "d", (0, 0), false),
        ];
        assert_eq!(all, expected);
        assert_eq!(parts[3].place, Place::Partition("x".into()));
    }

    #[test]
    fn every_bad_line_is_told_and_left_out() {
        let cases: &[(&[u8], Reason)] = &[
            (b"\xff", Reason::NotUtf8),
            (b"2 b 16M", Reason::Incomplete),
            (b"2 b partition", Reason::Incomplete),
            (b"2 b partition x writable", Reason::UnknownFlag),
            (b"16 b 16M 1M", Reason::BadChannel),
            (b"x b 16M 1M", Reason::BadChannel),
            (b"1 b 16M 1M", Reason::ChannelTwice),
            (b"2 b]c 16M 1M", Reason::BadName),
            (b"2 b 16M 1", Reason::BadSize),
            (b"2 b 16M 0", Reason::BadSize),
            (b"2 b 16M -1", Reason::BadSize),
            (b"2 b 16M M", Reason::BadSize),
            (b"2 b 16M 99999999999G", Reason::BadSize),
            (b"2 b 16M 1M blue", Reason::UnknownFlag),
            (b"2 b 16M 1M read-only x", Reason::UnknownFlag),
            (b"2 b 15M 1M", Reason::Overlap("a".into())),
        ];
        for (line, reason) in cases {
            let text = [b"1 a 0 16M\n", *line, b"\n9 last 32M 1M"].concat();
            let (parts, problems) = parse(&text);
            assert_eq!(problems, [Problem { line: 2, reason: reason.clone() }]);
            assert_eq!(parts.len(), 2);
        }
    }
}
