//! Notifications: words of binary semaphores (seL4 manual, chapter 5).

use crate::ipc;
use crate::list::{List, Waiting};
use crate::mem::{Link, Ref};
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{State, Tcb};
use crate::sched;
use core::cell::Cell;
use sel4_abi::syscall::register;

/// A notification.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Notification {
    queue: List<Waiting>,
    /// Bits signalled since the last wait, if any signal came.
    signalled: Cell<Option<u64>>,
    /// The thread that also takes signals while it waits for a message.
    pub bound: Link<Tcb>,
    /// Time for a passive thread that a signal wakes.
    pub sched_context: Link<SchedContext>,
}

const _: () = assert!(size_of::<Notification>() <= 1 << sel4_abi::object::NOTIFICATION_BITS);

impl Notification {
    /// Whether a signal waits to be taken.
    #[inline(always)]
    pub fn is_active(&self) -> bool {
        self.signalled.get().is_some()
    }

    /// Whether threads wait for a signal.
    pub fn has_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    fn enqueue(&self, tcb: Ref<Tcb>) {
        let priority = tcb.priority.get();
        self.queue.insert_sorted(tcb, |other| other.priority.get() >= priority);
    }

    /// Takes a thread that waits here out of the queue.
    pub fn forget(&self, tcb: Ref<Tcb>) {
        self.queue.remove(tcb);
    }

    /// Puts a waiting thread whose priority changed to its place.
    pub fn reorder(&self, tcb: Ref<Tcb>) {
        self.queue.remove(tcb);
        self.enqueue(tcb);
    }
}

/// Signals: wakes the first that waits, or the bound thread if it waits for a message, or is kept for later.
pub fn signal(notification: Ref<Notification>, badge: u64) {
    if let Some(waiting) = notification.queue.pop_front() {
        wake(notification, waiting, badge);
        return;
    }
    if let Some(bound) = notification.bound.get()
        && let State::BlockedOnReceive { .. } = bound.state.get()
    {
        ipc::cancel_receive(bound);
        wake(notification, bound, badge);
        return;
    }
    let before = notification.signalled.get().unwrap_or(0);
    notification.signalled.set(Some(before | badge));
}

fn wake(notification: Ref<Notification>, tcb: Ref<Tcb>, badge: u64) {
    tcb.regs.x[register::CAP].set(badge);
    tcb.state.set(State::Running);
    donate_context(notification, tcb);
    sched::wake(tcb);
}

/// A passive thread gets the notification's time.
fn donate_context(notification: Ref<Notification>, tcb: Ref<Tcb>) {
    if tcb.sched_context.get().is_none()
        && let Some(context) = notification.sched_context.get()
        && context.tcb.get().is_none()
    {
        sched::donate(context, tcb);
    }
}

/// A thread about to wait gives the notification's time back.
pub fn return_context(notification: Ref<Notification>, tcb: Ref<Tcb>) {
    let context = notification.sched_context.get();
    if context.is_some() && context == tcb.sched_context.get() {
        sched::take_context(tcb);
    }
}

/// The thread takes the signal that is there.
pub fn complete(thread: Ref<Tcb>, notification: Ref<Notification>) {
    if let Some(badge) = notification.signalled.take() {
        thread.regs.x[register::CAP].set(badge);
        donate_context(notification, thread);
    }
}

/// Waits for a signal, or without `blocking` only looks.
pub fn wait(thread: Ref<Tcb>, notification: Ref<Notification>, blocking: bool) {
    if notification.is_active() {
        complete(thread, notification);
    } else if blocking {
        thread.state.set(State::BlockedOnNotification { notification });
        return_context(notification, thread);
        notification.enqueue(thread);
        sched::stop(thread);
    } else {
        thread.regs.x[register::CAP].set(0);
    }
}

/// Binds a thread.
pub fn bind(notification: Ref<Notification>, tcb: Ref<Tcb>) {
    notification.bound.set(Some(tcb));
    tcb.notification.set(Some(notification));
}

/// Undoes the binding of a thread, if it has one.
pub fn unbind(tcb: Ref<Tcb>) {
    if let Some(notification) = tcb.notification.take() {
        notification.bound.set(None);
    }
}

/// The notification goes: those who wait start over, bindings end.
pub fn finalise(notification: Ref<Notification>) {
    if let Some(context) = notification.sched_context.take() {
        context.notification.set(None);
    }
    if let Some(tcb) = notification.bound.get() {
        unbind(tcb);
    }
    while let Some(tcb) = notification.queue.first() {
        ipc::rewind(tcb);
        notification.queue.remove(tcb);
        tcb.state.set(State::Running);
        sched::wake(tcb);
    }
}
