//! Accesses to devices that the syndrome does not describe: pairs, and those that write their base back. The instruction is
//! read from the guest's memory.

use super::{Guest, access::Target, advance, operand, set_operand};
use crate::{
    hypervisor::{Hypervisor, SystemRegister},
    inject::{self, pstate},
    instruction::{Base, LoadStore, decode},
    memory::Memory,
    report::Mistake,
    stage1::{self, Regime},
    syndrome::Syndrome,
};

/// So many times in succession a vCPU tries again whose instruction has no translation, or cannot be the one that has caused
/// the exit: another vCPU may have changed code or tables meanwhile, which does not happen without end.
const MOST_RETRIES: u32 = 16;

/// What stage 2 translates as a whole, and what a processor checks the rights of.
const PAGE: u64 = 4096;

/// `SCTLR_EL1`: data is big-endian at EL0, at EL1.
const SCTLR_E0E: u64 = 1 << 24;
const SCTLR_EE: u64 = 1 << 25;

/// Why an instruction was not carried out.
enum Failure {
    /// It is not to be found, or what is found is not what has caused the exit.
    Other(Option<u32>),
    /// What it does is not emulated.
    Unsupported(Option<u32>),
    /// There is no device at an address that it uses, too.
    NothingAt(u64),
}

impl<M: Memory> Guest<'_, M> {
    /// An access to a device at `address` whose `syndrome` does not describe it.
    pub(super) fn undescribed(&mut self, hv: &mut impl Hypervisor, vcpu: usize, address: u64, syndrome: Syndrome) {
        let tries = core::mem::take(&mut self.retries[vcpu]);
        let mistake = match self.carry_out(hv, vcpu, address, syndrome) {
            Ok(()) => return advance(hv, vcpu, syndrome),
            Err(Failure::Other(_)) if tries < MOST_RETRIES => {
                self.retries[vcpu] = tries + 1;
                return;
            }
            Err(Failure::Other(instruction) | Failure::Unsupported(instruction)) => {
                Mistake::Undescribed { address, instruction }
            }
            Err(Failure::NothingAt(address)) => Mistake::NothingThere { address, fetch: false },
        };
        self.mistake(hv, mistake);
        inject::external_abort(hv, vcpu, syndrome);
    }

    /// Does what the instruction at which the vCPU stands does, all of it or nothing.
    fn carry_out(
        &mut self,
        hv: &mut impl Hypervisor,
        vcpu: usize,
        address: u64,
        syndrome: Syndrome,
    ) -> Result<(), Failure> {
        let pstate = hv.pstate(vcpu);
        let sctlr = hv.system_register(vcpu, SystemRegister::SctlrEl1);
        let big_endian = if pstate & pstate::EL == 0 { SCTLR_E0E } else { SCTLR_EE };
        if syndrome.is_table_walk() || pstate & pstate::AARCH32 != 0 || sctlr & big_endian != 0 {
            return Err(Failure::Unsupported(None));
        }
        let word = self.fetch(hv, vcpu, sctlr).ok_or(Failure::Other(None))?;
        let instruction = decode(word).ok_or(Failure::Other(Some(word)))?;
        let base = base(hv, vcpu, instruction.base);
        let first = base.wrapping_add(instruction.offset.resolve(|number| operand(hv, vcpu, number)));
        // The exit tells where in guest-physical memory the page of the access is. What follows it in the next page may be
        // anywhere, and may be forbidden.
        let length = instruction.length();
        if address.wrapping_sub(first) % PAGE >= length || instruction.first.write != syndrome.is_write() {
            return Err(Failure::Other(Some(word)));
        }
        if first % PAGE + length > PAGE {
            return Err(Failure::Unsupported(Some(word)));
        }
        let first = address - address % PAGE + first % PAGE;
        self.access_each(hv, vcpu, &instruction, first)?;
        write_back(hv, vcpu, &instruction, base);
        Ok(())
    }

    /// Accesses the devices at guest-physical address `first` and behind it, in order.
    fn access_each(
        &mut self,
        hv: &mut impl Hypervisor,
        vcpu: usize,
        instruction: &LoadStore,
        first: u64,
    ) -> Result<(), Failure> {
        let mut targets = [None::<Target>; 2];
        let width = instruction.first.width as u64;
        for (target, address) in targets.iter_mut().zip((first..first + instruction.length()).step_by(width as usize)) {
            *target = Some(self.target(vcpu, address).ok_or(Failure::NothingAt(address))?);
        }
        for (target, transfer) in targets.into_iter().flatten().zip(instruction.transfers()) {
            self.transfer(hv, vcpu, target, transfer);
        }
        Ok(())
    }

    /// The instruction at which the vCPU stands, if it can be found in the guest's memory.
    fn fetch(&self, hv: &mut impl Hypervisor, vcpu: usize, sctlr: u64) -> Option<u32> {
        let address = hv.pc(vcpu);
        let (is_on, half) = (stage1::is_on(sctlr), stage1::half(address));
        // Each of them is a system call.
        let mut register = |counts: bool, register| if counts { hv.system_register(vcpu, register) } else { 0 };
        let tcr = register(is_on, SystemRegister::TcrEl1);
        let ttbr = [
            register(is_on && half == 0, SystemRegister::Ttbr0El1),
            register(is_on && half == 1, SystemRegister::Ttbr1El1),
        ];
        let pc = stage1::translate(&self.memory, &Regime { sctlr, tcr, ttbr }, address)?;
        let words = stage1::load(&self.memory, pc)?;
        Some((words >> (8 * (pc & 4))) as u32)
    }
}

/// Whether the vCPU uses `SP_EL1` as its stack pointer, and not `SP_EL0`.
fn uses_sp_el1(hv: &mut impl Hypervisor, vcpu: usize) -> bool {
    let pstate = hv.pstate(vcpu);
    pstate & pstate::EL != 0 && pstate & pstate::SP_SELECT != 0
}

/// The value of a base.
fn base(hv: &mut impl Hypervisor, vcpu: usize, base: Base) -> u64 {
    match base {
        Base::Register(number) => operand(hv, vcpu, number),
        Base::Stack if uses_sp_el1(hv, vcpu) => hv.system_register(vcpu, SystemRegister::SpEl1),
        Base::Stack => hv.sp_el0(vcpu),
        Base::Pc => hv.pc(vcpu),
    }
}

/// Adds to the base what the instruction says. `base` is its value before.
fn write_back(hv: &mut impl Hypervisor, vcpu: usize, instruction: &LoadStore, base: u64) {
    let Some(bytes) = instruction.write_back else { return };
    let value = base.wrapping_add_signed(bytes);
    let loaded = |number| instruction.transfers().any(|transfer| !transfer.write && transfer.register == number);
    match instruction.base {
        Base::Register(number) if loaded(number) => {}
        Base::Register(number) => set_operand(hv, vcpu, number, value),
        Base::Stack if uses_sp_el1(hv, vcpu) => hv.set_system_register(vcpu, SystemRegister::SpEl1, value),
        Base::Stack => hv.set_sp_el0(vcpu, value),
        // No instruction writes that back.
        Base::Pc => {}
    }
}
