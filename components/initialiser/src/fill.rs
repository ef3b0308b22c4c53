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

impl Windows {
    /// Copies data to the start of a frame.
    pub fn fill(
        &mut self,
        frame: CPtr,
        frame_bits: u8,
        data: &[u8],
        objects: &mut Objects<'_>,
        slots: &mut Slots,
    ) -> Result<(), Problem> {
        let (window, ready, tables) = match frame_bits {
            PAGE_BITS => (PAGE_WINDOW, &mut self.page, 2),
            _ => (LARGE_WINDOW, &mut self.large, 1),
        };
        let vspace = slot::VSPACE.cap();
        if !*ready {
            for _ in 0..tables {
                objects.own_table(slots)?.pt_map(vspace, window, VmAttributes::DEFAULT)?;
            }
            *ready = true;
        }
        if data.len() > 1 << frame_bits {
            return Err(Problem::BadReference);
        }
        let frame = frame.cast::<cap_type::UnspecifiedPage>();
        let attributes = VmAttributes::DEFAULT | VmAttributes::EXECUTE_NEVER;
        frame.frame_map(vspace, window, CapRights::read_write(), attributes)?;
        // SAFETY: the frame is mapped there, large enough, and nothing else refers to it.
        unsafe { copy(data, window as *mut u8) };
        // Instruction fetches, and guests with their caches off, see the data too.
        frame.frame_unify_instruction(0, data.len())?;
        frame.frame_unmap()?;
        Ok(())
    }
}

/// Bytes of one step of a copy: a cache line, in eight registers.
const STEP: usize = 64;

/// Copies data to an aligned address, a line at a time: several times as fast as a `memcpy` without the FPU.
///
/// # Safety
/// `target` is valid for writes of as many bytes, aligned to a page as the data is.
unsafe fn copy(data: &[u8], target: *mut u8) {
    let (lines, rest) = data.as_chunks::<STEP>();
    for (index, line) in lines.iter().enumerate() {
        // SAFETY: both sides start on a page, so every line is aligned for words; within the caller's range.
        unsafe {
            let words = line.as_ptr().cast::<[u64; STEP / 8]>().read();
            target.add(index * STEP).cast::<[u64; STEP / 8]>().write(words);
        }
    }
    let done = lines.len() * STEP;
    // SAFETY: the rest of the caller's range.
    unsafe { core::ptr::copy_nonoverlapping(rest.as_ptr(), target.add(done), rest.len()) };
}
