//! The guard of a CNode capability: `seL4_CNode_CapData`.

use crate::{WORD_SIZE, Word, sys};

/// Guard of a CNode capability: bits that a lookup must match before the CNode is indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(sel4_plain), derive(Copy))]
pub struct CNodeCapData(sys::seL4_CNode_CapData);

impl CNodeCapData {
    newtype_methods!(pub sys::seL4_CNode_CapData);

    /// A guard of `guard_size` bits, fewer than [`WORD_SIZE`].
    pub const fn new(guard: Word, guard_size: usize) -> Self {
        Self(sys::seL4_CNode_CapData::new(guard, guard_size as Word))
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
        self.0.0
    }
}
