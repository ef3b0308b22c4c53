//! The heap of a program: memory in its image, and an allocator on it whose operations take constant time. What threads
//! do that want it at the same time is the program's runtime's to say ([`Lock`]).
#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};

use rlsf::Tlsf;

/// Memory for a heap of `SIZE` bytes.
#[repr(C, align(64))]
pub struct Heap<const SIZE: usize>(UnsafeCell<[u8; SIZE]>);

// SAFETY: the memory is reached through the one allocator only.
unsafe impl<const SIZE: usize> Sync for Heap<SIZE> {}

/// Bytes of the smallest heap that rust-sel4's allocator can use: it takes memory in pieces of half of this.
#[cfg(sel4_plain)]
const PLAIN_LEAST: usize = 0x2_0000;

impl<const SIZE: usize> Heap<SIZE> {
    /// Memory that no allocator has yet.
    #[allow(clippy::new_without_default, reason = "for statics")]
    pub const fn new() -> Self {
        #[cfg(sel4_plain)]
        assert!(SIZE >= PLAIN_LEAST, "rust-sel4's allocator cannot use so small a heap");
        Self(UnsafeCell::new([0; SIZE]))
    }
}

/// Two-level segregated fit, with free lists for blocks of up to 32 MiB.
type FreeLists = Tlsf<'static, u32, u32, 20, 32>;

/// What keeps threads apart that allocate.
pub trait Lock {
    /// Waits until no other thread has the heap.
    fn acquire(&self);

    /// Lets the next thread have it.
    fn release(&self);
}

/// The lock of a program with one thread.
pub struct OneThread;

impl Lock for OneThread {
    fn acquire(&self) {}

    fn release(&self) {}
}

/// A global allocator.
pub struct Allocator<L = OneThread> {
    lock: L,
    state: UnsafeCell<State>,
}

struct State {
    free: FreeLists,
    /// The heap, until the first allocation takes it.
    unclaimed: Option<NonNull<[u8]>>,
}

// SAFETY: by the contract of `new` the lock admits one thread at a time.
unsafe impl<L> Sync for Allocator<L> {}

impl<L: Lock> Allocator<L> {
    /// An allocator on `heap`.
    ///
    /// # Safety
    ///
    /// No other allocator has `heap`. Threads that allocate are kept apart by `lock`, which may be used from any of them.
    pub const unsafe fn new<const SIZE: usize>(heap: &'static Heap<SIZE>, lock: L) -> Self {
        let memory = ptr::slice_from_raw_parts_mut(heap.0.get().cast::<u8>(), SIZE);
        Self { lock, state: UnsafeCell::new(State { free: FreeLists::new(), unclaimed: NonNull::new(memory) }) }
    }

    fn with<R>(&self, f: impl FnOnce(&mut FreeLists) -> R) -> R {
        self.lock.acquire();
        // SAFETY: this thread has the lock, and neither the free lists nor the callers' closures allocate.
        let state = unsafe { &mut *self.state.get() };
        if let Some(heap) = state.unclaimed.take() {
            // SAFETY: the memory is static and, by the contract of `new`, this allocator's alone.
            unsafe { state.free.insert_free_block_ptr(heap) };
        }
        let result = f(&mut state.free);
        self.lock.release();
        result
    }
}

// SAFETY: the free lists keep the contract.
unsafe impl<L: Lock> GlobalAlloc for Allocator<L> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.with(|free| free.allocate(layout)).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let Some(block) = NonNull::new(ptr) else { return };
        // SAFETY: the caller says that the block was allocated here with this layout.
        self.with(|free| unsafe { free.deallocate(block, layout.align()) });
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let layout = Layout::from_size_align(new_size, layout.align()).ok();
        let (Some(block), Some(layout)) = (NonNull::new(ptr), layout) else { return ptr::null_mut() };
        // SAFETY: the caller says that the block was allocated here with this alignment.
        self.with(|free| unsafe { free.reallocate(block, layout) }).map_or(ptr::null_mut(), NonNull::as_ptr)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn it_gives_memory_until_there_is_none_and_takes_it_back() {
        static HEAP: Heap<0x4000> = Heap::new();
        // SAFETY: this test is the only user, and has one thread.
        let allocator = unsafe { Allocator::new(&HEAP, OneThread) };
        let layout = Layout::from_size_align(0x1000, 64).expect("a layout");
        let fill = || {
            // SAFETY: the layout is not empty.
            let blocks: Vec<_> = (0..8).map(|_| unsafe { allocator.alloc(layout) }).collect();
            blocks.into_iter().take_while(|block| !block.is_null()).collect::<Vec<_>>()
        };
        let first = fill();
        assert!((2..4).contains(&first.len()), "{} blocks of 4 KiB in 16 KiB", first.len());
        assert!(first.iter().all(|block| block.addr().is_multiple_of(64)));
        for block in &first {
            // SAFETY: the block is the allocator's, of this layout.
            unsafe { allocator.dealloc(*block, layout) };
        }
        assert_eq!(fill().len(), first.len());
    }

    #[test]
    fn growing_keeps_the_content() {
        static HEAP: Heap<0x4000> = Heap::new();
        // SAFETY: this test is the only user, and has one thread.
        let allocator = unsafe { Allocator::new(&HEAP, OneThread) };
        let layout = Layout::from_size_align(16, 8).expect("a layout");
        // SAFETY: the layouts are not empty, the block is the allocator's and as long as what is written and read.
        let bytes = unsafe {
            let block = allocator.alloc(layout);
            block.write_bytes(0x5a, 16);
            allocator.alloc(layout);
            let grown = allocator.realloc(block, layout, 0x1000);
            assert_ne!(grown, block, "a neighbour is in the way");
            core::slice::from_raw_parts(grown, 16)
        };
        assert_eq!(bytes, [0x5a; 16]);
        // SAFETY: the layout is not empty.
        assert!(unsafe { allocator.realloc(allocator.alloc(layout), layout, 0x8000) }.is_null());
    }
}
