//! Words that describe messages and capabilities: message info, rights, CNode data.

use crate::Word;

/// Longest message in words.
pub const MAX_LENGTH: usize = 120;
/// Message registers that travel in CPU registers.
pub const FAST_REGISTERS: usize = 4;
/// Most capabilities in one message.
pub const MAX_EXTRA_CAPS: usize = 3;

/// The message info word: label, capabilities unwrapped, extra capabilities, length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct MessageInfo(pub Word);

impl MessageInfo {
    const LENGTH_BITS: u32 = 7;
    const EXTRA_CAPS_SHIFT: u32 = 7;
    const UNWRAPPED_SHIFT: u32 = 9;
    const LABEL_SHIFT: u32 = 12;

    /// Packs the fields; each is cut to its width (52, 3, 2, 7 bits).
    pub const fn new(label: Word, unwrapped: usize, extra_caps: usize, length: usize) -> Self {
        Self(
            label << Self::LABEL_SHIFT
                | (unwrapped as u64 & 7) << Self::UNWRAPPED_SHIFT
                | (extra_caps as u64 & 3) << Self::EXTRA_CAPS_SHIFT
                | (length as u64 & ((1 << Self::LENGTH_BITS) - 1)),
        )
    }

    /// The label, 52 bits.
    pub const fn label(self) -> Word {
        self.0 >> Self::LABEL_SHIFT
    }

    /// One bit for each extra capability that arrived as a badge.
    pub const fn caps_unwrapped(self) -> usize {
        (self.0 >> Self::UNWRAPPED_SHIFT & 7) as usize
    }

    /// The number of extra capabilities.
    pub const fn extra_caps(self) -> usize {
        (self.0 >> Self::EXTRA_CAPS_SHIFT & 3) as usize
    }

    /// The length in words as it was stated, up to 127: more than [`MAX_LENGTH`] is for the receiver of the word to cut.
    pub const fn length(self) -> usize {
        (self.0 & ((1 << Self::LENGTH_BITS) - 1)) as usize
    }
}

/// Rights as a word in an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapRights {
    /// Receive, read.
    pub read: bool,
    /// Send, write.
    pub write: bool,
    /// Send capabilities along.
    pub grant: bool,
    /// Send a reply capability along.
    pub grant_reply: bool,
}

impl CapRights {
    /// All rights.
    pub const ALL: Self = Self::from_word(0xf);
    /// None.
    pub const NONE: Self = Self::from_word(0);

    /// The rights in a word's low four bits; those above are ignored.
    pub const fn from_word(word: Word) -> Self {
        Self { write: word & 1 != 0, read: word & 2 != 0, grant: word & 4 != 0, grant_reply: word & 8 != 0 }
    }

    /// As a word.
    pub const fn to_word(self) -> Word {
        self.write as u64 | (self.read as u64) << 1 | (self.grant as u64) << 2 | (self.grant_reply as u64) << 3
    }

    /// Whether they allow to send and be answered.
    pub const fn may_call(self) -> bool {
        self.write && (self.grant || self.grant_reply)
    }

    /// The rights that are in both.
    pub const fn and(self, other: Self) -> Self {
        Self::from_word(self.to_word() & other.to_word())
    }
}

/// Guard of a CNode capability as a word (`seL4_CNode_CapData`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CNodeCapData {
    /// The guard's value, 58 bits.
    pub guard: u64,
    /// The guard's size in bits, 0 to 63.
    pub guard_size: u32,
}

impl CNodeCapData {
    /// Reads a word.
    pub const fn from_word(word: Word) -> Self {
        Self { guard: word >> 6, guard_size: (word & 63) as u32 }
    }

    /// As a word.
    pub const fn to_word(self) -> Word {
        self.guard << 6 | (self.guard_size as u64 & 63)
    }
}
