//! What the campaign against the system `lifecycle` knows of those that it kills, and how it reads what a guest prints.

use core::sync::atomic::AtomicU64;

use test_report::random::Random;

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
    /// How its life is to end ([`order`]); 0: not yet.
    pub order: AtomicU64,
}

/// Orders to the guest `ticker`.
pub mod order {
    /// It is to fault, and then has its machine reset.
    pub const FAULT: u64 = 1;
    /// It is to have its machine reset at once.
    pub const RESET: u64 = 2;
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The child of the supervisor with this id; its thread is in the slot of the same number.
    Child(u64),
    /// The Linux guest: its kernel panics, or reboots without an end of its programs.
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

    /// Whether one is a guest and the other its monitor, or both are the same: they have one life, not two to be ended at once.
    pub fn is_of_one_life(self, other: Self) -> bool {
        self == other
            || self.takes_linux_along() && other.takes_linux_along()
            || self.takes_ticker_along() && other.takes_ticker_along()
    }
}

/// How a child ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It goes on where nothing is.
    Nowhere,
    /// It goes on somewhere in its program with registers that mean nothing, and does to its memory what comes of that, until it
    /// faults or, as it does not, the supervisor is asked to stop it.
    Wild,
    /// The supervisor is asked to stop it in the middle of what it does.
    Stopped,
}

/// All of them.
pub const ENDS: [End; 3] = [End::Nowhere, End::Wild, End::Stopped];

/// Registers of a thread that is to run wild.
#[derive(Debug, PartialEq, Eq)]
pub struct Wild {
    /// The program counter, an instruction within [`REACH`] of the former one.
    pub pc: u64,
    /// The stack pointer, within [`DEPTH`] below or above the former one.
    pub sp: u64,
    /// x0 to x30.
    pub general: [u64; 31],
}

/// How far from where it is a thread goes on.
pub const REACH: u64 = 0x2000;
/// How far from its stack pointer its new one is, and addresses in its registers are.
pub const DEPTH: u64 = 0x400;

impl Wild {
    /// Rubbish for a thread that is at `pc` with the stack pointer `sp`: small numbers, any words, addresses in stack and program.
    pub fn new(random: &mut Random, pc: u64, sp: u64) -> Self {
        let mut near = |middle: u64, reach: u64, unit: u64| {
            let offset = random.word() % (2 * reach / unit) * unit;
            (middle & !(unit - 1)).wrapping_sub(reach).wrapping_add(offset)
        };
        let (new_pc, new_sp) = (near(pc, REACH, 4), near(sp, DEPTH, 16));
        let general = core::array::from_fn(|_| match random.below(4) {
            0 => random.word() % 256,
            1 => random.word(),
            _ if random.below(4) == 0 => pc.wrapping_add(random.word() % REACH),
            _ => (sp & !7).wrapping_sub((random.word() % DEPTH) & !7),
        });
        Self { pc: new_pc, sp: new_sp, general }
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
    fn who_runs_wild_does_so_near_its_program_and_stack() {
        const PC: u64 = 0x20_8764;
        const SP: u64 = 0x10_0000_0ff0;
        let mut random = Random::new(7);
        for _ in 0..1000 {
            let Wild { pc, sp, general } = Wild::new(&mut random, PC, SP);
            assert!(pc.abs_diff(PC) <= REACH && pc % 4 == 0, "{pc:#x}");
            assert!(sp.abs_diff(SP) <= DEPTH && sp % 16 == 0, "{sp:#x}");
            assert!(general.iter().any(|word| *word <= SP && *word >= SP - DEPTH), "{general:x?}");
        }
        let again = |seed| Wild::new(&mut Random::new(seed), PC, SP);
        assert_eq!(again(3), again(3));
        assert_ne!(again(3), again(5));
    }

    #[test]
    fn guests_and_their_monitors_have_one_life() {
        assert!(Target::Linux.is_of_one_life(Target::Child(LINUX_VMM)));
        assert!(Target::Child(TICKER_VMM).is_of_one_life(Target::Ticker));
        assert!(Target::Ticker.is_of_one_life(Target::Ticker));
        assert!(!Target::Ticker.is_of_one_life(Target::Linux));
        assert!(!Target::Child(1).is_of_one_life(Target::Child(2)));
    }

    #[test]
    fn slots_are_the_children() {
        assert!((1..).zip(&TARGETS[..9]).all(|(id, (_, target))| *target == Target::Child(id)));
    }
}
