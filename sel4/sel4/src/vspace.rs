//! Address spaces: frames, translation tables, attributes of mappings.

use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not};

use crate::abi::object;
use crate::{
    CapType, CapTypeForObjectOfFixedSize, ObjectBlueprint, ObjectBlueprintAArch64, ObjectBlueprintArm, Word, cap_type,
};

/// Sizes of frames.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum FrameObjectType {
    /// 4 KiB.
    SmallPage,
    /// 2 MiB.
    LargePage,
    /// 1 GiB.
    HugePage,
}

impl FrameObjectType {
    /// The smallest.
    pub const GRANULE: Self = Self::SmallPage;
    /// log2 of the bytes of a small page.
    pub const SMALL_PAGE_BITS: usize = Self::SmallPage.bits();
    /// log2 of the bytes of a large page.
    pub const LARGE_PAGE_BITS: usize = Self::LargePage.bits();
    /// log2 of the bytes of a huge page.
    pub const HUGE_PAGE_BITS: usize = Self::HugePage.bits();

    /// The object to make.
    pub const fn blueprint(self) -> ObjectBlueprint {
        ObjectBlueprint::Arch(match self {
            Self::SmallPage => ObjectBlueprintArm::SmallPage,
            Self::LargePage => ObjectBlueprintArm::LargePage,
            Self::HugePage => ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::HugePage),
        })
    }

    /// The frame of `2^bits` bytes, if there is one.
    pub const fn from_bits(bits: usize) -> Option<Self> {
        match bits {
            Self::SMALL_PAGE_BITS => Some(Self::SmallPage),
            Self::LARGE_PAGE_BITS => Some(Self::LargePage),
            Self::HUGE_PAGE_BITS => Some(Self::HugePage),
            _ => None,
        }
    }

    /// log2 of its bytes.
    pub const fn bits(self) -> usize {
        self.blueprint().physical_size_bits()
    }

    /// Its bytes.
    pub const fn bytes(self) -> usize {
        1 << self.bits()
    }
}

/// A capability type that is one to a frame.
pub trait CapTypeForFrameObject: CapType {}

impl CapTypeForFrameObject for cap_type::UnspecifiedPage {}

/// A capability type that is one to a frame of known size.
pub trait CapTypeForFrameObjectOfFixedSize: CapTypeForObjectOfFixedSize + CapTypeForFrameObject {
    /// The size.
    const FRAME_OBJECT_TYPE: FrameObjectType;
}

macro_rules! frames {
    ($($t:ident),*) => { $(
        impl CapTypeForFrameObject for cap_type::$t {}

        impl CapTypeForFrameObjectOfFixedSize for cap_type::$t {
            const FRAME_OBJECT_TYPE: FrameObjectType = FrameObjectType::$t;
        }
    )* };
}

frames!(SmallPage, LargePage, HugePage);

/// Kinds of translation tables.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TranslationTableObjectType {
    /// Any level but the top.
    PT,
    /// The top.
    VSpace,
}

impl TranslationTableObjectType {
    /// The object to make.
    pub const fn blueprint(&self) -> ObjectBlueprint {
        ObjectBlueprint::Arch(match self {
            Self::PT => ObjectBlueprintArm::PT,
            Self::VSpace => ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::VSpace),
        })
    }

    /// log2 of its entries.
    pub const fn index_bits(&self) -> usize {
        match self {
            Self::PT => object::PAGE_TABLE_INDEX_BITS as usize,
            Self::VSpace => object::VSPACE_INDEX_BITS as usize,
        }
    }

    /// The table of a level; 0 is the top.
    pub const fn from_level(level: usize) -> Option<Self> {
        match level {
            0 => Some(Self::VSpace),
            1..vspace_levels::NUM_LEVELS => Some(Self::PT),
            _ => None,
        }
    }
}

/// A capability type that is one to a translation table.
pub trait CapTypeForTranslationTableObject: CapTypeForObjectOfFixedSize {
    /// The table's kind.
    const TRANSLATION_TABLE_OBJECT_TYPE: TranslationTableObjectType;
}

impl CapTypeForTranslationTableObject for cap_type::PT {
    const TRANSLATION_TABLE_OBJECT_TYPE: TranslationTableObjectType = TranslationTableObjectType::PT;
}

impl CapTypeForTranslationTableObject for cap_type::VSpace {
    const TRANSLATION_TABLE_OBJECT_TYPE: TranslationTableObjectType = TranslationTableObjectType::VSpace;
}

/// Levels of translation tables, counted from the top.
///
/// Addresses have 40 bits, translated in stage 2 by three levels: the VSpace with 2^10 entries of
/// 1 GiB, then two levels of page tables.
pub mod vspace_levels {
    use super::{FrameObjectType, TranslationTableObjectType};

    /// Number of levels.
    pub const NUM_LEVELS: usize = 3;

    /// The first level whose entries can be pages.
    pub const HIGHEST_LEVEL_WITH_PAGE_ENTRIES: usize = 0;

    /// log2 of the bytes that a table of `level` translates.
    ///
    /// # Panics
    ///
    /// When there is no such level.
    pub const fn span_bits(level: usize) -> usize {
        let mut bits = FrameObjectType::GRANULE.bits();
        let mut below = NUM_LEVELS;
        assert!(level < NUM_LEVELS);
        while below > level {
            below -= 1;
            bits += match TranslationTableObjectType::from_level(below) {
                Some(table) => table.index_bits(),
                None => unreachable!(),
            };
        }
        bits
    }

    /// log2 of the bytes that one entry of a table of `level` translates.
    ///
    /// # Panics
    ///
    /// When there is no such level.
    pub const fn step_bits(level: usize) -> usize {
        match TranslationTableObjectType::from_level(level) {
            Some(table) => span_bits(level) - table.index_bits(),
            None => panic!("no such level of translation tables"),
        }
    }
}

/// Attributes of a mapping (`seL4_ARM_VMAttributes`).
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct VmAttributes(Word);

impl VmAttributes {
    newtype_methods!(pub Word);

    /// Device memory.
    pub const NONE: Self = Self(0);
    /// Normal, cacheable memory.
    pub const DEFAULT: Self = Self(object::vm_attributes::DEFAULT);
    /// Normal, cacheable memory.
    pub const PAGE_CACHEABLE: Self = Self(object::vm_attributes::PAGE_CACHEABLE);
    /// Nothing on AArch64.
    pub const PARITY_ENABLED: Self = Self(object::vm_attributes::PARITY_ENABLED);
    /// Not executable.
    pub const EXECUTE_NEVER: Self = Self(object::vm_attributes::EXECUTE_NEVER);

    /// Whether any attribute of `rhs` is set.
    pub const fn has(self, rhs: Self) -> bool {
        self.0 & rhs.0 != 0
    }
}

impl Default for VmAttributes {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Not for VmAttributes {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl BitOr for VmAttributes {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl BitOrAssign for VmAttributes {
    fn bitor_assign(&mut self, rhs: Self) {
        *self = *self | rhs;
    }
}

impl BitAnd for VmAttributes {
    type Output = Self;
    fn bitand(self, rhs: Self) -> Self {
        Self(self.0 & rhs.0)
    }
}

impl BitAndAssign for VmAttributes {
    fn bitand_assign(&mut self, rhs: Self) {
        *self = *self & rhs;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vspace_levels::{NUM_LEVELS, span_bits, step_bits};

    #[test]
    fn levels_span_forty_bits() {
        assert_eq!(span_bits(0), 40);
        assert_eq!([0, 1, 2].map(step_bits), [30, 21, 12]);
        assert!((1..NUM_LEVELS).all(|level| span_bits(level) == step_bits(level - 1)));
        assert_eq!(TranslationTableObjectType::from_level(NUM_LEVELS), None);
    }

    #[test]
    fn frames_by_size() {
        for frame in [FrameObjectType::SmallPage, FrameObjectType::LargePage, FrameObjectType::HugePage] {
            assert_eq!(FrameObjectType::from_bits(frame.bits()), Some(frame));
        }
        assert_eq!(FrameObjectType::from_bits(13), None);
    }

    #[test]
    fn attributes_combine() {
        let attributes = VmAttributes::DEFAULT | VmAttributes::EXECUTE_NEVER;
        assert!(attributes.has(VmAttributes::EXECUTE_NEVER));
        assert!(!(attributes & !VmAttributes::EXECUTE_NEVER).has(VmAttributes::EXECUTE_NEVER));
    }
}
