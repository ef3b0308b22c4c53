//! System calls: their registers, taken apart (seL4 manual, section 10.1).

use crate::fault::{self, Fault};
use crate::invoke::{self, Args};
use crate::ipc;
use crate::mem::Ref;
use crate::object::cnode;
use crate::object::endpoint::{self, Receive, Send};
use crate::object::notification::{self, Notification};
use crate::object::reply::Reply;
use crate::object::slot::Slot;
use crate::object::tcb::{Sending, Tcb};
use crate::sched;
use quoll_kernel_core::cap::Tag;
use quoll_kernel_core::lookup::LookupFailure;
use sel4_abi::message::MessageInfo;
use sel4_abi::syscall::{Syscall, register};

/// How a message is sent.
#[derive(Clone, Copy, Debug)]
struct Manner {
    call: bool,
    blocking: bool,
    donate: bool,
}

const SEND: Manner = Manner { call: false, blocking: true, donate: false };
const NB_SEND: Manner = Manner { call: false, blocking: false, donate: false };
const CALL: Manner = Manner { call: true, blocking: true, donate: true };
/// The first half of a system call that also receives.
const SEND_THEN_RECEIVE: Manner = Manner { call: false, blocking: false, donate: true };

/// Does the system call of a thread.
pub fn handle(thread: Ref<Tcb>) {
    let word = |index: usize| thread.regs.x[index].get();
    let Some(call) = Syscall::from_number(word(register::NUMBER) as i64) else {
        return unknown(thread);
    };
    match call {
        Syscall::Send => send(thread, word(register::CAP), SEND),
        Syscall::NBSend => send(thread, word(register::CAP), NB_SEND),
        Syscall::Call => send(thread, word(register::CAP), CALL),
        Syscall::Recv => receive(thread, true, true),
        Syscall::NBRecv => receive(thread, false, true),
        Syscall::Wait => receive(thread, true, false),
        Syscall::NBWait => receive(thread, false, false),
        Syscall::ReplyRecv => send_then_receive(thread, word(register::REPLY), true),
        Syscall::NBSendRecv => send_then_receive(thread, word(register::SEND_RECV_DEST), true),
        Syscall::NBSendWait => send_then_receive(thread, word(register::SEND_WAIT_DEST), false),
        Syscall::Yield => sched::yield_now(),
        #[allow(unreachable_patterns, reason = "release has no others")]
        other => special(thread, other),
    }
}

#[cfg(sel4_benchmark)]
use crate::benchmark::system_call as special;
#[cfg(not(sel4_benchmark))]
use crate::debug::system_call as special;

/// There is no such system call: the thread's fault, at the instruction itself.
#[cold]
fn unknown(thread: Ref<Tcb>) {
    let number = thread.regs.x[register::NUMBER].get();
    thread.step_back();
    fault::raise(thread, Fault::UnknownSyscall { number });
}

#[cold]
fn cap_fault(thread: Ref<Tcb>, cptr: u64, in_receive: bool, failure: LookupFailure) {
    thread.step_back();
    fault::raise(thread, Fault::Cap { cptr, in_receive, failure });
}

fn send_then_receive(thread: Ref<Tcb>, dest: u64, with_reply: bool) {
    let pc = thread.regs.pc.get();
    send(thread, dest, SEND_THEN_RECEIVE);
    // Preempted, the whole system call starts over.
    if thread.regs.pc.get() == pc && thread.is_runnable() {
        receive(thread, true, with_reply);
    }
}

/// Sends to, or invokes, what `cptr` names.
fn send(thread: Ref<Tcb>, cptr: u64, manner: Manner) {
    match cnode::lookup_fast(thread, cptr) {
        Some(slot) => send_through(thread, slot, manner),
        None if manner.blocking => cap_fault(thread, cptr, false, cnode::why_not(thread, cptr)),
        None => {}
    }
}

/// `Call` through a capability that was looked up.
pub fn call_through(thread: Ref<Tcb>, slot: Ref<Slot>) {
    send_through(thread, slot, CALL);
}

fn send_through(thread: Ref<Tcb>, slot: Ref<Slot>, manner: Manner) {
    let raw = slot.raw();
    let is_channel = || raw.is(Tag::Endpoint) || raw.is(Tag::Notification) || raw.is(Tag::Reply);
    if info(thread).extra_caps() > 0 && is_channel() && !are_caps_there(thread, manner) {
        return;
    }
    if let Some((addr, badge, rights)) = raw.as_channel(Tag::Endpoint) {
        if !rights.write {
            return refuse(thread, manner);
        }
        let Manner { call, blocking, donate } = manner;
        let message =
            Sending { endpoint: Ref::at(addr), badge, grant: rights.grant, grant_reply: rights.grant_reply, call };
        endpoint::send(thread, Send { message, blocking, donate });
    } else if let Some((addr, badge, rights)) = raw.as_channel(Tag::Notification) {
        if !rights.write {
            return refuse(thread, manner);
        }
        notification::signal(Ref::at(addr), badge);
        if manner.call {
            invoke::answer(thread, Ok(invoke::Outcome::Done), true);
        }
    } else if let Some((addr, grant)) = raw.as_reply() {
        ipc::reply(thread, Ref::at(addr), grant);
    } else {
        invoke_object(thread, slot, manner);
    }
}

fn info(thread: Ref<Tcb>) -> MessageInfo {
    MessageInfo(thread.regs.x[register::INFO].get())
}

/// Whether the capabilities that a message is to carry can be looked up. If not, nothing is sent; a sender that waits is
/// told (seL4 manual, sections 4.2.3 and 6.2.1).
#[cold]
fn are_caps_there(thread: Ref<Tcb>, manner: Manner) -> bool {
    let info = info(thread);
    look_up_caps(thread, &mut Args::of(thread, info), info, manner)
}

fn look_up_caps(thread: Ref<Tcb>, args: &mut Args, info: MessageInfo, manner: Manner) -> bool {
    let found = args.look_up_caps(info.extra_caps());
    if let (Err((cptr, failure)), true) = (found, manner.blocking) {
        cap_fault(thread, cptr, false, failure);
    }
    found.is_ok()
}

/// The capability does not allow to send.
#[cold]
fn refuse(thread: Ref<Tcb>, manner: Manner) {
    invoke::answer(thread, Err(crate::error::SysError::InvalidCapability(0)), manner.call);
}

#[inline(never)]
fn invoke_object(thread: Ref<Tcb>, slot: Ref<Slot>, manner: Manner) {
    let info = info(thread);
    let mut args = Args::of(thread, info);
    if info.extra_caps() == 0 || look_up_caps(thread, &mut args, info, manner) {
        invoke::answer(thread, invoke::invoke(slot, info.label(), &args), manner.call);
    }
}

/// Receives on what x0 names.
fn receive(thread: Ref<Tcb>, blocking: bool, with_reply: bool) {
    let cptr = thread.regs.x[register::CAP].get();
    let slot = match cnode::lookup_slot(thread, cptr) {
        Ok(slot) => slot,
        Err(failure) => return cap_fault(thread, cptr, true, failure),
    };
    let unusable = |thread, cptr| cap_fault(thread, cptr, true, LookupFailure::MissingCapability { bits_left: 0 });
    let raw = slot.raw();
    if let Some((addr, _, rights)) = raw.as_channel(Tag::Endpoint)
        && rights.read
    {
        let reply = match with_reply.then(|| reply_object(thread)) {
            None => None,
            Some(Ok(reply)) => Some(reply),
            Some(Err((cptr, failure))) => return cap_fault(thread, cptr, true, failure),
        };
        endpoint::receive(thread, Receive { endpoint: Ref::at(addr), rights, reply, blocking });
    } else if let Some((addr, _, rights)) = raw.as_channel(Tag::Notification)
        && rights.read
    {
        let notification: Ref<Notification> = Ref::at(addr);
        match notification.bound.get() {
            Some(bound) if bound != thread => unusable(thread, cptr),
            _ => notification::wait(thread, notification, blocking),
        }
    } else {
        unusable(thread, cptr);
    }
}

/// The reply object that x6 names.
fn reply_object(thread: Ref<Tcb>) -> Result<Ref<Reply>, (u64, LookupFailure)> {
    let cptr = thread.regs.x[register::REPLY].get();
    let slot = cnode::lookup_slot(thread, cptr).map_err(|failure| (cptr, failure))?;
    match slot.raw().as_reply() {
        Some((addr, _)) => Ok(Ref::at(addr)),
        None => Err((cptr, LookupFailure::MissingCapability { bits_left: 0 })),
    }
}
