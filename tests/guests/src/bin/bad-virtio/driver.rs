//! As much of a driver as it takes to do it wrong (virtio 1.2, chapters 2.7 and 4.2).

use core::sync::atomic::{AtomicU64, Ordering, fence};

use bare_guest::machine::{read32, write32};

/// The places of the machine's devices.
pub const DISK: usize = 0x0a00_0200;
pub const NETWORK: usize = 0x0a00_0400;

/// Registers.
const FEATURES_SEL: usize = 0x24;
const FEATURES: usize = 0x20;
const QUEUE_SEL: usize = 0x30;
const QUEUE_SIZE: usize = 0x38;
const QUEUE_READY: usize = 0x44;
const NOTIFY: usize = 0x50;
const STATUS: usize = 0x70;
const DESCRIPTORS: usize = 0x80;
const DRIVER: usize = 0x90;
const DEVICE: usize = 0xa0;

/// Bits of the status.
const LIVE: u32 = 0xf;
const NEEDS_RESET: u32 = 0x40;

/// Descriptors of the queue.
pub const SIZE: u32 = 8;
/// Offsets in the memory: the parts of the queue, a table of descriptors, and what requests are made of.
pub const TABLE: usize = 0x400;
pub const HEADER: usize = 0x800;
pub const RESULT: usize = 0x880;
pub const DATA: usize = 0x1000;
const AVAILABLE: usize = 0x100;
const USED: usize = 0x200;

/// Flags of a descriptor.
pub const NEXT: u16 = 1;
pub const WRITE: u16 = 2;
pub const INDIRECT: u16 = 4;

/// Features: descriptors in tables, and the one that there must be.
const INDIRECT_DESCRIPTORS: u32 = 1 << 28;
pub const PACKED: u32 = 1 << 2;
const VERSION_1: u32 = 1 << 0;

#[repr(align(4096))]
struct Memory([AtomicU64; 1024]);

static MEMORY: Memory = Memory([const { AtomicU64::new(0) }; 1024]);

/// The guest-physical address of an offset.
pub fn address(offset: usize) -> u64 {
    (&raw const MEMORY).addr() as u64 + offset as u64
}

/// Writes a word.
pub fn put(offset: usize, value: u64) {
    MEMORY.0[offset / 8].store(value, Ordering::Relaxed);
}

/// Reads a word.
pub fn get(offset: usize) -> u64 {
    MEMORY.0[offset / 8].load(Ordering::Relaxed)
}

/// Writes descriptor `index` of the table at `table`.
pub fn descriptor(table: usize, index: usize, to: u64, length: u32, flags: u16, next: u16) {
    put(table + 16 * index, to);
    put(table + 16 * index + 8, u64::from(length) | u64::from(flags) << 32 | u64::from(next) << 48);
}

/// Says that so many chains are available, the first one being that of `head`, all others too.
pub fn available(count: u16, head: u16) {
    let head = u64::from(head);
    put(AVAILABLE, u64::from(count) << 16 | head << 32 | head << 48);
}

/// How many chains the device has used.
pub fn used() -> u16 {
    fence(Ordering::SeqCst);
    (get(USED) >> 16) as u16
}

/// Where a queue is said to be, as offsets.
#[derive(Clone, Copy)]
pub struct Layout {
    pub size: u32,
    pub descriptors: u64,
    pub driver: u64,
    pub device: u64,
}

/// Where it is.
pub fn right() -> Layout {
    Layout { size: SIZE, descriptors: address(0), driver: address(AVAILABLE), device: address(USED) }
}

/// A device with one queue in use.
pub struct Device {
    base: usize,
    queue: u32,
}

impl Device {
    /// The device at `base`, by its queue of this number.
    pub fn new(base: usize, queue: u32) -> Self {
        Self { base, queue }
    }

    fn write(&self, offset: usize, value: u32) {
        write32(self.base + offset, value);
    }

    /// Resets the device and sets it up with a queue at `layout`; `high` is the upper half of the features. Memory is cleared.
    pub fn set_up(&self, layout: Layout, high: u32) {
        MEMORY.0.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.write(STATUS, 0);
        self.write(STATUS, 3);
        for (half, features) in [(0, INDIRECT_DESCRIPTORS), (1, high | VERSION_1)] {
            self.write(FEATURES_SEL, half);
            self.write(FEATURES, features);
        }
        self.write(STATUS, 3 | 8);
        self.write(QUEUE_SEL, self.queue);
        self.write(QUEUE_SIZE, layout.size);
        for (offset, address) in [(DESCRIPTORS, layout.descriptors), (DRIVER, layout.driver), (DEVICE, layout.device)] {
            self.write(offset, address as u32);
            self.write(offset + 4, (address >> 32) as u32);
        }
        self.write(QUEUE_READY, 1);
        self.write(STATUS, LIVE);
    }

    /// Tells the device to look.
    pub fn notify(&self) {
        fence(Ordering::SeqCst);
        self.write(NOTIFY, self.queue);
    }

    /// Whether the device has given up.
    pub fn needs_reset(&self) -> bool {
        read32(self.base + STATUS) & NEEDS_RESET != 0
    }
}
