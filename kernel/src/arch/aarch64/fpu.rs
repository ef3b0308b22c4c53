//! Floating point and SIMD: switched when a thread uses them, not when it runs.
//!
//! The registers belong to the last thread that used them. Any other thread traps at its first use (`CPTR_EL2.TFP`); then
//! the owner's registers go to its TCB and the thread's own come.

use super::sysreg::{barrier, write};
use super::{cores, local};
use crate::mem::Ref;
use crate::object::tcb::Tcb;
use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;
use sel4_abi::object::TCB_FLAG_FPU_DISABLED;

/// A thread's registers while another thread has the FPU.
#[derive(Debug, Default)]
#[repr(C, align(16))]
pub struct State {
    /// q0 to q31.
    registers: UnsafeCell<[u128; 32]>,
    /// FPCR and FPSR.
    status: UnsafeCell<[u64; 2]>,
}

impl State {
    /// All zero: rounding to nearest, nothing trapped, no flags.
    pub const fn new() -> Self {
        Self { registers: UnsafeCell::new([0; 32]), status: UnsafeCell::new([0; 2]) }
    }
}

// The kernel is built without floating point, so the assembler is told of it here only.
global_asm!(
    ".arch_extension fp",
    ".arch_extension simd",
    ".macro fpu_each operation",
    "\\operation q0, q1, [x0]",
    "\\operation q2, q3, [x0, #32]",
    "\\operation q4, q5, [x0, #64]",
    "\\operation q6, q7, [x0, #96]",
    "\\operation q8, q9, [x0, #128]",
    "\\operation q10, q11, [x0, #160]",
    "\\operation q12, q13, [x0, #192]",
    "\\operation q14, q15, [x0, #224]",
    "\\operation q16, q17, [x0, #256]",
    "\\operation q18, q19, [x0, #288]",
    "\\operation q20, q21, [x0, #320]",
    "\\operation q22, q23, [x0, #352]",
    "\\operation q24, q25, [x0, #384]",
    "\\operation q26, q27, [x0, #416]",
    "\\operation q28, q29, [x0, #448]",
    "\\operation q30, q31, [x0, #480]",
    ".endm",
    ".pushsection .text.fpu, \"ax\"",
    "quoll_fpu_save:",
    "fpu_each stp",
    "mrs x1, fpcr",
    "mrs x2, fpsr",
    "str x1, [x0, #512]",
    "str x2, [x0, #520]",
    "ret",
    "quoll_fpu_restore:",
    "fpu_each ldp",
    "ldr x1, [x0, #512]",
    "ldr x2, [x0, #520]",
    "msr fpcr, x1",
    "msr fpsr, x2",
    "ret",
    ".popsection",
    ".arch_extension nosimd",
    ".arch_extension nofp",
);

const _: () = assert!(core::mem::offset_of!(State, status) == 512);

/// Access to the FPU: traps of SVE, SME, trace and activity monitors always, and of floating point as asked.
const fn cptr(trap: bool) -> u64 {
    const RES1_AND_SVE_SME: u64 = 0x33ff;
    const TRACE: u64 = 1 << 20;
    const ACTIVITY_MONITORS: u64 = 1 << 30;
    const FLOATING_POINT: u64 = 1 << 10;
    RES1_AND_SVE_SME | TRACE | ACTIVITY_MONITORS | if trap { FLOATING_POINT } else { 0 }
}

/// Sets the traps that a thread needs which is about to run.
#[inline]
pub(super) fn prepare(tcb: Ref<Tcb>) {
    let local = local();
    let trap = local.fpu_owner.get() != Some(tcb) || tcb.flags.get() & TCB_FLAG_FPU_DISABLED != 0;
    if local.fpu_traps.replace(trap) != trap {
        write!("cptr_el2", cptr(trap));
    }
}

/// Sets the traps at boot, when nobody has the FPU.
pub(super) fn start() {
    local().fpu_traps.set(true);
    write!("cptr_el2", cptr(true));
}

/// Gives the FPU to the thread that trapped.
pub(super) fn acquire(tcb: Ref<Tcb>) {
    let local = local();
    write!("cptr_el2", cptr(false));
    barrier!("isb");
    local.fpu_traps.set(false);
    if let Some(owner) = local.fpu_owner.replace(Some(tcb)) {
        transfer(&owner.fpu, true);
    }
    transfer(&tcb.fpu, false);
}

/// Moves the registers to (`save`) or from a thread's state.
fn transfer(state: &State, save: bool) {
    let address = state.registers.get();
    // SAFETY: the routines follow the calling convention as far as is declared here, and read or write exactly `State`.
    unsafe {
        if save {
            asm!("bl quoll_fpu_save", in("x0") address, lateout("x1") _, lateout("x2") _, lateout("x30") _);
        } else {
            asm!("bl quoll_fpu_restore", in("x0") address, lateout("x1") _, lateout("x2") _, lateout("x30") _);
        }
    }
}

/// Takes the FPU from the thread, if it has it on any core, with or without its registers. Whoever runs next there traps.
#[inline(never)]
fn give_up(tcb: Ref<Tcb>, save: bool) {
    cores::where_held(
        |local| local.fpu_owner.get() == Some(tcb),
        || {
            if save {
                write!("cptr_el2", cptr(false));
                barrier!("isb");
                transfer(&tcb.fpu, true);
            }
            local().fpu_owner.set(None);
            start();
        },
    );
}

/// The thread may not use the FPU, or is no more: its registers are dropped, and zero if it may again.
pub fn clear(tcb: Ref<Tcb>) {
    give_up(tcb, false);
    // SAFETY: nobody has the FPU for the thread now, and all of the state is words.
    unsafe { (&raw const tcb.fpu).cast_mut().write_bytes(0, 1) };
}

/// The thread's registers go to its TCB: it is to run on another core.
pub(super) fn save(tcb: Ref<Tcb>) {
    give_up(tcb, true);
}
