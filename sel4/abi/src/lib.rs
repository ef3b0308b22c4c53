//! The binary interface of quoll: seL4 16.0.0 (AArch64, hypervisor, MCS) as Microkit 2.3.0 configures it for
//! `qemu_virt_aarch64`. Every number and layout that kernel, user crates and tools share stands here and nowhere else.
//!
//! Invocation labels and some system-call numbers depend on the kernel's configuration. As upstream, one build knows
//! one configuration; it is chosen by `--cfg`: nothing (release), `sel4_debug`, `sel4_benchmark`, `sel4_smp`.
//!
//! Sources: seL4 manual 16.0.0 and libsel4's interface files; `data/*.json` holds the numbers as read off the compiled
//! interface, and `tests/` holds this crate against them.
#![no_std]
#![forbid(unsafe_code)]

pub mod benchmark;
pub mod bootinfo;
pub mod config;
pub mod context;
pub mod error;
pub mod fault;
pub mod ipc_buffer;
pub mod label;
pub mod message;
pub mod microkit;
pub mod object;
pub mod quoll;
pub mod syscall;
pub mod vcpu;

/// A machine word.
pub type Word = u64;
/// A capability pointer: an address in a CSpace.
pub type CPtr = u64;
