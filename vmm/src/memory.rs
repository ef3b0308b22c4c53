//! The guest's memory as the monitor and its devices reach it.

use crate::machine::Region;

/// A guest's memory. The guest may change it at any time, so it is never seen as a slice: what is read is a copy, and what
/// has been checked is not read again.
///
/// The caller has made sure that all that it reads or writes lies within the region ([`Memory::has`]).
pub trait Memory {
    /// Its guest-physical addresses.
    fn region(&self) -> Region;

    /// Reads bytes at a guest-physical address.
    fn read(&self, address: u64, bytes: &mut [u8]);

    /// Writes `bytes` at a guest-physical address.
    fn write(&mut self, address: u64, bytes: &[u8]);

    /// Reads 16 bits at an even address by one access.
    fn load16(&self, address: u64) -> u16 {
        let mut bytes = [0; 2];
        self.read(address, &mut bytes);
        u16::from_le_bytes(bytes)
    }

    /// Writes 16 bits at an even address by one access.
    fn store16(&mut self, address: u64, value: u16) {
        self.write(address, &value.to_le_bytes());
    }

    /// Sets all of it to zero.
    fn clear(&mut self);

    /// Whether `length` bytes at `address` are memory.
    fn has(&self, address: u64, length: u64) -> bool {
        let region = self.region();
        region.offset_of(address).is_some_and(|offset| length <= region.size - offset)
    }
}
