//! Reply objects and the chain of calls along which a scheduling context travels (seL4 manual, sections 4.2.4, 6.1.6).

use crate::mem::{Link, Ref};
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{State, Tcb};
use crate::sched;
use core::cell::Cell;
use quoll_kernel_core::cap::Addr;

/// A reply object. While a thread waits to receive with it, or waits for the answer that it stands for, `tcb` is that
/// thread. If time was donated with the call, the object is in the context's chain of calls.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Reply {
    /// Who waits.
    pub tcb: Link<Tcb>,
    /// The call before this one in the chain.
    prev: Link<Reply>,
    /// The call behind this one, or the scheduling context if this is the latest.
    next: Next,
}

const _: () = assert!(size_of::<Reply>() <= 1 << sel4_abi::object::REPLY_BITS);

/// What follows a reply object in its chain, in one word: bit 0 tells a scheduling context.
#[derive(Debug, Default)]
struct Next(Cell<u64>);

#[derive(Clone, Copy, Debug)]
enum Follower {
    None,
    Reply(Ref<Reply>),
    Context(Ref<SchedContext>),
}

impl Next {
    fn get(&self) -> Follower {
        match self.0.get() {
            0 => Follower::None,
            word if word & 1 == 1 => Follower::Context(Ref::at(Addr::new(word & !1))),
            word => Follower::Reply(Ref::at(Addr::new(word))),
        }
    }

    fn set(&self, follower: Follower) {
        self.0.set(match follower {
            Follower::None => 0,
            Follower::Reply(reply) => reply.addr().get(),
            Follower::Context(context) => context.addr().get() | 1,
        });
    }
}

/// `caller` waits for `callee` to answer. With `donate`, a passive callee runs on the caller's time.
pub fn push(caller: Ref<Tcb>, callee: Ref<Tcb>, reply: Ref<Reply>, donate: bool) {
    reply.tcb.set(Some(caller));
    caller.state.set(State::BlockedOnReply { reply });
    if donate
        && callee.sched_context.get().is_none()
        && let Some(context) = caller.sched_context.get()
    {
        link(reply, context);
        sched::donate(context, callee);
    }
}

/// The call that `reply` stands for is the latest along which the context was donated.
#[inline(always)]
pub fn link(reply: Ref<Reply>, context: Ref<SchedContext>) {
    let before = context.reply.replace(Some(reply));
    if let Some(before) = before {
        before.next.set(Follower::Reply(reply));
    }
    reply.prev.set(before);
    reply.next.set(Follower::Context(context));
}

/// The context that comes back from `server` when it answers the call that `reply` stands for, or none. `None`: there were
/// further calls along the chain, another thread has the context, or the caller has one meanwhile.
#[inline(always)]
pub fn donated(reply: Ref<Reply>, server: Ref<Tcb>) -> Option<Option<Ref<SchedContext>>> {
    match reply.next.get() {
        Follower::None if reply.prev.get().is_none() => Some(None),
        Follower::Context(context)
            if context.tcb.get() == Some(server) && reply.tcb.get()?.sched_context.get().is_none() =>
        {
            Some(Some(context))
        }
        _ => None,
    }
}

/// The call that `reply` stands for, of which [`donated`] told the context, is answered.
#[inline(always)]
pub fn forget_latest(reply: Ref<Reply>, context: Option<Ref<SchedContext>>) {
    if let Some(context) = context {
        let before = reply.prev.take();
        reply.next.set(Follower::None);
        if let Some(before) = before {
            before.next.set(Follower::Context(context));
        }
        context.reply.set(before);
    }
}

/// Ends the wait of the thread on `reply`; in the middle of a chain of calls, the chain closes over it. Comes back with
/// the thread, and with the context if the call was the latest of its chain.
fn unlink(reply: Ref<Reply>) -> (Option<Ref<Tcb>>, Option<Ref<SchedContext>>) {
    let tcb = reply.tcb.take();
    let prev = reply.prev.take();
    let follower = reply.next.get();
    reply.next.set(Follower::None);
    if let Some(prev) = prev {
        prev.next.set(follower);
    }
    match follower {
        Follower::Reply(next) => {
            next.prev.set(prev);
            (tcb, None)
        }
        Follower::Context(context) => {
            context.reply.set(prev);
            (tcb, Some(context))
        }
        Follower::None => (tcb, None),
    }
}

/// Ends the wait of the thread on `reply`; time that it donated along the call comes back if the callee has it.
pub fn remove(reply: Ref<Reply>) {
    if let (Some(tcb), Some(context)) = unlink(reply)
        && tcb.sched_context.get().is_none()
    {
        sched::donate(context, tcb);
    }
}

/// Ends the wait of a thread that is stopped: its time stays where it is.
pub fn abandon(reply: Ref<Reply>) {
    unlink(reply);
}

/// Ends the chain of calls of a context that goes, or is taken from all.
pub fn clear_chain(context: Ref<SchedContext>) {
    let mut reply = context.reply.take();
    while let Some(this) = reply {
        this.next.set(Follower::None);
        reply = this.prev.take();
    }
}

/// The reply object goes: who waits on it starts over or stays without answer.
pub fn finalise(reply: Ref<Reply>) {
    if let Some(tcb) = reply.tcb.get() {
        match tcb.state.get() {
            State::BlockedOnReply { .. } => {
                remove(reply);
                tcb.state.set(State::Inactive);
                sched::stop(tcb);
            }
            _ => crate::ipc::cancel(tcb),
        }
    }
}
