//! Messages: from the sender's registers, buffer and capabilities to the receiver's (seL4 manual, chapter 4), and the
//! end of waiting for one.

use crate::cpu;
use crate::fault;
use crate::mem::{Ref, UserWords};
use crate::object::cnode;
use crate::object::endpoint::Endpoint;
use crate::object::reply::{self, Reply};
use crate::object::slot::{self, Slot};
use crate::object::tcb::{Sending, State, Tcb};
use crate::sched;
use crate::waits;
use core::mem::offset_of;
use quoll_kernel_core::cap::Cap;
use sel4_abi::ipc_buffer::IpcBuffer;
use sel4_abi::message::{FAST_REGISTERS, MAX_EXTRA_CAPS, MAX_LENGTH, MessageInfo};
use sel4_abi::syscall::register;

/// Index of a field of the IPC buffer, in words.
const fn word_of(offset: usize) -> usize {
    offset / size_of::<u64>()
}

/// Index of the first message register in the IPC buffer, in words.
pub const MSG: usize = word_of(offset_of!(IpcBuffer, msg));
/// Index of the first capability pointer or badge in the IPC buffer.
pub const CAPS: usize = word_of(offset_of!(IpcBuffer, caps_or_badges));
const RECEIVE_CNODE: usize = word_of(offset_of!(IpcBuffer, receive_cnode));
const RECEIVE_INDEX: usize = word_of(offset_of!(IpcBuffer, receive_index));
const RECEIVE_DEPTH: usize = word_of(offset_of!(IpcBuffer, receive_depth));

/// A thread's message registers, of which those that are in memory are looked up once.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    tcb: Ref<Tcb>,
    buffer: Option<UserWords>,
}

impl Message {
    /// Those of a thread.
    #[inline]
    pub fn of(tcb: Ref<Tcb>) -> Self {
        Self { tcb, buffer: tcb.buffer() }
    }

    /// Message register `index`; 0 without an IPC buffer.
    #[inline]
    pub fn get(self, index: usize) -> u64 {
        if index < FAST_REGISTERS {
            return self.tcb.fast_mr(index).get();
        }
        match self.buffer {
            Some(buffer) if index < MAX_LENGTH => buffer.get(MSG + index),
            _ => 0,
        }
    }

    /// Sets message register `index`; lost without an IPC buffer.
    #[inline]
    pub fn set(self, index: usize, value: u64) {
        if index < FAST_REGISTERS {
            self.tcb.fast_mr(index).set(value);
        } else if index < MAX_LENGTH
            && let Some(buffer) = self.buffer
        {
            buffer.set(MSG + index, value);
        }
    }
}

/// Message register `index` of a thread; 0 without an IPC buffer.
#[inline]
pub fn mr(tcb: Ref<Tcb>, index: usize) -> u64 {
    if index < FAST_REGISTERS { tcb.fast_mr(index).get() } else { Message::of(tcb).get(index) }
}

/// Sets message register `index` of a thread; lost without an IPC buffer.
#[inline]
pub fn set_mr(tcb: Ref<Tcb>, index: usize, value: u64) {
    if index < FAST_REGISTERS {
        tcb.fast_mr(index).set(value);
    } else {
        Message::of(tcb).set(index, value);
    }
}

/// Hands over a message: a fault's if the sender faulted, else the one in its registers.
pub fn transfer(sender: Ref<Tcb>, receiver: Ref<Tcb>, message: &Sending) {
    let info = match sender.fault.get() {
        Some(fault) => fault::tell(sender, receiver, fault),
        None => copy(sender, receiver, message.grant.then_some(message.endpoint)),
    };
    receiver.regs.x[register::INFO].set(info.0);
    receiver.regs.x[register::CAP].set(message.badge);
}

/// Copies words and, with `grant` (the endpoint used, or none for a reply), capabilities.
fn copy(sender: Ref<Tcb>, receiver: Ref<Tcb>, grant: Option<Ref<Endpoint>>) -> MessageInfo {
    let info = MessageInfo(sender.regs.x[register::INFO].get());
    for index in 0..FAST_REGISTERS {
        receiver.fast_mr(index).set(sender.fast_mr(index).get());
    }
    let length = copy_long(sender, receiver, info.length().min(MAX_LENGTH));
    let (unwrapped, caps) = match grant {
        Some(endpoint) if info.extra_caps() > 0 => transfer_caps(sender, receiver, Some(endpoint), info.extra_caps()),
        _ => (0, 0),
    };
    MessageInfo::new(info.label(), unwrapped, caps, length)
}

/// Copies the words that do not travel in registers; comes back with the length that arrived.
#[inline]
fn copy_long(sender: Ref<Tcb>, receiver: Ref<Tcb>, length: usize) -> usize {
    if length <= FAST_REGISTERS {
        return length;
    }
    match (sender.buffer(), receiver.buffer()) {
        (Some(from), Some(to)) => {
            for index in MSG + FAST_REGISTERS..MSG + length {
                to.set(index, from.get(index));
            }
            length
        }
        _ => FAST_REGISTERS,
    }
}

/// Transfers capabilities: one to the endpoint that carries the message arrives as its badge; the first other one goes
/// to the receiver's slot, and ends the transfer. Comes back with the unwrapped ones' bits and the number that arrived.
fn transfer_caps(
    sender: Ref<Tcb>,
    receiver: Ref<Tcb>,
    endpoint: Option<Ref<Endpoint>>,
    count: usize,
) -> (usize, usize) {
    let (Some(from), Some(to)) = (sender.buffer(), receiver.buffer()) else { return (0, 0) };
    let mut sources = [None; MAX_EXTRA_CAPS];
    for (index, source) in sources.iter_mut().enumerate().take(count) {
        match cnode::lookup_slot(sender, from.get(CAPS + index)) {
            Ok(slot) => *source = Some(slot),
            // One that cannot be found: none is sent.
            Err(_) => return (0, 0),
        }
    }
    let mut receive_slot = receive_slot(receiver, to);
    let mut unwrapped = 0;
    for (index, source) in sources.iter().flatten().enumerate() {
        match source.cap() {
            Cap::Endpoint { addr, badge, .. } if endpoint.is_some_and(|e| e.addr() == addr) => {
                to.set(CAPS + index, badge);
                unwrapped |= 1 << index;
            }
            cap => {
                let Some(dest) = receive_slot.take() else { return (unwrapped, index) };
                match cnode::derive(*source, cap) {
                    Ok(derived) if !derived.is_null() => slot::insert_derived(dest, derived, *source),
                    _ => return (unwrapped, index),
                }
            }
        }
    }
    (unwrapped, count)
}

/// The empty slot in which the receiver wants a capability.
fn receive_slot(receiver: Ref<Tcb>, buffer: UserWords) -> Option<Ref<Slot>> {
    let root = cnode::lookup_slot(receiver, buffer.get(RECEIVE_CNODE)).ok()?;
    let (index, depth) = (buffer.get(RECEIVE_INDEX), buffer.get(RECEIVE_DEPTH));
    cnode::lookup_target(&root.cap(), index, depth, false).ok().filter(|slot| slot.is_empty())
}

/// Answers the thread that waits on `reply`: with a message, or by what the fault's answer says.
pub fn reply(sender: Ref<Tcb>, reply: Ref<Reply>, grant: bool) {
    let Some(receiver) = reply.tcb.get() else { return };
    if !matches!(receiver.state.get(), State::BlockedOnReply { .. }) {
        return;
    }
    reply::remove(reply);
    let runs = match receiver.fault.take() {
        None => {
            let info = copy_reply(sender, receiver, grant);
            receiver.regs.x[register::INFO].set(info.0);
            receiver.regs.x[register::CAP].set(0);
            true
        }
        Some(fault) => fault::answer(fault, sender, receiver),
    };
    receiver.state.set(if runs { receiver.state_after_wait() } else { State::Inactive });
    if runs {
        sched::wake_replied(receiver);
    }
}

fn copy_reply(sender: Ref<Tcb>, receiver: Ref<Tcb>, grant: bool) -> MessageInfo {
    let info = copy(sender, receiver, None);
    let sent = MessageInfo(sender.regs.x[register::INFO].get()).extra_caps();
    if !grant || sent == 0 {
        return info;
    }
    let (unwrapped, caps) = transfer_caps(sender, receiver, None, sent);
    MessageInfo::new(info.label(), unwrapped, caps, info.length())
}

/// A thread inside a system call starts it over when it runs next, or goes on where it is told to by then.
pub fn rewind(tcb: Ref<Tcb>) {
    if tcb.is_in_system_call() {
        tcb.step_back();
        tcb.rewound.set(true);
    }
}

/// Takes a thread out of whatever it waits for. It is then inactive; resumed, it starts its system call over.
pub fn cancel(tcb: Ref<Tcb>) {
    rewind(tcb);
    // Also of a thread that stands still because its fault could not be told.
    tcb.fault.set(None);
    match tcb.state.get() {
        State::Inactive | State::Running => return,
        State::Held => {}
        State::BlockedOnReceive { .. } => cancel_receive(tcb),
        State::BlockedOnSend(message) => message.endpoint.forget(tcb),
        State::BlockedOnReply { reply } => reply::abandon(reply),
        State::BlockedOnNotification { notification } => notification.forget(tcb),
        State::WaitingForInterrupt => waits::forget_wait(tcb),
    }
    tcb.state.set(State::Inactive);
}

/// Takes a thread out of the endpoint's queue on which it waits for a message.
pub fn cancel_receive(tcb: Ref<Tcb>) {
    if let State::BlockedOnReceive { endpoint, reply, .. } = tcb.state.get() {
        endpoint.forget(tcb);
        if let Some(reply) = reply {
            reply.tcb.set(None);
        }
    }
}

/// Stops a thread until it is resumed.
pub fn suspend(tcb: Ref<Tcb>) {
    if cpu::this().current.get() == Some(tcb) && tcb.is_runnable() {
        // It suspends itself inside a system call that is complete.
        sched::charge_if_running(tcb);
    }
    cancel(tcb);
    tcb.state.set(State::Inactive);
    sched::stop(tcb);
    crate::object::sched_context::cancel_yield(tcb);
}
