//! The protection domain. Its children are those with `reload="true"` in it; the tool writes the symbols `reload_table` and
//! `reload_size`. It is of higher priority than its children and than those who may ask it something ([`supervisor::request`]).

use core::fmt::Write;
use core::{ptr, slice};

use arm_sysregs::el0::accessors::{read_cntfrq_el0, read_cntpct_el0};
use heapless::String;
use monitor::{Domain, Report};
use sel4::{TcbFlagsBuilder, UserContext};
use sel4_abi::microkit::address::STACK_TOP;
use sel4_abi::microkit::limit::{MAX_CHANNELS, NAME_LENGTH};
use sel4_microkit::{
    Channel, ChannelSet, Child, Handler, Infallible, MessageInfo, debug_println, get_mr, pd_name, protection_domain,
    set_mr, var,
};
use supervisor::{Piece, Table, Verdict, Watch, request};

struct Supervisor {
    table: Table<'static>,
    /// By the children's places in the table.
    watches: [Watch; MAX_CHANNELS],
}

#[protection_domain]
fn init() -> Supervisor {
    let (base, size) = (*var!(reload_table: usize = 0), *var!(reload_size: usize = 0));
    let words: &[u64] = if base == 0 {
        // No child is to be reloaded.
        &[0, 0]
    } else {
        // SAFETY: the tool maps so many bytes of words there, which nobody can write.
        unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(base), size / size_of::<u64>()) }
    };
    let table = Table::parse(words).expect("a table that the tool has written");
    Supervisor { table, watches: [Watch::new(now()); MAX_CHANNELS] }
}

/// What becomes of a child, as a report says it.
fn outcome(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Restart => "is started anew",
        Verdict::GiveUp => "is left as it is: it has failed too often at its start",
    }
}

/// The counter that every protection domain may read.
fn now() -> u64 {
    read_cntpct_el0().bits()
}

fn name() -> &'static str {
    pd_name().unwrap_or("supervisor")
}

impl Supervisor {
    /// The place of a child in the table, if it can be reloaded.
    fn place(&self, child: Child) -> Option<usize> {
        self.table.children().position(|entry| entry.id == child.index())
    }

    /// Tells the operator of a fault.
    fn report(&self, child: Child, message: &MessageInfo, outcome: &str) {
        let fault = sel4::with_ipc_buffer(|ipc_buffer| monitor::fault(ipc_buffer, message.inner()));
        let registers = child.tcb().tcb_read_all_registers(false).ok();
        let entry = self.table.children().find(|entry| entry.id == child.index());
        let mut buffer = [0; NAME_LENGTH];
        // Only the table has names.
        let mut number = String::<16>::new();
        let _ = write!(number, "child {}", child.index());
        let who = entry.map_or(number.as_str(), |entry| entry.name(&mut buffer));
        let domain = Domain { name: who, stack_bottom: entry.map(|entry| entry.stack_bottom) };
        debug_println!("{}", Report { teller: name(), outcome, domain, fault, registers });
    }

    /// Stops a child, gives it its memory as it was at first, and starts it.
    fn restart(&mut self, place: usize) -> sel4::Result<()> {
        let Some(entry) = self.table.children().nth(place) else { return Ok(()) };
        let child = Child::new(entry.id);
        child.tcb().tcb_suspend()?;
        forget_floating_point(child)?;
        self.table.pieces(place).for_each(|piece| {
            // SAFETY: the child stands still, and nobody else has this memory.
            unsafe { reload(&piece) };
        });
        let watch = &mut self.watches[place];
        watch.restarted(now());
        if let Some(life) = entry.life {
            let life: *mut u64 = ptr::with_exposed_provenance_mut(life as usize);
            // SAFETY: a variable in one of the pieces; the child stands still.
            unsafe { life.write_volatile(watch.restarts()) };
        }
        let mut registers = UserContext::default();
        *registers.pc_mut() = entry.entry;
        *registers.sp_mut() = STACK_TOP;
        child.tcb().tcb_write_all_registers(true, &mut registers)
    }

    fn restart_or_complain(&mut self, place: usize) -> bool {
        let result = self.restart(place);
        if let Err(error) = &result {
            debug_println!("{}: cannot start a child anew: {error}", name());
        }
        result.is_ok()
    }
}

/// Has a child's floating-point registers be zero when it runs again: those of a thread that may not use them are dropped.
fn forget_floating_point(child: Child) -> sel4::Result<()> {
    let disabled = TcbFlagsBuilder::new().fpu_disabled(true).build();
    let before = child.tcb().tcb_set_flags(0, 0)?;
    child.tcb().tcb_set_flags(0, disabled)?;
    child.tcb().tcb_set_flags(disabled & !before, 0)?;
    Ok(())
}

/// Gives a piece of memory its first content.
///
/// # Safety
/// The piece is as the tool tells it, and nobody else accesses its memory meanwhile.
unsafe fn reload(piece: &Piece) {
    let target: *mut u8 = ptr::with_exposed_provenance_mut(piece.target as usize);
    let source: *const u8 = ptr::with_exposed_provenance(piece.source as usize);
    let (length, rest) = (piece.length as usize, (piece.size - piece.length) as usize);
    // SAFETY: target and source are mapped for so many bytes, apart from each other.
    unsafe {
        if length > 0 {
            ptr::copy_nonoverlapping(source, target, length);
        }
        ptr::write_bytes(target.add(length), 0, rest);
    }
}

impl Handler for Supervisor {
    type Error = Infallible;

    /// Nobody has to say anything.
    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        Ok(())
    }

    fn protected(&mut self, _: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        const WORDS: usize = 2;
        let place = if message.count() == 0 { None } else { self.place(Child::new(get_mr(0) as usize)) };
        let Some(place) = place else { return Ok(MessageInfo::new(request::REFUSED, 0)) };
        Ok(match message.label() {
            request::RESTART => {
                self.watches[place].asked();
                let done = self.restart_or_complain(place);
                MessageInfo::new(if done { request::DONE } else { request::REFUSED }, 0)
            }
            request::STATUS => {
                let watch = &self.watches[place];
                set_mr(0, watch.restarts());
                set_mr(1, (!watch.is_given_up()).into());
                MessageInfo::new(request::DONE, WORDS)
            }
            _ => MessageInfo::new(request::REFUSED, 0),
        })
    }

    fn fault(&mut self, child: Child, message: MessageInfo) -> Result<Option<MessageInfo>, Infallible> {
        let Some(place) = self.place(child) else {
            self.report(child, &message, "is stopped");
            return Ok(None);
        };
        let verdict = self.watches[place].faulted(now(), read_cntfrq_el0().bits());
        self.report(child, &message, outcome(verdict));
        if verdict == Verdict::Restart {
            self.restart_or_complain(place);
        }
        // Its fault is not answered: it has been started anew, or stands still.
        Ok(None)
    }
}
