//! The virtual machine monitor of quoll: one protection domain that runs one virtual machine.
//!
//! This library is everything that can be thought about without a kernel below: it knows the [`hypervisor`] as a trait
//! and the guest's memory as another, and is tested on the host. The protection domain around it is `src/main.rs`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod boot;
pub mod devices;
pub mod guest;
pub mod hypervisor;
mod inject;
pub mod instruction;
pub mod machine;
pub mod memory;
pub mod messages;
pub mod passed;
mod report;
pub mod smccc;
pub mod stage1;
pub mod syndrome;
pub mod vgic;
pub mod virtio;
pub mod window;
