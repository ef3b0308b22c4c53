//! A virtual CPU's registers as part of its faults' messages, and of the answers ([`sel4_abi::quoll::vcpu_context`]): so its
//! monitor emulates an instruction, or hands it an interrupt, without a system call for each register.

use crate::arch;
use crate::mem::Ref;
use crate::object::tcb::{Position, Tcb};
use crate::object::vcpu::{self, MAX_LIST_REGISTERS, VCpu};
use quoll_kernel_core::gic::ListRegister;
use sel4_abi::quoll::vcpu_context::{LR, LRS, PC, SP, SPSR, TOLD, WRITTEN, X0};

// The words are a thread's registers as its TCB has them.
const _: () = assert!(Position::of_context(X0).is(Position::of(sel4_abi::context::Register::X(0))));
const _: () = assert!(Position::of_context(SP).is(Position::of(sel4_abi::context::Register::Sp)));
const _: () = assert!(Position::of_context(PC).is(Position::PC));
const _: () = assert!(Position::of_context(SPSR).is(Position::SPSR));

const _: () = assert!(LRS == MAX_LIST_REGISTERS);

/// Bits of [`WRITTEN`] that name a word.
const WORDS: u64 = ((1 << (SPSR + 1)) - 1) | (LISTS << LR);
/// Bits of [`TOLD`] that name a list register.
const LISTS: u64 = (1 << LRS) - 1;

/// The virtual CPU that a thread is, if its messages have its registers.
#[inline(always)]
fn told(tcb: Ref<Tcb>) -> Option<Ref<VCpu>> {
    tcb.vcpu.get().filter(|vcpu| vcpu.tells_context())
}

/// Tells the registers of a virtual CPU that faults to the thread that handles the fault.
#[inline]
pub fn tell(faulting: Ref<Tcb>, handler: Ref<Tcb>) {
    if let Some(vcpu) = told(faulting)
        && let Some(words) = handler.vcpu_context()
    {
        arch::memory::copy_registers(&faulting.regs, words);
        words.set(WRITTEN, 0);
        let mut wanted = words.get(TOLD) & LISTS;
        while wanted != 0 {
            let index = wanted.trailing_zeros() as usize;
            wanted &= wanted - 1;
            words.set(LR + index, vcpu::told_list_register(vcpu, index).0);
        }
    }
}

/// Sets the registers of a virtual CPU that the answer to its fault says.
#[inline]
pub fn take(handler: Ref<Tcb>, faulted: Ref<Tcb>) {
    let Some(vcpu) = told(faulted) else { return };
    let Some(words) = handler.vcpu_context() else { return };
    let mut written = words.get(WRITTEN) & WORDS;
    while written != 0 {
        let index = written.trailing_zeros() as usize;
        written &= written - 1;
        let value = words.get(index);
        if index >= LR {
            vcpu::set_own_list_register(vcpu, index - LR, ListRegister(value));
            continue;
        }
        let value = if index == SPSR { arch::sanitize_spsr(faulted, value) } else { value };
        faulted.regs.at(Position::of_context(index)).set(value);
    }
}
