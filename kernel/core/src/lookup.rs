//! One step of a capability lookup: what a CNode's guard and radix make of the bits that are left of a capability
//! pointer (seL4 manual, section 3.3).

use crate::cap::low_mask;
use sel4_abi::error::LookupFailureKind;
use sel4_abi::message::CNodeCapData;

/// Why a lookup failed, as user level is told. Small, since every fault has room for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupFailure {
    /// The root is no CNode.
    InvalidRoot,
    /// An empty slot, or one that holds no capability of use here.
    MissingCapability {
        /// Bits of the pointer that were left.
        bits_left: u8,
    },
    /// A level of the tree resolves more bits than are left.
    DepthMismatch {
        /// Bits of the pointer that were left.
        bits_left: u8,
        /// Bits that the level resolves.
        bits_found: u8,
    },
    /// The guard of a CNode differs from the pointer's bits.
    GuardMismatch {
        /// Bits of the pointer that were left.
        bits_left: u8,
        /// The guard of the CNode.
        guard: u64,
        /// Its size.
        guard_size: u8,
    },
}

impl LookupFailure {
    /// The words that describe the failure in a message, and how many they are.
    pub const fn words(self) -> ([u64; 4], usize) {
        use LookupFailureKind as Kind;
        match self {
            Self::InvalidRoot => ([Kind::InvalidRoot as u64, 0, 0, 0], 1),
            Self::MissingCapability { bits_left } => ([Kind::MissingCapability as u64, bits_left as u64, 0, 0], 2),
            Self::DepthMismatch { bits_left, bits_found } => {
                ([Kind::DepthMismatch as u64, bits_left as u64, bits_found as u64, 0], 3)
            }
            Self::GuardMismatch { bits_left, guard, guard_size } => {
                ([Kind::GuardMismatch as u64, bits_left as u64, guard, guard_size as u64], 4)
            }
        }
    }
}

/// A slot found in a CNode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index of the slot.
    pub index: u64,
    /// Bits of the pointer that are left behind it.
    pub bits_left: u32,
}

/// Resolves the next bits of `pointer`, of which the low `bits_left` (1 to 64) are still to be resolved, in a CNode.
#[inline]
pub const fn step(pointer: u64, bits_left: u32, radix: u32, guard: CNodeCapData) -> Result<Step, LookupFailure> {
    let CNodeCapData { guard, guard_size } = guard;
    // A guard longer than what is left cannot match, whatever the bits are.
    let matches = guard_size <= bits_left && {
        let bits = if guard_size == 0 { 0 } else { pointer >> (bits_left - guard_size) & low_mask(guard_size) };
        bits == guard
    };
    if !matches {
        return Err(LookupFailure::GuardMismatch { bits_left: bits_left as u8, guard, guard_size: guard_size as u8 });
    }
    let bits_found = guard_size + radix;
    if bits_found > bits_left {
        return Err(LookupFailure::DepthMismatch { bits_left: bits_left as u8, bits_found: bits_found as u8 });
    }
    let bits_left = bits_left - bits_found;
    // `radix` is at least 1, so the shift is below 64.
    Ok(Step { index: pointer >> bits_left & low_mask(radix), bits_left })
}

/// [`step`] behind the first `resolved` bits (below 64) of a pointer, without a reason when it fails: the index of the slot,
/// and how many bits it took.
#[inline(always)]
pub const fn step_fast(pointer: u64, resolved: u32, radix: u32, guard: CNodeCapData) -> Option<(u64, u32)> {
    let CNodeCapData { guard, guard_size } = guard;
    let bits = guard_size + radix;
    let rest = pointer << resolved;
    // Two shifts: a guard may be empty. It is at most 58 bits long.
    if resolved + bits > u64::BITS || rest >> 1 >> (u64::BITS - 1 - guard_size) != guard {
        return None;
    }
    Some((rest << guard_size >> (u64::BITS - radix), bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the definition by strings of bits.
        #[test]
        fn agrees_with_bit_strings(
            pointer: u64, bits_left in 1u32..=64, radix in 1u32..=20, guard_size in 0u32..=44, random_guard: u64,
            right: bool,
        ) {
            let string: Vec<char> = format!("{:064b}", pointer).chars().skip(64 - bits_left as usize).collect();
            let fits = guard_size <= bits_left;
            let found: String = if fits { string[..guard_size as usize].iter().collect() } else { String::new() };
            let found = u64::from_str_radix(&found, 2).unwrap_or(0);
            let guard = if right && fits { found } else { random_guard & low_mask(guard_size) };
            let (left, size) = (bits_left as u8, guard_size as u8);
            let result = step(pointer, bits_left, radix, CNodeCapData { guard, guard_size });
            let fast = step_fast(pointer, 64 - bits_left, radix, CNodeCapData { guard, guard_size });
            prop_assert_eq!(fast, result.ok().map(|step| (step.index, bits_left - step.bits_left)));
            if !fits || found != guard {
                prop_assert_eq!(result, Err(LookupFailure::GuardMismatch { bits_left: left, guard, guard_size: size }));
            } else if guard_size + radix > bits_left {
                let bits_found = size + radix as u8;
                prop_assert_eq!(result, Err(LookupFailure::DepthMismatch { bits_left: left, bits_found }));
            } else {
                let index: String = string[guard_size as usize..(guard_size + radix) as usize].iter().collect();
                let index = u64::from_str_radix(&index, 2).unwrap();
                prop_assert_eq!(result, Ok(Step { index, bits_left: bits_left - guard_size - radix }));
            }
        }
    }

    #[test]
    fn microkits_cspace() {
        let root = CNodeCapData { guard: 0, guard_size: 0 };
        let inner = CNodeCapData { guard: 0, guard_size: 64 - 9 - 6 };
        let first = step(74, 64, 6, root).unwrap();
        assert_eq!(first, Step { index: 0, bits_left: 58 });
        assert_eq!(step(74, first.bits_left, 9, inner), Ok(Step { index: 74, bits_left: 0 }));
    }
}
