//! Threads and time on other cores. The core that has the kernel's lock may change every core's queues; what a thread has in
//! another core's registers must be saved there first (`arch::unload`, `arch::evict`), and a thread that runs there be
//! stopped ([`detach`]).

use crate::arch;
use crate::cpu::{self, Action, Cpu, SEVERAL};
use crate::mem::Ref;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{State, Tcb};
use crate::sched;
use crate::waits;

/// Has a core look who is to run, and when its timer is to fire.
pub fn kick(core: u32) {
    let this = cpu::this();
    this.kicked.set(this.kicked.get() | 1 << core);
}

/// A thread that waits for its turn on another core goes first there, if it is ahead of the one that runs.
pub fn reconsider(tcb: Ref<Tcb>) {
    let cpu = cpu::of(tcb);
    sched::give_up_candidate(cpu);
    let is_behind = |running: Ref<Tcb>| running.is_schedulable() && running.priority.get() >= tcb.priority.get();
    if tcb.domain.get() == cpu.domain.get() && !cpu.current.get().is_some_and(is_behind) {
        kick(tcb.core.get());
    }
}

/// Stops a thread that runs on another core: it is ready there, if it can run, as if its time were up.
#[inline]
pub fn detach(tcb: Ref<Tcb>) {
    if SEVERAL && !cpu::of(tcb).is_this() && cpu::of(tcb).current.get() == Some(tcb) {
        interrupt(tcb);
    }
}

#[cold]
fn interrupt(tcb: Ref<Tcb>) {
    arch::unload(tcb);
    let cpu = cpu::of(tcb);
    sched::give_up_candidate(cpu);
    sched::requeue_current(cpu);
}

/// A thread is to belong to another core from now on. It is in no queue for time, and runs nowhere but perhaps here: then
/// `true` comes back, and it is to be woken there.
#[inline]
pub fn migrate(tcb: Ref<Tcb>, core: u32) -> bool {
    SEVERAL && tcb.core.get() != core && move_thread(tcb, core)
}

#[cold]
fn move_thread(tcb: Ref<Tcb>, core: u32) -> bool {
    let from = cpu::of(tcb);
    arch::evict(tcb);
    let ran = from.current.get() == Some(tcb);
    if ran {
        from.current.set(None);
    }
    let waits = tcb.state.get() == State::WaitingForInterrupt;
    if waits {
        waits::forget_wait(tcb);
    }
    tcb.core.set(core);
    if waits {
        waits::enqueue_wait(tcb);
        kick(core);
    }
    ran
}

/// A scheduling context, whose account is up to date, becomes time of another core. The thread that it has goes with it.
pub fn move_context(context: Ref<SchedContext>, core: u32) {
    stop_paying(cpu::of_context(context), context);
    context.core.set(core);
    if let Some(tcb) = context.tcb.get() {
        migrate(tcb, core);
    }
}

/// The context, whose account is up to date, pays on this core no more.
pub fn stop_paying(cpu: &Cpu, context: Ref<SchedContext>) {
    if cpu.paying.get() == Some(context) {
        cpu.paying.set(None);
        cpu.action.set(match cpu.action.get() {
            Action::Resume => Action::Choose,
            other => other,
        });
    }
}
