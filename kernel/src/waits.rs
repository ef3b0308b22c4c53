//! Virtual CPUs that stand still though they would run: in a WFI, until an interrupt or a moment; or held, until their VMM
//! lets them go on.

use crate::cpu::{self, Cpu};
use crate::mem::Ref;
use crate::object::tcb::{State, Tcb};
use crate::sched;

/// A virtual CPU waits for an interrupt, at most until `deadline`.
pub fn wait_for_interrupt(tcb: Ref<Tcb>, deadline: Option<u64>) {
    tcb.state.set(State::WaitingForInterrupt);
    tcb.wake_at.set(deadline.unwrap_or(u64::MAX));
    enqueue_wait(tcb);
    sched::stop(tcb);
}

/// Puts a virtual CPU on its core's list of those that wait.
pub fn enqueue_wait(tcb: Ref<Tcb>) {
    let cpu = cpu::of(tcb);
    let soonest = tcb.wake_at.get();
    cpu.waits.insert_sorted(tcb, |other| other.wake_at.get() <= soonest);
    cpu.reprogram.set(true);
}

/// Ends a virtual CPU's wait for an interrupt, if it is in one.
pub fn wake_from_wait(tcb: Ref<Tcb>) {
    if tcb.state.get() == State::WaitingForInterrupt {
        forget_wait(tcb);
        tcb.state.set(tcb.state_after_wait());
        sched::wake(tcb);
    }
}

/// A virtual CPU that would run stands still until it is let go.
pub fn hold(tcb: Ref<Tcb>) {
    if tcb.is_runnable() {
        tcb.state.set(State::Held);
        sched::stop(tcb);
    }
}

/// Lets a virtual CPU go on that stands still.
pub fn let_go(tcb: Ref<Tcb>) {
    if tcb.state.get() == State::Held {
        tcb.state.set(State::Running);
        sched::wake(tcb);
    }
}

/// Takes a virtual CPU off the list of those that wait.
pub fn forget_wait(tcb: Ref<Tcb>) {
    cpu::of(tcb).waits.remove(tcb);
}

/// Those whose moment has come go on.
pub fn wake_due(cpu: &Cpu, now: u64) {
    while let Some(tcb) = cpu.waits.first().filter(|tcb| tcb.wake_at.get() <= now) {
        wake_from_wait(tcb);
    }
}
