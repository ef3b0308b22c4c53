//! Memory that is shared with the device: a region of the system description, handed out by pages for good.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// Where the region is: in this program, for the device, and what of it is not yet handed out. Written once, by [`provide`].
static START: AtomicUsize = AtomicUsize::new(0);
static DEVICE_START: AtomicU64 = AtomicU64::new(0);
static FREE: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);

/// Provides the region: `size` bytes at `start` (a multiple of the page size), which the device sees from `device_start` on.
///
/// # Safety
/// The region is mapped as normal memory for as long as the program runs, and nothing else uses it.
pub unsafe fn provide(start: NonNull<u8>, size: usize, device_start: PhysAddr) {
    let start = start.as_ptr().expose_provenance();
    START.store(start, Relaxed);
    DEVICE_START.store(device_start, Relaxed);
    FREE.store(start, Relaxed);
    END.store(start + size, Relaxed);
}

/// The region as the device's queues want it.
#[derive(Debug)]
pub struct SharedMemory;

impl SharedMemory {
    /// What the device calls an address in the region.
    fn device_address(address: usize) -> PhysAddr {
        DEVICE_START.load(Relaxed) + (address - START.load(Relaxed)) as PhysAddr
    }
}

// SAFETY: pages are handed out once each, cleared, and never taken back. The region is the device's at all times: `share` has
// nothing to do but to translate.
unsafe impl Hal for SharedMemory {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let size = pages * PAGE_SIZE;
        let page = FREE.fetch_add(size, Relaxed);
        let none = (0, NonNull::dangling());
        // An address of 0 says that there is no more.
        let Some(start) = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(page)) else { return none };
        if page + size > END.load(Relaxed) {
            return none;
        }
        // SAFETY: the pages are in the region, and nobody else was given them. A previous life may have left something there.
        unsafe { start.write_bytes(0, size) };
        (Self::device_address(page), start)
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }

    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        unreachable!("devices behind PCI only")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        let address = buffer.cast::<u8>().as_ptr().expose_provenance();
        assert!((START.load(Relaxed)..END.load(Relaxed)).contains(&address), "a buffer of shared memory");
        Self::device_address(address)
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
