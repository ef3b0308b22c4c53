//! Data into frames that are no pages of the image: through a window in the root task's own address space.

use sel4::init_thread::slot;
use sel4::{CPtr, CapRights, VmAttributes, cap_type};
use system_spec::PAGE_BITS;

use crate::objects::Objects;
use crate::problem::Problem;
use crate::slots::Slots;

/// Where frames larger than a page are mapped; above anything that the kernel maps for the root task.
const LARGE_WINDOW: usize = 0x80_0000_0000;
/// Where pages are mapped: with tables of its own.
const PAGE_WINDOW: usize = 0x81_0000_0000;

/// How far the windows' page tables are.
#[derive(Default)]
pub struct Windows {
    large: bool,
    page: bool,
}

/// Data for a frame.
pub struct Fill {
    /// The frame.
    pub frame: CPtr,
    /// log2 of its size in bytes.
    pub frame_bits: u8,
    /// What its start is to hold.
    pub data: &'static [u8],
    /// It is executed, or read with caches off.
    pub uncached_readers: bool,
}

impl Windows {
    /// Copies data to the start of a frame.
    pub fn fill(&mut self, fill: &Fill, objects: &mut Objects<'_>, slots: &mut Slots) -> Result<(), Problem> {
        let length = fill.data.len();
        if length > 1 << fill.frame_bits {
            return Err(Problem::BadReference);
        }
        let window = self.window(fill.frame_bits, objects, slots)?;
        let frame = fill.frame.cast::<cap_type::UnspecifiedPage>();
        let attributes = VmAttributes::DEFAULT | VmAttributes::EXECUTE_NEVER;
        frame.frame_map(slot::VSPACE.cap(), window, CapRights::read_write(), attributes)?;
        // SAFETY: the frame is mapped there, large enough, and nothing else refers to it.
        unsafe { copy(fill.data, window as *mut u8) };
        if fill.uncached_readers {
            sel4_invocations::frame_publish(fill.frame, 0, length)?;
        }
        frame.frame_unmap()?;
        Ok(())
    }

    /// The window for frames of a size, with its page tables.
    fn window(&mut self, frame_bits: u8, objects: &mut Objects<'_>, slots: &mut Slots) -> Result<usize, Problem> {
        let (window, ready, tables) = match frame_bits {
            PAGE_BITS => (PAGE_WINDOW, &mut self.page, 2),
            _ => (LARGE_WINDOW, &mut self.large, 1),
        };
        if !*ready {
            for _ in 0..tables {
                objects.own_table(slots)?.pt_map(slot::VSPACE.cap(), window, VmAttributes::DEFAULT)?;
            }
            *ready = true;
        }
        Ok(window)
    }
}

/// What is moved at a time: a pair of registers, several of them in each turn of the loop.
type Pair = u128;
const TURN: usize = 8;

/// Copies data to an aligned address, in a third of the instructions of a `memcpy` without the FPU.
///
/// # Safety
/// `target` is valid for writes of as many bytes, aligned to a page as the data is.
unsafe fn copy(data: &[u8], target: *mut u8) {
    let (turns, rest) = data.as_chunks::<{ TURN * size_of::<Pair>() }>();
    let mut next = target.cast::<Pair>();
    for turn in turns {
        let from = turn.as_ptr().cast::<Pair>();
        for pair in 0..TURN {
            // SAFETY: both sides start on a page, so every pair is aligned; within the caller's range. Volatile, so
            // that the compiler doesn't take the loop for a `memcpy` and call that.
            unsafe { next.add(pair).write_volatile(from.add(pair).read()) };
        }
        // SAFETY: at most the end of the caller's range.
        next = unsafe { next.add(TURN) };
    }
    // SAFETY: the rest of the caller's range.
    unsafe { core::ptr::copy_nonoverlapping(rest.as_ptr(), next.cast(), rest.len()) };
}
