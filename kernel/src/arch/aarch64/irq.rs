//! Physical interrupts: one interface to both versions of the controller.

use super::sysreg::read;
use super::{gicv2, gicv3};
use crate::cpu::SEVERAL;
use kernel_config::SELECTED;

pub use super::gic::{is_active, is_pending, mask, set_active, set_pending, set_trigger, unmask};

/// Numbers of interrupts are below.
pub const COUNT: u32 = 1020;
/// The kernel's deadline has come.
pub const TIMER: u32 = SELECTED.interrupts.hypervisor_timer;
/// No interrupt, as the controller numbers it.
pub(super) const NONE: u32 = 1023;

/// Whether the interrupt is the kernel's: its timer, or one that it forwards to guests.
pub const fn is_reserved(irq: u32) -> bool {
    let own = &SELECTED.interrupts;
    irq == TIMER || irq == own.maintenance || irq == own.virtual_timer || is_from_core(irq)
}

/// Whether the interrupt comes from another core that has something for this one.
#[inline(always)]
pub const fn is_from_core(irq: u32) -> bool {
    SEVERAL && irq == super::cores::IPI
}

/// Takes the most urgent pending interrupt; it must be ended.
#[inline]
pub fn acknowledge() -> Option<u32> {
    let irq = if super::gic::is_v3() { gicv3::acknowledge() } else { gicv2::acknowledge() };
    if irq < COUNT { Some(irq) } else { None }
}

/// Ends an interrupt that was acknowledged: it can come again.
#[inline]
pub fn end(irq: u32) {
    drop_priority(irq);
    deactivate(irq);
}

/// Half of ending: other interrupts can come, this one only after [`deactivate`].
#[inline]
pub fn drop_priority(irq: u32) {
    if super::gic::is_v3() { gicv3::drop_priority(irq) } else { gicv2::drop_priority(irq) }
}

/// The other half.
#[inline]
pub fn deactivate(irq: u32) {
    if super::gic::is_v3() { gicv3::deactivate(irq) } else { gicv2::deactivate(irq) }
}

/// Has a shared interrupt delivered to a core.
pub fn route(irq: u32, core: usize) {
    if super::gic::is_v3() { gicv3::route(irq, core) } else { gicv2::route(irq, core) }
}

/// Sends a software-generated interrupt (0 to 15) to the cores whose bits are set.
pub fn send_sgi(irq: u32, targets: u32) {
    if super::gic::is_v3() { gicv3::send_sgi(irq, targets) } else { gicv2::send_sgi(irq, targets) }
}

/// Whether an interrupt waits to be acknowledged.
#[inline]
pub fn pending() -> bool {
    const IRQ: u64 = 1 << 7;
    read!("isr_el1") & IRQ != 0
}
