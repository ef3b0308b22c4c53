//! The guest's memory, mapped into this protection domain at its guest-physical address.

use core::{
    mem::size_of,
    ptr,
    sync::atomic::{AtomicU16, Ordering},
};
use vmm::{machine::Region, memory::Memory};

/// What is moved by one pair of instructions.
type Pair = u128;
/// Pairs that are moved in one turn of a loop.
const TURN: usize = 4;

/// The guest's memory.
#[derive(Clone, Copy)]
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

    /// 16 bits at an even address.
    fn word16(&self, address: u64) -> &AtomicU16 {
        assert!(address.is_multiple_of(2), "misaligned");
        let pointer = self.pointer(address, size_of::<AtomicU16>());
        // SAFETY: it is aligned memory of the guest, which stays where it is; the guest changes it by single accesses, too.
        unsafe { AtomicU16::from_ptr(pointer.cast()) }
    }
}

// A kernel is tens of megabytes and a guest's memory hundreds, and the compiler's own loops for this target move one word
// at a time. Volatile accesses keep it from recognizing loops that are better than those.
impl Memory for GuestRam {
    fn region(&self) -> Region {
        self.0
    }

    fn read(&self, address: u64, bytes: &mut [u8]) {
        if bytes.is_empty() {
            return;
        }
        let from = self.pointer(address, bytes.len());
        let words = if from.cast::<u64>().is_aligned() { bytes.len() / size_of::<u64>() } else { 0 };
        let (whole, rest) = bytes.split_at_mut(words * size_of::<u64>());
        // SAFETY: `pointer` has checked that all of it is memory of the guest. The guest may write it meanwhile, so it is
        // read as a device's memory is.
        unsafe {
            for (n, word) in whole.chunks_exact_mut(size_of::<u64>()).enumerate() {
                word.copy_from_slice(&from.cast::<u64>().add(n).read_volatile().to_ne_bytes());
            }
            let from = from.add(whole.len());
            rest.iter_mut().enumerate().for_each(|(n, byte)| *byte = from.add(n).read_volatile());
        }
    }

    fn load16(&self, address: u64) -> u16 {
        self.word16(address).load(Ordering::Relaxed)
    }

    fn store16(&mut self, address: u64, value: u16) {
        self.word16(address).store(value, Ordering::Relaxed);
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let destination = self.pointer(address, bytes.len());
        let (from, to) = (bytes.as_ptr().cast::<Pair>(), destination.cast::<Pair>());
        let turns = if from.is_aligned() && to.is_aligned() { bytes.len() / size_of::<[Pair; TURN]>() } else { 0 };
        // SAFETY: `pointer` has checked that the destination is memory of the guest, which no Rust object is in; what is
        // read lies within `bytes`.
        unsafe {
            for first in (0..turns * TURN).step_by(TURN) {
                let pairs: [Pair; TURN] = core::array::from_fn(|n| from.add(first + n).read_volatile());
                (0..TURN).for_each(|n| to.add(first + n).write_volatile(pairs[n]));
            }
            let done = turns * size_of::<[Pair; TURN]>();
            ptr::copy_nonoverlapping(bytes.as_ptr().add(done), destination.add(done), bytes.len() - done);
        }
    }

    fn clear(&mut self) {
        let pairs = self.0.size as usize / size_of::<Pair>();
        let base = self.pointer(self.0.base, self.0.size as usize).cast::<Pair>();
        for first in (0..pairs).step_by(TURN) {
            for n in first..first + TURN {
                // SAFETY: within the guest's memory, which is made of whole pages.
                unsafe { base.add(n).write_volatile(0) };
            }
        }
    }
}
