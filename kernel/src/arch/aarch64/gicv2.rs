//! GICv2: targets of interrupts and the CPU interface (GICC), in memory.

use super::gic::{CTLR, LOWEST_PRIORITY, distributor};
use super::local;
use super::mmio::Registers;
use kernel_config::SELECTED;

const ITARGETSR: u64 = 0x800;
const SGIR: u64 = 0xf00;
const ENABLE_BOTH_GROUPS: u32 = 3;

const GICC_CTLR: u64 = 0x0000;
const GICC_PMR: u64 = 0x0004;
const GICC_IAR: u64 = 0x000c;
const GICC_EOIR: u64 = 0x0010;
const GICC_DIR: u64 = 0x1000;
/// Both groups, and dropping the priority does not deactivate.
const GICC_CTLR_VALUE: u32 = 3 | 1 << 9;
/// Bits of the interrupt's number in what the interface hands out; above is the source of an SGI.
const INTID: u32 = 0x3ff;

fn interface() -> Registers {
    // SAFETY: the board's CPU interface, mapped by `mmu`.
    unsafe { Registers::at(SELECTED.gic.cpu_interface.start) }
}

/// Routes all shared interrupts to the first core.
pub fn start_distributor(shared: core::ops::Range<u32>) {
    const FIRST_CORE: u32 = 0x0101_0101;
    for irq in shared.step_by(4) {
        distributor().write(ITARGETSR + u64::from(irq), FIRST_CORE);
    }
    distributor().write(CTLR, ENABLE_BOTH_GROUPS);
}

/// Has a shared interrupt delivered to a core.
pub fn route(irq: u32, core: usize) {
    let (register, shift) = (ITARGETSR + u64::from(irq & !3), irq % 4 * 8);
    let others = distributor().read(register) & !(0xff << shift);
    distributor().write(register, others | 1 << (shift + core as u32));
}

/// Lets only interrupts of higher priority (lower numbers) through.
pub fn set_priority_mask(mask: u8) {
    interface().write(GICC_PMR, u32::from(mask));
}

/// Enables this core's interface.
pub fn start_core() {
    set_priority_mask(LOWEST_PRIORITY);
    interface().write(GICC_CTLR, GICC_CTLR_VALUE);
}

/// Takes the most urgent interrupt; a number of 1020 and more is none.
#[inline]
pub fn acknowledge() -> u32 {
    let word = interface().read(GICC_IAR);
    local().acknowledged.set(word);
    word & INTID
}

/// What the interface called the interrupt: an SGI is ended with its source.
fn name(irq: u32) -> u32 {
    let word = local().acknowledged.get();
    if word & INTID == irq { word } else { irq }
}

/// Lets interrupts of the same priority come again.
#[inline]
pub fn drop_priority(irq: u32) {
    interface().write(GICC_EOIR, name(irq));
}

/// Lets this interrupt come again.
#[inline]
pub fn deactivate(irq: u32) {
    interface().write(GICC_DIR, name(irq));
}

/// Sends an SGI to the cores whose bits are set.
pub fn send_sgi(irq: u32, targets: u32) {
    distributor().write(SGIR, targets << 16 | irq);
}
