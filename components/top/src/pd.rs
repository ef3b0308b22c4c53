//! Symbols, clock and handler. Its symbols, for the system description, beside those of [`clients::pd`] (regions are tables as
//! `ivc::statistics` has them, text as [`top::config`] has it):
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `console_vaddr`, `console_size` | `setvar_vaddr`, `setvar_size` | region shared with the console server |
//! | `console_channel` | `setvar_id` of the `end` | channel to it |
//! | `clock_vaddr`, `clock_size` | `setvar_vaddr`, `setvar_size` | region shared with the clock's driver ([`ivc::clock`]), which tells of each second; may be absent |
//! | `clock_channel` | `setvar_id` of the `end` | channel to it |
//! | `timer_channel` | `setvar_id` of the `irq` | instead of that, the physical timer, interrupt 30. Without either, tables are shown when a key is typed only |

extern crate alloc;

use alloc::vec::Vec;

use arm_sysregs::el0::{
    accessors::{read_cntfrq_el0, read_cntpct_el0, write_cntp_ctl_el0, write_cntp_cval_el0},
    registers::{CntpCtlEl0, CntpCvalEl0},
};
use clients::pd;
use ivc::{clock, console::Port, statistics::Reader};
use sel4::cap::SchedContext;
use sel4_abi::microkit::root_slot_cptr;
use sel4_invocations::sched_context_consumed;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, debug_println, protection_domain, var};
use top::{Clock, Meter, Session, config};

/// No channel has this number: the description gives no timer.
const NO_CHANNEL: usize = usize::MAX;

struct Pd {
    session: Session<'static, Machine>,
    console: Channel,
    seconds: Seconds,
}

/// Who tells when a second has passed.
enum Seconds {
    /// The clock's driver.
    Clock(clock::Clock<'static>, Channel),
    /// The physical timer.
    Timer(Channel),
    Nobody,
}

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> Pd {
    let region = pd::region(*var!(console_vaddr: usize = 0), *var!(console_size: usize = 0));
    let line = region.and_then(|region| Port::client(region).ok()).expect("a region for two rings");
    let mut pd = Pd {
        session: Session::new(line, Machine, meters()),
        console: Channel::new(*var!(console_channel: usize = 0)),
        seconds: Seconds::find(),
    };
    pd.run();
    pd
}

/// Those that the text names.
fn meters() -> Vec<Meter<'static>> {
    let (parties, mut problems) = config::parse(pd::text());
    let mut meters = Vec::new();
    for party in parties {
        let reader = party.table.and_then(pd::client).map(Reader::over);
        if party.table.is_some() && reader.is_none() {
            problems.push(config::Problem { line: party.line, reason: config::Reason::NoRegion });
        }
        meters.push(Meter::new(&party.name, reader, party.slots));
    }
    for problem in problems {
        debug_println!("{}: {problem}", sel4_microkit::pd_name().unwrap_or("top"));
    }
    meters
}

impl Seconds {
    /// As the description has it.
    fn find() -> Self {
        let timer = *var!(timer_channel: usize = NO_CHANNEL);
        let clock = pd::region(*var!(clock_vaddr: usize = 0), *var!(clock_size: usize = 0));
        match clock.and_then(|region| clock::Clock::attach(region).ok()) {
            Some(clock) => Self::Clock(clock, Channel::new(*var!(clock_channel: usize = 0))),
            None if timer != NO_CHANNEL => Self::Timer(Channel::new(timer)),
            None => Self::Nobody,
        }
    }

    /// Asks to be told at this time, or not to be told. The clock tells of each second.
    fn ask(&self, wake_at: Option<u64>) {
        match (self, wake_at) {
            (Self::Clock(clock, channel), _) => {
                if clock.set_ticks(wake_at.is_some()) {
                    channel.notify();
                }
            }
            (Self::Timer(_), Some(time)) => {
                write_cntp_cval_el0(CntpCvalEl0::from_bits_retain(time));
                write_cntp_ctl_el0(CntpCtlEl0::ENABLE);
            }
            (Self::Timer(_), None) => write_cntp_ctl_el0(CntpCtlEl0::empty()),
            (Self::Nobody, _) => {}
        }
    }
}

impl Pd {
    fn run(&mut self) {
        let turn = self.session.run();
        if turn.signal {
            self.console.notify();
        }
        self.seconds.ask(turn.wake_at);
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        match self.seconds {
            Seconds::Clock(_, channel) if channels.contains(channel) => self.session.tick(),
            _ => {}
        }
        self.run();
        if let Seconds::Timer(timer) = self.seconds
            && channels.contains(timer)
            && let Err(error) = timer.irq_ack()
        {
            debug_println!("{}: the timer is lost: {error}", sel4_microkit::pd_name().unwrap_or("top"));
        }
        Ok(())
    }
}

/// The physical counter, and the scheduling contexts that the description gives.
struct Machine;

impl Clock for Machine {
    fn now(&self) -> u64 {
        read_cntpct_el0().bits()
    }

    fn frequency(&self) -> u64 {
        read_cntfrq_el0().bits()
    }

    fn consumed(&mut self, slot: u64) -> u64 {
        let context: SchedContext = sel4::Cap::from_bits(root_slot_cptr(slot));
        sched_context_consumed(context).unwrap_or(0)
    }
}
