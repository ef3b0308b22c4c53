//! Shared memory as words: bytes that are moved eight at a time.

use core::cell::Cell;
#[cfg(not(loom))]
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::Region;

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// Words that are moved in one turn of a loop.
const TURN: usize = 8;

/// Bytes to be copied to or from [`Words`], or a guest's memory: so aligned, they are moved as words, otherwise one by one.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub struct Aligned<T>(pub T);

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
        let count = whole.len();
        match as_words_mut(whole) {
            Some(to) => {
                zip(words, Cell::from_mut(to).as_slice_of_cells(), |word, to| to.set(word.load(Relaxed).to_le()))
            }
            None => whole.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.load(Relaxed).to_le_bytes()),
        }
        if let Some(last) = words.get(count) {
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
        match as_words(whole) {
            Some(from) => zip(from, words, |from, word| word.store(u64::from_le(*from), Relaxed)),
            None => whole.iter().zip(words).for_each(|(bytes, word)| word.store(u64::from_le_bytes(*bytes), Relaxed)),
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
        zip(from, to, |from, to| to.store(from.load(Relaxed), Relaxed));
        true
    }
}

/// The same bytes as words, if they are aligned so.
#[allow(unsafe_code)]
fn as_words(bytes: &[[u8; WORD]]) -> Option<&[u64]> {
    // SAFETY: all bytes are words.
    let (_, words, _) = unsafe { bytes.align_to() };
    (words.len() == bytes.len()).then_some(words)
}

/// The same to be written.
#[allow(unsafe_code)]
fn as_words_mut(bytes: &mut [[u8; WORD]]) -> Option<&mut [u64]> {
    let length = bytes.len();
    // SAFETY: all bytes are words, and the other way around.
    let (_, words, _) = unsafe { bytes.align_to_mut() };
    (words.len() == length).then_some(words)
}

/// Calls `each` with the items of both, as far as both go, [`TURN`] of them in one turn of the loop.
#[inline(always)]
fn zip<A, B>(from: &[A], to: &[B], each: impl Fn(&A, &B)) {
    let length = from.len().min(to.len());
    let (turns, last) = from[..length].as_chunks::<TURN>();
    let (to_turns, to_last) = to[..length].as_chunks::<TURN>();
    for (from, to) in turns.iter().zip(to_turns) {
        (0..TURN).for_each(|n| each(&from[n], &to[n]));
    }
    last.iter().zip(to_last).for_each(|(from, to)| each(from, to));
}
