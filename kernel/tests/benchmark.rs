//! The benchmark configuration's counts, with a clock that moves when the test moves it.
#![cfg(sel4_benchmark)]

mod common;

use common::{FREE, Root, TCB, hardware, start};
use quoll_kernel::ipc::MSG;
use quoll_kernel::object::tcb::Tcb;
use quoll_kernel::{mem::Ref, trap};
use sel4_abi::benchmark::*;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::syscall::{Syscall, register};

/// One of the configuration's system calls; comes back with x0.
fn call(tcb: Ref<Tcb>, call: Syscall, x0: u64) -> u64 {
    tcb.regs.x[register::CAP].set(x0);
    tcb.regs.x[register::NUMBER].set(call as i64 as u64);
    assert_eq!(trap::syscall(tcb), tcb);
    tcb.regs.x[register::CAP].get()
}

fn usage(root: &Root, cptr: u64) -> Vec<u64> {
    call(root.tcb, Syscall::BenchmarkGetThreadUtilisation, cptr);
    let buffer = root.tcb.buffer().expect("the root thread has a buffer");
    (0..LENGTH).map(|index| buffer.get(MSG + index)).collect()
}

fn pass(cycles: u64) {
    hardware().now.set(hardware().now.get() + cycles);
}

#[test]
fn each_thread_is_charged_for_its_own_time() {
    let root = Root::new();
    let other = root.thread(FREE, 200, Some((5000, 5000)));
    assert_eq!(call(root.tcb, Syscall::BenchmarkResetLog, 7), 0);
    pass(100);
    assert_eq!(start(root.tcb, Syscall::Call, FREE, Label::TCBResume as u64, &[], &[]), other.tcb);
    pass(30);
    let next = start(other.tcb, Syscall::Call, FREE, Label::TCBSuspend as u64, &[], &[]);
    assert_eq!(next, root.tcb);
    pass(5);
    let own = usage(&root, TCB);
    assert_eq!((own[TCB_UTILISATION], own[TCB_NUMBER_SCHEDULES]), (105, 1));
    assert_eq!(own[TCB_NUMBER_KERNEL_ENTRIES], 2, "reset and resume; what asks is not over");
    let others = usage(&root, FREE);
    assert_eq!((others[TCB_UTILISATION], others[TCB_NUMBER_SCHEDULES]), (30, 1));
    assert_eq!(others[TCB_NUMBER_KERNEL_ENTRIES], 1);
    assert_eq!((others[TOTAL_UTILISATION], others[TOTAL_NUMBER_SCHEDULES]), (135, 2));
    call(root.tcb, Syscall::BenchmarkResetThreadUtilisation, FREE);
    assert_eq!(usage(&root, FREE)[TCB_UTILISATION], 0);
    assert_eq!(call(root.tcb, Syscall::BenchmarkFinalizeLog, 7), 0);
    pass(1000);
    assert_eq!(usage(&root, TCB)[TOTAL_UTILISATION], 135, "it has ended");
}

#[test]
fn an_idle_core_is_nobodys() {
    let root = Root::new();
    assert_eq!(call(root.tcb, Syscall::BenchmarkResetLog, 0), 0);
    // All of a period's budget is given up: the core sleeps until it comes back.
    root.ok(common::SCHED_CONTROL, Label::SchedControlConfigureFlags, &[100, 1000, 0, 0, 0], &[common::SCHED_CONTEXT]);
    root.tcb.regs.x[register::NUMBER].set(Syscall::Yield as i64 as u64);
    assert_eq!(trap::syscall(root.tcb), root.tcb);
    let usage = usage(&root, TCB);
    assert_eq!((usage[IDLE_LOCALCPU_UTILISATION], usage[IDLE_NUMBER_SCHEDULES]), (1000, 1));
    assert_eq!((usage[TCB_UTILISATION], usage[TOTAL_UTILISATION]), (0, 1000));
}

#[test]
fn there_is_no_log_to_give_memory_to() {
    let root = Root::new();
    let refused = sel4_abi::error::ErrorCode::IllegalOperation as u64;
    assert_eq!(call(root.tcb, Syscall::BenchmarkSetLogBuffer, common::BUFFER), refused);
    call(root.tcb, Syscall::BenchmarkNullSyscall, 0);
    call(root.tcb, Syscall::BenchmarkFlushCaches, 0);
}

#[cfg(sel4_smp)]
#[test]
fn each_core_counts_for_itself() {
    use quoll_kernel::{arch, object::slot};
    use quoll_kernel_core::cap::Cap;

    const CONTROL: u64 = FREE + 8;
    let root = Root::new();
    slot::insert_root(root.slot(CONTROL), Cap::SchedControl { core: 1 });
    let other = root.thread(FREE, 100, Some((100, 1000)));
    root.ok(CONTROL, Label::SchedControlConfigureFlags, &[100, 1000, 0, 0, 0], &[FREE + 2]);
    root.ok(FREE, Label::TCBResume, &[], &[]);
    arch::set_core(1);
    assert_eq!(trap::resume(), other.tcb);
    assert_eq!(call(other.tcb, Syscall::BenchmarkResetLog, 0), 0);
    // Its budget is given up: the core sleeps until it comes back.
    other.tcb.regs.x[register::NUMBER].set(Syscall::Yield as i64 as u64);
    assert_eq!(trap::syscall(other.tcb), other.tcb);
    arch::set_core(0);
    root.ok(FREE + 2, Label::SchedContextUnbind, &[], &[]);
    let usage = usage(&root, FREE);
    assert_eq!(usage[IDLE_TCBCPU_UTILISATION], 1000, "the core where it ran last");
    assert_eq!((usage[IDLE_LOCALCPU_UTILISATION], usage[TOTAL_UTILISATION]), (0, 0), "nothing is measured here");
}
