//! The quoll kernel: seL4's 16 MCS interface in hyp mode (EL2) on AArch64.
//!
//! A trap enters through `arch` and one function of [`trap`]. [`syscall`] takes its registers apart, [`invoke`] finds the
//! method, `object` has a file for each kind of object, [`ipc`] moves messages, and [`sched`] says who runs when the
//! kernel is left. What can be worked out without memory or registers is in `quoll-kernel-core`.
//!
//! The library builds for the host as well, on a fake of the architecture, and is tested there.
#![cfg_attr(target_os = "none", no_std)]

pub mod arch;
pub mod benchmark;
pub mod boot;
pub mod cores;
pub mod cpu;
pub mod debug;
pub mod error;
mod fastpath;
pub mod fault;
pub mod invoke;
pub mod ipc;
pub mod list;
pub mod mem;
pub mod object;
pub mod sched;
pub mod state;
pub mod syscall;
pub mod time;
pub mod trap;
pub mod waits;
