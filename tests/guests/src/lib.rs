//! What guests without an operating system are made of that measure or test a hypervisor: entry, vectors, interrupt
//! controller, instructions. The programs are in `src/bin`.

#![no_std]
#![cfg(target_os = "none")]

pub mod gic;
pub mod machine;
pub mod messages;
pub mod shares;
pub mod start;
