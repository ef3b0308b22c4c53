//! Endpoints: where senders and receivers of synchronous messages meet (seL4 manual, chapter 4).

use crate::ipc;
use crate::list::{List, Waiting};
use crate::mem::Ref;
use crate::object::notification;
use crate::object::reply::{self, Reply};
use crate::object::tcb::{Sending, State, Tcb};
use crate::sched;
use sel4_abi::message::CapRights;
use sel4_abi::syscall::register;

/// An endpoint: the threads that wait, all of them to send or all to receive, highest priority first. Which it is says
/// the first one's state.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Endpoint {
    queue: List<Waiting>,
}

const _: () = assert!(size_of::<Endpoint>() == 1 << sel4_abi::object::ENDPOINT_BITS);

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Send {
    /// Its parameters, as the sender will hold them if it must wait.
    pub message: Sending,
    /// Whether the sender waits for a receiver.
    pub blocking: bool,
    /// Whether a passive receiver gets the sender's time.
    pub donate: bool,
}

impl Endpoint {
    /// The first thread that waits, to send or to receive.
    #[inline(always)]
    pub fn first(&self) -> Option<Ref<Tcb>> {
        self.queue.first()
    }

    /// Puts a thread that waits here into the queue.
    #[inline]
    pub fn enqueue(&self, tcb: Ref<Tcb>) {
        let priority = tcb.priority.get();
        self.queue.insert_sorted(tcb, |other| other.priority.get() >= priority);
    }

    /// The first thread that waits to receive.
    fn receiver(&self) -> Option<Ref<Tcb>> {
        self.queue.first().filter(|tcb| matches!(tcb.state.get(), State::BlockedOnReceive { .. }))
    }

    /// The first thread that waits to send, and its message.
    fn sender(&self) -> Option<(Ref<Tcb>, Sending)> {
        let tcb = self.queue.first()?;
        match tcb.state.get() {
            State::BlockedOnSend(message) => Some((tcb, message)),
            _ => None,
        }
    }

    /// Takes a thread that waits here out of the queue.
    #[inline]
    pub fn forget(&self, tcb: Ref<Tcb>) {
        self.queue.remove(tcb);
    }

    /// Puts a waiting thread whose priority changed to its place.
    pub fn reorder(&self, tcb: Ref<Tcb>) {
        self.queue.remove(tcb);
        self.enqueue(tcb);
    }
}

/// Sends a message from `sender`.
pub fn send(sender: Ref<Tcb>, send: Send) {
    let endpoint = send.message.endpoint;
    if let Some(receiver) = endpoint.receiver() {
        endpoint.queue.remove(receiver);
        deliver(sender, receiver, &send);
    } else if send.blocking {
        sender.state.set(State::BlockedOnSend(send.message));
        endpoint.enqueue(sender);
        sched::stop(sender);
    }
}

/// Hands the message to a receiver that was waiting.
fn deliver(sender: Ref<Tcb>, receiver: Ref<Tcb>, send: &Send) {
    let State::BlockedOnReceive { reply, .. } = receiver.state.get() else { return };
    ipc::transfer(sender, receiver, &send.message);
    if let Some(reply) = reply {
        reply.tcb.set(None);
    }
    if send.message.call || sender.fault.get().is_some() {
        wait_for_reply(sender, receiver, reply, &send.message, send.donate);
    } else if send.donate
        && receiver.sched_context.get().is_none()
        && let Some(context) = sender.sched_context.get()
    {
        sched::donate(context, receiver);
    }
    receiver.state.set(State::Running);
    sched::wake(receiver);
}

/// The sender of a call or fault now waits on the receiver's reply object. Without one, or without the right to grant
/// it, there is nothing that could wake it.
fn wait_for_reply(sender: Ref<Tcb>, receiver: Ref<Tcb>, reply: Option<Ref<Reply>>, message: &Sending, donate: bool) {
    match reply {
        Some(reply) if message.grant || message.grant_reply => reply::push(sender, receiver, reply, donate),
        _ => sender.state.set(State::Inactive),
    }
    sched::stop(sender);
}

/// How a thread receives.
#[derive(Clone, Copy, Debug)]
pub struct Receive {
    /// Where.
    pub endpoint: Ref<Endpoint>,
    /// The rights of the capability used.
    pub rights: CapRights,
    /// Where a caller will be held.
    pub reply: Option<Ref<Reply>>,
    /// Whether the receiver waits for a sender.
    pub blocking: bool,
}

/// Receives a message, or a signal of the bound notification.
pub fn receive(thread: Ref<Tcb>, receive: Receive) {
    if let Some(reply) = receive.reply
        && let Some(waiting) = reply.tcb.get()
        && waiting != thread
    {
        // The reply object is taken for a new caller; who waited on it can no longer be answered.
        ipc::cancel(waiting);
    }
    if let Some(bound) = thread.notification.get() {
        if bound.is_active() {
            notification::complete(thread, bound);
            return;
        }
        if receive.blocking {
            notification::return_context(bound, thread);
        }
    }
    match receive.endpoint.sender() {
        Some((sender, message)) => take(thread, sender, &message, &receive),
        None if receive.blocking => {
            let Receive { endpoint, rights, reply, .. } = receive;
            thread.state.set(State::BlockedOnReceive { endpoint, reply, grant: rights.grant });
            if let Some(reply) = reply {
                reply.tcb.set(Some(thread));
            }
            endpoint.enqueue(thread);
            sched::stop(thread);
        }
        None => thread.regs.x[register::CAP].set(0),
    }
}

/// Takes the message of a sender that was waiting.
fn take(thread: Ref<Tcb>, sender: Ref<Tcb>, message: &Sending, receive: &Receive) {
    receive.endpoint.queue.remove(sender);
    ipc::transfer(sender, thread, message);
    if message.call || sender.fault.get().is_some() {
        let donate = sender.sched_context.get().is_some();
        wait_for_reply(sender, thread, receive.reply, message, donate);
    } else {
        sender.state.set(State::Running);
        sched::wake(sender);
    }
}

/// The endpoint goes: everyone who waits on it starts the system call over.
pub fn cancel_all(endpoint: Ref<Endpoint>) {
    while let Some(tcb) = endpoint.queue.first() {
        restart(endpoint, tcb);
    }
}

/// Everyone who waits to send with this badge starts the system call over (`CNode_CancelBadgedSends`).
pub fn cancel_badged(endpoint: Ref<Endpoint>, badge: u64) {
    for tcb in endpoint.queue.iter() {
        if matches!(tcb.state.get(), State::BlockedOnSend(message) if message.badge == badge) {
            restart(endpoint, tcb);
        }
    }
}

fn restart(endpoint: Ref<Endpoint>, tcb: Ref<Tcb>) {
    let faulted = tcb.fault.get().is_some();
    ipc::rewind(tcb);
    if let State::BlockedOnReceive { reply: Some(reply), .. } = tcb.state.get() {
        reply.tcb.set(None);
    }
    endpoint.queue.remove(tcb);
    // Whoever could not tell of its fault would only fault again, without an end.
    tcb.state.set(if faulted { State::Inactive } else { State::Running });
    sched::wake(tcb);
}
