//! Switching guests: EL1 registers, virtual timer and interrupt interface of the vCPU that is loaded.
//!
//! A guest stays loaded while native threads run, which never touch EL1. What a native thread would notice is switched at
//! once: the controls that also act on EL0, the virtual timer and virtual interrupts ([`enter`], [`leave`]). The rest moves
//! when another guest is to run ([`load`], [`save`]).

use super::local::{self, local};
use super::sysreg::{barrier, read, write};
use super::{cores, irq, setup, tlb, vgic};
use crate::cpu::SEVERAL;
use crate::mem::Ref;
use crate::object::tcb::Tcb;
use crate::object::vcpu::{NO_ENTRY_FOR_END, REQUESTS, VCpu};
use kernel_config::SELECTED;
use quoll_kernel_core::stage2;
use sel4_abi::vcpu::VCpuReg;

/// Applies a macro to each register that stays loaded, with its name.
macro_rules! for_each_loaded {
    ($apply:ident $(, $argument:expr)*) => {
        $apply!(Ttbr0, "ttbr0_el1" $(, $argument)*);
        $apply!(Ttbr1, "ttbr1_el1" $(, $argument)*);
        $apply!(Tcr, "tcr_el1" $(, $argument)*);
        $apply!(Mair, "mair_el1" $(, $argument)*);
        $apply!(Amair, "amair_el1" $(, $argument)*);
        $apply!(Cidr, "contextidr_el1" $(, $argument)*);
        $apply!(Afsr0, "afsr0_el1" $(, $argument)*);
        $apply!(Afsr1, "afsr1_el1" $(, $argument)*);
        $apply!(Esr, "esr_el1" $(, $argument)*);
        $apply!(Far, "far_el1" $(, $argument)*);
        $apply!(Par, "par_el1" $(, $argument)*);
        $apply!(Vbar, "vbar_el1" $(, $argument)*);
        $apply!(TpidrEl1, "tpidr_el1" $(, $argument)*);
        $apply!(VmpidrEl2, "vmpidr_el2" $(, $argument)*);
        $apply!(SpEl1, "sp_el1" $(, $argument)*);
        $apply!(ElrEl1, "elr_el1" $(, $argument)*);
        $apply!(SpsrEl1, "spsr_el1" $(, $argument)*);
        $apply!(CntvCval, "cntv_cval_el0" $(, $argument)*);
        $apply!(CntvOff, "cntvoff_el2" $(, $argument)*);
    };
}

/// Applies a macro to each register that is switched whenever the guest stops or goes on.
macro_rules! for_each_running {
    ($apply:ident $(, $argument:expr)*) => {
        $apply!(Sctlr, "sctlr_el1" $(, $argument)*);
        $apply!(Cpacr, "cpacr_el1" $(, $argument)*);
        $apply!(CntkctlEl1, "cntkctl_el1" $(, $argument)*);
        $apply!(CntvCtl, "cntv_ctl_el0" $(, $argument)*);
    };
}

macro_rules! save_register {
    ($name:ident, $register:literal, $registers:expr) => {
        $registers.set(VCpuReg::$name, read!($register))
    };
}

macro_rules! load_register {
    ($name:ident, $register:literal, $registers:expr) => {
        write!($register, $registers.get(VCpuReg::$name))
    };
}

/// Takes a stopped guest's state out of the registers.
fn save(vcpu: Ref<VCpu>) {
    let registers = &vcpu.registers;
    for_each_loaded!(save_register, registers);
    registers.csselr.set(read!("csselr_el1"));
    vgic::save(&vcpu.interface);
    if vcpu.timer_active.get() {
        // The guest ends a hardware-linked timer interrupt without an exit.
        vcpu.timer_active.set(irq::is_active(SELECTED.interrupts.virtual_timer));
    }
}

/// Puts a stopped guest's state into the registers.
fn load(vcpu: Ref<VCpu>) {
    let registers = &vcpu.registers;
    for_each_loaded!(load_register, registers);
    write!("csselr_el1", registers.csselr.get());
    vgic::load(&vcpu.interface);
}

/// Another vCPU of the same machine may have run on this core in the same address space, and have left private translations
/// under the same ASID.
fn forget_private_translations(vcpu: Ref<VCpu>) {
    let local = local();
    let vmid = stage2::vmid(local.vttbr.get());
    if local.guests.finds_others(vmid, vcpu.number) {
        tlb::invalidate_stage_1_here();
    }
}

/// Makes the guest the loaded one.
#[cold]
fn exchange(vcpu: Ref<VCpu>) {
    let local = local();
    let timer = SELECTED.interrupts.virtual_timer;
    let mut was_active = false;
    if let Some(other) = local.guest.replace(Some(vcpu)) {
        save(other);
        was_active = other.timer_active.get();
    }
    if was_active != vcpu.timer_active.get() {
        irq::set_active(timer, vcpu.timer_active.get());
    }
    load(vcpu);
    forget_private_translations(vcpu);
}

/// Lets a guest go on: its address space is loaded, its thread is about to run.
pub(super) fn enter(vcpu: Ref<VCpu>) {
    let local = local();
    if local.guest_runs.get() {
        if local.guest.get() == Some(vcpu) {
            return;
        }
        leave();
    }
    if local.guest.get() != Some(vcpu) {
        exchange(vcpu);
    }
    if let Some(ticks) = vcpu.goes_on() {
        write!("cntvoff_el2", read!("cntvoff_el2").wrapping_add(ticks));
    }
    let registers = &vcpu.registers;
    for_each_running!(load_register, registers);
    write!("cnthctl_el2", setup::CNTHCTL_GUEST);
    write!("hcr_el2", setup::HCR_GUEST);
    vgic::enable(vcpu.interface.requests.get());
    local.guest_runs.set(true);
}

/// Stops the guest that runs, if one does: a native thread is about to run.
#[inline]
pub(super) fn leave() {
    let local = local();
    if !local.guest_runs.replace(false) {
        return;
    }
    if let Some(vcpu) = local.guest.get() {
        let requests = &vcpu.interface.requests;
        if requests.get() & NO_ENTRY_FOR_END != 0 {
            requests.set(requests.get() & REQUESTS | vgic::ended_elsewhere());
        }
        let registers = &vcpu.registers;
        for_each_running!(save_register, registers);
        vcpu.stops();
    }
    vgic::disable();
    write!("cntv_ctl_el0", 0);
    setup::native_controls();
}

/// Whether this guest runs: also what is switched when it stops is in the registers.
pub fn is_running(vcpu: Ref<VCpu>) -> bool {
    is_loaded(vcpu) && local().guest_runs.get()
}

/// Whether this guest's state is in the registers.
pub fn is_loaded(vcpu: Ref<VCpu>) -> bool {
    local().guest.get() == Some(vcpu)
}

/// Takes a guest's state out of the registers, if it is there, so that its object tells all of it. If its thread is to go
/// on, it is loaded again then.
pub fn flush(vcpu: Ref<VCpu>) {
    cores::where_held(|local| local.guest.get() == Some(vcpu), || flush_here(vcpu));
}

/// Does something on the core that has the guest's state in its registers, if one has; else here.
#[inline]
pub fn where_loaded<R>(vcpu: Ref<VCpu>, work: impl FnOnce() -> R) -> R {
    let loaded = if SEVERAL { local::find(|local| local.guest.get() == Some(vcpu)) } else { None };
    match loaded {
        Some(core) => cores::on_core(core, work),
        None => work(),
    }
}

/// As [`flush`], on the core that has the guest loaded.
fn flush_here(vcpu: Ref<VCpu>) {
    let local = local();
    let timer = SELECTED.interrupts.virtual_timer;
    if local.guest_runs.get() {
        leave();
        if let Some(tcb) = local.thread.get() {
            super::unload_here(tcb);
        }
    }
    save(vcpu);
    if vcpu.timer_active.get() {
        irq::set_active(timer, false);
    }
    local.guest.set(None);
}

/// Stops the guest that runs, if one does; comes back with its thread.
pub fn stop() -> Option<Ref<Tcb>> {
    let local = local();
    let stopped = local.guest.get().filter(|_| local.guest_runs.get());
    if let Some(tcb) = local.thread.get() {
        super::unload_here(tcb);
    }
    leave();
    barrier!("isb");
    stopped.and_then(|vcpu| vcpu.tcb.get())
}

/// When the virtual timer of the guest that runs fires, in ticks of the physical counter. `None`: it does not, or it has and
/// its interrupt has not ended.
pub fn timer_deadline() -> Option<u64> {
    const ENABLED_AND_MASKED: u64 = 3;
    const ENABLED: u64 = 1;
    let is_active = local().guest.get().is_some_and(|vcpu| vcpu.timer_active.get());
    if read!("cntv_ctl_el0") & ENABLED_AND_MASKED != ENABLED
        || is_active && irq::is_active(SELECTED.interrupts.virtual_timer)
    {
        return None;
    }
    Some(read!("cntv_cval_el0").wrapping_add(read!("cntvoff_el2")))
}

/// Writes a register of a guest that is loaded but does not run. False: the register is not one of those.
pub fn write_loaded(register: VCpuReg, value: u64) -> bool {
    macro_rules! write_if {
        ($name:ident, $system:literal) => {
            if register == VCpuReg::$name {
                write!($system, value);
                barrier!("isb");
                return true;
            }
        };
    }
    for_each_loaded!(write_if);
    false
}

/// Reads a register of a guest that is loaded but does not run. `None`: the register is not one of those.
pub fn read_loaded(register: VCpuReg) -> Option<u64> {
    macro_rules! read_if {
        ($name:ident, $system:literal) => {
            if register == VCpuReg::$name {
                return Some(read!($system));
            }
        };
    }
    for_each_loaded!(read_if);
    None
}
