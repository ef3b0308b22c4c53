//! Emulated devices and the bus that finds them.

pub mod edu;
pub mod pl011;
pub mod pl031;
mod primecell;
pub mod sp804;

use alloc::{boxed::Box, vec::Vec};

use self::edu::BadPointer;
use crate::{
    machine::{Region, VIRTIO_BASE, VIRTIO_SIZE, VIRTIO_SLOTS, VIRTIO_SPI},
    vgic::FIRST_SPI,
    virtio::Complaint,
};

/// A device with registers in memory and one interrupt line.
///
/// Registers are 32 bits wide; the bus cuts a value to the width of the access.
pub trait Device {
    /// What it is called where its accesses are counted.
    fn name(&self) -> &'static str;

    /// Reads the register at `offset` (a multiple of 4).
    fn read(&mut self, offset: u64) -> u32;

    /// Writes the register at `offset` (a multiple of 4).
    fn write(&mut self, offset: u64, value: u32);

    /// Looks after what happens outside the guest: input, room for output, time.
    fn poll(&mut self);

    /// The level of the interrupt line.
    fn line(&self) -> bool;

    /// Whether time alone may change the interrupt line.
    fn is_timed(&self) -> bool {
        false
    }

    /// When time alone will change the interrupt line next, on the physical counter, if it is known so exactly.
    fn deadline(&self) -> Option<u64> {
        None
    }

    /// What its driver has done that makes no sense, to be told to the operator.
    fn take_complaint(&mut self) -> Option<Complaint> {
        None
    }

    /// An address that its driver has given it to read or write, and that is none of the guest's memory.
    fn take_bad_pointer(&mut self) -> Option<BadPointer> {
        None
    }

    /// Back to the state after power-on. What is connected stays connected.
    fn reset(&mut self);
}

/// A device at its place.
struct Slot<'a> {
    region: Region,
    intid: u32,
    device: Box<dyn Device + 'a>,
}

/// The devices of a machine.
#[derive(Default)]
pub struct Bus<'a> {
    slots: Vec<Slot<'a>>,
    /// The device that wants to be polled at exact times.
    timer: Option<DeviceId>,
}

/// The index of a device on its bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceId(usize);

impl DeviceId {
    /// The place among the devices.
    pub fn index(self) -> usize {
        self.0
    }
}

impl<'a> Bus<'a> {
    /// The names of the devices, in their order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.slots.iter().map(|slot| slot.device.name())
    }

    /// Connects a device whose registers are at `region` and whose line is interrupt `intid`.
    pub fn attach(&mut self, region: Region, intid: u32, device: Box<dyn Device + 'a>) {
        self.slots.push(Slot { region, intid, device });
    }

    /// Connects the device that wants to be polled when its [`deadline`](Device::deadline) has come.
    pub fn attach_timer(&mut self, region: Region, intid: u32, device: Box<dyn Device + 'a>) {
        self.timer = Some(DeviceId(self.slots.len()));
        self.attach(region, intid, device);
    }

    /// The device that was connected so.
    pub fn timer(&self) -> Option<DeviceId> {
        self.timer
    }

    /// When it wants to be polled.
    pub fn deadline(&self) -> Option<u64> {
        self.timer.and_then(|id| self.slots[id.0].device.deadline())
    }

    /// Connects a virtio device at one of its places, of which there are [`VIRTIO_SLOTS`].
    pub fn attach_virtio(&mut self, slot: usize, device: Box<dyn Device + 'a>) {
        let region = Region { base: VIRTIO_BASE + slot as u64 * VIRTIO_SIZE, size: VIRTIO_SIZE };
        self.attach(region, FIRST_SPI + VIRTIO_SPI + slot as u32, device);
    }

    /// The places that virtio devices are at.
    pub fn virtio_slots(&self) -> impl Iterator<Item = usize> {
        let all = Region { base: VIRTIO_BASE, size: VIRTIO_SLOTS as u64 * VIRTIO_SIZE };
        self.slots.iter().filter_map(move |slot| Some((all.offset_of(slot.region.base)? / VIRTIO_SIZE) as usize))
    }

    /// What a device's driver has done that makes no sense.
    pub fn take_complaint(&mut self, id: DeviceId) -> Option<Complaint> {
        self.slots[id.0].device.take_complaint()
    }

    /// An address that a device's driver has given it, and that is none of the guest's memory.
    pub fn take_bad_pointer(&mut self, id: DeviceId) -> Option<BadPointer> {
        self.slots[id.0].device.take_bad_pointer()
    }

    /// The device at a guest-physical address, and the offset there.
    pub fn find(&self, address: u64) -> Option<(DeviceId, u64)> {
        self.slots.iter().enumerate().find_map(|(index, slot)| Some((DeviceId(index), slot.region.offset_of(address)?)))
    }

    /// Reads `width` bytes at `offset`. An access that does not lie within one register reads as zero.
    pub fn read(&mut self, id: DeviceId, offset: u64, width: usize) -> u64 {
        let byte = offset % 4;
        if byte as usize + width > 4 {
            return 0;
        }
        let register = self.slots[id.0].device.read(offset - byte);
        u64::from(register) >> (8 * byte)
    }

    /// Writes at `offset`. A write that does not start at a register, or is wider than one, is ignored.
    pub fn write(&mut self, id: DeviceId, offset: u64, width: usize, value: u64) {
        if offset.is_multiple_of(4) && width <= 4 {
            self.slots[id.0].device.write(offset, value as u32);
        }
    }

    /// The interrupt and the level of a device's line.
    pub fn line(&self, id: DeviceId) -> (u32, bool) {
        let slot = &self.slots[id.0];
        (slot.intid, slot.device.line())
    }

    /// All devices.
    pub fn devices(&self) -> impl Iterator<Item = DeviceId> + use<> {
        (0..self.slots.len()).map(DeviceId)
    }

    /// Whether some device's interrupt line may change by time alone.
    pub fn is_timed(&self) -> bool {
        self.slots.iter().any(|slot| slot.device.is_timed())
    }

    /// Lets every device look after the outside world.
    pub fn poll(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.device.poll());
    }

    /// Resets every device.
    pub fn reset(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.device.reset());
    }
}
