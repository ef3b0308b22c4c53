//! System calls of the kernel's debug configuration, beside the character output.

use core::ptr;

use crate::abi::syscall::Syscall;
use crate::{Cap, CapType, InvocationContext, Word, arch, cap};

/// `seL4_DebugHalt`: stops the machine.
pub fn debug_halt() {
    arch::simple(Syscall::DebugHalt, 0, ptr::null_mut());
}

/// `seL4_DebugSnapshot`: prints the kernel's objects.
pub fn debug_snapshot() {
    arch::simple(Syscall::DebugSnapshot, 0, ptr::null_mut());
}

/// `seL4_DebugDumpScheduler`: prints the threads.
pub fn debug_dump_scheduler() {
    arch::simple(Syscall::DebugDumpScheduler, 0, ptr::null_mut());
}

impl<C: InvocationContext> cap::Tcb<C> {
    /// `seL4_DebugNameThread`: names the thread in the kernel's messages. A name that does not fit in
    /// the message registers with a NUL behind it is cut.
    pub fn debug_name(self, name: &[u8]) {
        self.invoke(|cptr, ipc_buffer| {
            let bytes = ipc_buffer.msg_bytes_mut();
            let length = name.len().min(bytes.len() - 1);
            bytes[..length].copy_from_slice(&name[..length]);
            bytes[length] = 0;
            arch::simple(Syscall::DebugNameThread, cptr.bits(), ipc_buffer);
        });
    }
}

impl<T: CapType> Cap<T> {
    /// `seL4_DebugCapIdentify`: the kernel's number for the type of the capability; 0 for none.
    pub fn debug_identify(self) -> Word {
        arch::simple(Syscall::DebugCapIdentify, self.bits(), ptr::null_mut())
    }
}
