//! Scheduling with budgets, while time passes. A machine that is busy may stop QEMU for a while, which the guest sees as time
//! that a thread had: limits are wide, but nobody comes near them who is not bounded.

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};

use sel4::abi::object::SCHED_CONTEXT_SPORADIC;
use sel4::init_thread::slot;
use sel4::{Cap, Error, Fault, IpcBuffer, MessageInfo, Time, Word, cap, cap_type, with_ipc_buffer};

use crate::clock::{counter, elapsed};
use crate::ipc::badged;
use crate::kit::Kit;
use crate::thread::{Settle, Thread};

const NO_ENDPOINT: cap::Endpoint = Cap::from_bits(0);

/// How long is looked, in microseconds.
const WINDOW: Time = 100_000;
const BUDGET: Time = 1000;
const PERIOD: Time = 10_000;
/// How often: what a stop of QEMU spoils is one look.
const LOOKS: usize = 3;
/// A bounded thread gets a tenth of the time; three times that is too much.
const TOO_MUCH: u64 = 3;

static TURNS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
static ERROR: AtomicU64 = AtomicU64::new(0);
static CONSUMED: AtomicU64 = AtomicU64::new(0);

pub fn run(kit: &mut Kit) {
    let clock = Clock::new(kit);
    let settle = Settle::new(kit);
    share(kit, &clock, 0);
    share(kit, &clock, SCHED_CONTEXT_SPORADIC);
    equals(kit, &clock);
    yielding(kit, &clock);
    yielding_to(kit);
    if kit.cores() > 1 {
        yielding_to_another_core(kit, &clock);
    }
    consumption(kit, &settle);
    timeout_of_a_server(kit, &settle);
    clock.stop(kit);
}

/// Wakes the root task when a window is over.
struct Clock {
    ticker: Thread,
    beat: cap::Notification,
}

impl Clock {
    fn new(kit: &mut Kit) -> Self {
        kit.section("6.1.8");
        let notification = kit.memory.make::<cap_type::Notification>();
        let beat = badged(kit, notification, 1);
        let ticker = Thread::spawn(kit, NO_ENDPOINT, crate::storm::tick, [beat.cptr_bits(), 0, 0]);
        let slow = kit.sched_control.sched_control_configure_flags(ticker.context, BUDGET, WINDOW, 0, 0, 0);
        kit.check("a clock", slow.and_then(|()| ticker.tcb.tcb_set_priority(slot::TCB.cap(), 200)), Ok(()));
        Self { ticker, beat: notification.cap() }
    }

    /// Waits for a window to begin, looks at something, waits for the end; comes back with what was seen and how long the
    /// window was in truth.
    fn window<T>(&self, first: impl FnOnce() -> T) -> (T, Time) {
        // A beat that came meanwhile is not the beginning.
        self.beat.poll();
        self.beat.wait();
        let (seen, start) = (first(), counter());
        self.beat.wait();
        (seen, elapsed(start))
    }

    fn stop(self, kit: &mut Kit) {
        kit.check("stop the clock", self.ticker.tcb.tcb_suspend(), Ok(()));
    }
}

/// Counts for ever.
fn spin(_: &mut IpcBuffer, [which, ..]: [Word; 3]) {
    loop {
        TURNS[which as usize].fetch_add(1, Ordering::Relaxed);
    }
}

fn turns() -> [u64; 2] {
    [0, 1].map(|i| TURNS[i].load(Ordering::Relaxed))
}

fn share(kit: &mut Kit, clock: &Clock, flags: Word) {
    kit.section("6.1.8");
    let thread = Thread::spawn(kit, NO_ENDPOINT, spin, [0; 3]);
    let bounded = kit.sched_control.sched_control_configure_flags(thread.context, BUDGET, PERIOD, 0, 0, flags);
    kit.check("a budget of a tenth of the period", bounded, Ok(()));
    let look = || {
        let (forgotten, time) = clock.window(|| thread.context.consumed());
        let used = forgotten.and_then(|_| thread.context.consumed())?;
        Ok((used > 0, used / TOO_MUCH <= time * BUDGET / PERIOD))
    };
    let looks: [sel4::Result<_>; LOOKS] = core::array::from_fn(|_| look());
    kit.check("Consumed", looks.iter().all(Result::is_ok), true);
    kit.check("a thread that never stops is bounded by it", looks.iter().flatten().any(|&(_, bounded)| bounded), true);
    kit.check("it runs again in each period", looks.iter().flatten().all(|&(ran, _)| ran), true);
    kit.check("stop it", thread.tcb.tcb_suspend(), Ok(()));
}

fn equals(kit: &mut Kit, clock: &Clock) {
    kit.section("6.1.8");
    let threads = [0, 1].map(|which| Thread::spawn(kit, NO_ENDPOINT, spin, [which, 0, 0]));
    let (before, _) = clock.window(turns);
    let both = before.iter().zip(turns()).all(|(before, after)| after > *before);
    kit.check("equal priorities take turns", both, true);
    let lower = threads[0].tcb.tcb_set_priority(slot::TCB.cap(), 99);
    kit.check("lower one's priority", lower, Ok(()));
    let (before, _) = clock.window(turns);
    kit.section("6.1.12");
    kit.check("the highest priority runs, the lower does not", turns()[0], before[0]);
    kit.check("stop both", threads.map(|thread| thread.tcb.tcb_suspend()), [Ok(()); 2]);
}

/// Gives its budget up, again and again.
fn yield_for_ever(_: &mut IpcBuffer, _: [Word; 3]) {
    loop {
        TURNS[0].fetch_add(1, Ordering::Relaxed);
        sel4::r#yield();
    }
}

fn yielding(kit: &mut Kit, clock: &Clock) {
    kit.section("6.1.8");
    let thread = Thread::spawn(kit, NO_ENDPOINT, yield_for_ever, [0; 3]);
    let bounded = kit.sched_control.sched_control_configure_flags(thread.context, BUDGET, PERIOD, 0, 0, 0);
    kit.check("a periodic thread", bounded, Ok(()));
    let (before, time) = clock.window(turns);
    let seen = turns()[0] - before[0];
    // One period may have begun before the window, and one ends behind it.
    kit.check("who yields waits for the next period", seen <= time / PERIOD + 2, true);
    kit.check("and gets it", seen > 0, true);
    kit.check("stop it", thread.tcb.tcb_suspend(), Ok(()));
}

/// Yields to a context, tells what it was answered, and signals.
fn yield_to(buffer: &mut IpcBuffer, [context, done, _]: [Word; 3]) {
    let answer = cap::SchedContext::from_bits(context).with(&mut *buffer).yield_to();
    CONSUMED.store(answer.unwrap_or(0), Ordering::Relaxed);
    ERROR.store(answer.err().map_or(0, |error| error.into_sys().into()), Ordering::Relaxed);
    cap::Notification::from_bits(done).with(buffer).signal();
}

fn yielding_to(kit: &mut Kit) {
    kit.section("10.3");
    let root = slot::TCB.cap();
    let done = kit.memory.make::<cap_type::Notification>();
    let signal = badged(kit, done, 1);
    let target = Thread::spawn(kit, NO_ENDPOINT, spin, [0; 3]);
    kit.check("YieldTo: a lower priority does not run", target.context.yield_to().is_ok(), true);
    kit.check("a low priority", target.tcb.tcb_set_priority(root, 2), Ok(()));
    let words = [target.context.bits(), signal.cptr_bits(), 0];
    Thread::spawn(kit, NO_ENDPOINT, yield_to, words);
    kit.check("wait for the caller", done.cap().wait().1, 1);
    let refused = u64::from(Error::IllegalOperation.into_sys());
    kit.check("YieldTo: a priority above the caller's maximum", ERROR.load(Ordering::Relaxed), refused);
    let caller = Thread::spawn(kit, NO_ENDPOINT, yield_to, words);
    let equal = caller.tcb.tcb_set_mc_priority(root, 100).and_then(|()| target.tcb.tcb_set_priority(root, 100));
    kit.check("equal priorities", equal, Ok(()));
    kit.check("wait for the caller", done.cap().wait().1, 1);
    let used = (ERROR.load(Ordering::Relaxed), CONSUMED.load(Ordering::Relaxed) > 0);
    kit.check("YieldTo: an equal runs, and what it used is told", used, (0, true));
    kit.check("stop the target", target.tcb.tcb_suspend(), Ok(()));
    let unbound = kit.memory.make_sized::<cap_type::SchedContext>(8).cap();
    kit.check("YieldTo: nobody is bound", unbound.yield_to().map(drop), Err(Error::IllegalOperation));
}

/// Of threads of another core, the one that is yielded to is the next; who runs is not disturbed.
fn yielding_to_another_core(kit: &mut Kit, clock: &Clock) {
    /// Longer than the tests take.
    const LONG: Time = 600_000_000;
    kit.section("10.3");
    let control = kit.time_of(1);
    let [running, first, second] = [0, 0, 1].map(|which| {
        let thread = Thread::spawn(kit, NO_ENDPOINT, spin, [which, 0, 0]);
        let moved = control.sched_control_configure_flags(thread.context, LONG, LONG, 0, 0, 0);
        kit.check("a thread goes to another core", moved, Ok(()));
        // The first has the core before the others come.
        clock.window(|| ());
        thread
    });
    let who_runs = || {
        let (before, _) = clock.window(turns);
        let after = turns();
        [0, 1].map(|i| after[i] != before[i])
    };
    kit.check("YieldTo another core: comes back at once", second.context.yield_to(), Ok(0));
    kit.check("YieldTo another core: an equal that runs goes on", who_runs(), [true, false]);
    kit.check("stop it", running.tcb.tcb_suspend(), Ok(()));
    kit.check("YieldTo another core: who is yielded to goes next", who_runs(), [false, true]);
    let used = second.context.yield_to();
    kit.check("YieldTo another core: what it used is told", used.is_ok_and(|used| used > 0), true);
    kit.check("stop both", [first, second].map(|thread| thread.tcb.tcb_suspend()), [Ok(()); 2]);
}

/// Computes for a while.
fn compute(_: &mut IpcBuffer, [turns, ..]: [Word; 3]) {
    (0..turns).for_each(|turn| {
        black_box(turn);
    });
}

fn consumption(kit: &mut Kit, settle: &Settle) {
    kit.section("10.3");
    let thread = Thread::spawn(kit, NO_ENDPOINT, compute, [1_000_000, 0, 0]);
    settle.wait();
    let used = thread.context.consumed();
    kit.check("Consumed: what a thread used", used.is_ok_and(|used| used > 0), true);
    kit.check("Consumed: since it was asked last", thread.context.consumed(), Ok(0));
}

/// Takes a call and never answers.
fn take_and_spin(buffer: &mut IpcBuffer, [endpoint, reply, _]: [Word; 3]) {
    cap::Endpoint::from_bits(endpoint).with(buffer).recv(cap::Reply::from_bits(reply));
    loop {
        black_box(());
    }
}

/// Calls, then signals.
fn call(buffer: &mut IpcBuffer, [endpoint, done, _]: [Word; 3]) {
    cap::Endpoint::from_bits(endpoint).with(&mut *buffer).call(MessageInfo::new(0, 0, 0, 0));
    cap::Notification::from_bits(done).with(buffer).signal();
}

/// The server's handler is told when a client's time ends in it, though the client has none.
fn timeout_of_a_server(kit: &mut Kit, settle: &Settle) {
    const SERVER: Word = 0x5e;
    const CLIENT: Word = 0xc1;
    kit.section("6.1.13.2");
    let [endpoint, faults] = [(); 2].map(|()| kit.memory.make::<cap_type::Endpoint>());
    let [reply, fault_reply] = [(); 2].map(|()| kit.memory.make::<cap_type::Reply>().cap());
    let handler = badged(kit, faults, SERVER);
    let server = Thread::spawn(kit, NO_ENDPOINT, take_and_spin, [endpoint.cptr_bits(), reply.bits(), 0]);
    settle.wait();
    kit.check("a timeout handler", server.tcb.tcb_set_timeout_endpoint(handler.cap()), Ok(()));
    kit.check("a passive server", server.context.unbind(), Ok(()));
    let done = kit.memory.make::<cap_type::Notification>();
    let signal = badged(kit, done, 1);
    let client = Thread::spawn(kit, NO_ENDPOINT, call, [endpoint.cptr_bits(), signal.cptr_bits(), 0]);
    let small = kit.sched_control.sched_control_configure_flags(client.context, BUDGET, 100 * BUDGET, 0, CLIENT, 0);
    kit.check("a client of small budget", small, Ok(()));
    let (info, badge) = faults.cap().recv(fault_reply);
    let data = match with_ipc_buffer(|buffer| Fault::try_new(buffer, &info)) {
        Some(Fault::Timeout(fault)) => Some(fault.data()),
        _ => None,
    };
    kit.check("the server's handler learns whose time it was", (badge, data), (SERVER, Some(CLIENT)));
    reply.send(MessageInfo::new(1, 0, 0, 0));
    kit.check("the client can be answered in the server's place", done.cap().wait().1, 1);
    kit.check("stop both", [client.tcb.tcb_suspend(), server.tcb.tcb_suspend()], [Ok(()); 2]);
}
