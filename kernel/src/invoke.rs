//! Invocations: a message to an object of the kernel's, taken apart for the object's methods (seL4 manual, chapter 10).

use crate::arch;
use crate::cpu;
use crate::error::SysError;
use crate::ipc;
use crate::mem::Ref;
use crate::object::slot::Slot;
use crate::object::tcb::{State, Tcb};
use crate::object::{
    asid, cnode, domain, frame, irq, mailbox, page_table, sched_context, smc, tcb_invoke, untyped, vcpu, vspace,
};
use quoll_kernel_core::cap::{Cap, Tag};
use quoll_kernel_core::lookup::LookupFailure;
use sel4_abi::label::{Interface, InvocationLabel as Label, Signature};
use sel4_abi::message::{MAX_EXTRA_CAPS, MAX_LENGTH, MessageInfo};
use sel4_abi::syscall::register;

/// The arguments of an invocation: words and capabilities.
#[derive(Clone, Copy, Debug)]
pub struct Args {
    thread: Ref<Tcb>,
    length: usize,
    caps: [Option<Ref<Slot>>; MAX_EXTRA_CAPS],
}

impl Args {
    /// The words of the message of `thread`.
    #[inline(always)]
    pub fn of(thread: Ref<Tcb>, info: MessageInfo) -> Self {
        Self { thread, length: info.length().min(MAX_LENGTH), caps: [None; MAX_EXTRA_CAPS] }
    }

    /// Adds the message's capabilities, as many as it says. The error is one that could not be looked up, and why.
    #[inline(never)]
    pub fn look_up_caps(&mut self, count: usize) -> Result<(), (u64, LookupFailure)> {
        let Some(buffer) = self.thread.buffer() else { return Ok(()) };
        for (index, cap) in self.caps.iter_mut().enumerate().take(count) {
            let cptr = buffer.get(ipc::CAPS + index);
            *cap = Some(cnode::lookup_slot(self.thread, cptr).map_err(|failure| (cptr, failure))?);
        }
        Ok(())
    }

    /// The thread that invokes.
    pub fn thread(&self) -> Ref<Tcb> {
        self.thread
    }

    /// Number of words.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Whether all that a method takes is there.
    fn suffice(&self, signature: Signature) -> bool {
        // Those that are there are the first.
        let caps_suffice = match usize::from(signature.caps) {
            0 => true,
            caps => self.caps[caps - 1].is_some(),
        };
        self.length >= usize::from(signature.words) && caps_suffice
    }

    /// Word `index`, one of those that the method takes.
    #[inline]
    pub fn word(&self, index: usize) -> u64 {
        debug_assert!(index < self.length, "the label's signature says less than the method takes");
        ipc::mr(self.thread, index)
    }

    /// Word `index` as a depth, which the interface passes as a byte.
    #[inline]
    pub fn depth(&self, index: usize) -> u64 {
        self.word(index) & 0xff
    }

    /// The slot of capability `index`, one of those that the method takes.
    #[inline]
    pub fn cap(&self, index: usize) -> Ref<Slot> {
        self.caps[index].expect("as many as the label's signature says")
    }
}

/// What a method that succeeded answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing but success.
    Done,
    /// One word.
    Word(u64),
    /// This many message registers, which the method has set.
    Written(usize),
    /// The answer comes when the thread runs again, or never.
    Later,
}

/// The type of the capabilities that have an interface's methods.
const fn tag_of(interface: Interface) -> Tag {
    match interface {
        Interface::None => Tag::Null,
        Interface::Untyped => Tag::Untyped,
        Interface::Thread => Tag::Thread,
        Interface::CNode => Tag::CNode,
        Interface::IrqControl => Tag::IrqControl,
        Interface::IrqHandler => Tag::IrqHandler,
        Interface::DomainSet => Tag::Domain,
        Interface::SchedControl => Tag::SchedControl,
        Interface::SchedContext => Tag::SchedContext,
        Interface::VSpace => Tag::VSpace,
        Interface::Smc => Tag::Smc,
        Interface::PageTable => Tag::PageTable,
        Interface::Page => Tag::Frame,
        Interface::AsidControl => Tag::AsidControl,
        Interface::AsidPool => Tag::AsidPool,
        Interface::VCpu => Tag::VCpu,
    }
}

/// What comes of a label that the capability has no method for.
#[cold]
fn without_method(cap: Cap) -> Result<Outcome, SysError> {
    match cap {
        // Needs no label: to invoke it is to send.
        Cap::SgiSignal { irq, target } => {
            arch::irq::send_sgi(irq, 1 << target);
            Ok(Outcome::Done)
        }
        Cap::Null | Cap::Zombie(_) => Err(SysError::InvalidCapability(0)),
        _ => Err(SysError::IllegalOperation),
    }
}

/// Calls the method that `number` names of the object that the capability in `slot` names.
pub fn invoke(slot: Ref<Slot>, number: u64, args: &Args) -> Result<Outcome, SysError> {
    let cap = slot.cap();
    if let Cap::VCpu { addr, port: port @ 1.. } = cap {
        return mailbox::invoke(Ref::at(addr), port, number, args);
    }
    let has = |label: &Label| slot.raw().is(tag_of(label.signature().interface));
    let Some(label) = Label::from_number(number).filter(has) else { return without_method(cap) };
    if !args.suffice(label.signature()) {
        return Err(SysError::Truncated);
    }
    let done = |()| Outcome::Done;
    match cap {
        Cap::Untyped { .. } => untyped::retype(slot, args).map(done),
        Cap::CNode { .. } => cnode::invoke(&cap, label, args).map(done),
        Cap::Thread { addr } => tcb_invoke::invoke(Ref::at(addr), slot, label, args),
        Cap::SchedContext { addr, .. } => sched_context::invoke(Ref::at(addr), label, args),
        Cap::SchedControl { core } => sched_context::configure(core, args).map(done),
        Cap::IrqControl => irq::invoke_control(slot, label, args).map(done),
        Cap::IrqHandler { irq } => irq::invoke_handler(irq, label, args).map(done),
        Cap::Domain => domain::invoke(label, args).map(done),
        Cap::AsidControl => asid::make_pool(args).map(done),
        Cap::AsidPool { addr, base } => asid::invoke_pool(addr, base, args).map(done),
        Cap::VSpace { .. } => vspace::invoke(&cap, label, args).map(done),
        Cap::PageTable { .. } => page_table::invoke(slot, label, args).map(done),
        Cap::Frame { .. } => frame::invoke(slot, label, args),
        Cap::VCpu { addr, .. } => vcpu::invoke(Ref::at(addr), label, args),
        Cap::Smc { badge } => smc::invoke(badge, args),
        _ => Err(SysError::InvalidCapability(0)),
    }
}

/// Tells the invoking thread the result, if it waits for one.
pub fn answer(thread: Ref<Tcb>, result: Result<Outcome, SysError>, call: bool) {
    match result {
        Err(SysError::Preempted) => thread.step_back(),
        Err(error) if call => answer_error(thread, error),
        Ok(outcome) if call && thread.state.get() == State::Running => match outcome {
            Outcome::Done => set_result(thread, 0, 0),
            Outcome::Word(word) => set_result_word(thread, word),
            Outcome::Written(length) => set_result(thread, 0, length),
            Outcome::Later => {}
        },
        _ => {}
    }
}

#[cold]
fn answer_error(thread: Ref<Tcb>, error: SysError) {
    let message = error.message();
    for (index, word) in message.words[..message.length].iter().enumerate() {
        ipc::set_mr(thread, index, *word);
    }
    set_result(thread, message.label, message.length);
}

fn set_result(thread: Ref<Tcb>, label: u64, length: usize) {
    thread.regs.x[register::CAP].set(0);
    thread.regs.x[register::INFO].set(MessageInfo::new(label, 0, 0, length).0);
}

/// Gives a thread the result of an invocation that answers one word.
pub fn set_result_word(thread: Ref<Tcb>, word: u64) {
    thread.fast_mr(0).set(word);
    set_result(thread, 0, 1);
}

/// Whether `tcb` runs on this core now.
pub fn is_current(tcb: Ref<Tcb>) -> bool {
    cpu::this().current.get() == Some(tcb)
}
