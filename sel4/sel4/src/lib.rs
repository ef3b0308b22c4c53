//! System calls and capabilities of an seL4 16 (MCS) kernel, typed.
//!
//! Names, types and meanings are those of rust-sel4 5.0 for the one configuration that this kernel
//! has (AArch64, hypervisor, MCS), so that code moves between the two by changing a path. Numbers
//! and layouts are those of [`abi`]. Beyond rust-sel4 there are the invocations that it leaves out,
//! [`quoll`] for what this kernel adds, and, on a host, a stand-in for the kernel (`host`). With
//! `--cfg sel4_plain` there is nothing of that but the stand-in.
//!
//! - A [`Cap`] is a typed capability pointer; the aliases are in [`mod@cap`], the markers in
//!   [`cap_type`]. Invocations are its methods. Those of CNodes are methods of [`AbsoluteCPtr`].
//! - Messages lie in the thread's IPC buffer: [`set_ipc_buffer`], [`with_ipc_buffer`],
//!   [`with_ipc_buffer_mut`]; or an invocation is given one by [`Cap::with`].
//! - [`BootInfo`] and [`init_thread`] are for a root task; [`Fault`] for a fault handler.
//!
//! ```no_run
//! use sel4::{MessageInfoBuilder, cap, init_thread::slot};
//!
//! # fn example(notification: cap::Notification) -> sel4::Result<()> {
//! slot::TCB.cap().tcb_bind_notification(notification)?;
//! notification.signal();
//! # Ok(())
//! # }
//! ```
#![no_std]
// What is only here is not used then.
#![cfg_attr(sel4_plain, allow(dead_code, unused_imports, clippy::len_without_is_empty))]

// The macros of `sel4_config` expand to paths that start with this name.
extern crate self as sel4;

#[cfg(sel4_plain)]
use sel4_abi as abi;
#[cfg(not(sel4_plain))]
pub use sel4_abi as abi;

/// Methods of a type around one of the bindings' ([`sys`]).
macro_rules! newtype_methods {
    ($vis:vis $inner:path) => {
        /// The type around the bindings' value.
        $vis const fn from_inner(inner: $inner) -> Self {
            Self(inner)
        }

        /// The bindings' value.
        $vis const fn into_inner(self) -> $inner {
            self.0
        }

        /// The bindings' value.
        $vis const fn inner(&self) -> &$inner {
            &self.0
        }

        /// The bindings' value.
        $vis const fn inner_mut(&mut self) -> &mut $inner {
            &mut self.0
        }
    };
}
mod arch;
#[cfg(sel4_benchmark)]
mod benchmark;
#[cfg(not(sel4_plain))]
mod beyond;
mod bootinfo;
pub mod cap;
mod cap_rights;
pub mod cap_type;
mod cnode_cap_data;
pub mod config;
mod cptr;
#[cfg(sel4_debug)]
mod debug;
mod error;
mod fault;
pub mod init_thread;
mod invocation_context;
mod invocations;
mod ipc_buffer;
mod message_info;
mod object;
mod printing;
#[cfg(not(sel4_plain))]
pub mod quoll;
mod root_task;
mod state;
pub mod sys;
mod syscalls;
mod user_context;
mod vcpu_reg;
mod vspace;

#[cfg(not(target_os = "none"))]
pub use arch::host;
#[cfg(sel4_benchmark)]
pub use benchmark::*;
#[cfg(not(sel4_plain))]
pub use beyond::*;
pub use bootinfo::{BootInfo, BootInfoExtra, BootInfoExtraId, BootInfoExtraIter, BootInfoPtr, UntypedDesc};
pub use cap_rights::{CapRights, CapRightsBuilder};
pub use cnode_cap_data::CNodeCapData;
pub use config::{
    sel4_cfg, sel4_cfg_attr, sel4_cfg_bool, sel4_cfg_enum, sel4_cfg_if, sel4_cfg_match, sel4_cfg_str, sel4_cfg_struct,
    sel4_cfg_usize, sel4_cfg_word, sel4_cfg_wrap_match,
};
pub use cptr::{AbsoluteCPtr, CPtr, CPtrBits, CPtrWithDepth, Cap, CapType, HasCPtrWithDepth};
#[cfg(sel4_debug)]
pub use debug::{debug_halt, debug_snapshot};
pub use error::{Error, Result};
pub use fault::*;
pub use invocation_context::{InvocationContext, NoExplicitInvocationContext, NoInvocationContext};
pub use invocations::{TcbFlagsBuilder, Time};
pub use ipc_buffer::IpcBuffer;
pub use message_info::{MessageInfo, MessageInfoBuilder};
pub use object::{
    CapTypeForObject, CapTypeForObjectOfFixedSize, CapTypeForObjectOfVariableSize, ObjectBlueprint,
    ObjectBlueprintAArch64, ObjectBlueprintArch, ObjectBlueprintArm, ObjectBlueprintSeL4Arch, ObjectType,
    ObjectTypeAArch64, ObjectTypeArch, ObjectTypeArm, ObjectTypeSeL4Arch,
};
pub use printing::{DebugWrite, debug_put_char};
pub use state::{
    ImplicitInvocationContext, ipc_buffer_is_thread_local, set_ipc_buffer, try_with_ipc_buffer_slot,
    try_with_ipc_buffer_slot_mut, with_ipc_buffer, with_ipc_buffer_mut,
};
pub use syscalls::{
    Badge, CallWithMRs, ConveysReplyAuthority, FastMessages, NUM_FAST_MESSAGE_REGISTERS, NUM_MESSAGE_REGISTERS,
    RecvWithMRs, ReplyAuthority, r#yield,
};
pub use user_context::UserContext;
pub use vcpu_reg::VCpuReg;
pub use vspace::{
    CapTypeForFrameObject, CapTypeForFrameObjectOfFixedSize, CapTypeForTranslationTableObject, FrameObjectType,
    TranslationTableObjectType, VmAttributes, vspace_levels,
};

/// A machine word (`seL4_Word`).
pub type Word = abi::Word;

/// Bits of a [`Word`].
pub const WORD_SIZE: usize = Word::BITS as usize;

#[doc(hidden)]
pub mod _private {
    pub use crate::printing::{PRINTING, debug_print_helper};
    pub use crate::state::start_with_ipc_buffer;
    #[cfg(target_os = "none")]
    pub use crate::{arch::Stack, root_task::start};

    /// Ends the thread: its fault handler gets a user exception.
    #[cfg(target_os = "none")]
    pub fn abort() -> ! {
        crate::arch::abort()
    }
}
