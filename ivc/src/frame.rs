//! Messages on a stream of bytes that may lose or change some: each is a frame of its own, with a checksum.
//!
//! A frame is the message, coded by postcard, and the CRC-32 (IEEE 802.3) of that, least significant byte first; both
//! together byte-stuffed (COBS) so that no zero is left in them; and a zero. Whatever happens to a frame, the next zero ends
//! it, and the frame behind that is found again.

use serde::{Deserialize, Serialize};

/// Bytes of a message as postcard codes it, at most.
pub const MAX_MESSAGE: usize = 320;

/// Bytes of a frame at most, with its zero: COBS adds one byte, and one for each 254.
pub const MAX_FRAME: usize = STUFFED + 1;

const CHECKSUM: usize = 4;
const CHECKED: usize = MAX_MESSAGE + CHECKSUM;
const STUFFED: usize = CHECKED + CHECKED / 254 + 1;

/// Ends each frame.
const END: u8 = 0;

/// A frame that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: [u8; MAX_FRAME],
    length: usize,
}

impl Frame {
    /// The frame of a message. `None`: the message is longer than [`MAX_MESSAGE`].
    pub fn of(message: &impl Serialize) -> Option<Self> {
        let mut checked = [0; CHECKED];
        let length = postcard::to_slice(message, &mut checked[..MAX_MESSAGE]).ok()?.len();
        let checksum = crc32fast::hash(&checked[..length]).to_le_bytes();
        checked[length..length + CHECKSUM].copy_from_slice(&checksum);
        let mut bytes = [END; MAX_FRAME];
        let stuffed = cobs::encode(&checked[..length + CHECKSUM], &mut bytes);
        // The encoder may have used the byte behind its result.
        bytes[stuffed] = END;
        Some(Self { bytes, length: stuffed + 1 })
    }

    /// The bytes to send.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Finds the frames in a stream.
#[derive(Clone, Debug)]
pub struct Deframer {
    bytes: [u8; STUFFED],
    /// Bytes since the last zero; more than there is room for: too many.
    length: usize,
    damaged: u64,
}

impl Default for Deframer {
    fn default() -> Self {
        Self { bytes: [0; STUFFED], length: 0, damaged: 0 }
    }
}

impl Deframer {
    /// Takes the next byte of the stream and hands the message to `use_it` if that ends one.
    pub fn feed<'s, M: Deserialize<'s>>(&'s mut self, byte: u8, use_it: impl FnOnce(M)) {
        if byte != END {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
            }
            self.length = self.length.saturating_add(1);
            return;
        }
        match core::mem::take(&mut self.length) {
            // Nothing between two zeros: a sender may begin with one.
            0 => {}
            length if length > self.bytes.len() => self.damaged += 1,
            length => match message(&mut self.bytes[..length]) {
                Some(message) => use_it(message),
                None => self.damaged += 1,
            },
        }
    }

    /// Frames since the start that were no messages.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }
}

/// What is in a frame without its zero, if that is whole.
fn message<'s, M: Deserialize<'s>>(frame: &'s mut [u8]) -> Option<M> {
    let length = cobs::decode_in_place(frame).ok()?;
    let (message, checksum) = frame.get(..length)?.split_last_chunk()?;
    if crc32fast::hash(message) != u32::from_le_bytes(*checksum) {
        return None;
    }
    postcard::from_bytes(message).ok()
}
