//! Registers of a virtual CPU, as `ARM_VCPU_ReadRegs` and `ARM_VCPU_WriteRegs` name them.

#[cfg(not(sel4_plain))]
use crate::quoll;
use crate::{Word, abi};

/// What can be read or written of a virtual CPU: [`VCpuReg`], and this kernel's own
/// [`quoll::VCpuReg`].
pub trait VCpuField: sealed::Sealed {
    /// The number that the kernel takes.
    fn into_sys(self) -> Word;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::VCpuReg {}
    #[cfg(not(sel4_plain))]
    impl Sealed for crate::quoll::VCpuReg {}
}

macro_rules! registers {
    ($($(#[$outer:meta])* $name:ident = $abi:ident,)*) => {
        /// A register of a virtual CPU (`seL4_VCPUReg`).
        #[repr(u64)]
        #[allow(non_camel_case_types, missing_docs, reason = "the names are the architecture's")]
        #[derive(Debug, Copy, Clone, PartialEq, Eq)]
        pub enum VCpuReg {
            $($(#[$outer])* $name = abi::vcpu::VCpuReg::$abi as Word,)*
        }
    };
}

registers! {
    SCTLR = Sctlr,
    CPACR = Cpacr,
    TTBR0 = Ttbr0,
    TTBR1 = Ttbr1,
    TCR = Tcr,
    MAIR = Mair,
    AMAIR = Amair,
    CIDR = Cidr,
    ACTLR = Actlr,
    AFSR0 = Afsr0,
    AFSR1 = Afsr1,
    ESR = Esr,
    FAR = Far,
    #[cfg(not(sel4_plain))]
    PAR = Par,
    VBAR = Vbar,
    TPIDR_EL1 = TpidrEl1,
    #[cfg(not(sel4_plain))]
    VMPIDR_EL2 = VmpidrEl2,
    SP_EL1 = SpEl1,
    ELR_EL1 = ElrEl1,
    SPSR_EL1 = SpsrEl1,
    CNTV_CTL = CntvCtl,
    CNTV_CVAL = CntvCval,
    CNTVOFF = CntvOff,
    #[cfg(not(sel4_plain))]
    CNTKCTL_EL1 = CntkctlEl1,
}

impl VCpuReg {
    /// The number that the kernel takes.
    pub const fn into_sys(self) -> Word {
        self as Word
    }
}

impl VCpuField for VCpuReg {
    #[inline(always)]
    fn into_sys(self) -> Word {
        VCpuReg::into_sys(self)
    }
}

#[cfg(not(sel4_plain))]
impl VCpuField for quoll::VCpuReg {
    #[inline(always)]
    fn into_sys(self) -> Word {
        quoll::VCpuReg::into_sys(self)
    }
}
