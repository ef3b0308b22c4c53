//! The fast path through the kernel, for what happens most: a call to a server that waits, the answer with which the server
//! waits for the next, and the fault of a thread whose handler waits, which is how a guest's exits reach its VMM.
//!
//! Whatever is done here, the general code does as well. Each function first finds out whether the case is the simple one
//! and changes nothing until it is sure; `None` leaves the case to the general code.

use crate::arch;
use crate::cpu::{self, Action, SEVERAL};
use crate::fault::{self, Fault};
use crate::mem::Ref;
use crate::object::cnode;
use crate::object::endpoint::Endpoint;
use crate::object::reply::{self, Reply};
use crate::object::sched_context::SchedContext;
use crate::object::slot::Slot;
use crate::object::tcb::{State, Tcb};
use crate::object::vcpu_context;
use crate::sched;
use quoll_kernel_core::cap::{RawCap, Tag};
use sel4_abi::message::{FAST_REGISTERS, MessageInfo};
use sel4_abi::syscall::register;

/// `Call` through an endpoint's capability.
#[inline(always)]
pub fn call(caller: Ref<Tcb>, cap: RawCap) -> Option<Ref<Tcb>> {
    let info = short_message(caller)?;
    let meeting = Meeting::at(cap, caller)?;
    let server = meeting.commit(caller);
    copy(caller, server, info);
    Some(server)
}

/// `ReplyRecv` of a server that has answered its last caller.
#[inline(always)]
pub fn reply_recv(server: Ref<Tcb>) -> Option<Ref<Tcb>> {
    let info = short_message(server)?;
    let (reply, _) = slot(server, register::REPLY)?.as_reply()?;
    let (endpoint, _, rights) = slot(server, register::CAP)?.as_channel(Tag::Endpoint)?;
    let (reply, endpoint): (Ref<Reply>, Ref<Endpoint>) = (Ref::at(reply), Ref::at(endpoint));
    let caller = reply.tcb.get()?;
    if !rights.read
        || !matches!(caller.state.get(), State::BlockedOnReply { .. })
        || !is_simply_answered(caller)
        || !is_undisturbed(server, endpoint)
    {
        return None;
    }
    let returned = reply::donated(reply, server)?;
    let context = if returned.is_some() { returned } else { caller.sched_context.get() };
    let turn = Turn::of(caller, context?)?;

    reply::forget_latest(reply, returned);
    if let Some(context) = returned {
        sched::hand_over(context, server, caller);
    }
    answer(server, caller, info);
    caller.state.set(State::Running);
    server.state.set(State::BlockedOnReceive { endpoint, reply: Some(reply), grant: rights.grant });
    reply.tcb.set(Some(server));
    endpoint.enqueue(server);
    turn.take();
    Some(caller)
}

/// A fault of the thread that runs.
#[inline(always)]
pub fn fault(thread: Ref<Tcb>, fault: Fault) -> Option<Ref<Tcb>> {
    if cpu::this().current.get() != Some(thread) {
        return None;
    }
    let meeting = Meeting::at(thread.slots.fault_handler.raw(), thread)?;
    let handler = meeting.commit(thread);
    thread.fault.set(Some(fault));
    let info = fault::tell(thread, handler, fault);
    handler.regs.x[register::INFO].set(info.0);
    Some(handler)
}

/// The message that a thread sends, if it travels in registers.
#[inline(always)]
fn short_message(thread: Ref<Tcb>) -> Option<MessageInfo> {
    let info = MessageInfo(thread.regs.x[register::INFO].get());
    (info.length() <= FAST_REGISTERS && info.extra_caps() == 0).then_some(info)
}

/// The capability that a register of a thread names.
#[inline(always)]
fn slot(thread: Ref<Tcb>, register: usize) -> Option<RawCap> {
    cnode::lookup_fast(thread, thread.regs.x[register].get()).map(|slot: Ref<Slot>| slot.raw())
}

/// Copies a message that travels in registers.
#[inline(always)]
fn copy(from: Ref<Tcb>, to: Ref<Tcb>, info: MessageInfo) {
    for index in 0..FAST_REGISTERS {
        to.fast_mr(index).set(from.fast_mr(index).get());
    }
    to.regs.x[register::INFO].set(MessageInfo::new(info.label(), 0, 0, info.length()).0);
}

/// A caller, or a thread that faults, and the receiver that waits for it.
struct Meeting {
    endpoint: Ref<Endpoint>,
    badge: u64,
    receiver: Ref<Tcb>,
    reply: Ref<Reply>,
    /// The context that goes along to a passive receiver.
    donated: Option<Ref<SchedContext>>,
    turn: Turn,
}

impl Meeting {
    /// At the endpoint that a capability names, if it may be called through and somebody waits there who can run at once.
    #[inline(always)]
    fn at(cap: RawCap, caller: Ref<Tcb>) -> Option<Self> {
        let (endpoint, badge, rights) = cap.as_channel(Tag::Endpoint)?;
        if !rights.may_call() {
            return None;
        }
        let endpoint: Ref<Endpoint> = Ref::at(endpoint);
        let receiver = endpoint.first()?;
        let State::BlockedOnReceive { reply: Some(reply), .. } = receiver.state.get() else { return None };
        let own = receiver.sched_context.get();
        let donated = if own.is_some() { None } else { caller.sched_context.get() };
        let turn = Turn::of(receiver, if own.is_some() { own } else { donated }?)?;
        Some(Self { endpoint, badge, receiver, reply, donated, turn })
    }

    /// The caller waits for the answer, the receiver runs. Its message is still to be written.
    #[inline(always)]
    fn commit(self, caller: Ref<Tcb>) -> Ref<Tcb> {
        let Self { endpoint, badge, receiver, reply, donated, turn } = self;
        endpoint.forget(receiver);
        reply.tcb.set(Some(caller));
        caller.state.set(State::BlockedOnReply { reply });
        if let Some(context) = donated {
            reply::link(reply, context);
            sched::hand_over(context, caller, receiver);
        }
        receiver.regs.x[register::CAP].set(badge);
        receiver.state.set(State::Running);
        turn.take();
        receiver
    }
}

/// Whether a server that receives now only has to wait: no sender, no signal, no time that it has from a notification.
#[inline(always)]
fn is_undisturbed(server: Ref<Tcb>, endpoint: Ref<Endpoint>) -> bool {
    if endpoint.first().is_some_and(|tcb| matches!(tcb.state.get(), State::BlockedOnSend(_))) {
        return false;
    }
    let Some(bound) = server.notification.get() else { return true };
    let context = bound.sched_context.get();
    !bound.is_active() && (context.is_none() || context != server.sched_context.get())
}

/// Whether the answer to a thread is just its message, or lets it go on as after most faults.
#[inline(always)]
fn is_simply_answered(caller: Ref<Tcb>) -> bool {
    let goes_on = |fault| {
        matches!(fault, Fault::Vm { .. } | Fault::VCpu { .. } | Fault::VgicMaintenance { .. } | Fault::VppiEvent { .. })
    };
    caller.slots.timeout_handler.is_empty() && caller.fault.get().is_none_or(goes_on)
}

/// Answers a thread of which [`is_simply_answered`] holds.
#[inline(always)]
fn answer(server: Ref<Tcb>, caller: Ref<Tcb>, info: MessageInfo) {
    match caller.fault.take() {
        None => {
            copy(server, caller, info);
            caller.regs.x[register::CAP].set(0);
        }
        Some(_) => vcpu_context::take(server, caller),
    }
}

/// Whether a thread that is to run on `context` does so on this core.
#[inline(always)]
fn is_here(tcb: Ref<Tcb>, context: Ref<SchedContext>) -> bool {
    let core = arch::core_index() as u32;
    tcb.core.get() == core && context.core.get() == core
}

/// What a thread needs to run at once in place of the one that runs and is about to wait.
#[derive(Clone, Copy)]
struct Turn {
    tcb: Ref<Tcb>,
    /// What is to pay, if it is not what pays now.
    context: Option<Ref<SchedContext>>,
}

impl Turn {
    /// Of a thread that waits and is to run on `context`, if it goes first then and can pay. Changes nothing.
    #[inline(always)]
    fn of(tcb: Ref<Tcb>, context: Ref<SchedContext>) -> Option<Self> {
        let cpu = cpu::this();
        if !arch::fast_path()
            || cpu.action.get() != Action::Resume
            || tcb.domain.get() != cpu.domain.get()
            || cpu.queues().has_above(tcb.priority.get())
            || tcb.yield_to.get().is_some()
            || tcb.is_held()
            || SEVERAL && (!is_here(tcb, context) || cpu.reprogram.get())
        {
            return None;
        }
        if cpu.paying.get() == Some(context) {
            return Some(Self { tcb, context: None });
        }
        // A round-robin context has its whole budget whenever it is chosen.
        let can_pay = context.is_configured() && context.is_round_robin();
        can_pay.then_some(Self { tcb, context: Some(context) })
    }

    /// The thread runs when the kernel is left; the one that ran waits.
    #[inline(always)]
    fn take(self) {
        let cpu = cpu::this();
        cpu.run(self.tcb);
        if self.context.is_some() {
            sched::take_over(cpu, self.context);
        }
    }
}
