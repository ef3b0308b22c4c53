//! The guest's memory, mapped into this protection domain at its guest-physical address.

use core::{mem::size_of, ptr};
use vmm::{machine::Region, memory::Memory};

/// What is copied or cleared at once: half a cache line's worth of registers in pairs.
type Chunk = [u64; 8];

/// The guest's memory.
pub struct GuestRam(Region);

impl GuestRam {
    /// The memory that the system description maps at `vaddr`.
    pub fn new(vaddr: usize, size: usize) -> Self {
        Self(Region { base: vaddr as u64, size: size as u64 })
    }

    /// The address of `length` bytes, which must be memory of the guest.
    fn pointer(&self, address: u64, length: usize) -> *mut u8 {
        let offset = self.0.offset_of(address);
        assert!(offset.is_some_and(|offset| length as u64 <= self.0.size - offset), "outside of the guest's memory");
        ptr::with_exposed_provenance_mut(address as usize)
    }
}

impl Memory for GuestRam {
    fn region(&self) -> Region {
        self.0
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let destination = self.pointer(address, bytes.len());
        let chunks = bytes.len() / size_of::<Chunk>();
        let (source, chunk_destination) = (bytes.as_ptr().cast::<Chunk>(), destination.cast::<Chunk>());
        // SAFETY: `pointer` has checked that the bytes are memory of the guest, which no Rust object is in; what is read
        // lies within `bytes`. By hand, because a kernel is tens of megabytes and the compiler's own copy loop for this
        // target moves one word at a time.
        unsafe {
            for n in 0..chunks {
                chunk_destination.add(n).write_unaligned(source.add(n).read_unaligned());
            }
            let done = chunks * size_of::<Chunk>();
            ptr::copy_nonoverlapping(bytes.as_ptr().add(done), destination.add(done), bytes.len() - done);
        }
    }

    fn clear(&mut self) {
        let pairs = self.0.size as usize / size_of::<u128>();
        let base = self.pointer(self.0.base, self.0.size as usize).cast::<u128>();
        for n in 0..pairs {
            // SAFETY: within the guest's memory, which is made of whole pages; volatile, so that the loop is not turned
            // into a slower one (see `write`).
            unsafe { base.add(n).write_volatile(0) };
        }
    }
}
