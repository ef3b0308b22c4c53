//! What guests without an operating system are made of: entry, vectors, interrupt controller, instructions; and what they
//! find in their device tree: regions that they share with others, and how to signal those.
#![no_std]

#[cfg(target_os = "none")]
pub mod answers;
#[cfg(target_os = "none")]
pub mod console;
#[cfg(target_os = "none")]
pub mod gic;
#[cfg(target_os = "none")]
pub mod machine;
#[cfg(target_os = "none")]
pub mod memory;
#[cfg(target_os = "none")]
pub mod start;
pub mod tree;
