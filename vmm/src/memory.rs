//! The guest's memory as the monitor writes it.

use crate::machine::Region;

/// A guest's memory. The guest may change it at any time, so it is never seen as a slice.
pub trait Memory {
    /// Its guest-physical addresses.
    fn region(&self) -> Region;

    /// Writes `bytes` at a guest-physical address. The caller has made sure that they lie within the region.
    fn write(&mut self, address: u64, bytes: &[u8]);

    /// Sets all of it to zero.
    fn clear(&mut self);
}
