//! Scheduling contexts: who may run for how long, as an object (seL4 manual, section 6.1).

use crate::cpu::{self, SEVERAL};
use crate::error::SysError;
use crate::invoke::{Args, Outcome};
use crate::mem::{Link, Ref};
use crate::object::notification::Notification;
use crate::object::reply::{self, Reply};
use crate::object::tcb::Tcb;
use crate::sched;
use crate::time;
use core::cell::Cell;
use quoll_kernel_core::cap::Cap;
use quoll_kernel_core::refill::{self, Refill, Refills};
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::object::{CORE_SCHED_CONTEXT_BYTES, REFILL_BYTES, SCHED_CONTEXT_SPORADIC};

/// New parameters of a context, in ticks.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    /// Budget.
    pub budget: u64,
    /// Period; 0 for round-robin.
    pub period: u64,
    /// Most refills.
    pub refills: u32,
}

/// A scheduling context. Its refills stand behind it, as many as the object has room for.
#[derive(Debug)]
#[repr(C)]
pub struct SchedContext {
    /// Period in ticks; 0 when it equals the budget: round-robin.
    pub period: Cell<u64>,
    /// Budget in ticks; 0 until it is configured.
    pub budget: Cell<u64>,
    /// Ticks used since it was last asked.
    pub consumed: Cell<u64>,
    /// What a timeout handler is told.
    pub badge: Cell<u64>,
    /// The thread that runs on it.
    pub tcb: Link<Tcb>,
    /// The latest call along which it was donated.
    pub reply: Link<Reply>,
    /// The notification that it is bound to.
    pub notification: Link<Notification>,
    /// The thread that yielded to it and waits to be told its consumption.
    pub yield_from: Link<Tcb>,
    /// What is left of a round-robin context's budget, in ticks.
    slice: Cell<u64>,
    queue: refill::Queue,
    size_bits: u32,
    /// The core whose time it is.
    pub core: Cell<u32>,
    /// Whether refills are advanced only when its thread wakes.
    pub sporadic: Cell<bool>,
}

const _: () = assert!(size_of::<SchedContext>() <= CORE_SCHED_CONTEXT_BYTES);
const _: () = assert!(size_of::<Refill>() == REFILL_BYTES);

impl SchedContext {
    /// A context without budget.
    pub fn new(size_bits: u32) -> Self {
        Self {
            period: Cell::new(0),
            budget: Cell::new(0),
            consumed: Cell::new(0),
            badge: Cell::new(0),
            tcb: Link::new(None),
            reply: Link::new(None),
            notification: Link::new(None),
            yield_from: Link::new(None),
            slice: Cell::new(0),
            queue: refill::Queue::default(),
            size_bits,
            core: Cell::new(0),
            sporadic: Cell::new(false),
        }
    }

    /// Most refills that the object has room for.
    fn room(&self) -> usize {
        ((1usize << self.size_bits) - CORE_SCHED_CONTEXT_BYTES) / REFILL_BYTES
    }

    /// Whether it has been given a budget.
    #[inline(always)]
    pub fn is_configured(&self) -> bool {
        self.budget.get() != 0
    }

    /// Its refills, if it is not round-robin.
    fn refills(this: Ref<Self>) -> Refills<'static> {
        let first = this.addr().get() as usize + CORE_SCHED_CONTEXT_BYTES;
        let first: *const Cell<Refill> = core::ptr::with_exposed_provenance(first);
        // SAFETY: the object was made with `size_bits`, so the room behind its head is its own; retype cleared it.
        let buffer = unsafe { core::slice::from_raw_parts(first, this.room()) };
        // SAFETY: the object lives as long as it is referred to (see `Ref`).
        let queue = unsafe { &*core::ptr::from_ref(&this.queue) };
        Refills { queue, buffer, period: this.period.get(), min_budget: time::min_budget() }
    }

    /// Whether its budget is its period: it has time whenever it is chosen, and makes way for others when the budget is
    /// used up.
    #[inline(always)]
    pub fn is_round_robin(&self) -> bool {
        self.period.get() == 0
    }

    /// Gives it new parameters. While it is `in_use`, a change gives no more time than either parameters would.
    pub fn start(this: Ref<Self>, parameters: Parameters, in_use: bool, now: u64) {
        let Parameters { budget, period, refills } = parameters;
        // What is left is of the refills that it had.
        let update = in_use && period != 0 && !this.is_round_robin();
        this.period.set(period);
        this.budget.set(budget);
        this.slice.set(budget);
        if update {
            Self::refills(this).update(budget, refills, now);
        } else {
            Self::refills(this).start(budget, refills, now);
        }
    }

    /// Charges `used` ticks that ended at `now`. True: a round-robin slice ended.
    #[inline(always)]
    pub fn charge(this: Ref<Self>, used: u64, now: u64) -> bool {
        if !this.is_round_robin() {
            Self::charge_refills(this, used, now);
            return false;
        }
        let left = this.slice.get().saturating_sub(used);
        let ended = left < time::min_budget();
        this.slice.set(if ended { this.budget.get() } else { left });
        ended
    }

    #[inline(never)]
    fn charge_refills(this: Ref<Self>, used: u64, now: u64) {
        if used > 0 {
            Self::refills(this).charge(used, now);
        }
    }

    /// The refill that is used first, of a context that is not round-robin.
    #[inline(never)]
    fn head(this: Ref<Self>) -> Refill {
        Self::refills(this).head()
    }

    /// Ticks that it can use at once, when it is due.
    #[inline(always)]
    pub fn available(this: Ref<Self>) -> u64 {
        if this.is_round_robin() { this.slice.get() } else { Self::head(this).amount }
    }

    /// From when on it can be used.
    #[inline(always)]
    pub fn due(this: Ref<Self>) -> u64 {
        if this.is_round_robin() { 0 } else { Self::head(this).time }
    }

    /// Whether it can be used now for as long as is worth a switch.
    #[inline(always)]
    pub fn has_time(this: Ref<Self>, now: u64) -> bool {
        this.is_round_robin() || Self::due(this) <= now && Self::available(this) >= time::min_budget()
    }

    /// It was not used for a while, and is now.
    #[inline(always)]
    pub fn unblock(this: Ref<Self>, now: u64) {
        if !this.is_round_robin() {
            Self::refills(this).unblock(now);
        }
    }

    /// Ticks on its account: its budget, or what is left of a round-robin slice.
    pub fn account(this: Ref<Self>) -> u64 {
        if this.is_round_robin() { this.slice.get() } else { Self::refills(this).sum() }
    }

    /// What it could use at once is given up.
    pub fn give_up(this: Ref<Self>) {
        let left = Self::available(this);
        this.consumed.set(this.consumed.get() + left);
        Self::charge(this, left, Self::due(this));
    }

    /// Microseconds used since this was last asked.
    pub fn take_consumed(this: Ref<Self>) -> u64 {
        sched::charge_if_current(this);
        time::to_us(this.consumed.take())
    }
}

/// The context goes.
pub fn finalise(this: Ref<SchedContext>) {
    unbind_all(this);
    complete_yield(this);
    sched::forget_context(this);
}

/// Tells the thread that yielded to this context what was consumed since.
pub fn complete_yield(this: Ref<SchedContext>) {
    if let Some(from) = this.yield_from.take() {
        from.yield_to.set(None);
        let consumed = SchedContext::take_consumed(this);
        crate::invoke::set_result_word(from, consumed);
    }
}

/// Ends a thread's wait for the consumption of the context that it yielded to.
pub fn cancel_yield(tcb: Ref<Tcb>) {
    if let Some(context) = tcb.yield_to.take() {
        context.yield_from.set(None);
    }
}

/// From the thread that has it, a notification, and the callers that lent it: it comes back to none of them.
fn unbind_all(this: Ref<SchedContext>) {
    reply::clear_chain(this);
    if let Some(tcb) = this.tcb.get() {
        sched::take_context(tcb);
    }
    if let Some(notification) = this.notification.take() {
        notification.sched_context.set(None);
    }
}

/// Methods of a scheduling context.
pub fn invoke(this: Ref<SchedContext>, label: Label, args: &Args) -> Result<Outcome, SysError> {
    match label {
        Label::SchedContextBind => bind(this, args.cap(0).cap())?,
        Label::SchedContextUnbind => {
            refuse_current(this)?;
            unbind_all(this);
        }
        Label::SchedContextUnbindObject => unbind_object(this, args.cap(0).cap())?,
        Label::SchedContextConsumed => return Ok(Outcome::Word(SchedContext::take_consumed(this))),
        _ => return yield_to(this, args.thread()),
    }
    Ok(Outcome::Done)
}

/// The running thread cannot take its own time away: the system call could not end.
fn refuse_current(this: Ref<SchedContext>) -> Result<(), SysError> {
    let current = cpu::this().current.get();
    if current.is_some() && this.tcb.get() == current { Err(SysError::IllegalOperation) } else { Ok(()) }
}

fn bind(this: Ref<SchedContext>, object: Cap) -> Result<(), SysError> {
    match object {
        Cap::Thread { addr } => {
            let tcb: Ref<Tcb> = Ref::at(addr);
            if this.tcb.get().is_some() || tcb.sched_context.get().is_some() {
                return Err(SysError::IllegalOperation);
            }
            // A blocked thread whose time is used up would wait in two places.
            if tcb.is_blocked() && !sched::has_time(this) {
                return Err(SysError::IllegalOperation);
            }
            sched::give_context(this, tcb);
        }
        Cap::Notification { addr, .. } => {
            let notification: Ref<Notification> = Ref::at(addr);
            if this.notification.get().is_some() || notification.sched_context.get().is_some() {
                return Err(SysError::IllegalOperation);
            }
            this.notification.set(Some(notification));
            notification.sched_context.set(Some(this));
        }
        _ => return Err(SysError::InvalidCapability(1)),
    }
    Ok(())
}

fn unbind_object(this: Ref<SchedContext>, object: Cap) -> Result<(), SysError> {
    match object {
        Cap::Thread { addr } => {
            let tcb: Ref<Tcb> = Ref::at(addr);
            if this.tcb.get() != Some(tcb) {
                return Err(SysError::IllegalOperation);
            }
            refuse_current(this)?;
            sched::take_context(tcb);
            // What came by donation goes back to the caller, unless that has other time by now.
            if let Some(caller) = this.reply.get().and_then(|reply| reply.tcb.get())
                && caller.sched_context.get().is_none()
            {
                sched::give_context(this, caller);
            }
        }
        Cap::Notification { addr, .. } => {
            if this.notification.get() != Some(Ref::at(addr)) {
                return Err(SysError::IllegalOperation);
            }
            this.notification.set(None);
            Ref::<Notification>::at(addr).sched_context.set(None);
        }
        _ => return Err(SysError::InvalidCapability(1)),
    }
    Ok(())
}

fn yield_to(this: Ref<SchedContext>, caller: Ref<Tcb>) -> Result<Outcome, SysError> {
    let Some(tcb) = this.tcb.get() else { return Err(SysError::IllegalOperation) };
    if tcb == caller || tcb.priority.get() > caller.mcp.get() {
        return Err(SysError::IllegalOperation);
    }
    complete_yield(this);
    cancel_yield(caller);
    if !tcb.is_schedulable() || !sched::has_time(this) {
        return Ok(Outcome::Word(SchedContext::take_consumed(this)));
    }
    // On another core the caller is in nobody's way.
    if SEVERAL && tcb.core.get() != caller.core.get() {
        sched::requeue_front(tcb);
        return Ok(Outcome::Word(SchedContext::take_consumed(this)));
    }
    // The caller learns the consumption when it runs again: now if the target does not take its place.
    SchedContext::take_consumed(this);
    if tcb.priority.get() < caller.priority.get() {
        sched::requeue_front(tcb);
        return Ok(Outcome::Word(SchedContext::take_consumed(this)));
    }
    caller.yield_to.set(Some(this));
    this.yield_from.set(Some(caller));
    sched::yield_to(tcb, caller);
    Ok(Outcome::Later)
}

/// `SchedControl_ConfigureFlags`.
#[inline(never)]
pub fn configure(core: u32, args: &Args) -> Result<(), SysError> {
    let (budget, period) = (args.word(0), args.word(1));
    let (extra_refills, badge, flags) = (args.word(2), args.word(3), args.word(4));
    let Cap::SchedContext { addr, .. } = args.cap(0).cap() else { return Err(SysError::InvalidCapability(1)) };
    let this: Ref<SchedContext> = Ref::at(addr);
    let (min, max) = (time::MIN_BUDGET_US, time::max_period_us());
    for value in [budget, period] {
        if value < min || value > max {
            return Err(SysError::Range { min, max });
        }
    }
    if budget > period {
        return Err(SysError::Range { min, max: period });
    }
    // The smallest context has no room for refills at all.
    let (room, least) = (this.room() as u64, u64::from(refill::MIN_REFILLS));
    if extra_refills.saturating_add(least) > room {
        return Err(SysError::Range { min: 0, max: room.saturating_sub(least) });
    }
    this.badge.set(badge);
    this.sporadic.set(flags & SCHED_CONTEXT_SPORADIC != 0);
    let round_robin = budget == period;
    let refills = if round_robin { refill::MIN_REFILLS } else { refill::MIN_REFILLS + extra_refills as u32 };
    let period = if round_robin { 0 } else { time::from_us(period) };
    sched::configure(this, core, Parameters { budget: time::from_us(budget), period, refills });
    Ok(())
}
