//! The word that describes a message: `seL4_MessageInfo_t` (seL4 manual, "IPC").

use crate::{Word, abi};

/// Label, number of capabilities and length of a message.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct MessageInfo(abi::message::MessageInfo);

impl MessageInfo {
    /// A message info; each field is cut to its width.
    pub const fn new(label: Word, caps_unwrapped: usize, extra_caps: usize, length: usize) -> Self {
        Self(abi::message::MessageInfo::new(label, caps_unwrapped, extra_caps, length))
    }

    pub(crate) const fn from_word(word: Word) -> Self {
        Self(abi::message::MessageInfo(word))
    }

    /// The word that the kernel takes and gives.
    pub const fn into_word(self) -> Word {
        self.0.0
    }

    /// The label: an invocation's method or error, or what the peers agreed.
    pub const fn label(&self) -> Word {
        self.0.label()
    }

    /// Width of a label in bits.
    pub const fn label_width() -> usize {
        abi::message::MessageInfo(Word::MAX).label().count_ones() as usize
    }

    /// One bit for each capability that arrived as a badge.
    pub const fn caps_unwrapped(&self) -> usize {
        self.0.caps_unwrapped()
    }

    /// Number of capabilities.
    pub const fn extra_caps(&self) -> usize {
        self.0.extra_caps()
    }

    /// Number of message registers.
    pub const fn length(&self) -> usize {
        self.0.length()
    }
}

impl From<MessageInfoBuilder> for MessageInfo {
    fn from(builder: MessageInfoBuilder) -> Self {
        builder.build()
    }
}

/// Builds a [`MessageInfo`] field by field; what is not set is zero.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct MessageInfoBuilder {
    label: Word,
    caps_unwrapped: usize,
    extra_caps: usize,
    length: usize,
}

impl MessageInfoBuilder {
    /// The message info.
    pub const fn build(self) -> MessageInfo {
        MessageInfo::new(self.label, self.caps_unwrapped, self.extra_caps, self.length)
    }

    /// Sets [`MessageInfo::label`].
    #[must_use]
    pub const fn label(mut self, label: Word) -> Self {
        self.label = label;
        self
    }

    /// Sets [`MessageInfo::caps_unwrapped`].
    #[must_use]
    pub const fn caps_unwrapped(mut self, caps_unwrapped: usize) -> Self {
        self.caps_unwrapped = caps_unwrapped;
        self
    }

    /// Sets [`MessageInfo::extra_caps`].
    #[must_use]
    pub const fn extra_caps(mut self, extra_caps: usize) -> Self {
        self.extra_caps = extra_caps;
        self
    }

    /// Sets [`MessageInfo::length`].
    #[must_use]
    pub const fn length(mut self, length: usize) -> Self {
        self.length = length;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_and_back() {
        let info = MessageInfoBuilder::default().label(0xabc).extra_caps(2).caps_unwrapped(5).length(120).build();
        let back = MessageInfo::from_word(info.into_word());
        assert_eq!((back.label(), back.extra_caps(), back.caps_unwrapped(), back.length()), (0xabc, 2, 5, 120));
        assert_eq!(MessageInfo::label_width(), 52);
    }
}
