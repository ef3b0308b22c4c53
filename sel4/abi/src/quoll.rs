//! What quoll adds to seL4 16: numbers that upstream does not use, so that nothing written for upstream meets them by
//! chance. `docs/kernel.md` describes the behaviour.

/// Registers of a virtual CPU for `ARM_VCPU_ReadReg` and `ARM_VCPU_WriteReg`, beside [`crate::vcpu::VCpuReg`].
pub mod vcpu_reg {
    /// Read: bits 3:0 the GIC's version (2 or 3), 15:8 the number of list registers, 23:16 the priority bits.
    pub const GIC_INFO: u64 = 0x1000;
    /// Read and write: [`super::vcpu_flags`].
    pub const FLAGS: u64 = 0x1001;
    /// Read: list registers whose interrupt has ended with a maintenance request, a bit each (`ICH_EISR_EL2`).
    pub const EISR: u64 = 0x1002;
    /// Read: list registers that are empty, a bit each (`ICH_ELRSR_EL2`).
    pub const ELRSR: u64 = 0x1003;
    /// Read: the reasons for a maintenance interrupt (`ICH_MISR_EL2`).
    pub const MISR: u64 = 0x1004;
    /// Read and write: the guest's interrupt controls, in the layout of `ICH_VMCR_EL2` whatever the GIC.
    pub const VMCR: u64 = 0x1005;
    /// Read and write: which maintenance interrupts are asked for (`ICH_HCR_EL2` bits 1 UIE, 2 LRENPIE, 3 NPIE).
    pub const HCR: u64 = 0x1006;
    /// Read and write: active priorities of group 0, register n (0 to 3) at `ACTIVE_0_BASE + n` (`ICH_AP0R<n>_EL2`; a
    /// GICv2 has one register, number 0 of group 0). A guest that is started anew must not inherit any.
    pub const ACTIVE_0_BASE: u64 = 0x1010;
    /// Read and write: active priorities of group 1, register n at `ACTIVE_1_BASE + n` (`ICH_AP1R<n>_EL2`).
    pub const ACTIVE_1_BASE: u64 = 0x1014;
    /// Number of registers of active priorities of each group.
    pub const ACTIVE_COUNT: u64 = 4;
    /// Read and write: list register n at `LR_BASE + n`, in the layout of `ICH_LR<n>_EL2` whatever the GIC.
    pub const LR_BASE: u64 = 0x1100;
}

/// Bits of [`vcpu_reg::FLAGS`].
pub mod vcpu_flags {
    /// A WFI of this vCPU blocks its thread in the kernel until a virtual interrupt is pending or its virtual timer
    /// fires, instead of being a `VCPUFault`.
    pub const WFI_IN_KERNEL: u64 = 1;
    /// The vCPU stands still: if its thread runs, or is woken from a WFI in the kernel, it goes on when this is cleared. All
    /// else stays as it is. So its list registers can be read and changed while it would run on another core.
    pub const HELD: u64 = 2;
    /// A fault of this vCPU tells all its registers, and the answer can set them: [`super::vcpu_context`]. A call of the SMC
    /// Calling Convention by HVC is then a `VCPUFault`, like one by SMC, with the program counter at the instruction.
    pub const CONTEXT_IN_MESSAGE: u64 = 4;
    /// All flags that there are.
    pub const MASK: u64 = WFI_IN_KERNEL | HELD | CONTEXT_IN_MESSAGE;
}

/// Registers of a vCPU's thread, which with [`vcpu_flags::CONTEXT_IN_MESSAGE`] stand in the page of the IPC buffer of the
/// thread that handles its faults. The offsets are those of words.
pub mod vcpu_context {
    /// Where the words are: so many bytes behind the beginning of the IPC buffer. Where its frame has no room behind the
    /// buffer, no registers are told or set.
    pub const OFFSET: usize = 1 << crate::ipc_buffer::SIZE_BITS;
    /// x0; x1 to x30 follow.
    pub const X0: usize = 0;
    /// `SP_EL0`.
    pub const SP: usize = 31;
    /// Program counter.
    pub const PC: usize = 32;
    /// Processor state, as `SPSR_EL2`.
    pub const SPSR: usize = 33;
    /// Which of the words above the answer sets, a bit each. The kernel clears it when it tells the registers.
    pub const WRITTEN: usize = 34;
    /// Number of words.
    pub const LENGTH: usize = 35;
}
