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
use quoll_kernel_core::cap::Cap;
use quoll_kernel_core::lookup::LookupFailure;
use sel4_abi::label::InvocationLabel as Label;
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
    /// Takes the message of `thread` apart. The error is a capability that could not be looked up, and why.
    pub fn of(thread: Ref<Tcb>, info: MessageInfo) -> Result<Self, (u64, LookupFailure)> {
        let mut caps = [None; MAX_EXTRA_CAPS];
        if info.extra_caps() > 0
            && let Some(buffer) = thread.buffer()
        {
            for (index, cap) in caps.iter_mut().enumerate().take(info.extra_caps()) {
                let cptr = buffer.get(ipc::CAPS + index);
                *cap = Some(cnode::lookup_slot(thread, cptr).map_err(|failure| (cptr, failure))?);
            }
        }
        Ok(Self { thread, length: info.length().min(MAX_LENGTH), caps })
    }

    /// The thread that invokes.
    pub fn thread(&self) -> Ref<Tcb> {
        self.thread
    }

    /// Number of words.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Word `index`.
    #[inline]
    pub fn word(&self, index: usize) -> Result<u64, SysError> {
        if index < self.length { Ok(ipc::mr(self.thread, index)) } else { Err(SysError::Truncated) }
    }

    /// Word `index` as a depth, which the interface passes as a byte.
    pub fn depth(&self, index: usize) -> Result<u64, SysError> {
        self.word(index).map(|word| word & 0xff)
    }

    /// Capability `index`.
    #[inline]
    pub fn cap(&self, index: usize) -> Result<Ref<Slot>, SysError> {
        self.caps.get(index).copied().flatten().ok_or(SysError::Truncated)
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

/// Calls the method that `label` names of the object that the capability in `slot` names.
pub fn invoke(slot: Ref<Slot>, number: u64, args: &Args) -> Result<Outcome, SysError> {
    let cap = slot.cap();
    // Needs no label: to invoke it is to send.
    if let Cap::SgiSignal { irq, target } = cap {
        arch::irq::send_sgi(irq, 1 << target);
        return Ok(Outcome::Done);
    }
    if let Cap::VCpu { addr, port: port @ 1.. } = cap {
        return mailbox::invoke(Ref::at(addr), port, number, args);
    }
    // Of an empty slot it does not matter what is asked.
    if matches!(cap, Cap::Null | Cap::Zombie(_)) {
        return Err(SysError::InvalidCapability(0));
    }
    let label = Label::from_number(number).ok_or(SysError::IllegalOperation)?;
    match cap {
        Cap::Untyped { .. } => untyped::invoke(slot, label, args),
        Cap::CNode { .. } => cnode::invoke(&cap, label, args),
        Cap::Thread { addr } => tcb_invoke::invoke(Ref::at(addr), slot, label, args),
        Cap::SchedContext { addr, .. } => sched_context::invoke(Ref::at(addr), label, args),
        Cap::SchedControl { core } => sched_context::configure(core, label, args),
        Cap::IrqControl => irq::invoke_control(slot, label, args),
        Cap::IrqHandler { irq } => irq::invoke_handler(irq, label, args),
        Cap::Domain => domain::invoke(label, args),
        Cap::AsidControl => asid::invoke_control(slot, label, args),
        Cap::AsidPool { .. } => asid::invoke_pool(&cap, label, args),
        Cap::VSpace { .. } => vspace::invoke(&cap, label, args),
        Cap::PageTable { .. } => page_table::invoke(slot, label, args),
        Cap::Frame { .. } => frame::invoke(slot, label, args),
        Cap::VCpu { addr, .. } => vcpu::invoke(Ref::at(addr), label, args),
        Cap::Smc { badge } => smc::invoke(badge, label, args),
        _ => Err(SysError::InvalidCapability(0)),
    }
}

/// Tells the invoking thread the result, if it waits for one.
pub fn answer(thread: Ref<Tcb>, result: Result<Outcome, SysError>, call: bool) {
    match result {
        Err(SysError::Preempted) => thread.regs.pc.set(thread.regs.pc.get().wrapping_sub(4)),
        Err(error) if call => {
            let message = error.message();
            for (index, word) in message.words[..message.length].iter().enumerate() {
                ipc::set_mr(thread, index, *word);
            }
            set_result(thread, message.label, message.length);
        }
        Ok(outcome) if call && thread.state.get() == State::Running => match outcome {
            Outcome::Done => set_result(thread, 0, 0),
            Outcome::Word(word) => set_result_word(thread, word),
            Outcome::Written(length) => set_result(thread, 0, length),
            Outcome::Later => {}
        },
        _ => {}
    }
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
