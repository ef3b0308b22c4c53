//! Stage-2 translation tables as data: entries, and which index of which level an address has (ARM ARM, D8.2 and D8.3).
//!
//! 40 bits of address and 4 KiB granules: the root is two concatenated tables of level 1 (1024 entries of 1 GiB), then come
//! levels 2 and 3 of 512 entries each.

use sel4_abi::message::CapRights;
use sel4_abi::object::{PAGE_TABLE_INDEX_BITS, USER_TOP, VSPACE_INDEX_BITS, vm_attributes};

use crate::cap::FrameSize;
use core::cell::Cell;

/// A level of translation. The first is the root's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Level {
    /// 1 GiB for each entry.
    One = 1,
    /// 2 MiB for each entry.
    Two = 2,
    /// 4 KiB for each entry.
    Three = 3,
}

impl Level {
    /// log2 of the bytes that one entry covers.
    pub const fn shift(self) -> u32 {
        12 + 9 * (3 - self as u32)
    }

    /// log2 of the number of entries of a table of this level.
    pub const fn index_bits(self) -> u32 {
        match self {
            Self::One => VSPACE_INDEX_BITS,
            Self::Two | Self::Three => PAGE_TABLE_INDEX_BITS,
        }
    }

    /// The index of an address in a table of this level.
    pub const fn index(self, vaddr: u64) -> usize {
        (vaddr >> self.shift() & ((1 << self.index_bits()) - 1)) as usize
    }

    /// The level below.
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::One => Some(Self::Two),
            Self::Two => Some(Self::Three),
            Self::Three => None,
        }
    }

    /// The level whose entries map frames of this size.
    pub const fn of(size: FrameSize) -> Self {
        match size {
            FrameSize::Huge => Self::One,
            FrameSize::Large => Self::Two,
            FrameSize::Small => Self::Three,
        }
    }
}

/// Whether a mapping of `2^size_bits` bytes at an address ends within the address space.
pub const fn in_user_range(vaddr: u64, size_bits: u32) -> bool {
    vaddr <= USER_TOP && USER_TOP - vaddr >= (1 << size_bits) - 1
}

/// An entry of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Entry(pub u64);

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is mapped.
    Empty,
    /// The address of a table of the level below.
    Table(u64),
    /// The address of the memory that is mapped.
    Leaf(u64),
}

const VALID: u64 = 1;
/// Table at levels 1 and 2, page at level 3.
const TABLE_OR_PAGE: u64 = 2;
/// Access flag: no fault is taken at the first access.
const ACCESSED: u64 = 1 << 10;
const INNER_SHAREABLE: u64 = 3 << 8;
const MEMORY_NORMAL_WRITE_BACK: u64 = 0xf << 2;
const MEMORY_DEVICE_NGNRNE: u64 = 0;
const READ: u64 = 1 << 6;
const WRITE: u64 = 1 << 7;
const EXECUTE_NEVER: u64 = 1 << 54;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

impl Entry {
    /// Maps nothing.
    pub const EMPTY: Self = Self(0);

    /// Refers to a table of the level below.
    pub const fn table(addr: u64) -> Self {
        Self(addr & ADDRESS | TABLE_OR_PAGE | VALID)
    }

    /// Maps memory at `addr` with rights and attributes as an invocation states them ([`vm_attributes`]). Without the
    /// right to read nothing is accessible (seL4 manual, section 7.1.2).
    pub const fn leaf(addr: u64, level: Level, rights: CapRights, attributes: u64) -> Self {
        let access = match (rights.read, rights.write) {
            (false, _) => 0,
            (true, false) => READ,
            (true, true) => READ | WRITE,
        };
        let memory = if attributes & vm_attributes::PAGE_CACHEABLE != 0 {
            MEMORY_NORMAL_WRITE_BACK | INNER_SHAREABLE
        } else {
            MEMORY_DEVICE_NGNRNE
        };
        let execute = if attributes & vm_attributes::EXECUTE_NEVER != 0 { EXECUTE_NEVER } else { 0 };
        let kind = if matches!(level, Level::Three) { TABLE_OR_PAGE } else { 0 };
        Self(addr & ADDRESS | execute | ACCESSED | memory | access | kind | VALID)
    }

    /// What the entry says in a table of this level.
    pub const fn kind(self, level: Level) -> Kind {
        let is_table = self.0 & TABLE_OR_PAGE != 0 && !matches!(level, Level::Three);
        match self.0 & VALID {
            0 => Kind::Empty,
            _ if is_table => Kind::Table(self.0 & ADDRESS),
            _ => Kind::Leaf(self.0 & ADDRESS),
        }
    }
}

/// `VTCR_EL2` for these tables: 40 bits from level 1, 4 KiB granules, walks through inner-shareable write-back memory,
/// 40-bit physical addresses, 8-bit VMIDs.
pub const VTCR: u64 = {
    const RES1: u64 = 1 << 31;
    const PS_40_BITS: u64 = 2 << 16;
    const SH0_INNER: u64 = 3 << 12;
    const ORGN0_WRITE_BACK: u64 = 1 << 10;
    const IRGN0_WRITE_BACK: u64 = 1 << 8;
    const SL0_LEVEL_1: u64 = 1 << 6;
    const T0SZ: u64 = 64 - 40;
    RES1 | PS_40_BITS | SH0_INNER | ORGN0_WRITE_BACK | IRGN0_WRITE_BACK | SL0_LEVEL_1 | T0SZ
};

/// `VTTBR_EL2`: the root's address and the VMID.
pub const fn vttbr(root: u64, vmid: u8) -> u64 {
    (vmid as u64) << 48 | root
}

/// The VMID in `VTTBR_EL2`.
pub const fn vmid(vttbr: u64) -> u8 {
    (vttbr >> 48) as u8
}

/// Number of VMIDs.
pub const VMIDS: usize = 256;

/// Which virtual CPU ran last in each address space on one core. Two of one machine share a VMID, and may use the same ASIDs for
/// different translations, which the processor would take for one another's.
#[derive(Debug)]
pub struct LastGuests([Cell<u64>; VMIDS]);

impl LastGuests {
    /// Nobody ran yet.
    pub const fn new() -> Self {
        Self([const { Cell::new(0) }; VMIDS])
    }

    /// A virtual CPU, by a number that no other has (not 0), is to run in an address space. Whether another one may have left
    /// translations there since it ran last, whoever ran in other address spaces in between.
    #[must_use = "the translations must be forgotten"]
    pub fn finds_others(&self, vmid: u8, number: u64) -> bool {
        self.0[usize::from(vmid)].replace(number) != number
    }
}

impl Default for LastGuests {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEVELS: [Level; 3] = [Level::One, Level::Two, Level::Three];

    proptest! {
        #[test]
        fn the_indices_and_the_offset_make_up_the_address(vaddr in 0..=USER_TOP) {
            let mut rebuilt = vaddr & 0xfff;
            for level in LEVELS {
                prop_assert!(level.index(vaddr) < 1 << level.index_bits());
                rebuilt |= (level.index(vaddr) as u64) << level.shift();
            }
            prop_assert_eq!(rebuilt, vaddr);
        }

        #[test]
        fn an_entry_says_what_it_was_made_from(page in 0u64..1 << 36, rights in 0u64..16, attributes in 0u64..8) {
            let addr = page << 12;
            for level in LEVELS {
                let leaf = Entry::leaf(addr, level, CapRights::from_word(rights), attributes);
                prop_assert_eq!(leaf.kind(level), Kind::Leaf(addr));
            }
            prop_assert_eq!(Entry::table(addr).kind(Level::One), Kind::Table(addr));
            prop_assert_eq!(Entry::table(addr).kind(Level::Two), Kind::Table(addr));
        }

        #[test]
        fn a_mapping_never_allows_more_than_its_rights(rights in 0u64..16, attributes in 0u64..8) {
            let rights = CapRights::from_word(rights);
            let entry = Entry::leaf(0x1000, Level::Three, rights, attributes).0;
            prop_assert_eq!(entry & READ != 0, rights.read);
            prop_assert_eq!(entry & WRITE != 0, rights.read && rights.write);
            prop_assert_eq!(entry & EXECUTE_NEVER != 0, attributes & vm_attributes::EXECUTE_NEVER != 0);
        }
    }

    #[test]
    fn an_empty_entry_is_empty_at_every_level() {
        assert!(LEVELS.iter().all(|level| Entry::EMPTY.kind(*level) == Kind::Empty));
    }

    #[test]
    fn frames_map_at_the_level_of_their_size() {
        for size in [FrameSize::Small, FrameSize::Large, FrameSize::Huge] {
            assert_eq!(Level::of(size).shift(), size.bits());
        }
        assert_eq!(Level::One.below().and_then(Level::below).and_then(Level::below), None);
    }

    #[test]
    fn the_range_ends_with_the_address_space() {
        assert!(in_user_range(USER_TOP & !0xfff, 12));
        assert!(!in_user_range((USER_TOP & !0xfff) + 0x1000, 12));
        assert!(in_user_range(USER_TOP + 1 - (1 << 30), 30));
        assert!(!in_user_range(USER_TOP & !0xfff, 21));
    }

    #[test]
    fn translations_of_another_vcpu_of_a_machine_are_found_whoever_ran_in_between() {
        let last = LastGuests::new();
        assert!(last.finds_others(7, 1), "nobody knows what was there before");
        assert!(!last.finds_others(7, 1));
        assert!(last.finds_others(7, 2), "the other vCPU of the machine");
        assert!(last.finds_others(9, 3) && last.finds_others(7, 1), "another machine in between");
        assert!(last.finds_others(9, 4) && !last.finds_others(7, 1), "only another machine in between");
    }

    proptest::proptest! {
        /// Against the whole history.
        #[test]
        fn whoever_ran_last_in_an_address_space_is_known(history in proptest::collection::vec((0..4u8, 1..6u64), 1..60)) {
            let last = LastGuests::new();
            for (index, &(vmid, number)) in history.iter().enumerate() {
                let before = history[..index].iter().rev().find(|run| run.0 == vmid);
                proptest::prop_assert_eq!(last.finds_others(vmid, number), before.is_none_or(|run| run.1 != number));
            }
        }
    }

    #[test]
    fn the_encodings_are_the_architectures() {
        let all = CapRights::ALL;
        assert_eq!(Entry::leaf(0x8000_0000, Level::Two, all, vm_attributes::DEFAULT).0, 0x8000_07fd);
        assert_eq!(Entry::leaf(0x0900_0000, Level::Three, all, vm_attributes::EXECUTE_NEVER).0, 0x0040_0000_0900_04c3);
        assert_eq!(vttbr(0x6000_0000, 3), 0x0003_0000_6000_0000);
    }
}
