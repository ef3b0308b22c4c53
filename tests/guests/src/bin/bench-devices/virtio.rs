//! What the drivers of the crate `virtio-drivers` need here: memory, which devices reach at the addresses that the program has for it.

use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bitflags::bitflags;
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

bitflags! {
    /// The features that the drivers here want: those that every good driver wants.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Feature: u64 {
        const EVENT_INDEX = 1 << 29;
        const VERSION_1 = 1 << 32;
    }
}

/// Bytes for queues and buffers.
const POOL: usize = 640 << 10;

#[repr(C, align(4096))]
struct Pool(UnsafeCell<[u8; POOL]>);

// SAFETY: the program has one CPU and no handlers, and `take` gives out each byte once.
unsafe impl Sync for Pool {}

static MEMORY: Pool = Pool(UnsafeCell::new([0; POOL]));
static USED: AtomicUsize = AtomicUsize::new(0);

/// Takes `size` bytes, zeros, on pages of their own.
pub fn take(size: usize) -> NonNull<u8> {
    let start = USED.load(Relaxed);
    let end = start + size.next_multiple_of(PAGE_SIZE);
    assert!(end <= POOL, "the pool is too small");
    USED.store(end, Relaxed);
    // SAFETY: within the pool, which is not null.
    unsafe { NonNull::new_unchecked(MEMORY.0.get().cast::<u8>().add(start)) }
}

/// The registers of the device at `base`.
///
/// # Safety
/// There is one, and nobody else uses it.
pub unsafe fn transport(base: usize) -> MmioTransport<'static> {
    const REGISTERS: usize = 0x200;
    let header = NonNull::new(core::ptr::with_exposed_provenance_mut(base)).expect("not null");
    // SAFETY: the caller's promise.
    unsafe { MmioTransport::new(header, REGISTERS) }.expect("a device")
}

/// Memory whose addresses are the same for all.
pub struct Identity;

// SAFETY: `take` gives out zeros, pages, each once.
unsafe impl Hal for Identity {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let memory = take(pages * PAGE_SIZE);
        (memory.as_ptr().addr() as PhysAddr, memory)
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }

    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        unreachable!("only devices on PCI have such addresses")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().as_ptr().addr() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
