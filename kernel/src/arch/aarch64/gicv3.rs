//! GICv3: routing, this core's redistributor, and the CPU interface in system registers.

use super::gic::{CTLR, LOWEST_PRIORITY, distributor};
use super::local;
use super::mmio::Registers;
use super::sysreg::{barrier, read, write};
use kernel_config::{REDISTRIBUTOR_BYTES, SELECTED};

const IROUTER: u64 = 0x6000;
/// Affinity routing, and the non-secure world's group: bit 1 is it whether or not there are two security states.
const CTLR_VALUE: u32 = 1 << 4 | 1 << 1;
/// Aff0 to Aff2, and Aff3, of `MPIDR_EL1`.
const AFFINITY: u64 = 0xff_00ff_ffff;

const GICR_CTLR: u64 = 0x0000;
const GICR_CTLR_PENDING: u32 = 1 << 3;
const GICR_TYPER: u64 = 0x0008;
const GICR_TYPER_LAST: u64 = 1 << 4;
const GICR_WAKER: u64 = 0x0014;
const WAKER_PROCESSOR_SLEEP: u32 = 1 << 1;
const WAKER_CHILDREN_ASLEEP: u32 = 1 << 2;
/// The frame with the settings of private interrupts.
const SGI_FRAME: u64 = 0x1_0000;

/// Routes all shared interrupts to this core.
pub fn start_distributor(shared: core::ops::Range<u32>) {
    let affinity = read!("mpidr_el1") & AFFINITY;
    distributor().write(CTLR, CTLR_VALUE);
    for irq in shared {
        distributor().write64(IROUTER + u64::from(irq) * 8, affinity);
    }
}

/// Has a shared interrupt delivered to a core.
pub fn route(irq: u32, core: usize) {
    distributor().write64(IROUTER + u64::from(irq) * 8, SELECTED.affinity(core));
}

/// This core's redistributor.
fn redistributor() -> Registers {
    // SAFETY: found by `start_core` among the board's redistributors, which `mmu` maps.
    unsafe { Registers::at(local().redistributor.get()) }
}

/// The redistributor whose affinity is this core's. Each says which core it is for, and the last one that it is the last.
fn find_redistributor() -> u64 {
    let mpidr = read!("mpidr_el1");
    let affinity = (mpidr >> 32 & 0xff) << 24 | mpidr & 0xff_ffff;
    let frames = SELECTED.gic.redistributors;
    let mut base = frames.start;
    while base + REDISTRIBUTOR_BYTES <= frames.end {
        // SAFETY: the board's redistributors, mapped by `mmu`.
        let typer = unsafe { Registers::at(base) }.read64(GICR_TYPER);
        if typer >> 32 == affinity {
            return base;
        }
        if typer & GICR_TYPER_LAST != 0 {
            break;
        }
        base += REDISTRIBUTOR_BYTES;
    }
    panic!("no redistributor for core {affinity:#x}")
}

/// Wakes this core's redistributor and enables its CPU interface, for the kernel and for guests.
pub fn start_core() {
    /// System registers are used and nothing bypasses them. EL1's register, which no guest has of its own, traps.
    const SRE_EL2: u64 = 7;
    const EOI_DROPS_PRIORITY_ONLY: u64 = 1 << 1;
    local().redistributor.set(find_redistributor());
    let redistributor = redistributor();
    redistributor.write(GICR_WAKER, redistributor.read(GICR_WAKER) & !WAKER_PROCESSOR_SLEEP);
    while redistributor.read(GICR_WAKER) & WAKER_CHILDREN_ASLEEP != 0 {}
    write!("icc_sre_el2", SRE_EL2);
    barrier!("isb");
    write!("icc_sre_el1", 7);
    barrier!("isb");
    set_priority_mask(LOWEST_PRIORITY);
    write!("icc_bpr1_el1", 0);
    write!("icc_ctlr_el1", EOI_DROPS_PRIORITY_ONLY);
    write!("icc_igrpen1_el1", 1);
    barrier!("isb");
}

/// Lets only interrupts of higher priority (lower numbers) through.
pub fn set_priority_mask(mask: u8) {
    write!("icc_pmr_el1", u64::from(mask));
    barrier!("isb");
}

/// The settings of this core's private interrupts.
pub fn private_bank() -> Registers {
    redistributor().offset(SGI_FRAME)
}

/// Waits until a change of a private interrupt's settings has its effect.
pub fn wait_for_effect() {
    while redistributor().read(GICR_CTLR) & GICR_CTLR_PENDING != 0 {}
}

/// Takes the most urgent interrupt; a number of 1020 and more is none.
#[inline]
pub fn acknowledge() -> u32 {
    let irq = read!("icc_iar1_el1");
    barrier!("dsb sy");
    irq as u32
}

/// Lets interrupts of the same priority come again.
#[inline]
pub fn drop_priority(irq: u32) {
    write!("icc_eoir1_el1", u64::from(irq));
}

/// Lets this interrupt come again.
#[inline]
pub fn deactivate(irq: u32) {
    write!("icc_dir_el1", u64::from(irq));
}

/// Sends an SGI to the cores whose bits are set; cores are numbered by Aff0.
pub fn send_sgi(irq: u32, targets: u32) {
    barrier!("dsb ishst");
    write!("icc_sgi1r_el1", u64::from(irq) << 24 | u64::from(targets & 0xffff));
    barrier!("isb");
}
