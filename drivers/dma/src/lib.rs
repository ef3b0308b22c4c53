//! Memory that a device reaches: the driver's own, for queues and requests, and the one that it shares with its user.
//!
//! A protection domain drives one device, so this is one state of the whole program, as `virtio-drivers` wants it.
#![no_std]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// A piece of memory, in one piece for the device too.
struct Window {
    base: AtomicUsize,
    size: AtomicUsize,
    physical: AtomicU64,
    /// Bytes that are given out.
    used: AtomicUsize,
}

impl Window {
    const fn new() -> Self {
        Self {
            base: AtomicUsize::new(0),
            size: AtomicUsize::new(0),
            physical: AtomicU64::new(0),
            used: AtomicUsize::new(0),
        }
    }

    /// The device's address of `length` bytes at `address`, if they are in here.
    fn translate(&self, address: usize, length: usize) -> Option<PhysAddr> {
        let offset = address.checked_sub(self.base.load(Relaxed))?;
        let end = offset.checked_add(length)?;
        (end <= self.size.load(Relaxed)).then(|| self.physical.load(Relaxed) + offset as u64)
    }

    fn set(&self, base: NonNull<u8>, size: usize, physical: PhysAddr) {
        self.base.store(base.as_ptr().expose_provenance(), Relaxed);
        self.size.store(size, Relaxed);
        self.physical.store(physical, Relaxed);
    }
}

/// The driver's own.
static OWN: Window = Window::new();
/// Shared with the user.
static SHARED: Window = Window::new();

/// The memory, as `virtio-drivers` sees it.
pub struct Dma;

impl Dma {
    /// Gives the driver memory of its own: `size` bytes at `base`, a multiple of the page size.
    ///
    /// # Safety
    /// It is mapped for as long as the program lives, used by nobody else, and the device reaches it at `physical`.
    pub unsafe fn set_own(base: NonNull<u8>, size: usize, physical: PhysAddr) {
        OWN.set(base, size, physical);
    }

    /// Lets the device reach memory that is shared with the user, too. Nothing but the device touches it by what is here.
    ///
    /// # Safety
    /// It is mapped for as long as the program lives, and the device reaches it at `physical`.
    pub unsafe fn set_shared(base: NonNull<u8>, size: usize, physical: PhysAddr) {
        SHARED.set(base, size, physical);
    }

    /// Takes `size` bytes of the driver's own memory, aligned to `align` (a power of two, a page at most), for good: zeros. `None` if no more are left.
    #[must_use]
    pub fn take(size: usize, align: usize) -> Option<NonNull<u8>> {
        let start = OWN.used.load(Relaxed).next_multiple_of(align);
        let end = start.checked_add(size).filter(|&end| end <= OWN.size.load(Relaxed))?;
        OWN.used.store(end, Relaxed);
        let memory = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(OWN.base.load(Relaxed) + start))?;
        // SAFETY: within the driver's own memory, and nobody was given it. The device may have written there for a former life.
        unsafe { memory.write_bytes(0, size) };
        Some(memory)
    }
}

// SAFETY: `take` gives out each byte of memory that nobody else uses (the contract of `set_own`) once, aligned as asked; nothing is
// taken back, so nothing is given out twice.
unsafe impl Hal for Dma {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let memory = Self::take(pages * PAGE_SIZE, PAGE_SIZE);
        // No address means no memory.
        memory.map_or((0, NonNull::dangling()), |memory| {
            let physical = OWN.translate(memory.as_ptr().addr(), pages * PAGE_SIZE);
            (physical.unwrap_or(0), memory)
        })
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }

    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        unreachable!("only devices on PCI have such addresses")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        let (address, length) = (buffer.cast::<u8>().as_ptr().addr(), buffer.len());
        let physical = OWN.translate(address, length).or_else(|| SHARED.translate(address, length));
        physical.expect("buffers are memory that the device reaches")
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
