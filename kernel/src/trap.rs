//! From the architecture's exceptions into the kernel. Each entry comes back with the thread to run.

use crate::arch;
use crate::benchmark;
use crate::cpu::SEVERAL;
use crate::fastpath;
use crate::fault::{self, Fault};
use crate::mem::Ref;
use crate::object::tcb::Tcb;
use crate::object::{cnode, irq, vcpu};
use crate::sched;
use crate::syscall;
use sel4_abi::syscall::{Syscall, register};

/// A system call of `thread`; its program counter is behind the instruction.
#[inline]
pub fn syscall(thread: Ref<Tcb>) -> Ref<Tcb> {
    const CALL: u64 = Syscall::Call as i64 as u64;
    const REPLY_RECV: u64 = Syscall::ReplyRecv as i64 as u64;
    benchmark::enter();
    match thread.regs.x[register::NUMBER].get() {
        CALL => match cnode::lookup_fast(thread, thread.regs.x[register::CAP].get()) {
            Some(slot) => match fastpath::call(thread, slot.raw()) {
                Some(next) => return run(next),
                None => syscall::call_through(thread, slot),
            },
            None => syscall::handle(thread),
        },
        REPLY_RECV => match fastpath::reply_recv(thread) {
            Some(next) => return run(next),
            None => syscall::handle(thread),
        },
        _ => syscall::handle(thread),
    }
    leave()
}

/// A fault of `thread`; its program counter is where it is to go on.
pub fn fault(thread: Ref<Tcb>, fault: Fault) -> Ref<Tcb> {
    benchmark::enter();
    match fastpath::fault(thread, fault) {
        Some(next) => run(next),
        None => {
            fault::raise(thread, fault);
            leave()
        }
    }
}

/// Leaves the kernel with the thread that the fast path has found.
#[inline(always)]
fn run(next: Ref<Tcb>) -> Ref<Tcb> {
    arch::switch_to(next);
    benchmark::leave(next)
}

/// Leaves the kernel with the thread that goes first.
#[inline(always)]
pub fn leave() -> Ref<Tcb> {
    benchmark::leave(sched::leave())
}

/// Nothing is to be done for the thread that ran; another may be to run.
#[cold]
pub fn resume() -> Ref<Tcb> {
    benchmark::enter();
    leave()
}

/// The thread that ran goes on. With several cores, another may have made a thread ready meanwhile that goes first.
#[inline(always)]
pub fn go_on(tcb: Ref<Tcb>) -> Ref<Tcb> {
    if SEVERAL { resume() } else { tcb }
}

/// A hardware interrupt.
pub fn interrupt() -> Ref<Tcb> {
    benchmark::enter();
    take_interrupts();
    leave()
}

/// Takes the interrupts that are pending.
pub fn take_interrupts() {
    while let Some(number) = arch::irq::acknowledge() {
        if number == arch::irq::TIMER {
            // The line stays high until the deadline moves; the real one is set when the kernel is left.
            arch::timer::set_deadline(u64::MAX);
            arch::irq::end(number);
            sched::tick();
        } else if arch::irq::is_from_core(number) {
            // Why this core was called is found when the kernel is left.
            arch::irq::end(number);
        } else if arch::irq::is_reserved(number) {
            vcpu::interrupt(number);
        } else {
            irq::deliver(number);
        }
    }
}
