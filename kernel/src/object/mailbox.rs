//! Mailboxes: what other guests and native threads send to a virtual CPU, three words at a time into registers of its own, and
//! the interrupt that tells it. Who holds a port, a capability that can only send, may fill one slot ([`sel4_abi::quoll::port`]).

use crate::arch::guest;
use crate::error::SysError;
use crate::invoke::{Args, Outcome};
use crate::mem::Ref;
use crate::object::slot::Slot;
use crate::object::tcb::Tcb;
use crate::object::vcpu::{self, VCpu};
use crate::object::{cnode, notification};
use core::cell::Cell;
use quoll_kernel_core::cap::{RawCap, Tag};
use quoll_kernel_core::gic::ListRegister;
use sel4_abi::quoll::{hypercall, mailbox_state, port, vcpu_reg};

/// A message.
type Words = [u64; port::WORDS];

/// What has come and was not taken.
#[derive(Debug)]
pub struct Mailbox {
    words: [Cell<Words>; port::SLOTS],
    /// Slots with a message.
    full: Cell<u64>,
    /// Slots that were signalled.
    signals: Cell<u64>,
    /// The list register that is told for the interrupt, and its content but for the state.
    told: Cell<Option<(u32, ListRegister)>>,
    /// Something has come while none was told.
    waits: Cell<bool>,
    /// Where the VMM is told then.
    notification: Cell<u64>,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self {
            words: core::array::from_fn(|_| Cell::default()),
            full: Cell::new(0),
            signals: Cell::new(0),
            told: Cell::new(None),
            waits: Cell::new(false),
            notification: Cell::new(0),
        }
    }
}

impl Mailbox {
    /// Takes the message in a slot.
    fn take(&self, slot: u64) -> Option<Words> {
        let index = usize::try_from(slot).ok().filter(|index| *index < port::SLOTS)?;
        let full = self.full.replace(self.full.get() & !(1 << index));
        (full & 1 << index != 0).then(|| self.words[index].get())
    }
}

/// Fills the slot of a port. False: what is in it is not yet acknowledged.
fn send(vcpu: Ref<VCpu>, rights: u64, words: Words) -> bool {
    let (mailbox, index) = (&vcpu.mailbox, rights & port::SLOT_MASK);
    if mailbox.full.get() & 1 << index != 0 {
        return rights & port::BLIND != 0;
    }
    mailbox.words[index as usize].set(words);
    mailbox.full.set(mailbox.full.get() | 1 << index);
    tell(vcpu);
    true
}

fn signal(vcpu: Ref<VCpu>, rights: u64) {
    let signals = &vcpu.mailbox.signals;
    signals.set(signals.get() | 1 << (rights & port::SLOT_MASK));
    tell(vcpu);
}

/// Tells the guest that something has come: by the interrupt, if its VMM has said how, else the VMM.
fn tell(vcpu: Ref<VCpu>) {
    let mailbox = &vcpu.mailbox;
    if let Some((index, interrupt)) = mailbox.told.get() {
        guest::where_loaded(vcpu, || vcpu::make_pending(vcpu, index as usize, interrupt));
        return;
    }
    mailbox.waits.set(true);
    if let Some(tcb) = vcpu.tcb.get()
        && let Some((addr, badge)) = notification(tcb, mailbox.notification.get())
    {
        notification::signal(addr, badge);
    }
}

/// The notification that a thread may signal through a capability pointer.
fn notification(tcb: Ref<Tcb>, cptr: u64) -> Option<(Ref<notification::Notification>, u64)> {
    let (addr, badge, rights) = cnode::lookup_fast(tcb, cptr)?.raw().as_channel(Tag::Notification)?;
    rights.write.then(|| (Ref::at(addr), badge))
}

/// Methods of a port.
pub fn invoke(vcpu: Ref<VCpu>, rights: u64, label: u64, args: &Args) -> Result<Outcome, SysError> {
    match label {
        port::SEND if args.length() < port::WORDS => Err(SysError::Truncated),
        port::SEND => {
            let words = core::array::from_fn(|index| args.word(index));
            if send(vcpu, rights, words) { Ok(Outcome::Done) } else { Err(SysError::DeleteFirst) }
        }
        port::SIGNAL => {
            signal(vcpu, rights);
            Ok(Outcome::Done)
        }
        _ => Err(SysError::IllegalOperation),
    }
}

/// A guest's call for messages. False: it is none of these.
pub fn hypercall(tcb: Ref<Tcb>, vcpu: Ref<VCpu>, function: u64) -> bool {
    let x = |index: usize| tcb.regs.x[index].get();
    let give = |values: Words| (1..).zip(values).for_each(|(index, value): (usize, u64)| tcb.regs.x[index].set(value));
    let mailbox = &vcpu.mailbox;
    let status = match function {
        hypercall::VERSION => {
            give([hypercall::CURRENT.0, hypercall::CURRENT.1, 0]);
            hypercall::SUCCESS
        }
        hypercall::SEND => match capability(tcb, x(1)).and_then(RawCap::as_port) {
            Some((addr, rights)) if send(Ref::at(addr), rights, [x(2), x(3), x(4)]) => hypercall::SUCCESS,
            Some(_) => hypercall::BUSY,
            None => hypercall::INVALID_PARAMETER,
        },
        hypercall::BROADCAST => {
            broadcast(tcb, [x(1), x(2), x(3)]);
            hypercall::SUCCESS
        }
        hypercall::SIGNAL => signal_through(tcb, x(1)),
        hypercall::PENDING => {
            give([mailbox.full.get(), mailbox.signals.take(), 0]);
            hypercall::SUCCESS
        }
        hypercall::RECEIVE => match mailbox.take(x(1)) {
            Some(words) => {
                give(words);
                hypercall::SUCCESS
            }
            None => hypercall::INVALID_PARAMETER,
        },
        _ => return false,
    };
    tcb.regs.x[0].set(status as u64);
    true
}

fn capability(tcb: Ref<Tcb>, cptr: u64) -> Option<RawCap> {
    cnode::lookup_fast(tcb, cptr).map(|slot: Ref<Slot>| slot.raw())
}

fn signal_through(tcb: Ref<Tcb>, cptr: u64) -> i64 {
    if let Some((addr, rights)) = capability(tcb, cptr).and_then(RawCap::as_port) {
        signal(Ref::at(addr), rights);
    } else if let Some((addr, badge)) = notification(tcb, cptr) {
        notification::signal(addr, badge);
    } else {
        return hypercall::INVALID_PARAMETER;
    }
    hypercall::SUCCESS
}

/// Sends through the ports in the thread's CNode that may broadcast: those of its first slots, as many as a mailbox has.
fn broadcast(tcb: Ref<Tcb>, words: Words) {
    let Some((addr, radix, _)) = tcb.slots.cspace.raw().as_cnode() else { return };
    for index in 0..port::SLOTS.min(1 << radix.min(16)) {
        if let Some((addr, rights)) = cnode::slot_in(addr, index as u64).raw().as_port()
            && rights & port::BROADCAST != 0
        {
            send(Ref::at(addr), rights, words);
        }
    }
}

/// Slot and word that a register's number names.
fn word(number: u64) -> Option<(u64, usize)> {
    let offset = number.checked_sub(vcpu_reg::MAILBOX_WORD_BASE)?;
    let (slot, word) = (offset / 4, offset as usize % 4);
    (slot < port::SLOTS as u64 && word < port::WORDS).then_some((slot, word))
}

/// Reads a register of the mailbox, if the number names one.
pub fn read(vcpu: Ref<VCpu>, number: u64) -> Option<u64> {
    let mailbox = &vcpu.mailbox;
    Some(match number {
        vcpu_reg::MAILBOX_STATE => {
            if mailbox.waits.get() {
                mailbox_state::INTERRUPT
            } else {
                0
            }
        }
        vcpu_reg::MAILBOX_NOTIFICATION => mailbox.notification.get(),
        vcpu_reg::MAILBOX_FULL => mailbox.full.get(),
        vcpu_reg::MAILBOX_SIGNALS => mailbox.signals.get(),
        _ => match word(number) {
            Some((slot, word)) => mailbox.words[slot as usize].get()[word],
            None => {
                let index = vcpu::list_register_index(number, vcpu_reg::MAILBOX_LR_BASE)? as u32;
                mailbox.told.get().filter(|(told, _)| *told == index).map_or(0, |(_, interrupt)| interrupt.0)
            }
        },
    })
}

/// Writes a register of the mailbox. `None`: the number names none that can be written.
pub fn write(vcpu: Ref<VCpu>, number: u64, value: u64) -> Option<()> {
    let mailbox = &vcpu.mailbox;
    match number {
        vcpu_reg::MAILBOX_STATE => {
            mailbox.waits.set(value & mailbox_state::INTERRUPT != 0);
            if value & mailbox_state::EMPTY != 0 {
                mailbox.full.set(0);
                mailbox.signals.set(0);
            }
        }
        vcpu_reg::MAILBOX_NOTIFICATION => mailbox.notification.set(value),
        vcpu_reg::MAILBOX_SIGNALS => mailbox.signals.set(mailbox.signals.get() & !value),
        _ => match word(number) {
            Some((slot, 0)) => drop(mailbox.take(slot)),
            Some(_) => return None,
            None => tell_by(vcpu, vcpu::list_register_index(number, vcpu_reg::MAILBOX_LR_BASE)?, value),
        },
    }
    Some(())
}

/// The VMM says by which list register the guest is to be told. What came before is told at once.
fn tell_by(vcpu: Ref<VCpu>, index: usize, value: u64) {
    let mailbox = &vcpu.mailbox;
    let interrupt = ListRegister(value).for_software();
    mailbox.told.set((value != 0).then_some((index as u32, interrupt)));
    if value != 0 && mailbox.waits.take() {
        vcpu::make_pending(vcpu, index, interrupt);
    }
}
