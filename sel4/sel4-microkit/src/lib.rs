//! The runtime of a protection domain (PD): its entry point, its event loop, its channels.
//!
//! Names, types and meanings are those of rust-sel4's `sel4-microkit` 5.0, so that a PD moves between the two by
//! changing a path; the interface to the `microkit` tool (capability slots, badges, symbols) is Microkit 2.3's, in
//! [`sel4_abi::microkit`]. A PD's `main.rs`:
//!
//! ```
//! #![cfg_attr(target_os = "none", no_std, no_main)]
//! # extern crate sel4_microkit;
//! use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, debug_println, protection_domain};
//!
//! const PEER: Channel = Channel::new(0);
//!
//! struct Echo;
//!
//! #[protection_domain]
//! fn init() -> impl Handler {
//!     debug_println!("hello");
//!     Echo
//! }
//!
//! impl Handler for Echo {
//!     type Error = Infallible;
//!
//!     fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
//!         if channels.contains(PEER) {
//!             PEER.notify();
//!         }
//!         Ok(())
//!     }
//! }
//! # #[cfg(not(target_os = "none"))]
//! # fn main() {}
//! ```
//!
//! A panic, and an error that a [`Handler`] returns, is printed on the debug console with the PD's name and ends the
//! PD with a fault, which its parent or the monitor reports. On a host, where there is no kernel, `host` stands in for
//! what the tool writes into a PD, and `sel4::host` for the kernel. With `--cfg sel4_plain` there is nothing that rust-sel4
//! has not.
#![no_std]
// What is only here is not used then.
#![cfg_attr(sel4_plain, allow(dead_code, unused_imports))]

#[cfg(feature = "alloc")]
extern crate alloc;

mod channel;
mod child;
mod defer;
mod entry;
mod handler;
#[cfg(not(target_os = "none"))]
pub mod host;
mod ipc;
mod message;
#[cfg(target_os = "none")]
pub mod panicking;
mod symbols;

pub use channel::{Channel, IrqAckError};
pub use child::Child;
pub use defer::{DeferredAction, DeferredActionInterface, DeferredActionSlot};
#[cfg(all(target_os = "none", not(sel4_plain)))]
pub use entry::{vcpu_context, vcpu_lists};
pub use handler::{Handler, Infallible, Never, NullHandler};
#[cfg(not(sel4_plain))]
pub use ipc::ChannelSetIter;
pub use ipc::{ChannelSet, DisplayChannelSet};
pub use message::{
    MessageInfo, MessageLabel, MessageRegisterValue, get_mr, set_mr, with_msg_bytes, with_msg_bytes_mut, with_msg_regs,
    with_msg_regs_mut,
};
pub use sel4::{debug_print, debug_println};
pub use symbols::{pd_is_passive, pd_name};
#[cfg(not(sel4_plain))]
pub use symbols::{pd_life, pd_name_bytes};

/// Declares a function to be the initialisation of the PD: it makes the PD's [`Handler`].
///
/// `#[protection_domain(heap_size = <usize expression>)]` gives the PD a heap of so many bytes, which is its global
/// allocator. `stack_size = <usize expression>` gives it a stack in its image, instead of the one that the system
/// description gives it and that has a guard page below; the attribute of the description is better.
pub use sel4_runtime_macros::protection_domain;

/// The capability that the system description puts into slot `slot` (1 to 63) of the PD's root CNode by a `<cspace>`
/// element; `None` when there is no such slot.
#[cfg(not(sel4_plain))]
pub fn cspace_root_slot<T: sel4::CapType>(slot: u64) -> Option<sel4::Cap<T>> {
    let slots = 1..1 << sel4_abi::microkit::ROOT_CNODE_BITS;
    slots.contains(&slot).then(|| sel4::Cap::from_bits(sel4_abi::microkit::root_slot_cptr(slot)))
}

/// Calls the firmware, in a PD that has `smc="true"`.
#[cfg(not(sel4_plain))]
pub fn arm_smc_call(args: &sel4::SmcContext) -> sel4::Result<sel4::SmcContext> {
    sel4::cap::Smc::from_bits(sel4_abi::microkit::slot::SMC).smc_call(args)
}

#[doc(hidden)]
pub mod _private {
    #[cfg(target_os = "none")]
    pub use crate::entry::{run_main, set_ipc_buffer};
    pub use crate::symbols::ImmutableCell;
    #[cfg(target_os = "none")]
    pub use sel4::declare_start;
    pub use sel4_heap::{Allocator, Heap, OneThread};
}
