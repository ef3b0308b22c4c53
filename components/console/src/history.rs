//! What a client has written lately, by position in its whole output.

use alloc::boxed::Box;
use alloc::vec;

/// The last bytes of a stream. Positions count from the stream's beginning.
#[derive(Debug)]
pub struct History {
    bytes: Box<[u8]>,
    written: u64,
    /// Position behind the last newline.
    line: u64,
}

impl History {
    /// An empty history that keeps `capacity` bytes (at least one).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { bytes: vec![0; capacity.max(1)].into_boxed_slice(), written: 0, line: 0 }
    }

    /// Bytes that it keeps.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Position of the next byte to be written.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.written
    }

    /// Position of the oldest byte that is still there.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.written.saturating_sub(self.bytes.len() as u64)
    }

    /// How much may be added without losing what lies from `position` on.
    #[must_use]
    pub fn room_after(&self, position: u64) -> usize {
        let kept = usize::try_from(self.written.saturating_sub(position)).unwrap_or(usize::MAX);
        self.capacity().saturating_sub(kept)
    }

    /// Position of the first byte of the line that is being written.
    #[must_use]
    pub fn line_start(&self) -> u64 {
        self.line
    }

    /// Adds up to `limit` bytes; the oldest ones make room. `read` is given room for the next ones and says how
    /// many it has filled; it is asked until it leaves some of its room unfilled.
    pub fn fill(&mut self, limit: usize, mut read: impl FnMut(&mut [u8]) -> usize) {
        let mut rest = limit;
        while rest > 0 {
            let start = self.index(self.written);
            let end = start.saturating_add(rest).min(self.bytes.len());
            let room = &mut self.bytes[start..end];
            let length = read(room).min(room.len());
            if let Some(newline) = room[..length].iter().rposition(|&byte| byte == b'\n') {
                self.line = self.written + newline as u64 + 1;
            }
            self.written += length as u64;
            rest -= length;
            if length < end - start {
                break;
            }
        }
    }

    /// The bytes from `position` on, as far as they lie together. Empty: there is none (any more).
    #[must_use]
    pub fn from(&self, position: u64) -> &[u8] {
        if !(self.start()..self.end()).contains(&position) {
            return &[];
        }
        let start = self.index(position);
        let kept = self.end() - position;
        let end = usize::try_from(kept).map_or(usize::MAX, |kept| start.saturating_add(kept));
        &self.bytes[start..end.min(self.bytes.len())]
    }

    fn index(&self, position: u64) -> usize {
        // Lossless: the remainder is below a `usize`.
        (position % self.bytes.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_keeps_the_tail(
            pieces in proptest::collection::vec("[a-c\n]{0,40}", 0..10),
            capacity in 1usize..64,
            limit in 1usize..50,
        ) {
            let mut history = History::new(capacity);
            let mut all = Vec::new();
            for piece in &pieces {
                let mut rest = piece.as_bytes();
                history.fill(limit, |room| std::io::Read::read(&mut rest, room).expect("memory"));
                all.extend_from_slice(&piece.as_bytes()[..piece.len().min(limit)]);
            }
            prop_assert_eq!(history.end(), all.len() as u64);
            prop_assert_eq!(history.start(), all.len().saturating_sub(capacity) as u64);
            let line = all.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            prop_assert_eq!(history.line_start(), line as u64);
            for (position, &byte) in all.iter().enumerate() {
                let kept = position as u64 >= history.start();
                let there = history.from(position as u64);
                prop_assert_eq!(there.first(), kept.then_some(&byte));
                prop_assert!(all[position..].starts_with(there));
            }
            prop_assert_eq!(history.from(history.end()), []);
        }
    }
}
