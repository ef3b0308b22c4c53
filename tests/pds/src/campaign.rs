//! What the campaign against the system `lifecycle` knows of those that it kills, and how it reads what a guest prints.

use core::sync::atomic::AtomicU64;

/// What the guest `ticker` tells.
#[derive(Debug)]
#[repr(C)]
pub struct Ticks {
    /// Its starts.
    pub starts: AtomicU64,
    /// Its ticks, in all lives.
    pub ticks: AtomicU64,
    /// Words of its memory that were not zero when it started.
    pub dirty: AtomicU64,
    /// Not zero: it is to fault, and then has its machine reset.
    pub order: AtomicU64,
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The child of the supervisor with this id; its thread is in the slot of the same number.
    Child(u64),
    /// The Linux guest: its kernel panics, and reboots.
    Linux,
    /// The other guest.
    Ticker,
}

/// The children that manage guests.
pub const LINUX_VMM: u64 = 8;
/// As above.
pub const TICKER_VMM: u64 = 9;

/// All of them, with their names.
pub const TARGETS: [(&str, Target); 11] = [
    ("pl011", Target::Child(1)),
    ("console", Target::Child(2)),
    ("disk", Target::Child(3)),
    ("block", Target::Child(4)),
    ("entropy", Target::Child(5)),
    ("uplink", Target::Child(6)),
    ("switch", Target::Child(7)),
    ("linux_vmm", Target::Child(LINUX_VMM)),
    ("ticker_vmm", Target::Child(TICKER_VMM)),
    ("linux", Target::Linux),
    ("ticker", Target::Ticker),
];

impl Target {
    /// Whether Linux boots anew when this one has been killed.
    pub fn takes_linux_along(self) -> bool {
        matches!(self, Self::Linux | Self::Child(LINUX_VMM))
    }

    /// Whether the other guest starts anew then.
    pub fn takes_ticker_along(self) -> bool {
        matches!(self, Self::Ticker | Self::Child(TICKER_VMM))
    }
}

/// Longest piece of a line that is looked at.
const LINE: usize = 256;

/// What a Linux guest has printed.
#[derive(Debug)]
pub struct Reader {
    line: [u8; LINE],
    length: usize,
    /// Its shell waits for a command.
    pub prompt: bool,
    /// Rounds of its load that went well.
    pub beats: u64,
    /// Those that did not.
    pub bad: u64,
    /// The file that was written in the first life is as it was.
    pub kept: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self { line: [0; LINE], length: 0, prompt: false, beats: 0, bad: 0, kept: false }
    }
}

impl Reader {
    /// Takes what was printed next.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.beats += u64::from(self.has("beat"));
                self.bad += u64::from(self.has("bad"));
                self.kept |= self.has("keep: OK");
                self.length = 0;
                continue;
            }
            if let Some(place) = self.line.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
            self.prompt |= self.has("linux# ");
        }
    }

    fn has(&self, word: &str) -> bool {
        self.line[..self.length].windows(word.len()).any(|window| window == word.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_prints() {
        let mut reader = Reader::default();
        reader.feed(b"guest: ready\r\nlinux");
        assert!(!reader.prompt);
        reader.feed(b"# ");
        assert!(reader.prompt);
        reader.feed(b"echo be\"\"at 1\r\nbeat 1\r\nlinux# beat 2\r\nba");
        assert_eq!((reader.beats, reader.bad), (2, 0));
        reader.feed(b"d 3\n/mnt/keep: OK\r\n");
        assert_eq!((reader.bad, reader.kept), (1, true));
        reader.feed(&[b'x'; 1000]);
        reader.feed(b"\nbeat 4\n");
        assert_eq!(reader.beats, 3);
    }

    #[test]
    fn slots_are_the_children() {
        assert!((1..).zip(&TARGETS[..9]).all(|(id, (_, target))| *target == Target::Child(id)));
    }
}
