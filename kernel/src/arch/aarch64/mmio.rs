//! Registers of the devices that the kernel keeps: interrupt controller and, for debug output, the UART.

/// A device's registers, by their physical address, at which `mmu` maps them.
#[derive(Clone, Copy, Debug)]
pub struct Registers(u64);

impl Registers {
    /// The registers at an address.
    ///
    /// # Safety
    /// `base` is a device of the board, mapped as device memory, and the offsets passed to the methods are registers of it
    /// whose access has no effect on memory that the kernel uses.
    pub const unsafe fn at(base: u64) -> Self {
        Self(base)
    }

    /// The registers `offset` bytes behind.
    pub const fn offset(self, offset: u64) -> Self {
        Self(self.0 + offset)
    }

    /// Reads 32 bits.
    #[inline]
    pub fn read(self, offset: u64) -> u32 {
        // SAFETY: see `at`.
        unsafe { core::ptr::with_exposed_provenance::<u32>((self.0 + offset) as usize).read_volatile() }
    }

    /// Writes 32 bits.
    #[inline]
    pub fn write(self, offset: u64, value: u32) {
        // SAFETY: see `at`.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>((self.0 + offset) as usize).write_volatile(value) }
    }

    /// Reads 64 bits.
    pub fn read64(self, offset: u64) -> u64 {
        // SAFETY: see `at`.
        unsafe { core::ptr::with_exposed_provenance::<u64>((self.0 + offset) as usize).read_volatile() }
    }

    /// Writes 64 bits.
    pub fn write64(self, offset: u64, value: u64) {
        // SAFETY: see `at`.
        unsafe { core::ptr::with_exposed_provenance_mut::<u64>((self.0 + offset) as usize).write_volatile(value) }
    }
}
