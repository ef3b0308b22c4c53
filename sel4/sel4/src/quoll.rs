//! What this kernel offers beyond seL4 16. Numbers and layouts: [`crate::abi::quoll`].

use crate::abi::quoll::{vcpu_flags, vcpu_reg};
use crate::{IpcBuffer, Word, arch};

/// A register of a virtual CPU that is not seL4's; see [`crate::abi::quoll::vcpu_reg`].
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum VCpuReg {
    /// Read: what the interrupt controller offers to guests; see [`GicInfo`].
    GicInfo,
    /// Read and write: [`VCpuFlags`].
    Flags,
    /// Read: a bit for each list register whose interrupt has ended.
    Eisr,
    /// Read: a bit for each list register that is empty.
    Elrsr,
    /// Read: why a maintenance interrupt is raised.
    Misr,
    /// Read and write: the guest's interrupt controls, as `ICH_VMCR_EL2`.
    Vmcr,
    /// Read and write: the maintenance interrupts that are wanted, as `ICH_HCR_EL2`.
    Hcr,
    /// Read and write: active priorities of group 0, as `ICH_AP0R<n>_EL2`.
    Active0(usize),
    /// Read and write: active priorities of group 1, as `ICH_AP1R<n>_EL2`.
    Active1(usize),
    /// Read and write: a list register, as `ICH_LR<n>_EL2`.
    ListRegister(usize),
}

impl VCpuReg {
    /// The number that the kernel takes.
    #[inline(always)]
    pub const fn into_sys(self) -> Word {
        match self {
            Self::GicInfo => vcpu_reg::GIC_INFO,
            Self::Flags => vcpu_reg::FLAGS,
            Self::Eisr => vcpu_reg::EISR,
            Self::Elrsr => vcpu_reg::ELRSR,
            Self::Misr => vcpu_reg::MISR,
            Self::Vmcr => vcpu_reg::VMCR,
            Self::Hcr => vcpu_reg::HCR,
            Self::Active0(n) => vcpu_reg::ACTIVE_0_BASE + n as Word,
            Self::Active1(n) => vcpu_reg::ACTIVE_1_BASE + n as Word,
            Self::ListRegister(n) => vcpu_reg::LR_BASE + n as Word,
        }
    }
}

/// The value of [`VCpuReg::GicInfo`].
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct GicInfo(Word);

impl GicInfo {
    /// From the register's value.
    pub const fn from_word(word: Word) -> Self {
        Self(word)
    }

    /// The architecture's version: 2 or 3.
    pub const fn version(self) -> usize {
        (self.0 & 0xf) as usize
    }

    /// Number of list registers.
    pub const fn list_registers(self) -> usize {
        (self.0 >> 8 & 0xff) as usize
    }

    /// Number of implemented bits of a priority.
    pub const fn priority_bits(self) -> usize {
        (self.0 >> 16 & 0xff) as usize
    }
}

/// The value of [`VCpuReg::Flags`].
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct VCpuFlags(Word);

impl VCpuFlags {
    /// From the register's value.
    pub const fn from_word(word: Word) -> Self {
        Self(word)
    }

    /// The register's value.
    pub const fn into_word(self) -> Word {
        self.0
    }

    /// Whether WFI blocks the thread in the kernel until an interrupt, instead of faulting.
    pub const fn wfi_in_kernel(self) -> bool {
        self.0 & vcpu_flags::WFI_IN_KERNEL != 0
    }

    /// Sets [`wfi_in_kernel`](Self::wfi_in_kernel).
    #[must_use]
    pub const fn with_wfi_in_kernel(self, val: bool) -> Self {
        let others = self.0 & !vcpu_flags::WFI_IN_KERNEL;
        Self(if val { others | vcpu_flags::WFI_IN_KERNEL } else { others })
    }

    /// Whether the vCPU stands still until this is cleared.
    pub const fn held(self) -> bool {
        self.0 & vcpu_flags::HELD != 0
    }

    /// Sets [`held`](Self::held).
    #[must_use]
    pub const fn with_held(self, val: bool) -> Self {
        let others = self.0 & !vcpu_flags::HELD;
        Self(if val { others | vcpu_flags::HELD } else { others })
    }
}

/// The system call that x0 to x8 say, in the registers of [`crate::abi::syscall::register`]; returns them as they are
/// afterwards. For tests of the kernel: everything else has functions of its own, which say what they do.
pub fn raw_system_call(x: [Word; 9], ipc_buffer: &mut IpcBuffer) -> [Word; 9] {
    arch::raw(x, ipc_buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gic_info_fields() {
        let info = GicInfo::from_word(0x0005_0403);
        assert_eq!((info.version(), info.list_registers(), info.priority_bits()), (3, 4, 5));
    }

    #[test]
    fn flags_leave_the_others() {
        let flags = VCpuFlags::from_word(0xf0).with_wfi_in_kernel(true);
        assert!(flags.wfi_in_kernel());
        assert_eq!(flags.with_wfi_in_kernel(false).into_word(), 0xf0);
        let flags = VCpuFlags::from_word(0xf1).with_held(true);
        assert!(flags.held() && flags.wfi_in_kernel());
        assert_eq!(flags.with_held(false).into_word(), 0xf1);
    }

    #[test]
    fn list_registers_are_numbered() {
        assert_eq!(VCpuReg::ListRegister(3).into_sys(), VCpuReg::ListRegister(0).into_sys() + 3);
    }
}
