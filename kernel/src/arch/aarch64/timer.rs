//! The kernel's time: the physical counter, and the hypervisor's physical timer for deadlines.

use super::sysreg::{barrier, read, write};

/// The counter in ticks. It may be read a little early, by as much as the processor speculates.
#[inline(always)]
pub fn now() -> u64 {
    read!("cntpct_el0")
}

/// Ticks of the counter for each second.
pub fn frequency() -> u64 {
    read!("cntfrq_el0")
}

/// The interrupt [`super::irq::TIMER`] is pending from this moment on, until another deadline is set.
#[inline(always)]
pub fn set_deadline(ticks: u64) {
    write!("cnthp_cval_el2", ticks);
    // Before an interrupt of the old deadline is ended, its line must be low.
    barrier!("isb");
}

/// Starts the timer with no deadline.
pub(super) fn start() {
    const ENABLE: u64 = 1;
    set_deadline(u64::MAX);
    write!("cnthp_ctl_el2", ENABLE);
}
