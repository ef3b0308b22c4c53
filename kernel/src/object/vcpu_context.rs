//! A virtual CPU's registers as part of its faults' messages, and of the answers ([`sel4_abi::quoll::vcpu_context`]): so its
//! monitor emulates an instruction without a system call for each register.

use crate::arch;
use crate::mem::Ref;
use crate::object::tcb::{Position, Tcb};
use sel4_abi::quoll::vcpu_context::{PC, SP, SPSR, WRITTEN, X0};

// The words are a thread's registers as its TCB has them.
const _: () = assert!(Position::of_context(X0).is(Position::of(sel4_abi::context::Register::X(0))));
const _: () = assert!(Position::of_context(SP).is(Position::of(sel4_abi::context::Register::Sp)));
const _: () = assert!(Position::of_context(PC).is(Position::PC));
const _: () = assert!(Position::of_context(SPSR).is(Position::SPSR));

/// Words of registers.
const REGISTERS: u32 = SPSR as u32 + 1;

/// Whether the thread is a virtual CPU whose messages have its registers.
#[inline(always)]
fn is_told(tcb: Ref<Tcb>) -> bool {
    tcb.vcpu.get().is_some_and(|vcpu| vcpu.tells_context())
}

/// Tells the registers of a virtual CPU that faults to the thread that handles the fault.
#[inline]
pub fn tell(faulting: Ref<Tcb>, handler: Ref<Tcb>) {
    if is_told(faulting)
        && let Some(words) = handler.vcpu_context()
    {
        arch::memory::copy_registers(&faulting.regs, words);
        words.set(WRITTEN, 0);
    }
}

/// Sets the registers of a virtual CPU that the answer to its fault says.
#[inline]
pub fn take(handler: Ref<Tcb>, faulted: Ref<Tcb>) {
    if !is_told(faulted) {
        return;
    }
    let Some(words) = handler.vcpu_context() else { return };
    let mut written = words.get(WRITTEN) & ((1 << REGISTERS) - 1);
    while written != 0 {
        let index = written.trailing_zeros() as usize;
        written &= written - 1;
        let value = words.get(index);
        let value = if index == SPSR { arch::sanitize_spsr(faulted, value) } else { value };
        faulted.regs.at(Position::of_context(index)).set(value);
    }
}
