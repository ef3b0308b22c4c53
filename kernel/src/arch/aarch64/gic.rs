//! The interrupt controller's distributor, and what both versions of it have in common. Register offsets: IHI 0048 chapter
//! 4, IHI 0069 chapter 12.

use super::mmio::Registers;
use super::sysreg::read;
use super::{gicv2, gicv3, local};
use crate::cpu::SEVERAL;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use kernel_config::SELECTED;

pub(super) const CTLR: u64 = 0x000;
const TYPER: u64 = 0x004;
const IGROUPR: u64 = 0x080;
const ISENABLER: u64 = 0x100;
const ICENABLER: u64 = 0x180;
const ISPENDR: u64 = 0x200;
const ICPENDR: u64 = 0x280;
const ISACTIVER: u64 = 0x300;
const ICACTIVER: u64 = 0x380;
const IPRIORITYR: u64 = 0x400;
const ICFGR: u64 = 0xc00;
/// Register writes are under way (GICv3).
const CTLR_PENDING: u32 = 1 << 31;

/// Interrupts below are the core's own (SGIs and PPIs).
pub(super) const FIRST_SHARED: u32 = 32;
/// The priority of every interrupt but the calls between cores.
const ORDINARY: u8 = 0xa0;
/// The priority of calls between cores.
const URGENT: u8 = 0x80;
/// Below every priority.
pub(super) const LOWEST_PRIORITY: u8 = 0xff;

static IS_V3: AtomicBool = AtomicBool::new(false);

/// Whether it is a GICv3 (or 4) with system registers, else a GICv2.
#[inline(always)]
pub fn is_v3() -> bool {
    IS_V3.load(Relaxed)
}

pub(super) fn distributor() -> Registers {
    // SAFETY: the board's distributor, mapped by `mmu`.
    unsafe { Registers::at(SELECTED.gic.distributor.start) }
}

/// The registers that hold an interrupt's settings.
fn bank(irq: u32) -> Registers {
    if irq < FIRST_SHARED && is_v3() { gicv3::private_bank() } else { distributor() }
}

fn bit(irq: u32) -> (u64, u32) {
    (u64::from(irq / 32) * 4, 1 << (irq % 32))
}

/// Waits until a change of an interrupt's settings has its effect.
fn wait_for_effect(irq: u32) {
    if !is_v3() {
        return;
    }
    if irq < FIRST_SHARED {
        gicv3::wait_for_effect();
    } else {
        while distributor().read(CTLR) & CTLR_PENDING != 0 {}
    }
}

/// Keeps an interrupt from being delivered.
pub fn mask(irq: u32) {
    let (offset, bit) = bit(irq);
    bank(irq).write(ICENABLER + offset, bit);
    wait_for_effect(irq);
}

/// Lets an interrupt be delivered.
pub fn unmask(irq: u32) {
    let (offset, bit) = bit(irq);
    bank(irq).write(ISENABLER + offset, bit);
}

/// Edge- or level-triggered. Software-generated interrupts are always edges.
pub fn set_trigger(irq: u32, edge: bool) {
    const FIRST_CONFIGURABLE: u32 = 16;
    if irq < FIRST_CONFIGURABLE {
        return;
    }
    let bank = bank(irq);
    let (register, shift) = (ICFGR + u64::from(irq / 16) * 4, irq % 16 * 2);
    let others = bank.read(register) & !(3 << shift);
    bank.write(register, others | u32::from(edge) << (shift + 1));
}

/// Has only the kernel's calls between cores reach this core, or everything.
pub(super) fn set_urgent_only(urgent_only: bool) {
    let mask = if urgent_only { ORDINARY } else { LOWEST_PRIORITY };
    if is_v3() { gicv3::set_priority_mask(mask) } else { gicv2::set_priority_mask(mask) }
}

/// Forgets that a software-generated interrupt is pending on this core.
pub(super) fn clear_sgi(irq: u32) {
    /// `GICD_CPENDSGIR<n>`: a byte for each, a bit for each core that sent it.
    const CPENDSGIR: u64 = 0xf10;
    if is_v3() {
        gicv3::private_bank().write(ICPENDR, 1 << irq);
    } else {
        distributor().write(CPENDSGIR + u64::from(irq & !3), 0xff << (irq % 4 * 8));
    }
}

/// Whether an interrupt, a private one of this core, is active.
pub fn is_active(irq: u32) -> bool {
    let (offset, bit) = bit(irq);
    bank(irq).read(ISACTIVER + offset) & bit != 0
}

/// Makes an interrupt, a private one of this core, active or inactive, as when a guest's timer interrupt is switched with it.
pub fn set_active(irq: u32, active: bool) {
    let (offset, bit) = bit(irq);
    let register = if active { ISACTIVER } else { ICACTIVER };
    bank(irq).write(register + offset, bit);
}

/// Whether an interrupt is pending; of a level, whether the line is high.
pub fn is_pending(irq: u32) -> bool {
    let (offset, bit) = bit(irq);
    bank(irq).read(ISPENDR + offset) & bit != 0
}

/// Makes an interrupt pending, or takes that back. A line that is high makes it pending all the same.
pub fn set_pending(irq: u32, pending: bool) {
    let (offset, bit) = bit(irq);
    let register = if pending { ISPENDR } else { ICPENDR };
    bank(irq).write(register + offset, bit);
}

/// Masks and clears 32 interrupts, gives them their priority and puts them into a group.
fn reset_block(bank: Registers, block: u64, group: u32) {
    let word = block * 4;
    bank.write(ICENABLER + word, u32::MAX);
    bank.write(ICPENDR + word, u32::MAX);
    bank.write(ICACTIVER + word, u32::MAX);
    bank.write(IGROUPR + word, group);
    for register in 0..8 {
        bank.write(IPRIORITYR + block * 32 + register * 4, u32::from_ne_bytes([ORDINARY; 4]));
    }
}

/// A GICv3 has a group of its own for the non-secure world; a GICv2 that is seen from there knows only one.
fn group() -> u32 {
    if is_v3() { u32::MAX } else { 0 }
}

/// Resets the distributor.
pub(super) fn start() {
    let distributor = distributor();
    // The processor says whether the controller has system registers, as versions 3 and 4 have.
    let v3 = read!("id_aa64pfr0_el1") >> 24 & 0xf != 0;
    IS_V3.store(v3, Relaxed);
    distributor.write(CTLR, 0);
    let blocks = u64::from(distributor.read(TYPER) & 0x1f) + 1;
    for block in 1..blocks {
        reset_block(distributor, block, group());
    }
    let shared = FIRST_SHARED..blocks as u32 * 32;
    if v3 {
        gicv3::start_distributor(shared);
    } else {
        gicv2::start_distributor(shared);
    }
}

/// Resets this core's part of the controller.
pub(super) fn start_core() {
    if is_v3() {
        gicv3::start_core();
    } else {
        gicv2::start_core();
    }
    reset_block(bank(0), 0, group());
    if SEVERAL {
        const { assert!(super::cores::IPI == 0) };
        bank(0).write(IPRIORITYR, u32::from_le_bytes([URGENT, ORDINARY, ORDINARY, ORDINARY]));
        unmask(super::cores::IPI);
    }
    unmask(super::irq::TIMER);
    unmask(SELECTED.interrupts.maintenance);
    unmask(SELECTED.interrupts.virtual_timer);
    local().acknowledged.set(super::irq::NONE);
}
