//! The kernel's pure logic: everything that can be decided without touching memory, registers or devices. It is safe
//! Rust, builds for the host, and is tested there. The kernel proper (`quoll-kernel`) holds the objects and does what
//! this crate works out.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod breakpoint;
pub mod cap;
pub mod derivation;
pub mod domain;
pub mod esr;
pub mod gic;
pub mod lookup;
pub mod psr;
pub mod refill;
pub mod stage2;
pub mod ticket;
pub mod untyped;
pub mod vcpu_id;
pub mod vcpu_trap;
