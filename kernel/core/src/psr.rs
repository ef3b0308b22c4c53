//! Saved program status (`SPSR_EL2`): what user level may put there. A state that the kernel must not return to (a higher
//! exception level, an illegal one) would be an exception of the kernel itself.

/// A native thread's status at its start: EL0, interrupts of the kernel enabled.
pub const NATIVE: u64 = 0;
/// A guest's at its start, as the architecture resets EL1: EL1h, all exceptions masked.
pub const GUEST: u64 = 0x3c5;

/// While single steps are enabled: one instruction is executed before the exception (ARM ARM, D2.12.3). User level never
/// gives it.
pub const STEP: u64 = 1 << 21;

const MODE: u64 = 0x1f;
/// Condition flags, DIT, SSBS and BTYPE.
const NATIVE_BITS: u64 = 0xf << 28 | 1 << 24 | 1 << 12 | 3 << 10;
/// A guest also has its interrupt masks, PAN and UAO.
const GUEST_BITS: u64 = NATIVE_BITS | 0xf << 6 | 3 << 22;

/// The status that is used where user level asks for `spsr`. Natives run at EL0. A vCPU's thread runs at EL0, EL1 with
/// SP_EL0 or EL1 with SP_EL1, always in AArch64; any other mode becomes EL0.
pub const fn sanitize(spsr: u64, is_vcpu: bool) -> u64 {
    if !is_vcpu {
        return spsr & NATIVE_BITS;
    }
    let mode = match spsr & MODE {
        mode @ (0 | 4 | 5) => mode,
        _ => 0,
    };
    spsr & GUEST_BITS | mode
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nobody_gets_above_their_level(spsr: u64, is_vcpu: bool) {
            let mode = sanitize(spsr, is_vcpu) & MODE;
            prop_assert!(mode == 0 || (is_vcpu && (mode == 4 || mode == 5)));
        }

        #[test]
        fn natives_cannot_mask_interrupts(spsr: u64) {
            prop_assert_eq!(sanitize(spsr, false) & 0xf << 6, 0);
        }

        #[test]
        fn it_is_stable(spsr: u64, is_vcpu: bool) {
            let once = sanitize(spsr, is_vcpu);
            prop_assert_eq!(sanitize(once, is_vcpu), once);
        }
    }

    #[test]
    fn initial_states_are_allowed() {
        assert_eq!(sanitize(GUEST, true), GUEST);
        assert_eq!(sanitize(NATIVE, false), NATIVE);
        assert_eq!(sanitize(GUEST, false), 0);
    }
}
