//! The system-call instruction, and what stands in for it on a host.
//!
//! Each module here offers the same functions. They move words between registers and nothing
//! else: number, capability, message info, the four message registers and the reply capability
//! (seL4 manual, "Kernel Services and Objects"; the registers are `sel4_abi`'s). Every function
//! that may read or write the IPC buffer is handed its address, so that the compiler knows that
//! the kernel touches it.

use crate::Word;

#[cfg(target_os = "none")]
mod aarch64;
#[cfg(target_os = "none")]
pub(crate) use aarch64::*;
#[cfg(target_os = "none")]
mod start;
#[cfg(target_os = "none")]
pub use start::Stack;

#[cfg(not(target_os = "none"))]
pub mod host;
#[cfg(not(target_os = "none"))]
pub(crate) use host::syscalls::*;

/// The message registers that travel in machine registers.
pub(crate) type FastMessage = [Word; crate::NUM_FAST_MESSAGE_REGISTERS];

/// What a receiving system call brings back.
pub(crate) struct Received {
    /// Badge of the capability that was used to send.
    pub badge: Word,
    /// The sender's message info, as a word.
    pub info: Word,
    /// The first message registers.
    pub mrs: FastMessage,
}
