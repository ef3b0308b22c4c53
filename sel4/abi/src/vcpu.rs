//! Registers of a virtual CPU, as `ARM_VCPU_ReadReg` and `ARM_VCPU_WriteReg` number them. Those that are quoll's own
//! stand in [`crate::quoll`].

/// A register of a virtual CPU (`seL4_VCPUReg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
#[allow(missing_docs, reason = "the names are the architecture's")]
pub enum VCpuReg {
    Sctlr = 0,
    Cpacr = 1,
    Ttbr0 = 2,
    Ttbr1 = 3,
    Tcr = 4,
    Mair = 5,
    Amair = 6,
    Cidr = 7,
    Actlr = 8,
    Afsr0 = 9,
    Afsr1 = 10,
    Esr = 11,
    Far = 12,
    Par = 13,
    Vbar = 14,
    TpidrEl1 = 15,
    VmpidrEl2 = 16,
    SpEl1 = 17,
    ElrEl1 = 18,
    SpsrEl1 = 19,
    CntvCtl = 20,
    CntvCval = 21,
    CntvOff = 22,
    CntkctlEl1 = 23,
}

/// Number of registers.
pub const NUM_REGS: usize = 24;

/// All registers by number.
pub const ALL: [VCpuReg; NUM_REGS] = {
    use VCpuReg::*;
    [
        Sctlr, Cpacr, Ttbr0, Ttbr1, Tcr, Mair, Amair, Cidr, Actlr, Afsr0, Afsr1, Esr, Far, Par, Vbar, TpidrEl1,
        VmpidrEl2, SpEl1, ElrEl1, SpsrEl1, CntvCtl, CntvCval, CntvOff, CntkctlEl1,
    ]
};

impl VCpuReg {
    /// The register with this number.
    pub fn from_number(number: u64) -> Option<Self> {
        ALL.get(usize::try_from(number).ok()?).copied()
    }
}
