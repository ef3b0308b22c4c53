//! The PCI device whose pointers are translated: this protection domain has its configuration and its registers.

use core::ptr::NonNull;

use sel4_microkit::{debug_println, var};
use vmm::devices::edu::Registers;

use super::kernel::name;

/// Vendor and device: QEMU's educational device.
const ID: u32 = 0x11e8_1234;
/// Byte offsets in a PCI function's configuration space (PCI Local Bus 3.0, 6.1).
const COMMAND: usize = 0x04;
const BAR_0: usize = 0x10;
/// Answers at its memory addresses, and reads and writes memory by itself.
const MEMORY_AND_MASTER: u32 = 0b110;

/// Words of a device, as mapped.
#[derive(Clone, Copy)]
struct Words(NonNull<u32>);

impl Words {
    /// The word at a byte offset.
    fn pointer(self, offset: usize) -> NonNull<u32> {
        // SAFETY: the callers name words of the page that the description maps.
        unsafe { self.0.byte_add(offset) }
    }

    fn read(self, offset: usize) -> u32 {
        // SAFETY: registers of a device, which the description gives to this protection domain alone.
        unsafe { self.pointer(offset).read_volatile() }
    }

    fn write(self, offset: usize, value: u32) {
        // SAFETY: as above; what the device does with memory is checked before it is told.
        unsafe { self.pointer(offset).write_volatile(value) }
    }
}

/// The registers, in the first page of the device's memory.
pub struct Mapped(Words);

impl Mapped {
    /// Switches the device on, whose registers are to be at `edu_paddr`. `None` if the description has none, or it is another.
    pub fn open() -> Option<Self> {
        let config = Words(NonNull::new(*var!(edu_config_vaddr: usize = 0) as *mut u32)?);
        let registers = Words(NonNull::new(*var!(edu_vaddr: usize = 0) as *mut u32)?);
        if config.read(0) != ID {
            debug_println!("{}: there is no device to translate pointers for", name());
            return None;
        }
        config.write(BAR_0, *var!(edu_paddr: usize = 0) as u32);
        config.write(COMMAND, config.read(COMMAND) | MEMORY_AND_MASTER);
        Some(Self(registers))
    }
}

impl Registers for Mapped {
    fn read(&mut self, offset: u64) -> u32 {
        self.0.read(offset as usize)
    }

    fn write(&mut self, offset: u64, value: u32) {
        self.0.write(offset as usize, value);
    }
}
