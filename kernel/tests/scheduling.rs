//! Time: budgets, periods, round-robin, domains, through system calls and the fake clock.

mod common;

#[cfg(not(sel4_smp))]
use common::DOMAIN;
use common::{FREE, Root, SCHED_CONTROL, Thread, pass, receive, start};
use quoll_kernel::arch::machine;
use quoll_kernel::cpu;
use quoll_kernel::mem::Ref;
use quoll_kernel::object::tcb::Tcb;
use sel4_abi::error::ErrorCode;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::object::ObjectType;
use sel4_abi::syscall::Syscall;

const NOTIFICATION: u64 = FREE;

/// The root thread waits for a signal; comes back with who runs then.
fn sleep(root: &Root) -> Option<Ref<Tcb>> {
    Some(receive(root.tcb, Syscall::Wait, NOTIFICATION, 0))
}

fn spinner(root: &Root, number: u64, priority: u8, budget: u64, period: u64) -> Thread {
    let thread = root.thread(FREE + 10 * (number + 1), priority, Some((budget, period)));
    root.ok(thread.cptr, Label::TCBResume, &[], &[]);
    thread
}

/// Ticks that each thread runs within `total`, looked at each tick.
fn shares(threads: &[Thread], total: u64) -> Vec<u64> {
    let mut ran = vec![0; threads.len()];
    for _ in 0..total {
        let current = cpu::this().current.get();
        if let Some(index) = threads.iter().position(|thread| Some(thread.tcb) == current) {
            ran[index] += 1;
        }
        pass(1);
    }
    ran
}

#[test]
fn a_budget_bounds_a_share_whatever_the_priority() {
    let root = Root::new();
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    let threads =
        [spinner(&root, 0, 90, 200, 1000), spinner(&root, 1, 80, 300, 1000), spinner(&root, 2, 50, 1000, 1000)];
    sleep(&root);
    let ran = shares(&threads, 20_000);
    assert!((3900..=4100).contains(&ran[0]), "{ran:?}");
    assert!((5900..=6100).contains(&ran[1]), "{ran:?}");
    assert!((9800..=10_200).contains(&ran[2]), "{ran:?}");
}

#[test]
fn equals_take_turns() {
    let root = Root::new();
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    let threads = [spinner(&root, 0, 50, 500, 500), spinner(&root, 1, 50, 500, 500), spinner(&root, 2, 50, 500, 500)];
    sleep(&root);
    let ran = shares(&threads, 15_000);
    for share in &ran {
        assert!((4900..=5100).contains(share), "{ran:?}");
    }
}

#[test]
fn yield_goes_behind_ones_equals() {
    let root = Root::new();
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    let (a, b) = (spinner(&root, 0, 50, 500, 500), spinner(&root, 1, 50, 500, 500));
    assert_eq!(sleep(&root), Some(a.tcb));
    assert_eq!(start(a.tcb, Syscall::Yield, 0, 0, &[], &[]), b.tcb);
    assert_eq!(start(b.tcb, Syscall::Yield, 0, 0, &[], &[]), a.tcb);
}

#[test]
fn a_sporadic_thread_that_yields_waits_for_its_next_period() {
    let root = Root::new();
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    let (a, b) = (spinner(&root, 0, 60, 200, 1000), spinner(&root, 1, 50, 500, 500));
    assert_eq!(sleep(&root), Some(a.tcb));
    pass(50);
    assert_eq!(start(a.tcb, Syscall::Yield, 0, 0, &[], &[]), b.tcb);
    assert_eq!(pass(900), Some(b.tcb));
    assert_eq!(pass(100), Some(a.tcb));
}

#[test]
fn parameters_are_checked() {
    let root = Root::new();
    root.retype(ObjectType::SchedContext, 7, FREE, 1);
    root.retype(ObjectType::SchedContext, 8, FREE + 1, 1);
    let configure = |cptr, words: &[u64]| root.call(SCHED_CONTROL, Label::SchedControlConfigureFlags, words, &[cptr]);
    assert_eq!(configure(FREE + 1, &[1, 1000, 0, 0, 0]).label, ErrorCode::RangeError as u64);
    assert_eq!(configure(FREE + 1, &[2000, 1000, 0, 0, 0]).label, ErrorCode::RangeError as u64);
    assert_eq!(configure(FREE + 1, &[1000, u64::MAX, 0, 0, 0]).label, ErrorCode::RangeError as u64);
    assert_eq!(configure(FREE + 1, &[1000, 2000, 6, 0, 0]).label, 0);
    assert_eq!(configure(FREE + 1, &[1000, 2000, 7, 0, 0]).words, [0, 6]);
    assert_eq!(configure(SCHED_CONTROL, &[1000, 2000, 0, 0, 0]).label, ErrorCode::InvalidCapability as u64);
}

#[test]
fn consumption_is_told_in_microseconds() {
    let root = Root::new();
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    root.ok(common::SCHED_CONTEXT, Label::SchedContextConsumed, &[], &[]);
    pass(123);
    assert_eq!(root.ok(common::SCHED_CONTEXT, Label::SchedContextConsumed, &[], &[]), [123]);
}

// With several cores there is one domain.
#[cfg(not(sel4_smp))]
#[test]
fn domains_run_in_turn() {
    let root = Root::new();
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    let (a, b) = (spinner(&root, 0, 50, 500, 500), spinner(&root, 1, 50, 500, 500));
    root.ok(DOMAIN, Label::DomainSetSet, &[1], &[b.cptr]);
    root.ok(DOMAIN, Label::DomainScheduleConfigure, &[4, 0, 300], &[]);
    root.ok(DOMAIN, Label::DomainScheduleConfigure, &[5, 1, 100], &[]);
    let end = root.call(DOMAIN, Label::DomainScheduleSetStart, &[6], &[]);
    assert_eq!(end.label, ErrorCode::InvalidArgument as u64);
    root.ok(DOMAIN, Label::DomainScheduleSetStart, &[4], &[]);
    assert_eq!(sleep(&root), Some(a.tcb));
    let ran = shares(&[a, b], 4000);
    assert!((2950..=3050).contains(&ran[0]) && (950..=1050).contains(&ran[1]), "{ran:?}");
}

#[test]
fn with_nobody_to_run_the_core_sleeps_until_a_refill() {
    let root = Root::new();
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    let only = spinner(&root, 0, 50, 100, 1000);
    assert_eq!(sleep(&root), Some(only.tcb));
    let before = machine().now.get();
    machine().now.set(machine().deadline.get());
    // The fake clock jumps to the next deadline when the core sleeps.
    assert_eq!(quoll_kernel::trap::interrupt(), only.tcb);
    assert_eq!(machine().now.get() - before, 1000);
}

#[test]
fn yield_to_runs_an_equal_at_once_and_tells_what_it_used() {
    let root = Root::new();
    root.retype(ObjectType::Notification, 0, NOTIFICATION, 1);
    let equal = root.thread(FREE + 10, 100, Some((1000, 1000)));
    root.ok(equal.cptr, Label::TCBResume, &[], &[]);
    let next = start(root.tcb, Syscall::Call, FREE + 12, Label::SchedContextYieldTo as u64, &[], &[]);
    assert_eq!(next, equal.tcb);
    pass(40);
    assert_eq!(receive(equal.tcb, Syscall::Wait, NOTIFICATION, 0), root.tcb);
    assert_eq!(root.answer().words, [40]);
}
