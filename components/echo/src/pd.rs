//! Symbols, machine and handler.

use core::ptr::{NonNull, with_exposed_provenance};

use arm_sysregs::el0::accessors::{read_cntfrq_el0, read_cntpct_el0};
use echo::{Machine, Session};
use ivc::{Region, console::Port};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, memory_region_symbol, protection_domain, var};

struct Pd {
    session: Session<'static, Domain>,
    console: Channel,
}

#[protection_domain]
fn init() -> Pd {
    let base: NonNull<u8> = memory_region_symbol!(console_vaddr: *mut u8);
    // SAFETY: the system description maps the region there, and only the line uses it.
    let region = unsafe { Region::from_raw(base, *var!(console_size: usize = 0)) };
    let line = region.and_then(Port::client).expect("a region for two rings");
    let console = Channel::new(*var!(console_channel: usize = 0));
    let mut pd = Pd { session: Session::new(line, Domain { console }), console };
    pd.run();
    pd
}

impl Pd {
    fn run(&mut self) {
        if self.session.run() {
            self.console.notify();
        }
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        self.run();
        Ok(())
    }
}

/// What the domain can do beside talking.
struct Domain {
    console: Channel,
}

impl Machine for Domain {
    fn ticks(&self) -> u64 {
        read_cntpct_el0().bits()
    }

    fn frequency(&self) -> u64 {
        read_cntfrq_el0().bits()
    }

    fn fault(&mut self) {
        /// Far from anything that a description of ours maps.
        const NOWHERE: usize = 0xdead_0000;
        self.console.notify();
        // SAFETY: nothing is there, which is the point: the access faults and never completes.
        unsafe { with_exposed_provenance::<u8>(NOWHERE).read_volatile() };
    }
}
