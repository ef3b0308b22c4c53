//! The date: that of the clock's driver, which also wakes this domain for the guest's alarm; without one, the host's clock at start and
//! the counter since.

use core::ptr::NonNull;

use arm_sysregs::el0::accessors::{read_cntfrq_el0, read_cntpct_el0};
use ivc::clock;
use sel4_microkit::{Channel, var};
use vmm::devices::pl031::Clock;

use super::region::shared_region;

/// The time of day.
pub enum HostClock {
    /// From the driver behind a channel.
    Kept(clock::Clock<'static>, Channel),
    /// Seconds since 1970 at the counter's zero, as far as the host's clock tells.
    Counted(u32),
}

impl HostClock {
    /// The one that the description gives.
    pub fn find() -> Self {
        Self::kept().unwrap_or_else(Self::counted)
    }

    /// That of the clock's driver, if there is one.
    fn kept() -> Option<Self> {
        let region = shared_region!(clock_vaddr, clock_size, clock_channel);
        Some(Self::Kept(region.open("clock", clock::Clock::attach)?, region.channel()))
    }

    /// Takes the date from a PL031 whose registers are mapped; without one time starts with the counter.
    fn counted() -> Self {
        let date = NonNull::new(*var!(rtc_vaddr: usize = 0) as *mut u32).map(|data| {
            // SAFETY: the system description maps the registers there; the first is the time, and reading it changes
            // nothing.
            unsafe { data.as_ptr().read_volatile() }
        });
        Self::Counted(date.map_or(0, |date| date.wrapping_sub(uptime())))
    }
}

impl Clock for HostClock {
    fn seconds(&self) -> u32 {
        match self {
            Self::Kept(clock, _) => {
                clock.seconds(read_cntpct_el0().bits(), read_cntfrq_el0().bits()).unwrap_or_default()
            }
            Self::Counted(epoch) => epoch.wrapping_add(uptime()),
        }
    }

    fn wake_at(&mut self, second: Option<u32>) -> bool {
        let Self::Kept(clock, channel) = self else { return false };
        if clock.set_alarm(second) {
            channel.notify();
        }
        true
    }
}

/// Seconds since the counter was zero.
fn uptime() -> u32 {
    (read_cntpct_el0().bits() / read_cntfrq_el0().bits().max(1)) as u32
}
