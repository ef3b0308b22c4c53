//! Rights of a capability: `seL4_CapRights_t`.

use crate::{Word, abi, sys};

/// Read, write, grant and grant-reply.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(sel4_plain), derive(Copy))]
pub struct CapRights(sys::seL4_CapRights);

impl CapRights {
    newtype_methods!(pub sys::seL4_CapRights);

    /// These rights.
    pub const fn new(grant_reply: bool, grant: bool, read: bool, write: bool) -> Self {
        Self(sys::seL4_CapRights(abi::message::CapRights { read, write, grant, grant_reply }.to_word()))
    }

    /// None.
    pub const fn none() -> Self {
        CapRightsBuilder::none().build()
    }

    /// All four.
    pub const fn all() -> Self {
        CapRightsBuilder::all().build()
    }

    /// Read and write.
    pub const fn read_write() -> Self {
        CapRightsBuilder::none().read(true).write(true).build()
    }

    /// Read.
    pub const fn read_only() -> Self {
        CapRightsBuilder::none().read(true).build()
    }

    /// Write.
    pub const fn write_only() -> Self {
        CapRightsBuilder::none().write(true).build()
    }

    /// The word that the kernel takes.
    pub(crate) const fn into_word(self) -> Word {
        self.0.0
    }
}

impl From<CapRightsBuilder> for CapRights {
    fn from(builder: CapRightsBuilder) -> Self {
        builder.build()
    }
}

/// Builds [`CapRights`] one by one.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct CapRightsBuilder {
    grant_reply: bool,
    grant: bool,
    read: bool,
    write: bool,
}

impl CapRightsBuilder {
    /// Starts with none.
    pub const fn none() -> Self {
        Self { grant_reply: false, grant: false, read: false, write: false }
    }

    /// Starts with all.
    pub const fn all() -> Self {
        Self { grant_reply: true, grant: true, read: true, write: true }
    }

    /// The rights.
    pub const fn build(self) -> CapRights {
        CapRights::new(self.grant_reply, self.grant, self.read, self.write)
    }

    /// May send a reply capability along (make a `Call`).
    #[must_use]
    pub const fn grant_reply(mut self, can: bool) -> Self {
        self.grant_reply = can;
        self
    }

    /// May send capabilities along.
    #[must_use]
    pub const fn grant(mut self, can: bool) -> Self {
        self.grant = can;
        self
    }

    /// May read or receive.
    #[must_use]
    pub const fn read(mut self, can: bool) -> Self {
        self.read = can;
        self
    }

    /// May write or send.
    #[must_use]
    pub const fn write(mut self, can: bool) -> Self {
        self.write = can;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_is_its_own_bit() {
        let words = [
            CapRightsBuilder::none().write(true).build(),
            CapRightsBuilder::none().read(true).build(),
            CapRightsBuilder::none().grant(true).build(),
            CapRightsBuilder::none().grant_reply(true).build(),
        ]
        .map(CapRights::into_word);
        assert_eq!(words, [1, 2, 4, 8]);
        assert_eq!(CapRights::all().into_word(), words.iter().sum());
        assert_eq!(CapRights::read_write().into_word(), words[0] | words[1]);
    }
}
