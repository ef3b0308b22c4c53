//! The scheduler: highest priority first among those that have time (seL4 manual, section 6.1).
//!
//! The clock is read when time changes hands, not at each entry to the kernel: a system call that stays on one scheduling
//! context costs no look at the clock, and the timer ends what runs over its budget. A thread may therefore stand in a
//! ready queue with a context whose refill is not yet due; that is found when it is chosen.

use crate::arch;
use crate::cores;
use crate::cpu::{self, Action, Cpu, SEVERAL};
use crate::fault;
use crate::mem::Ref;
use crate::object::sched_context::{self, Parameters, SchedContext};
use crate::object::tcb::{State, Tcb};
use crate::state;
use crate::waits;

/// A thread may have become runnable: it takes part again.
pub fn wake(tcb: Ref<Tcb>) {
    if let Some(vcpu) = tcb.vcpu.get()
        && tcb.is_runnable()
    {
        vcpu.can_run();
    }
    if !tcb.is_schedulable() {
        return;
    }
    let cpu = cpu::of(tcb);
    if let Some(context) = tcb.sched_context.get()
        && context.sporadic.get()
        && cpu.paying.get() != Some(context)
    {
        SchedContext::unblock(context, arch::timer::now());
    }
    if cpu.current.get() == Some(tcb) || tcb.in_ready_queue.get() {
        return;
    }
    if !cpu.is_this() {
        cpu.queues_of(tcb).push_back(tcb);
        return cores::reconsider(tcb);
    }
    if tcb.domain.get() != cpu.domain.get() {
        cpu.queues_of(tcb).push_back(tcb);
        return;
    }
    match cpu.action.get() {
        Action::Resume => cpu.action.set(Action::SwitchTo(tcb)),
        Action::SwitchTo(other) if other == tcb => {}
        Action::SwitchTo(other) => {
            enqueue(cpu, other);
            cpu.queues().push_back(tcb);
            cpu.action.set(Action::Choose);
        }
        Action::Choose => cpu.queues().push_back(tcb),
    }
}

/// A candidate that has to wait after all goes to its queue.
fn enqueue(cpu: &Cpu, tcb: Ref<Tcb>) {
    if tcb.is_schedulable() && !tcb.in_ready_queue.get() {
        cpu.queues_of(tcb).push_back(tcb);
    }
}

/// A thread that was answered. If its time is used up meanwhile, its timeout handler is told.
pub fn wake_replied(tcb: Ref<Tcb>) {
    if fault::has_timeout_handler(tcb)
        && let Some(context) = tcb.sched_context.get()
        && context.is_configured()
        && !has_time(context)
        && fault::raise_timeout(tcb)
    {
        return;
    }
    wake(tcb);
}

/// A thread can no longer run: out of the queues. If it is the one that runs, another is found when the kernel is left.
pub fn stop(tcb: Ref<Tcb>) {
    cores::detach(tcb);
    leave_queues(cpu::of(tcb), tcb);
}

fn leave_queues(cpu: &Cpu, tcb: Ref<Tcb>) {
    if tcb.in_ready_queue.get() {
        cpu.queues_of(tcb).remove(tcb);
    }
    if tcb.in_release_queue.get() {
        cpu.release.remove(tcb);
        tcb.in_release_queue.set(false);
        cpu.reprogram.set(true);
    }
    if cpu.action.get() == Action::SwitchTo(tcb) {
        cpu.action.set(Action::Choose);
    }
}

/// What charging showed.
struct Charged {
    /// The present, in ticks.
    now: u64,
    /// A round-robin slice ended.
    slice_ended: bool,
}

/// Charges the context that pays for the present up to now.
#[inline(never)]
fn charge(cpu: &Cpu) -> Charged {
    let now = arch::timer::now();
    cpu.reprogram.set(true);
    Charged { now, slice_ended: charge_at(cpu, now) }
}

/// Charges the context that pays for the present, which is `now`. True: a round-robin slice ended. The timer is the
/// caller's business.
#[inline]
fn charge_at(cpu: &Cpu, now: u64) -> bool {
    let used = now.saturating_sub(cpu.since.replace(now));
    let Some(context) = cpu.paying.get() else { return false };
    context.consumed.set(context.consumed.get() + used);
    context.is_configured() && SchedContext::charge(context, used, now)
}

/// Whether a context's first refill can be used now.
pub fn has_time(context: Ref<SchedContext>) -> bool {
    charge_if_current(context);
    context.is_configured() && SchedContext::has_time(context, arch::timer::now())
}

/// Whether what pays for the present has no more time. The timer tells that too, but its interrupt may be masked, or late.
pub fn is_time_over() -> bool {
    let cpu = cpu::this();
    cpu.paying.get().is_some_and(|context| budget_end(cpu, context) <= arch::timer::now())
}

/// Brings a context's account up to date if it pays for the present.
pub fn charge_if_current(context: Ref<SchedContext>) {
    let cpu = cpu::of_context(context);
    if cpu.paying.get() == Some(context) {
        charge(cpu);
    }
}

/// Brings the account of a running thread's context up to date.
pub fn charge_if_running(tcb: Ref<Tcb>) {
    if let Some(context) = tcb.sched_context.get() {
        charge_if_current(context);
    }
}

/// Gives a context to a thread, taking it from the one that has it: along a call or with a signal.
pub fn donate(context: Ref<SchedContext>, to: Ref<Tcb>) {
    if let Some(from) = context.tcb.get() {
        cores::detach(from);
        from.sched_context.set(None);
        leave_queues(cpu::of(from), from);
    }
    join(context, to);
}

fn join(context: Ref<SchedContext>, tcb: Ref<Tcb>) {
    context.tcb.set(Some(tcb));
    tcb.sched_context.set(Some(context));
    if cores::migrate(tcb, context.core.get()) {
        // It received a call for which a caller on another core had waited.
        wake(tcb);
    }
}

/// Gives the running thread's context to one that waits, or back.
#[inline(always)]
pub fn hand_over(context: Ref<SchedContext>, from: Ref<Tcb>, to: Ref<Tcb>) {
    from.sched_context.set(None);
    context.tcb.set(Some(to));
    to.sched_context.set(Some(context));
}

/// Binds a context to a thread, which may run on it.
pub fn give_context(context: Ref<SchedContext>, tcb: Ref<Tcb>) {
    join(context, tcb);
    wake(tcb);
}

/// Takes a thread's context away.
pub fn take_context(tcb: Ref<Tcb>) {
    if let Some(context) = tcb.sched_context.get() {
        charge_if_current(context);
        stop(tcb);
        tcb.sched_context.set(None);
        context.tcb.set(None);
    }
}

/// A context is deleted: nobody is charged to it any more.
pub fn forget_context(context: Ref<SchedContext>) {
    charge_if_current(context);
    cores::stop_paying(cpu::of_context(context), context);
    context.budget.set(0);
}

/// A thread is deleted: it is not the one that runs.
pub fn forget_thread(tcb: Ref<Tcb>) {
    let cpu = cpu::this();
    if cpu.current.get() == Some(tcb) {
        cpu.current.set(None);
    }
}

/// Configures a context.
pub fn configure(context: Ref<SchedContext>, core: u32, parameters: Parameters) {
    if let Some(tcb) = context.tcb.get() {
        cores::detach(tcb);
        leave_queues(cpu::of(tcb), tcb);
    }
    charge_if_current(context);
    if SEVERAL && context.core.get() != core {
        cores::move_context(context, core);
    }
    let cpu = cpu::this();
    let running = context.tcb.get().filter(|tcb| cpu.current.get() == Some(*tcb));
    let now = arch::timer::now();
    let in_use = context.is_configured() && context.tcb.get().is_some_and(|tcb| tcb.is_runnable());
    SchedContext::start(context, parameters, in_use, now);
    cpu.reprogram.set(true);
    match running {
        Some(tcb) if !has_time(context) => postpone(cpu, tcb),
        Some(_) => {}
        None => {
            if let Some(tcb) = context.tcb.get() {
                wake(tcb);
            }
        }
    }
}

/// The thread's context has no time now: it waits for its next refill.
fn postpone(cpu: &Cpu, tcb: Ref<Tcb>) {
    let Some(context) = tcb.sched_context.get() else { return };
    stop(tcb);
    let due = |tcb: Ref<Tcb>| tcb.sched_context.get().map_or(0, SchedContext::due);
    let time = SchedContext::due(context);
    cpu.release.insert_sorted(tcb, |other| due(other) <= time);
    tcb.in_release_queue.set(true);
    cpu.reprogram.set(true);
}

/// `Yield`: what is left of the first refill is given up.
pub fn yield_now() {
    let cpu = cpu::this();
    charge(cpu);
    if let Some(tcb) = cpu.current.get()
        && let Some(context) = tcb.sched_context.get()
    {
        if SchedContext::due(context) <= cpu.since.get() {
            SchedContext::give_up(context);
        }
        end_slice(cpu, tcb, false);
    }
}

/// The first refill of the running thread is used up.
fn end_slice(cpu: &Cpu, tcb: Ref<Tcb>, tell: bool) {
    let Some(context) = tcb.sched_context.get() else { return };
    if !tcb.is_runnable() {
        return;
    }
    if tell && context.period.get() != 0 && fault::raise_timeout(tcb) {
        return;
    }
    if SchedContext::has_time(context, cpu.since.get()) {
        // Round-robin: behind the others of its priority.
        give_up_candidate(cpu);
        cpu.queues_of(tcb).push_back(tcb);
        cpu.action.set(Action::Choose);
    } else {
        postpone(cpu, tcb);
    }
    cpu.reprogram.set(true);
}

/// Whoever was to be switched to takes part in the choice.
pub fn give_up_candidate(cpu: &Cpu) {
    if let Action::SwitchTo(other) = cpu.action.replace(Action::Choose) {
        enqueue(cpu, other);
    }
}

/// The timer fired: budgets, refills that are due, waits, the domain.
pub fn tick() {
    let cpu = cpu::this();
    let Charged { now, slice_ended } = charge(cpu);
    cpu.reprogram.set(true);
    if let Some(tcb) = cpu.current.get()
        && let Some(context) = tcb.sched_context.get()
        && (slice_ended || !SchedContext::has_time(context, now))
    {
        end_slice(cpu, tcb, true);
    }
    release_due(cpu, now);
    waits::wake_due(cpu, now);
    if now >= cpu.domain_end.get() {
        state::kernel().domains.advance();
        start_domain();
    }
}

fn release_due(cpu: &Cpu, now: u64) {
    while let Some(tcb) = cpu.release.first() {
        let Some(context) = tcb.sched_context.get() else { return };
        if SchedContext::due(context) > now {
            return;
        }
        cpu.release.remove(tcb);
        tcb.in_release_queue.set(false);
        wake(tcb);
    }
}

/// The domain schedule's present entry begins.
pub fn start_domain() {
    let cpu = cpu::this();
    charge(cpu);
    let entry = state::kernel().domains.current();
    cpu.domain_end.set(match entry.duration {
        0 => u64::MAX,
        duration => cpu.since.get().saturating_add(duration),
    });
    give_up_candidate(cpu);
    requeue_current(cpu);
    cpu.domain.set(entry.domain);
    cpu.reprogram.set(true);
}

/// The running thread takes part in the choice, first of its priority.
pub fn requeue_current(cpu: &Cpu) {
    if let Some(tcb) = cpu.current.take()
        && tcb.is_schedulable()
        && !tcb.in_ready_queue.get()
    {
        cpu.queues_of(tcb).push_front(tcb);
    }
}

/// Changes something that decides a thread's queue.
fn requeued(tcb: Ref<Tcb>, change: impl FnOnce()) {
    cores::detach(tcb);
    let cpu = cpu::of(tcb);
    let queued = tcb.in_ready_queue.get();
    if queued {
        cpu.queues_of(tcb).remove(tcb);
    }
    change();
    if queued {
        cpu.queues_of(tcb).push_back(tcb);
    }
    if queued && !cpu.is_this() {
        cores::reconsider(tcb);
    } else if cpu.current.get() == Some(tcb) || queued || cpu.action.get() == Action::SwitchTo(tcb) {
        give_up_candidate(cpu);
    }
}

/// Sets a thread's priority, wherever it waits.
pub fn set_priority(tcb: Ref<Tcb>, priority: u8) {
    requeued(tcb, || tcb.priority.set(priority));
    match tcb.state.get() {
        State::BlockedOnReceive { endpoint, .. } => endpoint.reorder(tcb),
        State::BlockedOnSend(message) => message.endpoint.reorder(tcb),
        State::BlockedOnNotification { notification } => notification.reorder(tcb),
        _ => {}
    }
}

/// Sets a thread's domain.
pub fn set_domain(tcb: Ref<Tcb>, domain: u8) {
    requeued(tcb, || tcb.domain.set(domain));
}

/// Puts a ready thread first of its priority on its core, unless it runs there.
pub fn requeue_front(tcb: Ref<Tcb>) {
    let cpu = cpu::of(tcb);
    if cpu.current.get() == Some(tcb) {
        return;
    }
    leave_queues(cpu, tcb);
    cpu.queues_of(tcb).push_front(tcb);
    if cpu.is_this() { give_up_candidate(cpu) } else { cores::reconsider(tcb) }
}

/// The running thread makes way for another of at least its priority.
pub fn yield_to(tcb: Ref<Tcb>, from: Ref<Tcb>) {
    let cpu = cpu::this();
    leave_queues(cpu, tcb);
    give_up_candidate(cpu);
    if cpu.current.get() == Some(from) {
        requeue_current(cpu);
    }
    cpu.queues_of(tcb).push_front(tcb);
}

/// Decides who runs, and makes it so. With nobody, the core sleeps until an interrupt changes that.
#[inline]
pub fn leave() -> Ref<Tcb> {
    let cpu = cpu::this();
    if cpu.action.get() != Action::Resume || !cpu.current.get().is_some_and(|tcb| tcb.is_schedulable()) {
        schedule(cpu);
    }
    let tcb = match cpu.current.get() {
        Some(tcb) if !cpu.reprogram.get() => tcb,
        _ => settle(cpu),
    };
    arch::switch_to(tcb);
    tcb
}

/// Sets the timer, and sleeps while there is nobody to run.
#[inline(never)]
fn settle(cpu: &Cpu) -> Ref<Tcb> {
    loop {
        if cpu.reprogram.take() {
            arch::timer::set_deadline(deadline(cpu));
        }
        if let Some(tcb) = cpu.current.get() {
            return tcb;
        }
        crate::benchmark::idle();
        crate::trap::take_interrupts();
        schedule(cpu);
    }
}

#[inline]
fn schedule(cpu: &Cpu) {
    if let Action::SwitchTo(target) = cpu.action.get()
        && target.is_schedulable()
        && target.yield_to.get().is_none()
        && switch(cpu, target)
    {
        return;
    }
    choose(cpu);
}

/// The common case: a thread was woken that goes first, because the one that ran waits now, or has a lower priority.
#[inline]
fn switch(cpu: &Cpu, target: Ref<Tcb>) -> bool {
    let running = cpu.current.get().filter(|tcb| tcb.is_schedulable());
    let priority = target.priority.get();
    let goes_first = match running {
        Some(tcb) => !tcb.in_ready_queue.get() && priority > tcb.priority.get(),
        None => cpu.queues().highest().is_none_or(|highest| priority >= highest),
    };
    if !goes_first {
        return false;
    }
    if !can_pay(cpu, target) {
        postpone(cpu, target);
        return false;
    }
    if let Some(tcb) = running {
        cpu.queues_of(tcb).push_front(tcb);
    }
    cpu.action.set(Action::Resume);
    cpu.run(target);
    true
}

#[inline(never)]
fn choose(cpu: &Cpu) {
    let running = cpu.current.get().filter(|tcb| tcb.is_schedulable() && !tcb.in_ready_queue.get());
    let mut next = match cpu.action.replace(Action::Resume) {
        Action::SwitchTo(target) if target.is_schedulable() => prefer(cpu, running, target),
        Action::Resume if running.is_some() => running,
        _ => {
            if let Some(tcb) = running {
                cpu.queues_of(tcb).push_front(tcb);
            }
            take_first(cpu)
        }
    };
    while let Some(tcb) = next {
        if can_pay(cpu, tcb) {
            break;
        }
        postpone(cpu, tcb);
        next = take_first(cpu);
    }
    cpu.action.set(Action::Resume);
    cpu.current.set(next);
    match next {
        Some(tcb) => {
            tcb.rewound.set(false);
            if let Some(context) = tcb.yield_to.get() {
                sched_context::complete_yield(context);
            }
        }
        None => {
            charge(cpu);
            cpu.paying.set(None);
            cpu.reprogram.set(true);
        }
    }
}

/// Who goes first: the thread that runs, the one that was woken, or one that is ready.
fn prefer(cpu: &Cpu, running: Option<Ref<Tcb>>, target: Ref<Tcb>) -> Option<Ref<Tcb>> {
    match running {
        Some(tcb) if tcb.priority.get() >= target.priority.get() => {
            cpu.queues_of(target).push_back(target);
            Some(tcb)
        }
        Some(tcb) => {
            cpu.queues_of(tcb).push_front(tcb);
            Some(target)
        }
        None if cpu.queues().highest().is_none_or(|highest| target.priority.get() >= highest) => Some(target),
        None => {
            cpu.queues_of(target).push_back(target);
            take_first(cpu)
        }
    }
}

fn take_first(cpu: &Cpu) -> Option<Ref<Tcb>> {
    let tcb = cpu.queues().first()?;
    cpu.queues().remove(tcb);
    Some(tcb)
}

/// Makes the thread's context pay from now on, if it has time.
#[inline]
fn can_pay(cpu: &Cpu, tcb: Ref<Tcb>) -> bool {
    let context = tcb.sched_context.get();
    (cpu.paying.get() == context && context.is_some()) || take_over(cpu, context)
}

/// Charges the context that paid, and makes another one pay, if it can.
#[inline]
pub fn take_over(cpu: &Cpu, context: Option<Ref<SchedContext>>) -> bool {
    let now = arch::timer::now();
    charge_at(cpu, now);
    cpu.paying.set(context);
    let Some(context) = context else {
        cpu.reprogram.set(true);
        return false;
    };
    if !context.sporadic.get() {
        SchedContext::unblock(context, now);
    }
    if !cpu.reprogram.get() {
        arch::timer::set_deadline(cpu.horizon.get().min(budget_end(cpu, context)));
    }
    SchedContext::has_time(context, now)
}

/// When the first refill of the context that pays will be used up.
#[inline]
fn budget_end(cpu: &Cpu, context: Ref<SchedContext>) -> u64 {
    cpu.since.get().saturating_add(SchedContext::available(context))
}

/// When the timer has to fire next, whoever runs.
fn horizon(cpu: &Cpu) -> u64 {
    let refill = cpu.release.first().and_then(|tcb| tcb.sched_context.get());
    let refill = refill.map_or(u64::MAX, SchedContext::due);
    let wait = cpu.waits.first().map_or(u64::MAX, |tcb| tcb.wake_at.get());
    refill.min(wait).min(cpu.domain_end.get())
}

/// When the timer has to fire next.
fn deadline(cpu: &Cpu) -> u64 {
    cpu.horizon.set(horizon(cpu));
    match cpu.paying.get() {
        Some(context) if cpu.current.get().is_some() => cpu.horizon.get().min(budget_end(cpu, context)),
        _ => cpu.horizon.get(),
    }
}
