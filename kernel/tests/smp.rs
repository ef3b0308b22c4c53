//! Several cores, played in turn on the fake machine: where threads run, and that nothing of them is left behind. Each
//! switch asserts that no other core has the thread loaded.
#![cfg(sel4_smp)]

mod common;

use common::{CNODE, FREE, Root, TCB, Thread, receive, start};
use proptest::prelude::*;
use quoll_kernel::arch::{self, irq};
use quoll_kernel::cpu;
use quoll_kernel::mem::Ref;
use quoll_kernel::object::slot;
use quoll_kernel::object::tcb::{State, Tcb};
use quoll_kernel::trap;
use quoll_kernel_core::cap::Cap;
use sel4_abi::config::MAX_NUM_NODES;
use sel4_abi::error::ErrorCode;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::object::ObjectType;
use sel4_abi::syscall::Syscall;

/// Slots: a control capability for each core, an endpoint, a reply object, a notification.
const CONTROL: u64 = FREE;
const ENDPOINT: u64 = FREE + 8;
const REPLY: u64 = FREE + 9;
const NOTIFICATION: u64 = FREE + 10;
/// Each core has a thread that always runs when no other does.
const IDLE: u64 = FREE + 20;
const THREADS: u64 = FREE + 40;
const BUDGET_US: u64 = 1000;

/// A machine whose cores all run something: the root thread on core 0, an idle one on each other.
fn machine() -> Root {
    let root = Root::new();
    for core in 0..MAX_NUM_NODES as u32 {
        slot::insert_root(root.slot(CONTROL + u64::from(core)), Cap::SchedControl { core });
    }
    root.retype(ObjectType::Endpoint, 0, ENDPOINT, 1);
    root.retype(ObjectType::Reply, 0, REPLY, 1);
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    for core in 0..MAX_NUM_NODES {
        let idle = thread(&root, IDLE + 4 * core as u64, 0, core);
        root.ok(idle.cptr, Label::TCBResume, &[], &[]);
    }
    settle();
    root
}

/// A thread with time on a core.
fn thread(root: &Root, dest: u64, priority: u8, core: usize) -> Thread {
    let thread = root.thread(dest, priority, None);
    root.retype(ObjectType::SchedContext, 8, dest + 2, 1);
    configure(root, dest + 2, core);
    root.ok(dest + 2, Label::SchedContextBind, &[], &[dest]);
    thread
}

/// Makes a context time of a core.
fn configure(root: &Root, context: u64, core: usize) {
    let words = [BUDGET_US, BUDGET_US, 0, 0, 0];
    root.ok(CONTROL + core as u64, Label::SchedControlConfigureFlags, &words, &[context]);
}

/// Lets a core run the kernel.
fn on<R>(core: usize, work: impl FnOnce() -> R) -> R {
    let before = arch::core_index();
    arch::set_core(core);
    let result = work();
    arch::set_core(before);
    result
}

/// Cores from which their thread was taken look who runs, and so do those that were kicked, as they are when the kernel is
/// left, until none is.
fn settle() {
    let before = arch::core_index();
    for core in (0..MAX_NUM_NODES).filter(|core| current(*core).is_none()) {
        on(core, trap::resume);
    }
    let mut called = u32::MAX;
    while called != 0 {
        called = 0;
        for core in 0..MAX_NUM_NODES {
            called |= on(core, || cpu::this().kicked.take());
        }
        irq::send_sgi(0, called);
        for core in (0..MAX_NUM_NODES).filter(|core| called & 1 << core != 0) {
            on(core, trap::interrupt);
        }
    }
    arch::set_core(before);
}

fn current(core: usize) -> Option<Ref<Tcb>> {
    on(core, || cpu::this().current.get())
}

/// What must hold whenever no core is in the kernel.
fn check(threads: &[Thread]) {
    for thread in threads {
        let tcb = thread.tcb;
        let runs: Vec<usize> = (0..MAX_NUM_NODES).filter(|core| current(*core) == Some(tcb)).collect();
        assert!(
            runs.iter().all(|core| *core == tcb.core.get() as usize),
            "runs on {runs:?}, belongs to {:?}",
            tcb.core
        );
        let waits = tcb.in_ready_queue.get() || tcb.in_release_queue.get();
        assert!(runs.is_empty() || !waits, "runs and waits for its turn");
        if let Some(context) = tcb.sched_context.get() {
            assert_eq!(context.tcb.get(), Some(tcb));
            assert_eq!(context.core.get(), tcb.core.get(), "time of another core");
        }
        if tcb.is_runnable() && tcb.sched_context.get().is_some() {
            assert!(waits || !runs.is_empty(), "can run, and is in no queue");
        }
    }
    for core in 0..MAX_NUM_NODES {
        let running = current(core).expect("each core runs something");
        let ahead = on(core, || cpu::this().queues().highest());
        assert!(ahead.is_none_or(|priority| priority <= running.priority.get()), "core {core} runs the wrong thread");
    }
}

#[test]
fn a_thread_starts_where_its_time_is() {
    let root = machine();
    let thread = thread(&root, THREADS, 50, 2);
    root.ok(thread.cptr, Label::TCBResume, &[], &[]);
    assert_ne!(current(2), Some(thread.tcb));
    settle();
    assert_eq!(current(2), Some(thread.tcb));
    check(&[thread]);
}

#[test]
fn a_running_thread_moves_with_its_time() {
    let root = machine();
    let thread = thread(&root, THREADS, 50, 2);
    root.ok(thread.cptr, Label::TCBResume, &[], &[]);
    settle();
    for core in [3, 1, 0, 2] {
        configure(&root, thread.cptr + 2, core);
        settle();
        check(&[thread]);
        assert_eq!(thread.tcb.core.get() as usize, core);
    }
    assert_eq!(current(2), Some(thread.tcb));
}

#[test]
fn a_thread_that_moves_itself_goes_on_there() {
    let root = machine();
    let words = [BUDGET_US, BUDGET_US, 0, 0, 0];
    let control = CONTROL + 1;
    let context = common::SCHED_CONTEXT;
    start(root.tcb, Syscall::Call, control, Label::SchedControlConfigureFlags as u64, &words, &[context]);
    settle();
    assert_eq!((current(1), root.answer().label), (Some(root.tcb), 0));
    assert_ne!(current(0), Some(root.tcb));
}

#[test]
fn suspending_and_reading_reach_a_thread_on_another_core() {
    let root = machine();
    let thread = thread(&root, THREADS, 50, 3);
    root.ok(thread.cptr, Label::TCBResume, &[], &[]);
    settle();
    root.ok(thread.cptr, Label::TCBReadRegisters, &[1, 2], &[]);
    assert_eq!((thread.tcb.state.get(), current(3)), (State::Inactive, None));
    settle();
    check(&[thread]);
    root.ok(CNODE, Label::CNodeDelete, &[thread.cptr, 64], &[]);
}

/// A passive server that waits: it was given time to come so far.
fn passive_server(root: &Root, core: usize) -> Thread {
    let server = thread(root, THREADS, 120, core);
    root.ok(server.cptr, Label::TCBResume, &[], &[]);
    settle();
    on(core, || receive(server.tcb, Syscall::Recv, ENDPOINT, REPLY));
    root.ok(server.cptr + 2, Label::SchedContextUnbind, &[], &[]);
    server
}

#[test]
fn a_passive_server_runs_on_its_callers_core_and_stays_there() {
    let root = machine();
    let server = passive_server(&root, 3);
    let next = start(root.tcb, Syscall::Call, ENDPOINT, 5, &[7], &[]);
    assert_eq!((next, server.tcb.core.get()), (server.tcb, 0));
    assert_eq!(receive(server.tcb, Syscall::ReplyRecv, ENDPOINT, REPLY), root.tcb);
    settle();
    check(&[server]);
    assert_eq!(server.tcb.core.get(), 0);
}

#[test]
fn a_server_that_gives_its_time_back_goes_to_the_caller_that_waited() {
    let root = machine();
    let server = thread(&root, THREADS, 120, 3);
    let caller = thread(&root, THREADS + 4, 50, 1);
    root.ok(server.cptr, Label::TCBBindNotification, &[], &[NOTIFICATION]);
    [server, caller].iter().for_each(|thread| {
        root.ok(thread.cptr, Label::TCBResume, &[], &[]);
    });
    root.ok(server.cptr + 2, Label::SchedContextBind, &[], &[NOTIFICATION]);
    settle();
    on(1, || start(caller.tcb, Syscall::Call, ENDPOINT, 5, &[7], &[]));
    // Its context is the notification's too, so it goes back when the server waits; a call is there, with time of core 1.
    on(3, || receive(server.tcb, Syscall::Recv, ENDPOINT, REPLY));
    settle();
    check(&[server, caller]);
    assert_eq!((server.tcb.core.get(), current(1)), (1, Some(server.tcb)));
    on(1, || receive(server.tcb, Syscall::ReplyRecv, ENDPOINT, REPLY));
    settle();
    check(&[server, caller]);
    assert_eq!(current(1), Some(caller.tcb));
}

#[test]
fn a_signal_wakes_a_thread_on_another_core_at_once_if_it_goes_first() {
    let root = machine();
    let (waiter, busy) = (thread(&root, THREADS, 50, 2), thread(&root, THREADS + 4, 60, 2));
    root.ok(waiter.cptr, Label::TCBResume, &[], &[]);
    settle();
    on(2, || receive(waiter.tcb, Syscall::Wait, NOTIFICATION, 0));
    root.ok(busy.cptr, Label::TCBResume, &[], &[]);
    settle();
    start(root.tcb, Syscall::Send, NOTIFICATION, 0, &[], &[]);
    assert_eq!(cpu::this().kicked.get(), 0, "another thread is ahead");
    root.ok(waiter.cptr, Label::TCBSetPriority, &[70], &[TCB]);
    settle();
    assert_eq!(current(2), Some(waiter.tcb));
    check(&[waiter, busy]);
}

#[test]
fn yielding_to_a_thread_of_another_core_puts_it_first_there() {
    let root = machine();
    let threads = [0, 1, 2].map(|number| thread(&root, THREADS + 4 * number, 60, 2));
    for thread in threads {
        root.ok(thread.cptr, Label::TCBResume, &[], &[]);
        settle();
    }
    root.ok(threads[2].cptr + 2, Label::SchedContextYieldTo, &[], &[]);
    settle();
    assert_eq!(current(2), Some(threads[0].tcb), "who runs is not behind an equal");
    root.ok(threads[0].cptr + 2, Label::SchedContextYieldTo, &[], &[]);
    root.ok(threads[0].cptr, Label::TCBSuspend, &[], &[]);
    settle();
    assert_eq!(current(2), Some(threads[2].tcb));
    check(&threads);
}

#[test]
fn between_cores_software_generated_interrupts_are_the_kernels() {
    let root = machine();
    let trigger = |irq, core| {
        let words = [irq, 1, FREE + 60 + irq, 64, core];
        root.call(common::IRQ_CONTROL, Label::ARMIRQIssueIRQHandlerTriggerCore, &words, &[CNODE]).label
    };
    assert_eq!(trigger(40, MAX_NUM_NODES as u64), ErrorCode::InvalidArgument as u64);
    assert_eq!((trigger(40, 3), trigger(40, 2)), (0, ErrorCode::RevokeFirst as u64));
    assert_eq!(trigger(0, 1), ErrorCode::RevokeFirst as u64);
}

#[test]
fn each_core_has_its_own_private_interrupts() {
    const IRQ: u64 = 30;
    let root = machine();
    root.retype(ObjectType::Notification, 0, NOTIFICATION + 1, 1);
    for core in [1, 2] {
        let handler = FREE + 60 + core;
        let words = [IRQ, 0, handler, 64, core];
        root.ok(common::IRQ_CONTROL, Label::ARMIRQIssueIRQHandlerTriggerCore, &words, &[CNODE]);
        root.ok(handler, Label::IRQSetIRQHandler, &[], &[NOTIFICATION + core - 1]);
    }
    let waiter = thread(&root, THREADS, 50, 3);
    root.ok(waiter.cptr, Label::TCBResume, &[], &[]);
    settle();
    on(3, || receive(waiter.tcb, Syscall::Wait, NOTIFICATION + 1, 0));
    for (core, wakes) in [(1, false), (2, true)] {
        on(core, || {
            arch::machine().pending.borrow_mut().push_back(IRQ as u32);
            trap::interrupt();
        });
        settle();
        assert_eq!(current(3) == Some(waiter.tcb), wakes, "interrupt of core {core}");
    }
}

/// What one core does in the storm below.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The thread that runs on a core makes a system call.
    Call(usize),
    Receive(usize),
    Reply(usize),
    Signal(usize),
    Wait(usize),
    Yield(usize),
    /// A core takes an interrupt, and whatever it was called for.
    Interrupt(usize),
    /// The root thread changes thread `n`.
    Suspend(u64),
    Resume(u64),
    Move(u64, usize),
    Priority(u64, u8),
    Unbind(u64),
    Bind(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let core = || 1..MAX_NUM_NODES;
    let number = || 0..6u64;
    prop_oneof![
        core().prop_map(Step::Call),
        core().prop_map(Step::Receive),
        core().prop_map(Step::Reply),
        core().prop_map(Step::Signal),
        core().prop_map(Step::Wait),
        core().prop_map(Step::Yield),
        core().prop_map(Step::Interrupt),
        number().prop_map(Step::Suspend),
        number().prop_map(Step::Resume),
        (number(), core()).prop_map(|(number, core)| Step::Move(number, core)),
        (number(), 1..90u8).prop_map(|(number, priority)| Step::Priority(number, priority)),
        number().prop_map(Step::Unbind),
        number().prop_map(Step::Bind),
    ]
}

/// The thread that runs on a core, unless it is the idle one.
fn running(core: usize, threads: &[Thread]) -> Option<Ref<Tcb>> {
    current(core).filter(|tcb| threads.iter().any(|thread| thread.tcb == *tcb))
}

fn take(root: &Root, threads: &[Thread], step: Step) {
    let cptr = |number: u64| threads[number as usize].cptr;
    let act = |core: usize, work: &dyn Fn(Ref<Tcb>)| {
        if let Some(tcb) = running(core, threads) {
            on(core, || work(tcb));
        }
    };
    match step {
        Step::Call(core) => act(core, &|tcb| {
            start(tcb, Syscall::Call, ENDPOINT, 1, &[1], &[]);
        }),
        Step::Receive(core) => act(core, &|tcb| {
            receive(tcb, Syscall::Recv, ENDPOINT, REPLY);
        }),
        Step::Reply(core) => act(core, &|tcb| {
            receive(tcb, Syscall::ReplyRecv, ENDPOINT, REPLY);
        }),
        Step::Signal(core) => act(core, &|tcb| {
            start(tcb, Syscall::Send, NOTIFICATION, 0, &[], &[]);
        }),
        Step::Wait(core) => act(core, &|tcb| {
            receive(tcb, Syscall::Wait, NOTIFICATION, 0);
        }),
        Step::Yield(core) => act(core, &|tcb| {
            start(tcb, Syscall::Yield, 0, 0, &[], &[]);
        }),
        Step::Interrupt(core) => {
            on(core, trap::interrupt);
        }
        Step::Suspend(number) => {
            root.call(cptr(number), Label::TCBSuspend, &[], &[]);
        }
        Step::Resume(number) => {
            root.call(cptr(number), Label::TCBResume, &[], &[]);
        }
        Step::Move(number, core) => configure(root, cptr(number) + 2, core),
        Step::Priority(number, priority) => {
            root.call(cptr(number), Label::TCBSetPriority, &[u64::from(priority)], &[TCB]);
        }
        Step::Unbind(number) => {
            root.call(cptr(number) + 2, Label::SchedContextUnbind, &[], &[]);
        }
        Step::Bind(number) => {
            root.call(cptr(number) + 2, Label::SchedContextBind, &[], &[cptr(number)]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_cores_do_to_each_others_threads(steps in proptest::collection::vec(step(), 1..120)) {
        let root = machine();
        let threads: Vec<Thread> =
            (0..6u64).map(|n| thread(&root, THREADS + 4 * n, 40, 1 + n as usize % (MAX_NUM_NODES - 1))).collect();
        for thread in &threads {
            root.ok(thread.cptr, Label::TCBResume, &[], &[]);
        }
        settle();
        for step in steps {
            take(&root, &threads, step);
            settle();
            check(&threads);
        }
    }
}
