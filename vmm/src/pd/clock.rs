//! The date: the host's clock at start, the counter since.

use core::ptr::NonNull;

use arm_sysregs::el0::accessors::{read_cntfrq_el0, read_cntpct_el0};
use vmm::devices::pl031::Clock;

/// The time of day.
pub struct HostClock {
    /// Seconds since 1970 at the counter's zero, as far as the host's clock tells.
    epoch: u32,
}

impl HostClock {
    /// Takes the date from a PL031 whose registers are mapped at `vaddr`; without one (0) time starts with the counter.
    pub fn new(vaddr: usize) -> Self {
        let date = NonNull::new(vaddr as *mut u32).map(|data| {
            // SAFETY: the system description maps the registers there; the first is the time, and reading it changes
            // nothing.
            unsafe { data.as_ptr().read_volatile() }
        });
        Self { epoch: date.map_or(0, |date| date.wrapping_sub(uptime())) }
    }
}

impl Clock for HostClock {
    fn seconds(&self) -> u32 {
        self.epoch.wrapping_add(uptime())
    }
}

/// Seconds since the counter was zero.
fn uptime() -> u32 {
    (read_cntpct_el0().bits() / read_cntfrq_el0().bits().max(1)) as u32
}
