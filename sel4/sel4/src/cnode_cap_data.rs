//! The guard of a CNode capability: `seL4_CNode_CapData`.

use crate::{WORD_SIZE, Word, abi};

/// Guard of a CNode capability: bits that a lookup must match before the CNode is indexed.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct CNodeCapData(abi::message::CNodeCapData);

impl CNodeCapData {
    /// A guard of `guard_size` bits, fewer than [`WORD_SIZE`].
    pub const fn new(guard: Word, guard_size: usize) -> Self {
        Self(abi::message::CNodeCapData { guard, guard_size: guard_size as u32 })
    }

    /// A guard of zeros.
    pub const fn skip(num_bits: usize) -> Self {
        Self::new(0, num_bits)
    }

    /// The guard by which all bits above those that index a CNode of `2^cnode_size_bits` slots are
    /// zero.
    pub const fn skip_high_bits(cnode_size_bits: usize) -> Self {
        Self::skip(WORD_SIZE - cnode_size_bits)
    }

    /// The word that the kernel takes.
    pub const fn into_word(self) -> Word {
        self.0.to_word()
    }
}
