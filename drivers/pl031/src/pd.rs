//! The protection domain around the driver. Its symbols, for the system description:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `rtc_vaddr` | `setvar_vaddr` | the device's registers, mapped uncached |
//! | `rtc_irq` | `setvar_id` of the `irq` | the device's interrupt |
//! | `client_N_vaddr`, `client_N_size` | `setvar_vaddr`, `setvar_size` | region shared with the user on channel N, 0 to 15 |

extern crate alloc;

use core::ptr::NonNull;

use arm_sysregs::el0::accessors::{read_cntfrq_el0, read_cntpct_el0};
use driver_pd::Pd;
use ivc::clock::User;
use pl031::{Counter, Driver, Rtc};
use sel4_microkit::{Channel, Handler, memory_region_symbol, protection_domain, var};

/// The device.
struct Pl031(arm_pl031::Rtc);

impl Rtc for Pl031 {
    fn seconds(&self) -> u32 {
        self.0.get_unix_timestamp()
    }

    fn set_alarm(&mut self, second: Option<u32>) {
        self.0.enable_interrupt(second.is_some());
        // An interrupt is for a second that is asked for no more; that of this one comes after it is.
        self.0.clear_interrupt();
        if let Some(second) = second {
            self.0.set_match_timestamp(second);
        }
    }
}

/// The counter that every protection domain may read.
struct SystemCounter;

impl Counter for SystemCounter {
    fn ticks(&self) -> u64 {
        read_cntpct_el0().bits()
    }

    fn frequency(&self) -> u64 {
        read_cntfrq_el0().bits()
    }
}

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> impl Handler {
    let registers: NonNull<u32> = memory_region_symbol!(rtc_vaddr: *mut u32);
    // SAFETY: the system description maps the device's page there, for this domain's writes only.
    let rtc = unsafe { arm_pl031::Rtc::new(registers.as_ptr()) };
    let user = |channel| Some((channel, User::attach(clients::pd::client(channel)?).ok()?));
    let users = (0..clients::MOST).filter_map(user).collect();
    let mut driver = Driver::new(Pl031(rtc), SystemCounter, users);
    Pd::start(Channel::new(*var!(rtc_irq: usize = 0)), move || clients::pd::notify(driver.run()))
}
