//! Exception syndromes (`ESR_EL2`; ARM ARM, D24.2.40): why the processor came to the kernel.

/// A syndrome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Syndrome(pub u64);

/// Classes of exception that the kernel tells apart; every other one is [`Class::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Unknown reason: an undefined instruction.
    Unknown,
    /// WFI or WFE.
    Wait,
    /// Floating point or SIMD, trapped.
    FloatingPoint,
    /// `SVC` in AArch64.
    Svc,
    /// `HVC` in AArch64.
    Hvc,
    /// `SMC` in AArch64.
    Smc,
    /// `MSR`, `MRS` or a system instruction.
    SystemRegister,
    /// Instruction abort of a lower level.
    InstructionAbort,
    /// Data abort of a lower level.
    DataAbort,
    /// A breakpoint register of a lower level.
    HardwareBreakpoint,
    /// The end of a single step of a lower level.
    SoftwareStep,
    /// A watchpoint register of a lower level.
    Watchpoint,
    /// `BRK` in AArch64.
    Breakpoint,
    /// Whatever else; its number.
    Other(u32),
}

impl Syndrome {
    /// The class's number, `ESR_ELx.EC`.
    pub const fn class_number(self) -> u32 {
        (self.0 >> 26 & 0x3f) as u32
    }

    /// The class.
    pub const fn class(self) -> Class {
        match self.class_number() {
            0x00 => Class::Unknown,
            0x01 => Class::Wait,
            0x07 => Class::FloatingPoint,
            0x15 => Class::Svc,
            0x16 => Class::Hvc,
            0x17 => Class::Smc,
            0x18 => Class::SystemRegister,
            0x20 => Class::InstructionAbort,
            0x24 => Class::DataAbort,
            0x30 => Class::HardwareBreakpoint,
            0x32 => Class::SoftwareStep,
            0x34 => Class::Watchpoint,
            0x3c => Class::Breakpoint,
            other => Class::Other(other),
        }
    }

    /// Of [`Class::Wait`]: whether it is WFI rather than WFE, WFIT or WFET.
    pub const fn is_wfi(self) -> bool {
        self.0 & 3 == 0
    }

    /// Of an abort that stage 2 caused: whether `HPFAR_EL2` holds the address (ARM ARM, D24.2.58). It does for address
    /// size, translation and access flag faults, and for permission faults of a walk of stage 1; not for those of the
    /// access itself, nor for external aborts.
    pub const fn is_ipa_told(self) -> bool {
        const ON_STAGE_1_WALK: u64 = 1 << 7;
        match self.0 >> 2 & 0xf {
            0..=2 => true,
            3 => self.0 & ON_STAGE_1_WALK != 0,
            _ => false,
        }
    }

    /// Of an abort: whether `FAR_EL2` holds no address (a synchronous external abort may say so).
    pub const fn is_address_invalid(self) -> bool {
        self.0 & 1 << 10 != 0
    }

    /// Of a data abort: whether it was a write.
    pub const fn is_write(self) -> bool {
        self.0 & 1 << 6 != 0
    }

    /// Of [`Class::SystemRegister`]: the access.
    pub fn system_access(self) -> SystemAccess {
        let field = |shift: u32, bits: u32| (self.0 >> shift & ((1 << bits) - 1)) as u8;
        SystemAccess {
            op0: field(20, 2),
            op2: field(17, 3),
            op1: field(14, 3),
            crn: field(10, 4),
            rt: field(5, 5),
            crm: field(1, 4),
            is_read: self.0 & 1 != 0,
        }
    }
}

/// A trapped access to a system register, by the register's encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the architecture's")]
pub struct SystemAccess {
    pub op0: u8,
    pub op1: u8,
    pub crn: u8,
    pub crm: u8,
    pub op2: u8,
    /// The general-purpose register; 31 is the zero register.
    pub rt: u8,
    /// Whether it is `MRS`.
    pub is_read: bool,
}

/// The intermediate physical address of an abort from `HPFAR_EL2` and `FAR_EL2`: the page from the first, the offset from
/// the second.
pub const fn fault_ipa(hpfar: u64, far: u64) -> u64 {
    (hpfar & 0x0000_0fff_ffff_fff0) << 8 | far & 0xfff
}

/// The intermediate physical address that an address translation (`AT S1E1R`) left in `PAR_EL1`, with the offset of the
/// address that was translated. `None` when it failed.
pub const fn translated_ipa(par: u64, far: u64) -> Option<u64> {
    if par & 1 != 0 { None } else { Some(par & 0x000f_ffff_ffff_f000 | far & 0xfff) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_the_architectures() {
        let class = |number: u64| Syndrome(number << 26 | 1 << 25).class();
        assert_eq!(class(0x15), Class::Svc);
        assert_eq!(class(0x16), Class::Hvc);
        assert_eq!(class(0x17), Class::Smc);
        assert_eq!(class(0x24), Class::DataAbort);
        assert_eq!(class(0x3c), Class::Breakpoint);
        assert_eq!(class(0x19), Class::Other(0x19));
    }

    #[test]
    fn a_trapped_read_of_an_id_register_is_decoded() {
        // mrs x7, id_aa64pfr0_el1: op0 3, op1 0, CRn 0, CRm 4, op2 0.
        let syndrome = Syndrome(0x18 << 26 | 1 << 25 | 3 << 20 | 7 << 5 | 4 << 1 | 1);
        let expected = SystemAccess { op0: 3, op1: 0, crn: 0, crm: 4, op2: 0, rt: 7, is_read: true };
        assert_eq!(syndrome.system_access(), expected);
    }

    #[test]
    fn wfi_is_told_from_the_other_waits() {
        assert!(Syndrome(0x01 << 26).is_wfi());
        assert!((1..4).all(|kind| !Syndrome(0x01 << 26 | kind).is_wfi()));
    }

    #[test]
    fn permission_faults_and_external_aborts_need_a_walk_by_hand() {
        let abort = 0x24 << 26;
        for (status, told) in [(0x0, true), (0x7, true), (0xb, true), (0xf, false), (0xf | 1 << 7, true), (0x10, false)]
        {
            assert_eq!(Syndrome(abort | status).is_ipa_told(), told, "{status:#x}");
        }
    }

    #[test]
    fn the_page_comes_from_one_register_and_the_offset_from_the_other() {
        assert_eq!(fault_ipa(0x0009_0000, 0xffff_8000_1234_5018), 0x0900_0018);
        assert_eq!(translated_ipa(0x0900_0b80, 0xffff_8000_1234_5018), Some(0x0900_0018));
        assert_eq!(translated_ipa(0x0900_0b81, 0), None);
    }
}
