//! What a guest reads from the identification registers: the processor's values, cut to what is virtualized.
//!
//! The tables list what a guest may see; a field that is not listed reads as zero, so a feature that appears with a newer
//! core stays hidden until its state is switched with the guest or its traps are thought through. Fields: ARM ARM, D24.2.

/// What a guest sees of a four-bit field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// The processor's value, at this bit.
    Keep(u32),
    /// The processor's value, at this bit, but no more than this.
    AtMost(u32, u64),
    /// This value at this bit.
    Is(u32, u64),
}

use Field::{AtMost, Is, Keep};

impl Field {
    const fn apply(self, real: u64) -> u64 {
        match self {
            Keep(shift) => real & 0xf << shift,
            AtMost(shift, most) => {
                let value = real >> shift & 0xf;
                (if value < most { value } else { most }) << shift
            }
            Is(shift, value) => value << shift,
        }
    }
}

/// AArch64 at EL0 and EL1 and nothing above; FP and SIMD; the GIC's system registers; data-independent timing; the
/// speculation guarantees, without the context-number registers of CSV2_2. Not: RAS, SVE, AMU, MPAM.
const AA64PFR0: &[Field] = &[Is(0, 1), Is(4, 1), Keep(16), Keep(20), AtMost(24, 1), Keep(48), AtMost(56, 1), Keep(60)];
/// Branch target identification and speculative store bypass, whose state is in the PSTATE. Not: MTE, SME, RNDR trap.
const AA64PFR1: &[Field] = &[Keep(0), Keep(4)];
/// Debug of ARMv8.0 with the fewest breakpoints; the registers are RAZ/WI. Double lock as it is.
const AA64DFR0: &[Field] = &[Is(0, 6), Is(12, 1), Is(20, 1), Keep(36)];
/// All instruction-set extensions but transactional memory.
const AA64ISAR0: &[Field] = &[
    Keep(4),
    Keep(8),
    Keep(12),
    Keep(16),
    Keep(20),
    Keep(28),
    Keep(32),
    Keep(36),
    Keep(40),
    Keep(44),
    Keep(48),
    Keep(52),
    Keep(56),
    Keep(60),
];
/// Not: pointer authentication (4, 8, 24, 28), XS, 64-byte accesses.
const AA64ISAR1: &[Field] =
    &[Keep(0), Keep(12), Keep(16), AtMost(20, 2), Keep(32), Keep(36), AtMost(40, 1), Keep(44), Keep(48), Keep(52)];
/// Hinted conditional branches, `CLRBHB`, common short sequences. Not: WFxT, MOPS, pointer authentication.
const AA64ISAR2: &[Field] = &[Keep(20), Keep(28), Keep(52)];
/// 40 bits of physical address, as the stage-2 tables have; granules without 52-bit addresses.
const AA64MMFR0: &[Field] = &[AtMost(0, 2), Keep(4), Keep(8), Keep(16), AtMost(20, 1), Keep(24), GRANULE_4K];
/// `0b1111` says that there is no 4 KiB granule, which no core says that QEMU has; 1 would be 52-bit addresses.
const GRANULE_4K: Field = Is(28, 0);
/// Hardware access and dirty flags, hierarchical permissions, PAN, ETS. Not: VHE, LORegions, HCX, AFP.
const AA64MMFR1: &[Field] = &[AtMost(0, 2), AtMost(12, 2), AtMost(20, 3), Keep(36)];
/// CnP, UAO, CCIDX (the cache registers are not trapped), unaligned atomics, BBM, E0PD. Not: large addresses, NV, FWB.
const AA64MMFR2: &[Field] = &[Keep(0), Keep(4), Keep(8), Keep(20), Keep(32), AtMost(52, 2), Keep(60)];

/// The value that a guest reads from identification register `S3_0_C0_C<crm>_<op2>` where the processor has `real`. All of
/// AArch32 and all that is reserved reads as zero.
pub fn guest_view(crm: u8, op2: u8, real: u64) -> u64 {
    let fields: &[Field] = match (crm, op2) {
        (4, 0) => AA64PFR0,
        (4, 1) => AA64PFR1,
        (5, 0) => AA64DFR0,
        (6, 0) => AA64ISAR0,
        (6, 1) => AA64ISAR1,
        (6, 2) => AA64ISAR2,
        (7, 0) => AA64MMFR0,
        (7, 1) => AA64MMFR1,
        (7, 2) => AA64MMFR2,
        _ => &[],
    };
    fields.iter().fold(0, |view, field| view | field.apply(real))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PFR0: (u8, u8) = (4, 0);
    const ISAR1: (u8, u8) = (6, 1);

    fn view((crm, op2): (u8, u8), real: u64) -> u64 {
        guest_view(crm, op2, real)
    }

    /// The four-bit field at `shift`.
    fn field(value: u64, shift: u32) -> u64 {
        value >> shift & 0xf
    }

    #[test]
    fn a_newer_cores_features_are_hidden() {
        // QEMU's `max`: everything that it has in this register.
        let real = 0x1201_0111_2111_2222u64 | 1 << 24;
        let pfr0 = view(PFR0, real);
        for (name, shift) in
            [("EL2", 8), ("EL3", 12), ("RAS", 28), ("SVE", 32), ("SEL2", 36), ("MPAM", 40), ("AMU", 44)]
        {
            assert_eq!(field(pfr0, shift), 0, "{name}");
        }
        assert_eq!((field(pfr0, 0), field(pfr0, 4)), (1, 1), "AArch64 only");
        assert_eq!(field(pfr0, 24), 1, "the GIC's system registers");
    }

    #[test]
    fn pointer_authentication_is_hidden_and_its_neighbours_are_not() {
        let isar1 = view(ISAR1, u64::MAX);
        assert!([4, 8, 24, 28].iter().all(|shift| field(isar1, *shift) == 0));
        assert_eq!(field(isar1, 12), 0xf, "JSCVT");
    }

    #[test]
    fn a_core_without_floating_point_says_so() {
        assert_eq!(field(view(PFR0, 0x00ff_0011), 16), 0xf);
        assert_eq!(field(view(PFR0, 0x00ff_0011), 20), 0xf);
    }

    #[test]
    fn physical_addresses_have_at_most_forty_bits() {
        assert_eq!(field(guest_view(7, 0, 0x6), 0), 2);
        assert_eq!(field(guest_view(7, 0, 0x1), 0), 1);
    }

    proptest! {
        #[test]
        fn what_is_not_listed_reads_as_zero(crm in 0u8..16, op2 in 0u8..8, real: u64) {
            let listed = matches!((crm, op2), (4, 0 | 1) | (5, 0) | (6, 0..=2) | (7, 0..=2));
            prop_assert!(listed || guest_view(crm, op2, real) == 0);
        }
    }
}
