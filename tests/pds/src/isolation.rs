//! What the protection domains of the system `isolation` share.

use core::sync::atomic::{AtomicU64, Ordering};

/// What the hostile protection domain is to do: text of two numbers in memory that is filled when the image is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orders {
    /// Determines all that it does.
    pub seed: u64,
    /// How many system calls it makes.
    pub calls: u64,
}

impl Orders {
    /// Reads the first two decimal numbers of a text.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut numbers = text.split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty()).map(number);
        Some(Self { seed: numbers.next()??, calls: numbers.next()?? })
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| number.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    digits.iter().try_fold(0, add)
}

/// What the hostile tells the judge.
#[derive(Debug)]
#[repr(C)]
pub struct Progress {
    /// System calls so far.
    pub calls: AtomicU64,
    /// Where it starts, once it has.
    pub entry: AtomicU64,
}

/// What the witness tells the judge.
#[derive(Debug)]
#[repr(C)]
pub struct Testimony {
    /// Rounds in which everything was as it should be.
    pub rounds: AtomicU64,
    /// Rounds in which something was not.
    pub errors: AtomicU64,
}

/// What the probe tells the judge.
#[derive(Debug)]
#[repr(C)]
pub struct Findings {
    /// A bit for each slot of the Microkit CNode that holds something.
    pub inner: [AtomicU64; 8],
    /// A bit for each slot of the root CNode that holds something.
    pub root: AtomicU64,
    /// 1 when the others are final.
    pub done: AtomicU64,
}

impl Findings {
    /// Marks a slot.
    pub fn mark(words: &[AtomicU64], slot: u64) {
        words[slot as usize / 64].fetch_or(1 << (slot % 64), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_two_numbers() {
        assert_eq!(Orders::parse(b"seed 17, 20000 calls\n\0\0"), Some(Orders { seed: 17, calls: 20_000 }));
        for bad in [&b""[..], b"17", b"seed x", b"99999999999999999999 1"] {
            assert_eq!(Orders::parse(bad), None);
        }
    }

    #[test]
    fn slots_are_bits() {
        let words = [const { AtomicU64::new(0) }; 8];
        Findings::mark(&words, 5);
        Findings::mark(&words, 511);
        assert_eq!(words.map(AtomicU64::into_inner), [32, 0, 0, 0, 0, 0, 0, 1 << 63]);
    }
}
