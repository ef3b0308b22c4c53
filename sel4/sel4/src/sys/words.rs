//! Words with fields as the bindings have them: a type for each, with a getter and a setter for each field. Where the fields
//! stand in the word is [`abi`](crate::abi)'s business.

use crate::Word;
use crate::abi::message::{CNodeCapData, CapRights, MessageInfo};

macro_rules! words {
    ($($(#[$outer:meta])* $t:ident = $suffixed:ident, $unpacked:ident {
        $($field:ident, $get:ident, $set:ident, $width:ident;)*
    })*) => { $(
        $(#[$outer])*
        #[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
        #[repr(transparent)]
        pub struct $t(pub(crate) Word);

        #[doc = concat!("[`", stringify!($t), "`] by its name in C.")]
        pub type $suffixed = $t;

        #[doc = concat!("The fields of [`", stringify!($t), "`].")]
        #[derive(Debug, Copy, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are the manual's")]
        pub struct $unpacked {
            $(pub $field: Word,)*
        }

        #[allow(missing_docs, reason = "the names are the manual's")]
        impl $t {
            /// The word with these fields, each cut to its width.
            pub const fn new($($field: Word),*) -> Self {
                $unpacked { $($field),* }.pack()
            }

            $(
                pub const fn $get(&self) -> Word {
                    self.unpack().$field
                }

                pub const fn $set(&mut self, value: Word) {
                    let mut fields = self.unpack();
                    fields.$field = value;
                    *self = fields.pack();
                }

                pub const fn $width() -> usize {
                    Self(Word::MAX).$get().count_ones() as usize
                }
            )*
        }
    )* };
}

words! {
    /// Label, number of capabilities and length of a message.
    seL4_MessageInfo = seL4_MessageInfo_t, seL4_MessageInfo_Unpacked {
        label, get_label, set_label, width_of_label;
        capsUnwrapped, get_capsUnwrapped, set_capsUnwrapped, width_of_capsUnwrapped;
        extraCaps, get_extraCaps, set_extraCaps, width_of_extraCaps;
        length, get_length, set_length, width_of_length;
    }

    /// Rights of a capability, one bit each.
    seL4_CapRights = seL4_CapRights_t, seL4_CapRights_Unpacked {
        capAllowGrantReply, get_capAllowGrantReply, set_capAllowGrantReply, width_of_capAllowGrantReply;
        capAllowGrant, get_capAllowGrant, set_capAllowGrant, width_of_capAllowGrant;
        capAllowRead, get_capAllowRead, set_capAllowRead, width_of_capAllowRead;
        capAllowWrite, get_capAllowWrite, set_capAllowWrite, width_of_capAllowWrite;
    }

    /// The guard of a CNode.
    seL4_CNode_CapData = seL4_CNode_CapData_t, seL4_CNode_CapData_Unpacked {
        guard, get_guard, set_guard, width_of_guard;
        guardSize, get_guardSize, set_guardSize, width_of_guardSize;
    }
}

impl seL4_MessageInfo {
    /// Its fields.
    pub const fn unpack(&self) -> seL4_MessageInfo_Unpacked {
        let info = MessageInfo(self.0);
        seL4_MessageInfo_Unpacked {
            label: info.label(),
            capsUnwrapped: info.caps_unwrapped() as Word,
            extraCaps: info.extra_caps() as Word,
            length: info.length() as Word,
        }
    }
}

impl seL4_MessageInfo_Unpacked {
    /// The word.
    pub const fn pack(self) -> seL4_MessageInfo {
        let Self { label, capsUnwrapped, extraCaps, length } = self;
        seL4_MessageInfo(MessageInfo::new(label, capsUnwrapped as usize, extraCaps as usize, length as usize).0)
    }
}

impl seL4_CapRights {
    /// Its fields, 0 or 1 each.
    pub const fn unpack(&self) -> seL4_CapRights_Unpacked {
        let CapRights { read, write, grant, grant_reply } = CapRights::from_word(self.0);
        seL4_CapRights_Unpacked {
            capAllowGrantReply: grant_reply as Word,
            capAllowGrant: grant as Word,
            capAllowRead: read as Word,
            capAllowWrite: write as Word,
        }
    }
}

impl seL4_CapRights_Unpacked {
    /// The word.
    pub const fn pack(self) -> seL4_CapRights {
        let rights = CapRights {
            read: self.capAllowRead & 1 != 0,
            write: self.capAllowWrite & 1 != 0,
            grant: self.capAllowGrant & 1 != 0,
            grant_reply: self.capAllowGrantReply & 1 != 0,
        };
        seL4_CapRights(rights.to_word())
    }
}

impl seL4_CNode_CapData {
    /// Its fields.
    pub const fn unpack(&self) -> seL4_CNode_CapData_Unpacked {
        let CNodeCapData { guard, guard_size } = CNodeCapData::from_word(self.0);
        seL4_CNode_CapData_Unpacked { guard, guardSize: guard_size as Word }
    }
}

impl seL4_CNode_CapData_Unpacked {
    /// The word.
    pub const fn pack(self) -> seL4_CNode_CapData {
        let data = CNodeCapData { guard: self.guard, guard_size: self.guardSize as u32 };
        seL4_CNode_CapData(data.to_word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_set_beside_the_others() {
        let mut info = seL4_MessageInfo::new(7, 1, 2, 100);
        info.set_extraCaps(3);
        info.set_label(Word::MAX);
        let fields = (info.get_label(), info.get_capsUnwrapped(), info.get_extraCaps(), info.get_length());
        assert_eq!(fields, ((1 << 52) - 1, 1, 3, 100));
        let mut rights = seL4_CapRights::new(1, 0, 0, 1);
        rights.set_capAllowRead(1);
        assert_eq!((rights.0, rights.unpack().pack()), (0b1011, rights));
        let data = seL4_CNode_CapData::new(5, 52);
        assert_eq!((data.get_guard(), data.get_guardSize(), data.0), (5, 52, 5 << 6 | 52));
    }

    #[test]
    fn widths_are_those_of_the_manual() {
        let info = [
            seL4_MessageInfo::width_of_label(),
            seL4_MessageInfo::width_of_capsUnwrapped(),
            seL4_MessageInfo::width_of_extraCaps(),
            seL4_MessageInfo::width_of_length(),
        ];
        assert_eq!(info, [52, 3, 2, 7]);
        assert_eq!([seL4_CNode_CapData::width_of_guard(), seL4_CNode_CapData::width_of_guardSize()], [58, 6]);
        assert_eq!(seL4_CapRights::width_of_capAllowGrantReply(), 1);
    }
}
