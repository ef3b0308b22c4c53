//! The virtual machine that a guest sees: which address and interrupt each thing has. It is that of QEMU's `virt`
//! machine, so that a guest for one runs on the other.

/// A range of guest-physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First byte.
    pub base: u64,
    /// In bytes.
    pub size: u64,
}

impl Region {
    /// The first byte after it.
    pub const fn end(&self) -> u64 {
        self.base + self.size
    }

    /// The offset of `address` in it.
    pub const fn offset_of(&self, address: u64) -> Option<u64> {
        match address.checked_sub(self.base) {
            Some(offset) if offset < self.size => Some(offset),
            _ => None,
        }
    }
}

/// Memory that the guest shares with others, beside its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared<'a> {
    /// Where the guest has it.
    pub region: Region,
    /// Its name in the system description.
    pub name: &'a str,
    /// Whether the guest may write it.
    pub writable: bool,
}

/// The distributor of the interrupt controller.
pub const GICD: Region = Region { base: 0x0800_0000, size: 0x1_0000 };
/// The CPU interface of a GICv2: the hardware's virtual CPU interface (GICV), mapped by the system description.
pub const GICC: Region = Region { base: 0x0801_0000, size: 0x2000 };
/// The redistributors of a GICv3 begin here, [`GICR_STRIDE`] apart, one for each vCPU.
pub const GICR_BASE: u64 = 0x080a_0000;
/// A redistributor is two frames of 64 KiB.
pub const GICR_STRIDE: u64 = 0x2_0000;
/// The offset of a redistributor's second frame.
pub const GICR_SGI_FRAME: u64 = 0x1_0000;
/// The console.
pub const UART: Region = Region { base: 0x0900_0000, size: 0x1000 };
/// The real-time clock.
pub const RTC: Region = Region { base: 0x0901_0000, size: 0x1000 };

/// The dual timer, where the monitor has a timer for it.
pub const DUAL_TIMER: Region = Region { base: 0x0902_0000, size: 0x1000 };

/// The device of the machine whose pointers the monitor translates, where the description gives it one.
pub const EDU: Region = Region { base: 0x0b10_0000, size: 0x1000 };

/// Virtio devices, each at its place, begin here.
pub const VIRTIO_BASE: u64 = 0x0a00_0000;
/// Each takes so many bytes.
pub const VIRTIO_SIZE: u64 = 0x200;
/// Places for virtio devices.
pub const VIRTIO_SLOTS: usize = 32;

/// Shared peripheral interrupts of the interrupt controller. Every further 32 cost the guest a dozen exits at boot.
pub const SPIS: usize = 64;
/// The UART's interrupt as an SPI number.
pub const UART_SPI: u32 = 1;
/// The clock's interrupt as an SPI number.
pub const RTC_SPI: u32 = 2;
/// The dual timer's interrupt as an SPI number.
pub const DUAL_TIMER_SPI: u32 = 10;

/// The translated device's interrupt as an SPI number; it is not connected.
pub const EDU_SPI: u32 = 11;

/// The first virtio device's interrupt as an SPI number; the others follow.
pub const VIRTIO_SPI: u32 = 16;

/// The private interrupts of the generic timer, as PPI numbers: secure physical, physical, virtual, hypervisor.
pub const TIMER_PPIS: [u32; 4] = [13, 14, 11, 10];
/// The interrupt number of the virtual timer, the only one that a guest has.
pub const VIRTUAL_TIMER: u32 = 16 + TIMER_PPIS[2];

/// The interrupt that tells of messages from other guests: private to each vCPU, edge-triggered.
pub const MESSAGES: u32 = 16 + MESSAGES_PPI;
/// The same as a PPI number.
pub const MESSAGES_PPI: u32 = 4;

/// The clock of the UART, the dual timer and the bus, in Hz.
pub const APB_CLOCK: u32 = 24_000_000;

/// Most vCPUs of a machine: what a GICv2 can address.
pub const MAX_VCPUS: usize = 8;
