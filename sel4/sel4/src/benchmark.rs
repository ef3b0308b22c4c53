//! System calls of the kernel's benchmark configuration.

use core::ptr;

use crate::abi::syscall::Syscall;
use crate::{Error, Result, Word, arch, cap};

fn result(label: Word) -> Result<()> {
    Error::from_label(label).map_or(Ok(()), Err)
}

/// `seL4_BenchmarkNullSyscall`: enters the kernel and leaves it.
pub fn benchmark_null_syscall() {
    arch::simple(Syscall::BenchmarkNullSyscall, 0, ptr::null_mut());
}

/// `seL4_BenchmarkFlushCaches`.
pub fn benchmark_flush_caches() {
    arch::simple(Syscall::BenchmarkFlushCaches, 0, ptr::null_mut());
}

/// `seL4_BenchmarkResetLog`.
pub fn benchmark_reset_log() -> Result<()> {
    result(arch::simple(Syscall::BenchmarkResetLog, 0, ptr::null_mut()))
}

/// `seL4_BenchmarkFinalizeLog`: number of entries.
pub fn benchmark_finalize_log() -> Word {
    arch::simple(Syscall::BenchmarkFinalizeLog, 0, ptr::null_mut())
}

/// `seL4_BenchmarkSetLogBuffer`.
pub fn benchmark_set_log_buffer(frame: cap::UnspecifiedPage) -> Result<()> {
    result(arch::simple(Syscall::BenchmarkSetLogBuffer, frame.bits(), ptr::null_mut()))
}

/// `seL4_BenchmarkGetThreadUtilisation`: the answer is in the message registers.
pub fn benchmark_get_thread_utilisation(tcb: cap::Tcb) {
    tcb.invoke(|cptr, ipc_buffer| {
        arch::simple(Syscall::BenchmarkGetThreadUtilisation, cptr.bits(), ipc_buffer);
    });
}

/// `seL4_BenchmarkResetThreadUtilisation`.
pub fn benchmark_reset_thread_utilisation(tcb: cap::Tcb) {
    arch::simple(Syscall::BenchmarkResetThreadUtilisation, tcb.bits(), ptr::null_mut());
}
