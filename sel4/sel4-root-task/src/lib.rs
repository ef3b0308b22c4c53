//! The runtime of a root task: its entry point, its stack, a heap, panics.
//!
//! Names, types and meanings are those of rust-sel4's `sel4-root-task` 5.0. A root task's `main.rs`:
//!
//! ```
//! #![cfg_attr(target_os = "none", no_std, no_main)]
//! # extern crate sel4_root_task;
//! use sel4_root_task::{debug_println, root_task};
//!
//! #[root_task]
//! fn run(boot_info: &sel4::BootInfoPtr) -> ! {
//!     debug_println!("{} untyped capabilities", boot_info.untyped_list().len());
//!     sel4_root_task::abort!("nothing to do")
//! }
//! # #[cfg(not(target_os = "none"))]
//! # fn main() {}
//! ```
//!
//! The runtime is for stable Rust: a panic ends the root task and does not unwind, and there is no thread-local storage.
//! Threads beside the first set their own IPC buffers ([`sel4::Cap::with`]).
#![no_std]

mod entry;
mod heap;
#[cfg(target_os = "none")]
pub mod panicking;
mod termination;

pub use heap::set_global_allocator_mutex_notification;
pub use sel4::{debug_print, debug_println};
pub use termination::{Never, Termination};

/// Declares a function to be the main function of the root task: a `fn(&sel4::BootInfoPtr) -> T` with a `T` that is
/// [`Termination`].
///
/// `#[root_task(stack_size = <usize expression>)]` sets the size of the initial thread's stack
/// ([`DEFAULT_STACK_SIZE`]); `heap_size = <usize expression>` gives the root task a heap, which is its global allocator.
pub use sel4_runtime_macros::root_task;

/// The size of the initial thread's stack if none is given.
pub const DEFAULT_STACK_SIZE: usize = 64 * 1024;

/// Says something on the debug console and ends the root task with a fault.
#[macro_export]
macro_rules! abort {
    () => { $crate::abort!("aborted") };
    ($($arg:tt)*) => { $crate::_private::abort(::core::format_args!($($arg)*)) };
}

#[doc(hidden)]
pub mod _private {
    pub use crate::entry::{abort, run_main};
    pub use crate::heap::{GlobalLock, global_lock};
    pub use sel4::{BootInfoPtr, declare_root_task};
    pub use sel4_heap::{Allocator, Heap};
}
