//! Exceptions that a guest gets: the entry to EL1 as the architecture prescribes it (Arm ARM D1.4).

use crate::{
    hypervisor::{Hypervisor, SystemRegister},
    syndrome::{INSTRUCTION_LENGTH, Syndrome, class},
};

/// Processor state of an entry to EL1: EL1h with debug exceptions, SError, IRQ and FIQ masked.
pub const EL1H_MASKED: u64 = 0x3c5;

/// Synchronous external abort, not on a table walk (`xFSC`).
const EXTERNAL_ABORT: u64 = 0x10;
/// Synchronous external abort on a table walk; the level is added.
const EXTERNAL_ABORT_ON_WALK: u64 = 0x14;
/// `FAR_EL1` is not valid: the kernel tells the guest-physical address, not the virtual one.
const FAR_NOT_VALID: u64 = 1 << 10;
const WRITE: u64 = 1 << 6;
const TABLE_WALK: u64 = 1 << 7;

/// Fields of the processor state (`SPSR_EL2`).
pub mod pstate {
    #![allow(missing_docs, reason = "the names are the architecture's")]
    pub const SP_SELECT: u64 = 1 << 0;
    pub const EL: u64 = 0b11 << 2;
    pub const AARCH32: u64 = 1 << 4;
    /// `BTYPE`: whether, and how, the last instruction was an indirect branch.
    pub const BRANCH_TYPE: u64 = 0b11 << 10;
    pub const SSBS: u64 = 1 << 12;
    pub const PAN: u64 = 1 << 22;
    pub const DIT: u64 = 1 << 24;
    pub const FLAGS: u64 = 0xf << 28;
}

/// `SCTLR_EL1.SPAN`: an exception leaves PAN as it is.
const SCTLR_SPAN: u64 = 1 << 23;
/// `SCTLR_EL1.DSSBS`: the value of SSBS on an exception.
const SCTLR_DSSBS: u64 = 1 << 44;

/// The current instruction is undefined.
pub fn undefined(hv: &mut impl Hypervisor, vcpu: usize) {
    synchronous(hv, vcpu, Syndrome((class::UNKNOWN as u64) << 26 | INSTRUCTION_LENGTH));
}

/// There is nothing at the address that a load, a store or a fetch wants; `cause` is the syndrome of the exit.
pub fn external_abort(hv: &mut impl Hypervisor, vcpu: usize, cause: Syndrome) {
    let from_el0 = hv.pstate(vcpu) & pstate::EL == 0;
    let fetch = cause.class() == class::INSTRUCTION_ABORT_LOWER;
    let class = match (fetch, from_el0) {
        (true, true) => class::INSTRUCTION_ABORT_LOWER,
        (true, false) => class::INSTRUCTION_ABORT_SAME,
        (false, true) => class::DATA_ABORT_LOWER,
        (false, false) => class::DATA_ABORT_SAME,
    };
    let status = if cause.is_table_walk() {
        EXTERNAL_ABORT_ON_WALK | cause.level() | TABLE_WALK
    } else {
        EXTERNAL_ABORT | FAR_NOT_VALID
    };
    let write = if cause.is_write() && !fetch { WRITE } else { 0 };
    synchronous(hv, vcpu, Syndrome((class as u64) << 26 | cause.0 & INSTRUCTION_LENGTH | status | write));
}

/// Takes a synchronous exception to EL1 with `syndrome` at the current instruction.
fn synchronous(hv: &mut impl Hypervisor, vcpu: usize, syndrome: Syndrome) {
    let pc = hv.pc(vcpu);
    let old = hv.pstate(vcpu);
    let vectors = hv.system_register(vcpu, SystemRegister::VbarEl1);
    let sctlr = hv.system_register(vcpu, SystemRegister::SctlrEl1);
    hv.set_system_register(vcpu, SystemRegister::ElrEl1, pc);
    hv.set_system_register(vcpu, SystemRegister::SpsrEl1, old);
    hv.set_system_register(vcpu, SystemRegister::EsrEl1, syndrome.0);
    hv.set_pstate(vcpu, entry_pstate(old, sctlr));
    hv.set_pc(vcpu, vectors.wrapping_add(vector_offset(old)));
}

/// The synchronous vector by the state that the exception comes from.
const fn vector_offset(old: u64) -> u64 {
    match (old & pstate::EL == 0, old & pstate::AARCH32 != 0, old & pstate::SP_SELECT != 0) {
        (true, true, _) => 0x600,
        (true, false, _) => 0x400,
        (false, _, true) => 0x200,
        (false, _, false) => 0x000,
    }
}

const fn entry_pstate(old: u64, sctlr: u64) -> u64 {
    // The flags stay, and so does DIT (in AArch64 state) and, if SCTLR_EL1 says so, PAN.
    let mut new = EL1H_MASKED | old & pstate::FLAGS;
    if old & pstate::AARCH32 == 0 {
        new |= old & pstate::DIT;
    }
    if sctlr & SCTLR_SPAN == 0 {
        new |= pstate::PAN;
    } else {
        new |= old & pstate::PAN;
    }
    if sctlr & SCTLR_DSSBS != 0 {
        new |= pstate::SSBS;
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_by_origin() {
        let (el1t, el1h, el0, el0_aarch32) = (0x3c4, 0x3c5, 0x3c0, 0x1f0);
        assert_eq!([el1t, el1h, el0, el0_aarch32].map(vector_offset), [0x000, 0x200, 0x400, 0x600]);
    }

    #[test]
    fn the_new_state_keeps_flags_and_masks_interrupts() {
        let new = entry_pstate(0x6000_0005, SCTLR_SPAN);
        assert_eq!(new, 0x6000_03c5);
    }

    #[test]
    fn pan_follows_span() {
        assert_eq!(entry_pstate(0, 0) & pstate::PAN, pstate::PAN);
        assert_eq!(entry_pstate(0, SCTLR_SPAN) & pstate::PAN, 0);
        assert_eq!(entry_pstate(pstate::PAN, SCTLR_SPAN) & pstate::PAN, pstate::PAN);
    }
}
