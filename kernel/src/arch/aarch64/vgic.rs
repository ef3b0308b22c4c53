//! The hypervisor's side of guests' interrupts: list registers and controls, in memory (GICv2, GICH) or in system registers
//! (GICv3). To the rest of the kernel both look like GICv3 ([`quoll_kernel_core::gic`]).

use super::gic::is_v3;
use super::mmio::Registers;
use super::sysreg::{read, write};
use crate::object::vcpu::VirtualInterface;
use core::cell::Cell;
use kernel_config::SELECTED;
use quoll_kernel_core::gic::{Capabilities, ListRegister};

const GICH_HCR: u64 = 0x000;
const GICH_VTR: u64 = 0x004;
const GICH_VMCR: u64 = 0x008;
const GICH_EISR: u64 = 0x020;
const GICH_APR: u64 = 0x0f0;
const GICH_LR: u64 = 0x100;
/// The guest's interface is in use (`ICH_HCR_EL2.En`).
const ENABLE: u64 = 1;

fn gich() -> Registers {
    // SAFETY: the board's hypervisor interface, mapped by `mmu`.
    unsafe { Registers::at(SELECTED.gic.hypervisor_interface.start) }
}

/// One register that both versions have, read.
macro_rules! read_either {
    ($system:literal, $memory:expr) => {
        if is_v3() { read!($system) } else { u64::from(gich().read($memory)) }
    };
}

/// One register that both versions have, written.
macro_rules! write_either {
    ($system:literal, $memory:expr, $value:expr) => {
        if is_v3() { write!($system, $value) } else { gich().write($memory, $value as u32) }
    };
}

/// The controller's version, 2 or 3, which a guest sees too.
pub fn version() -> u64 {
    if is_v3() { 3 } else { 2 }
}

/// Numbers of list registers and priority bits.
pub fn capabilities() -> Capabilities {
    Capabilities::from_vtr(read_either!("ich_vtr_el2", GICH_VTR))
}

/// Number of list registers.
fn list_registers() -> usize {
    capabilities().list_registers as usize
}

/// List registers whose interrupt ended with a maintenance request, a bit each.
pub fn ended() -> u64 {
    read_either!("ich_eisr_el2", GICH_EISR)
}

/// The guest's controls, `ICH_VMCR_EL2`.
pub fn controls() -> u64 {
    read_either!("ich_vmcr_el2", GICH_VMCR)
}

/// Sets the guest's controls.
pub fn set_controls(value: u64) {
    write_either!("ich_vmcr_el2", GICH_VMCR, value);
}

/// Lets virtual interrupts be signalled, with maintenance interrupts as in `requests` (`ICH_HCR_EL2`).
#[inline]
pub(super) fn enable(requests: u64) {
    write_either!("ich_hcr_el2", GICH_HCR, requests | ENABLE);
}

/// No virtual and no maintenance interrupts.
#[inline]
pub(super) fn disable() {
    write_either!("ich_hcr_el2", GICH_HCR, 0);
}

/// How many interrupts the guest has ended that were in no list register (`ICH_HCR_EL2.EOIcount`, in place). Stopping the
/// guest clears the hardware's count.
pub(super) fn ended_elsewhere() -> u64 {
    const COUNT: u64 = 0x1f << 27;
    read_either!("ich_hcr_el2", GICH_HCR) & COUNT
}

/// Applies a macro to list register `$index`, with `$value` behind its name: `ICH_LR<n>_EL2` can be named only literally.
macro_rules! with_list_register {
    ($index:expr, $access:ident $value:tt) => {
        with_list_register!(@ $index, $access $value,
            0 "ich_lr0_el2" 1 "ich_lr1_el2" 2 "ich_lr2_el2" 3 "ich_lr3_el2"
            4 "ich_lr4_el2" 5 "ich_lr5_el2" 6 "ich_lr6_el2" 7 "ich_lr7_el2"
            8 "ich_lr8_el2" 9 "ich_lr9_el2" 10 "ich_lr10_el2" 11 "ich_lr11_el2"
            12 "ich_lr12_el2" 13 "ich_lr13_el2" 14 "ich_lr14_el2" 15 "ich_lr15_el2")
    };
    (@ $index:expr, $access:ident $value:tt, $($number:literal $name:literal)+) => {
        match $index {
            $($number => $access!($name $value),)+
            _ => unreachable!("a GIC has at most 16 list registers"),
        }
    };
}

macro_rules! read_list_register {
    ($name:literal ()) => {
        read!($name)
    };
}

macro_rules! write_list_register {
    ($name:literal ($value:expr)) => {
        write!($name, $value)
    };
}

/// Reads list register `index`, which the controller has.
pub fn list_register(index: usize) -> ListRegister {
    if is_v3() {
        ListRegister(with_list_register!(index, read_list_register()))
    } else {
        ListRegister::from_v2(gich().read(GICH_LR + index as u64 * 4))
    }
}

/// Writes list register `index`, which the controller has.
pub fn set_list_register(index: usize, value: ListRegister) {
    if is_v3() {
        with_list_register!(index, write_list_register(value.0));
    } else {
        gich().write(GICH_LR + index as u64 * 4, value.to_v2());
    }
}

/// Applies a macro to each active-priorities register that a GICv3 has and its cell.
macro_rules! active_priorities {
    ($state:expr, $each:ident) => {{
        let (group_0, group_1) = (&$state.active_0, &$state.active_1);
        $each!(group_0[0], "ich_ap0r0_el2");
        $each!(group_1[0], "ich_ap1r0_el2");
        let count = capabilities().active_priority_registers();
        if count > 1 {
            $each!(group_0[1], "ich_ap0r1_el2");
            $each!(group_1[1], "ich_ap1r1_el2");
        }
        if count > 2 {
            $each!(group_0[2], "ich_ap0r2_el2");
            $each!(group_0[3], "ich_ap0r3_el2");
            $each!(group_1[2], "ich_ap1r2_el2");
            $each!(group_1[3], "ich_ap1r3_el2");
        }
    }};
}

macro_rules! save_cell {
    ($cell:expr, $register:literal) => {
        $cell.set(read!($register))
    };
}

macro_rules! load_cell {
    ($cell:expr, $register:literal) => {
        write!($register, $cell.get())
    };
}

/// Takes the interface's state out of the registers.
pub(super) fn save(state: &VirtualInterface) {
    state.controls.set(controls());
    for (index, cell) in state.list_registers.iter().enumerate().take(list_registers()) {
        cell.set(list_register(index));
    }
    if is_v3() {
        active_priorities!(state, save_cell);
    } else {
        state.active_0[0].set(u64::from(gich().read(GICH_APR)));
    }
}

/// Puts the interface's state into the registers.
pub(super) fn load(state: &VirtualInterface) {
    set_controls(state.controls.get());
    for (index, value) in state.list_registers.iter().map(Cell::get).enumerate().take(list_registers()) {
        set_list_register(index, value);
    }
    if is_v3() {
        active_priorities!(state, load_cell);
    } else {
        gich().write(GICH_APR, state.active_0[0].get() as u32);
    }
}

/// Nothing is injected at boot.
pub(super) fn start() {
    disable();
    for index in 0..list_registers() {
        set_list_register(index, ListRegister::default());
    }
}
