//! The transport, and what the tests of devices drive them with.

use std::vec::Vec;

use super::{RAM, Ram, driver::Driver};
use crate::memory::Memory;
use crate::{
    devices::Device,
    virtio::{Complaint, Fault, Model, Queues, feature, mmio::Mmio},
};

pub mod register {
    pub const STATUS: u64 = 0x70;
    pub const QUEUE_SEL: u64 = 0x30;
    pub const QUEUE_SIZE: u64 = 0x38;
    pub const QUEUE_READY: u64 = 0x44;
    pub const QUEUE_NOTIFY: u64 = 0x50;
    pub const INTERRUPT_STATUS: u64 = 0x60;
    pub const INTERRUPT_ACK: u64 = 0x64;
    pub const CONFIG: u64 = 0x100;
}

const ACKNOWLEDGE_AND_DRIVER: u32 = 3;
const FEATURES_OK: u32 = 8;
const DRIVER_OK: u32 = 4;
const NEEDS_RESET: u32 = 0x40;

/// A device with a driver on each of its queues.
pub struct Bench<D> {
    pub device: Mmio<'static, D, Ram>,
    pub ram: Ram,
    pub drivers: Vec<Driver>,
    pub features: u64,
}

/// Buffers of the drivers are from here on.
pub const BUFFERS: u64 = RAM.base + 0x8_0000;

impl<D: Model> Bench<D> {
    /// A device that is set up, with all that it offers but for packed queues, if those are not wanted.
    pub fn new(device: D, packed: bool) -> Self {
        let ram = Ram::new();
        let mut bench = Self { device: Mmio::new(device, ram.clone()), ram, drivers: Vec::new(), features: 0 };
        bench.set_up(packed);
        bench
    }

    pub fn write(&mut self, offset: u64, value: u32) {
        self.device.write(offset, value);
    }

    pub fn read(&mut self, offset: u64) -> u32 {
        self.device.read(offset)
    }

    /// What a driver does with a device after reset (specification, 3.1.1 and 4.2.3.2).
    pub fn set_up(&mut self, packed: bool) {
        self.write(register::STATUS, ACKNOWLEDGE_AND_DRIVER);
        self.features = 0;
        for half in [0, 1] {
            self.write(0x14, half);
            let offered = u64::from(self.read(0x10)) << (32 * half);
            self.features |= offered;
        }
        if !packed {
            self.features &= !feature::PACKED;
        }
        for half in [0, 1] {
            self.write(0x24, half);
            self.write(0x20, (self.features >> (32 * half)) as u32);
        }
        self.write(register::STATUS, ACKNOWLEDGE_AND_DRIVER | FEATURES_OK);
        assert_ne!(self.read(register::STATUS) & FEATURES_OK, 0);
        self.drivers.clear();
        for index in 0.. {
            self.write(register::QUEUE_SEL, index);
            let size = self.read(0x34) as u16;
            if size == 0 {
                break;
            }
            let driver = Driver::new(&self.ram, RAM.base + 0x8000 * u64::from(index), size.min(16), self.features);
            self.place(&driver);
            self.drivers.push(driver);
        }
        self.write(register::STATUS, ACKNOWLEDGE_AND_DRIVER | FEATURES_OK | DRIVER_OK);
    }

    /// Tells the device where the selected queue is.
    fn place(&mut self, driver: &Driver) {
        let layout = driver.layout;
        self.write(register::QUEUE_SIZE, layout.size.into());
        for (offset, address) in [(0x80, layout.descriptors), (0x90, layout.driver), (0xa0, layout.device)] {
            self.write(offset, address as u32);
            self.write(offset + 4, (address >> 32) as u32);
        }
        self.write(register::QUEUE_READY, 1);
        assert_eq!(self.read(register::QUEUE_READY), 1);
    }

    pub fn notify(&mut self, queue: usize) {
        self.write(register::QUEUE_NOTIFY, queue as u32);
    }

    /// Whether the device has an interrupt for used buffers, which this acknowledges.
    pub fn take_interrupt(&mut self) -> bool {
        let pending = self.read(register::INTERRUPT_STATUS);
        assert_eq!(self.device.line(), pending != 0);
        self.write(register::INTERRUPT_ACK, pending);
        assert!(!self.device.line());
        pending & 1 != 0
    }

    pub fn needs_reset(&mut self) -> bool {
        self.read(register::STATUS) & NEEDS_RESET != 0
    }
}

/// A device that gives back what it gets, byte for byte.
struct Echo;

impl Model for Echo {
    const ID: u32 = 99;
    const NAME: &'static str = "echo";

    fn features(&self) -> u64 {
        1
    }

    fn queues(&self) -> Vec<u16> {
        [4, 16].into()
    }

    fn config(&self, offset: u64) -> u32 {
        offset as u32 + 1
    }

    fn run<M: Memory>(&mut self, queues: &mut Queues<'_, M>) -> Result<(), Fault> {
        while let Some(chain) = queues.pop(1)? {
            let mut byte = [0];
            if chain.read(queues.memory(), 0, &mut byte) == 0 {
                return Err(queues.blame(1, Fault::Request));
            }
            let written = chain.write(queues.memory(), 0, &byte);
            queues.push(1, chain.token(), written as u32);
        }
        Ok(())
    }

    fn reset(&mut self) {}
}

fn buffer(offset: u64) -> crate::virtio::queue::Segment {
    crate::virtio::queue::Segment { address: BUFFERS + offset, length: 1 }
}

#[test]
fn it_says_who_it_is() {
    let mut bench = Bench::new(Echo, true);
    assert_eq!([0, 4, 8].map(|offset| bench.read(offset)), [0x7472_6976, 2, 99]);
    assert_eq!(bench.features, 1 | feature::QUEUES);
    assert_eq!([0xb0, 0xb4, 0xb8, 0xbc].map(|offset| bench.read(offset)), [u32::MAX; 4]);
    assert_eq!(bench.read(register::CONFIG + 8), 9);
    assert_eq!(bench.drivers.iter().map(|driver| driver.layout.size).collect::<Vec<_>>(), [4, 16]);
}

#[test]
fn a_request_comes_back_with_an_interrupt() {
    for packed in [false, true] {
        let mut bench = Bench::new(Echo, packed);
        bench.ram.put(BUFFERS, b"x");
        let id = bench.drivers[1].add(&[buffer(0)], &[buffer(1)], false).unwrap();
        bench.drivers[1].want_interrupts(true);
        bench.notify(1);
        assert!(bench.take_interrupt());
        assert_eq!(bench.drivers[1].used(), Some((id, 1)));
        assert_eq!(bench.ram.bytes(BUFFERS + 1, 1), b"x");
    }
}

#[test]
fn features_that_were_not_offered_are_refused() {
    let mut device = Mmio::new(Echo, Ram::new());
    let mut agree = |low, high| {
        device.write(register::STATUS, 0);
        device.write(0x24, 0);
        device.write(0x20, low);
        device.write(0x24, 1);
        device.write(0x20, high);
        device.write(register::STATUS, ACKNOWLEDGE_AND_DRIVER | FEATURES_OK);
        device.read(register::STATUS) & FEATURES_OK != 0
    };
    assert!(agree(1, 1));
    assert!(!agree(3, 1));
    assert!(!agree(1, 0), "version 1 is not an offer to refuse");
    assert!(!agree(0, 1 | 1 << 31));
}

#[test]
fn a_mistake_stops_the_device_until_it_is_reset() {
    let mut bench = Bench::new(Echo, false);
    let outside = crate::virtio::queue::Segment { address: 0x1000, length: 8 };
    bench.drivers[1].add(&[outside], &[], false).unwrap();
    bench.notify(1);
    assert!(bench.needs_reset());
    assert_eq!(bench.read(register::INTERRUPT_STATUS), 2);
    let complaint = Complaint { device: "echo", queue: 1, fault: Fault::Outside };
    assert_eq!(bench.device.take_complaint(), Some(complaint));
    assert_eq!(bench.device.take_complaint(), None);
    bench.notify(1);
    assert_eq!(bench.device.take_complaint(), None);
    bench.write(register::STATUS, 0);
    assert_eq!((bench.read(register::STATUS), bench.read(register::INTERRUPT_STATUS)), (0, 0));
    bench.ram.clear();
    bench.set_up(false);
    bench.drivers[1].add(&[buffer(0)], &[buffer(1)], false).unwrap();
    bench.notify(1);
    assert!(bench.drivers[1].used().is_some());
}

#[test]
fn a_queue_in_nowhere_is_a_mistake() {
    let mut device = Mmio::new(Echo, Ram::new());
    device.write(register::STATUS, ACKNOWLEDGE_AND_DRIVER);
    device.write(register::QUEUE_SIZE, 4);
    device.write(register::QUEUE_READY, 1);
    assert_eq!(device.read(register::QUEUE_READY), 0);
    assert_eq!(device.take_complaint().map(|complaint| complaint.fault), Some(Fault::QueueAddress));
    device.write(register::QUEUE_SIZE, 0x1_0004);
    device.write(register::QUEUE_READY, 1);
    assert_eq!(device.take_complaint().map(|complaint| complaint.fault), Some(Fault::QueueSize));
}

proptest::proptest! {
    /// Whatever is written into the registers, the device goes on.
    #[test]
    fn no_register_harms(writes in proptest::collection::vec((0..0x60u64, proptest::prelude::any::<u32>(), 0..4u8), 0..200)) {
        let mut device = Mmio::new(Echo, Ram::new());
        for (register, value, small) in writes {
            let value = if small < 3 { value % 32 } else { value };
            device.write(4 * register, value);
            device.read(4 * register);
            device.poll();
        }
    }
}
