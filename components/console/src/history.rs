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

    /// Position of the first byte of the line that is being written.
    #[must_use]
    pub fn line_start(&self) -> u64 {
        self.line
    }

    /// Adds `bytes`; the oldest ones make room.
    pub fn append(&mut self, bytes: &[u8]) {
        if let Some(newline) = bytes.iter().rposition(|&byte| byte == b'\n') {
            self.line = self.written + newline as u64 + 1;
        }
        for &byte in bytes {
            let index = self.index(self.written);
            self.bytes[index] = byte;
            self.written += 1;
        }
    }

    /// The byte at `position`, if it is (still) there.
    #[must_use]
    pub fn get(&self, position: u64) -> Option<u8> {
        (self.start()..self.end()).contains(&position).then(|| self.bytes[self.index(position)])
    }

    fn index(&self, position: u64) -> usize {
        // Lossless: the remainder is below a `usize`.
        (position % self.bytes.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_keeps_the_tail(
            pieces in proptest::collection::vec("[a-c\n]{0,40}", 0..10),
            capacity in 1usize..64,
        ) {
            let mut history = History::new(capacity);
            let mut all = Vec::new();
            for piece in &pieces {
                history.append(piece.as_bytes());
                all.extend_from_slice(piece.as_bytes());
            }
            prop_assert_eq!(history.end(), all.len() as u64);
            prop_assert_eq!(history.start(), all.len().saturating_sub(capacity) as u64);
            let line = all.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            prop_assert_eq!(history.line_start(), line as u64);
            for (position, &byte) in all.iter().enumerate() {
                let kept = position as u64 >= history.start();
                prop_assert_eq!(history.get(position as u64), kept.then_some(byte));
            }
            prop_assert_eq!(history.get(history.end()), None);
        }
    }
}
