//! What has come of a client's output lately, by position in all of it.

use std::collections::VecDeque;

/// Bytes that are kept.
const KEPT: usize = 64 * 1024;

/// The last bytes of a stream.
#[derive(Debug, Default)]
pub struct Tail {
    bytes: VecDeque<u8>,
    end: u64,
    /// Position behind the last newline.
    line: u64,
}

impl Tail {
    /// Position of the next byte.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Position of the first byte of the line that is being written.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Goes on at another position: what lies between is not known.
    pub fn skip_to(&mut self, position: u64) {
        self.bytes.clear();
        (self.end, self.line) = (position, position);
    }

    /// Adds what comes next.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Some(newline) = bytes.iter().rposition(|&byte| byte == b'\n') {
            self.line = self.end + newline as u64 + 1;
        }
        self.end += bytes.len() as u64;
        self.bytes.extend(bytes);
        self.bytes.drain(..self.bytes.len().saturating_sub(KEPT));
    }

    /// What is kept from a position on.
    pub fn from(&self, position: u64) -> Vec<u8> {
        let wanted = usize::try_from(self.end.saturating_sub(position)).unwrap_or(usize::MAX);
        self.bytes.range(self.bytes.len().saturating_sub(wanted)..).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_end() {
        let mut tail = Tail::default();
        tail.push(b"one\ntwo");
        assert_eq!((tail.end(), tail.line()), (7, 4));
        assert_eq!(tail.from(4), b"two");
        assert_eq!(tail.from(7), b"");
        tail.push(&[b'x'; KEPT]);
        assert_eq!(tail.from(0).len(), KEPT);
        assert_eq!((tail.end(), tail.line()), (7 + KEPT as u64, 4));
        tail.skip_to(1 << 40);
        tail.push(b"y");
        assert_eq!((tail.from(0), tail.line()), (b"y".to_vec(), 1 << 40));
    }
}
