//! Symbols, machine and handler. Its symbols, for the system description:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `console_vaddr`, `console_size` | `setvar_vaddr`, `setvar_size` | region shared with the console server |
//! | `console_channel` | `setvar_id` of the `end` | channel to it |
//! | `guest_vaddr`, `guest_size` | `setvar_vaddr`, `setvar_size` | region in which a guest's answers come ([`ivc::mailbox`]); may be absent |
//! | `guest_channel` | `setvar_id` of the `end` | channel to that guest |

use core::ptr::{NonNull, with_exposed_provenance};

use arm_sysregs::el0::accessors::{read_cntfrq_el0, read_cntpct_el0};
use echo::{Machine, Session};
use ivc::guest::{Refused, Words};
use ivc::{Region, console::Port, mailbox::Mailbox};
use sel4_abi::microkit::slot::BASE_OUTPUT_NOTIFICATION;
use sel4_invocations::port_send;
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
    let mut pd = Pd { session: Session::new(line, Domain { console, guest: Guest::find() }), console };
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
    guest: Option<Guest>,
}

/// A guest that answers messages.
struct Guest {
    /// Where its port is.
    channel: usize,
    answers: Mailbox<'static>,
}

impl Guest {
    /// The one that the description gives.
    fn find() -> Option<Self> {
        let base = NonNull::new(*var!(guest_vaddr: usize = 0) as *mut u8)?;
        // SAFETY: the system description maps the region there, and only the mailbox uses it.
        let region = unsafe { Region::from_raw(base, *var!(guest_size: usize = 0)) };
        let answers = region.and_then(Mailbox::attach).expect("a region for answers");
        Some(Self { channel: *var!(guest_channel: usize = 0), answers })
    }
}

impl Machine for Domain {
    fn ticks(&self) -> u64 {
        read_cntpct_el0().bits()
    }

    fn frequency(&self) -> u64 {
        read_cntfrq_el0().bits()
    }

    fn send(&mut self, message: Words) -> Result<(), Refused> {
        let guest = self.guest.as_mut().ok_or(Refused::NoPort)?;
        // An answer that nobody waited for is none to this message.
        guest.answers.discard();
        let port = sel4::CPtr::from_bits(BASE_OUTPUT_NOTIFICATION + guest.channel as u64);
        port_send(port, message).map_err(|error| match error {
            sel4::Error::DeleteFirst => Refused::Busy,
            _ => Refused::NoPort,
        })
    }

    fn answer(&mut self) -> Option<Words> {
        self.guest.as_mut()?.answers.receive()
    }

    fn fault(&mut self) {
        /// Far from anything that a description of ours maps.
        const NOWHERE: usize = 0xdead_0000;
        self.console.notify();
        // SAFETY: nothing is there, which is the point: the access faults and never completes.
        unsafe { with_exposed_provenance::<u8>(NOWHERE).read_volatile() };
    }
}
