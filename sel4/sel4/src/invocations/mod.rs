//! Invocations of kernel objects: methods of [`Cap`] by its type, one module for each kind.
//!
//! An invocation is a `Call` whose label names the method (seL4 manual, "API Reference"). Its
//! arguments lie in message registers in the order of the interface files: capabilities as extra
//! capabilities; words one to a register; narrower ones packed, each at a multiple of its width.

use core::array;

use crate::abi::label::InvocationLabel;
use crate::arch::{self, FastMessage, Received};
use crate::{CPtr, CPtrBits, Error, IpcBuffer, MessageInfo, NUM_FAST_MESSAGE_REGISTERS, Result, Word};

mod cnode;
mod irq;
#[cfg(not(sel4_plain))]
mod port;
mod sched;
#[cfg(not(sel4_plain))]
mod smc;
mod tcb;
mod untyped;
mod vcpu;
mod vspace;

pub use sched::Time;
#[cfg(not(sel4_plain))]
pub use smc::SmcContext;
pub use tcb::{CopyRegisters, TcbFlagsBuilder};

/// Makes an invocation. On success gives back message registers 0 to 3; further ones are in the
/// IPC buffer.
#[inline]
fn call<const CAPS: usize, const WORDS: usize>(
    ipc_buffer: &mut IpcBuffer,
    service: CPtr,
    label: InvocationLabel,
    caps: [CPtrBits; CAPS],
    words: [Word; WORDS],
) -> Result<FastMessage> {
    call_numbered(ipc_buffer, service, label as Word, caps, words)
}

/// As [`call`], with a label that need not be seL4's.
#[inline]
fn call_numbered<const CAPS: usize, const WORDS: usize>(
    ipc_buffer: &mut IpcBuffer,
    service: CPtr,
    label: Word,
    caps: [CPtrBits; CAPS],
    words: [Word; WORDS],
) -> Result<FastMessage> {
    ipc_buffer.caps_or_badges_mut()[..CAPS].copy_from_slice(&caps);
    if let Some(rest) = words.get(NUM_FAST_MESSAGE_REGISTERS..) {
        ipc_buffer.msg_regs_mut()[NUM_FAST_MESSAGE_REGISTERS..][..rest.len()].copy_from_slice(rest);
    }
    let info = MessageInfo::new(label, 0, CAPS, WORDS);
    if WORDS == 0 {
        return result(&arch::call_without_words(service.bits(), info.word(), ipc_buffer));
    }
    call_prepared(ipc_buffer, service, info, array::from_fn(|i| words.get(i).copied().unwrap_or(0)))
}

/// Makes an invocation whose capabilities, and message registers from 4 on, are in the IPC buffer.
#[inline]
fn call_prepared(
    ipc_buffer: &mut IpcBuffer,
    service: CPtr,
    info: MessageInfo,
    fast: FastMessage,
) -> Result<FastMessage> {
    result(&arch::call(service.bits(), info.word(), fast, ipc_buffer))
}

/// The answer to an invocation: its label is the error, or 0.
#[inline(always)]
fn result(received: &Received) -> Result<FastMessage> {
    match Error::from_label(MessageInfo::from_word(received.info).label()) {
        None => Ok(received.mrs),
        Some(error) => Err(error),
    }
}

/// Declares methods that send their arguments and receive nothing.
macro_rules! methods {
    ($cap:ty { $(
        $(#[$outer:meta])*
        $name:ident($($arg:ident: $ty:ty),*) = $label:ident, caps [$($capability:expr),*], words [$($word:expr),*];
    )* }) => {
        impl<C: crate::InvocationContext> $cap {
            $(
                $(#[$outer])*
                #[inline]
                pub fn $name(self, $($arg: $ty),*) -> crate::Result<()> {
                    self.invoke(|cptr, ipc_buffer| {
                        let label = crate::abi::label::InvocationLabel::$label;
                        crate::invocations::call(ipc_buffer, cptr, label, [$($capability),*], [$($word),*])
                    })?;
                    Ok(())
                }
            )*
        }
    };
}
use methods;
