//! Drivers of a virtio disk, network device and entropy device, each for one user or, for entropy, several.
//!
//! [`Disk`], [`Uplink`] and [`Entropy`] are the logic over the device that they need; [`hardware`] makes those of the real ones,
//! by the crate `virtio-drivers`, in memory that device and driver share ([`virtio_dma`]).
#![no_std]

extern crate alloc;

mod disk;
mod entropy;
pub mod hardware;
#[cfg(target_os = "none")]
pub mod pd;
mod uplink;

pub use disk::{Disk, SLOTS, Sectors};
pub use entropy::{Entropy, Source, tell_dry};
pub use uplink::{Nic, Uplink};
