//! What becomes of a guest's trapped access to a system register: answered in the kernel, or the VMM's business.

use crate::esr::SystemAccess;

/// Who answers an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A read of an identification register `S3_0_C0_C<crm>_<op2>`: the guest's view of it.
    Identification {
        /// CRm.
        crm: u8,
        /// op2.
        op2: u8,
    },
    /// Reads as this, writes are ignored.
    Constant(u64),
    /// The VMM answers.
    Vmm,
}

/// Sorts an access. The debug registers (op0 = 2) are there by the architecture, but a guest has no use of them yet: Linux
/// unlocks and clears them at boot, and sees no breakpoint at work.
pub const fn answer(access: SystemAccess) -> Answer {
    match access {
        SystemAccess { op0: 3, op1: 0, crn: 0, crm: 1..=7, is_read: true, .. } => {
            Answer::Identification { crm: access.crm, op2: access.op2 }
        }
        SystemAccess { op0: 2, op1: 0, .. } => Answer::Constant(0),
        // ICC_SRE_EL1: the GIC's system registers are used, and nothing bypasses them.
        SystemAccess { op0: 3, op1: 0, crn: 12, crm: 12, op2: 5, .. } => Answer::Constant(7),
        _ => Answer::Vmm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: SystemAccess = SystemAccess { op0: 3, op1: 0, crn: 0, crm: 4, op2: 0, rt: 0, is_read: true };

    #[test]
    fn identification_is_answered_in_the_kernel() {
        assert_eq!(answer(ACCESS), Answer::Identification { crm: 4, op2: 0 });
        assert_eq!(answer(SystemAccess { crm: 7, op2: 2, ..ACCESS }), Answer::Identification { crm: 7, op2: 2 });
    }

    #[test]
    fn debug_registers_do_nothing() {
        let mdscr = SystemAccess { op0: 2, op1: 0, crn: 0, crm: 2, op2: 2, is_read: false, ..ACCESS };
        assert_eq!(answer(mdscr), Answer::Constant(0));
    }

    #[test]
    fn the_gics_system_registers_cannot_be_turned_off() {
        let sre = SystemAccess { crn: 12, crm: 12, op2: 5, is_read: false, ..ACCESS };
        assert_eq!(answer(sre), Answer::Constant(7));
    }

    #[test]
    fn the_rest_is_the_vmms() {
        assert_eq!(answer(SystemAccess { is_read: false, ..ACCESS }), Answer::Vmm);
        let sgi1r = SystemAccess { crn: 12, crm: 11, op2: 5, is_read: false, ..ACCESS };
        assert_eq!(answer(sgi1r), Answer::Vmm);
        let pmcr = SystemAccess { op1: 3, crn: 9, crm: 12, ..ACCESS };
        assert_eq!(answer(pmcr), Answer::Vmm);
        let trace = SystemAccess { op0: 2, op1: 1, ..ACCESS };
        assert_eq!(answer(trace), Answer::Vmm);
    }
}
