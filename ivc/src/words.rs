//! Shared memory as words: bytes that are moved eight at a time.

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::Region;

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// Memory that two parties share, for data that is described elsewhere (in a ring). Which party may use which part, and
/// when, is agreed there; a peer that does not keep to it garbles bytes and no more.
#[derive(Clone, Copy, Debug)]
pub struct Words<'m>(&'m [AtomicU64]);

impl<'m> Words<'m> {
    /// All of a region.
    #[must_use]
    pub fn over(region: Region<'m>) -> Self {
        Self(region.into())
    }

    pub(crate) fn of(words: &'m [AtomicU64]) -> Self {
        Self(words)
    }

    /// In bytes.
    #[must_use]
    pub fn size(self) -> usize {
        self.0.len() * WORD
    }

    /// The word at `index` itself, if there is one.
    pub(crate) fn word(self, index: usize) -> Option<&'m AtomicU64> {
        self.0.get(index)
    }

    /// The word at `index`; 0 if there is none.
    #[must_use]
    pub fn get(self, index: usize) -> u64 {
        self.0.get(index).map_or(0, |word| word.load(Relaxed))
    }

    /// Sets the word at `index`, if there is one.
    pub fn set(self, index: usize, value: u64) {
        if let Some(word) = self.0.get(index) {
            word.store(value, Relaxed);
        }
    }

    /// The words of `length` bytes at `offset`, which is a multiple of 8.
    fn part(self, offset: usize, length: usize) -> Option<&'m [AtomicU64]> {
        let end = offset.checked_add(length.checked_next_multiple_of(WORD)?)?;
        if offset.is_multiple_of(WORD) { self.0.get(offset / WORD..end / WORD) } else { None }
    }

    /// Reads the bytes at `offset`, a multiple of 8. False if they are not all there: then nothing is read.
    #[must_use = "nothing may have been read"]
    pub fn read(self, offset: usize, bytes: &mut [u8]) -> bool {
        let Some(words) = self.part(offset, bytes.len()) else { return false };
        let (whole, rest) = bytes.as_chunks_mut::<WORD>();
        for (bytes, word) in whole.iter_mut().zip(words) {
            *bytes = word.load(Relaxed).to_le_bytes();
        }
        if let Some(last) = words.get(whole.len()) {
            rest.copy_from_slice(&last.load(Relaxed).to_le_bytes()[..rest.len()]);
        }
        true
    }

    /// Writes bytes at `offset`, a multiple of 8; a last word that they do not fill is filled up with zeros. False if there
    /// is no room for all: then nothing is written.
    #[must_use = "nothing may have been written"]
    pub fn write(self, offset: usize, bytes: &[u8]) -> bool {
        let Some(words) = self.part(offset, bytes.len()) else { return false };
        let (whole, rest) = bytes.as_chunks::<WORD>();
        for (bytes, word) in whole.iter().zip(words) {
            word.store(u64::from_le_bytes(*bytes), Relaxed);
        }
        if let Some(last) = words.get(whole.len()) {
            let mut bytes = [0; WORD];
            bytes[..rest.len()].copy_from_slice(rest);
            last.store(u64::from_le_bytes(bytes), Relaxed);
        }
        true
    }

    /// Copies `length` bytes (rounded up to a multiple of 8) to another memory; offsets are multiples of 8. False if they do
    /// not all exist on both sides: then nothing is copied.
    #[must_use = "nothing may have been copied"]
    pub fn copy_to(self, offset: usize, other: Words<'_>, other_offset: usize, length: usize) -> bool {
        let (Some(from), Some(to)) = (self.part(offset, length), other.part(other_offset, length)) else {
            return false;
        };
        from.iter().zip(to).for_each(|(from, to)| to.store(from.load(Relaxed), Relaxed));
        true
    }
}
