//! System calls by `svc #0`: the only assembler of this crate.
//!
//! The kernel preserves every register that is not listed as an output.

use core::arch::asm;

use super::{FastMessage, Received};
use crate::abi::syscall::Syscall;
use crate::{IpcBuffer, Word};

/// `Send` of an empty message, which touches no IPC buffer.
#[inline(always)]
pub(crate) fn signal(dest: Word) {
    // SAFETY: the kernel changes no register and no memory of this thread's. That other threads see
    // what was written before is left to the compiler: it takes the instruction for an access to memory.
    unsafe {
        asm!(
            "svc #0",
            in("x0") dest,
            in("x1") 0,
            in("x7") Syscall::Send as i64,
            options(nostack),
        );
    }
}

/// A sending call that receives nothing (`Send`, `NBSend`).
#[inline(always)]
pub(crate) fn send(call: Syscall, dest: Word, info: Word, mrs: FastMessage, ipc_buffer: *mut IpcBuffer) {
    // SAFETY: the kernel changes no register and reads only the thread's own IPC buffer, which
    // the caller has borrowed mutably.
    unsafe {
        asm!(
            "svc #0",
            in("x0") dest,
            in("x1") info,
            in("x2") mrs[0],
            in("x3") mrs[1],
            in("x4") mrs[2],
            in("x5") mrs[3],
            in("x7") call as i64,
            in("x8") ipc_buffer,
            options(nostack),
        );
    }
}

/// A receiving call that sends nothing (`Recv`, `NBRecv`, `Wait`, `NBWait`).
#[inline(always)]
pub(crate) fn recv(call: Syscall, src: Word, reply: Word, ipc_buffer: *mut IpcBuffer) -> Received {
    let (badge, info, mr0, mr1, mr2, mr3);
    // SAFETY: the kernel changes the listed registers and the thread's own IPC buffer, which the
    // caller has borrowed mutably.
    unsafe {
        asm!(
            "svc #0",
            inout("x0") src => badge,
            out("x1") info,
            out("x2") mr0,
            out("x3") mr1,
            out("x4") mr2,
            out("x5") mr3,
            in("x6") reply,
            in("x7") call as i64,
            in("x8") ipc_buffer,
            options(nostack),
        );
    }
    Received { badge, info, mrs: [mr0, mr1, mr2, mr3] }
}

/// `Call`: sends to a capability and receives the answer.
#[inline(always)]
pub(crate) fn call(dest: Word, info: Word, mrs: FastMessage, ipc_buffer: *mut IpcBuffer) -> Received {
    let (badge, info_out, mr0, mr1, mr2, mr3);
    // SAFETY: the kernel changes the listed registers and the thread's own IPC buffer, which the
    // caller has borrowed mutably.
    unsafe {
        asm!(
            "svc #0",
            inout("x0") dest => badge,
            inout("x1") info => info_out,
            inout("x2") mrs[0] => mr0,
            inout("x3") mrs[1] => mr1,
            inout("x4") mrs[2] => mr2,
            inout("x5") mrs[3] => mr3,
            in("x7") Syscall::Call as i64,
            in("x8") ipc_buffer,
            options(nostack),
        );
    }
    Received { badge, info: info_out, mrs: [mr0, mr1, mr2, mr3] }
}

/// [`call`] with a message of no words.
#[inline(always)]
pub(crate) fn call_without_words(dest: Word, info: Word, ipc_buffer: *mut IpcBuffer) -> Received {
    let (badge, info_out, mr0, mr1, mr2, mr3);
    // SAFETY: as in `call`; the kernel reads no more message registers than the message has words.
    unsafe {
        asm!(
            "svc #0",
            inout("x0") dest => badge,
            inout("x1") info => info_out,
            out("x2") mr0,
            out("x3") mr1,
            out("x4") mr2,
            out("x5") mr3,
            in("x7") Syscall::Call as i64,
            in("x8") ipc_buffer,
            options(nostack),
        );
    }
    Received { badge, info: info_out, mrs: [mr0, mr1, mr2, mr3] }
}

/// `ReplyRecv`: answers the caller that `reply` holds and receives from `src`.
#[inline(always)]
pub(crate) fn reply_recv(src: Word, info: Word, mrs: FastMessage, reply: Word, ipc_buffer: *mut IpcBuffer) -> Received {
    let (badge, info_out, mr0, mr1, mr2, mr3);
    // SAFETY: as in `call`.
    unsafe {
        asm!(
            "svc #0",
            inout("x0") src => badge,
            inout("x1") info => info_out,
            inout("x2") mrs[0] => mr0,
            inout("x3") mrs[1] => mr1,
            inout("x4") mrs[2] => mr2,
            inout("x5") mrs[3] => mr3,
            in("x6") reply,
            in("x7") Syscall::ReplyRecv as i64,
            in("x8") ipc_buffer,
            options(nostack),
        );
    }
    Received { badge, info: info_out, mrs: [mr0, mr1, mr2, mr3] }
}

/// `NBSendRecv` (`reply` in x6, the destination in x8) and `NBSendWait` (the destination in x6:
/// pass it as `x6`): sends to one capability and receives from `src`.
#[inline(always)]
pub(crate) fn nb_send_recv(
    call: Syscall,
    src: Word,
    info: Word,
    mrs: FastMessage,
    x6: Word,
    x8: Word,
    ipc_buffer: *mut IpcBuffer,
) -> Received {
    let (badge, info_out, mr0, mr1, mr2, mr3);
    // SAFETY: the kernel changes the listed registers and the thread's own IPC buffer, which the
    // caller has borrowed mutably.
    unsafe {
        asm!(
            "svc #0",
            inout("x0") src => badge,
            inout("x1") info => info_out,
            inout("x2") mrs[0] => mr0,
            inout("x3") mrs[1] => mr1,
            inout("x4") mrs[2] => mr2,
            inout("x5") mrs[3] => mr3,
            in("x6") x6,
            in("x7") call as i64,
            in("x8") x8,
            in("x9") ipc_buffer,
            options(nostack),
        );
    }
    Received { badge, info: info_out, mrs: [mr0, mr1, mr2, mr3] }
}

/// A system call without message: one argument, one result (`Yield` and the debug calls).
#[inline(always)]
pub(crate) fn simple(call: Syscall, arg: Word, ipc_buffer: *mut IpcBuffer) -> Word {
    let result;
    // SAFETY: these calls change x0 to x5 at most, and the IPC buffer at most.
    unsafe {
        asm!(
            "svc #0",
            inout("x0") arg => result,
            out("x1") _,
            out("x2") _,
            out("x3") _,
            out("x4") _,
            out("x5") _,
            in("x7") call as i64,
            in("x8") ipc_buffer,
            options(nostack),
        );
    }
    result
}

/// A system call with x0 to x8 as they are given. Returns x0 to x8.
#[inline(always)]
pub(crate) fn raw(x: [Word; 9], ipc_buffer: *mut IpcBuffer) -> [Word; 9] {
    let [mut x0, mut x1, mut x2, mut x3, mut x4, mut x5, mut x6, mut x7, mut x8] = x;
    // SAFETY: a system call changes these registers and the thread's own IPC buffer, which the caller has borrowed
    // mutably.
    unsafe {
        asm!(
            "svc #0",
            inout("x0") x0,
            inout("x1") x1,
            inout("x2") x2,
            inout("x3") x3,
            inout("x4") x4,
            inout("x5") x5,
            inout("x6") x6,
            inout("x7") x7,
            inout("x8") x8,
            in("x9") ipc_buffer,
            options(nostack),
        );
    }
    [x0, x1, x2, x3, x4, x5, x6, x7, x8]
}

/// Raises the exception of an undefined instruction.
pub(crate) fn abort() -> ! {
    // SAFETY: the thread stops here; its fault handler gets a user exception.
    unsafe { asm!("udf #0", options(noreturn, nomem, nostack)) }
}

/// CNTFRQ_EL0.
pub(crate) fn counter_frequency() -> u64 {
    let frequency;
    // SAFETY: reads a register that user level may read.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) frequency, options(nomem, nostack, preserves_flags)) };
    frequency
}

/// CNTPCT_EL0, not read before earlier instructions are done.
pub(crate) fn counter() -> u64 {
    let count;
    // SAFETY: reads a register that the kernel lets user level read (EXPORT_PCNT_USER).
    unsafe { asm!("isb", "mrs {}, cntpct_el0", out(reg) count, options(nomem, nostack, preserves_flags)) };
    count
}
