//! The word that describes a message: `seL4_MessageInfo_t` (seL4 manual, "IPC").

use crate::{Word, abi, sys};

/// Label, number of capabilities and length of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(not(sel4_plain), derive(Copy))]
pub struct MessageInfo(sys::seL4_MessageInfo);

impl MessageInfo {
    newtype_methods!(pub sys::seL4_MessageInfo);

    /// A message info; each field is cut to its width.
    pub const fn new(label: Word, caps_unwrapped: usize, extra_caps: usize, length: usize) -> Self {
        Self::from_word(abi::message::MessageInfo::new(label, caps_unwrapped, extra_caps, length).0)
    }

    pub(crate) const fn from_word(word: Word) -> Self {
        Self(sys::seL4_MessageInfo(word))
    }

    const fn fields(&self) -> abi::message::MessageInfo {
        abi::message::MessageInfo(self.word())
    }

    /// The word that the kernel takes and gives.
    #[cfg(not(sel4_plain))]
    pub const fn into_word(self) -> Word {
        self.word()
    }

    pub(crate) const fn word(&self) -> Word {
        self.0.0
    }

    /// The label: an invocation's method or error, or what the peers agreed.
    pub const fn label(&self) -> Word {
        self.fields().label()
    }

    /// Width of a label in bits.
    pub const fn label_width() -> usize {
        sys::seL4_MessageInfo::width_of_label()
    }

    /// One bit for each capability that arrived as a badge.
    pub const fn caps_unwrapped(&self) -> usize {
        self.fields().caps_unwrapped()
    }

    /// Number of capabilities.
    pub const fn extra_caps(&self) -> usize {
        self.fields().extra_caps()
    }

    /// Number of message registers.
    pub const fn length(&self) -> usize {
        self.fields().length()
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
