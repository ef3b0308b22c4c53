//! Devices of the machine that a guest has for itself: the monitor has no part in its accesses, only in its interrupts.

use alloc::string::String;

use crate::{machine::Region, vgic::HardwareLine};

/// What is said of a device whose kind is [`VIRTIO`], beside its place and interrupt: it reads and writes memory.
pub const VIRTIO: &str = "virtio,mmio";

/// A device of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedDevice {
    /// What it is, as device trees have it.
    pub compatible: String,
    /// Where the guest has its registers.
    pub region: Region,
    /// Its interrupt.
    pub line: Option<HardwareLine>,
    /// Whether it reads and writes memory by itself; the guest's caches are seen by it.
    pub dma: bool,
}
