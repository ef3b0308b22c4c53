//! Physical memory: where the image's parts are, what is left for objects, and whether they fit.

use super::objects::Runs;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Place, System};
use kernel_config::{Board, Range};
use sel4_abi::config::ROOT_CNODE_SIZE_BITS;
use sel4_abi::object::SLOT_BITS;
use system_spec::{AllocateError, Allocator, PAGE_BYTES, Placed, Untyped};

/// Memory that the kernel takes for the root task's own objects behind its CNode, at most: page tables, TCB, boot
/// information with a device tree.
const ROOT_TASK_BYTES: u64 = 4 << 20;
/// Untypeds that the model of the memory can have: more than any system's fixed regions leave.
const MAX_UNTYPEDS: usize = 4096;

/// The kernel's memory once the root task runs: behind the kernel itself, it makes the root task's CNode, aligned to its
/// size, and other objects.
pub fn kernel_memory(kernel: Range) -> Range {
    const CNODE_BYTES: u64 = 1 << (ROOT_CNODE_SIZE_BITS + SLOT_BITS);
    let cnode = kernel.end.next_multiple_of(CNODE_BYTES);
    Range::new(kernel.start, cnode + CNODE_BYTES + ROOT_TASK_BYTES)
}

/// The board's memory with what is in use when the root task starts.
#[derive(Debug, Clone)]
pub struct Memory {
    ram: Range,
    /// The kernel's.
    kernel: Range,
    /// The root task's part of the image.
    image: Range,
}

impl Memory {
    /// The memory of a board.
    pub fn new(board: &Board, kernel: Range, image: Range) -> Self {
        Self { ram: board.ram, kernel, image }
    }

    /// What is left: below and above the root task.
    fn free(&self) -> [Range; 2] {
        let up = |address: u64| address.next_multiple_of(PAGE_BYTES);
        let (low, high) = (up(self.kernel.end), up(self.image.end));
        [Range::new(low, self.image.start.max(low)), Range::new(high, self.ram.end.max(high))]
    }

    /// Reports fixed regions that lie where kernel or root task are.
    pub fn check_fixed(&self, system: &System, diagnostics: &mut Diagnostics) {
        let taken = [(self.kernel, "the kernel"), (self.image, "the root task's image")];
        for region in &system.regions {
            let Place::At(start) = region.place else { continue };
            let range = Range::new(start, start + region.size);
            for (taken, what) in taken.iter().filter(|(taken, _)| taken.overlaps(range)) {
                let message = format!("the region `{}` lies where {what} is", region.name);
                let help = format!("that is [{:#x}..{:#x})", taken.start, taken.end);
                diagnostics.push(Diagnostic::new(Code::RegionOnSystem, region.span.clone(), message).help(help));
            }
        }
    }

    /// Reports if the objects don't fit; returns the free bytes before and after.
    pub fn check_fit(&self, runs: &Runs, debug: bool, diagnostics: &mut Diagnostics) -> Option<(u64, u64)> {
        let mut allocator = Allocator::<MAX_UNTYPEDS>::new();
        for range in self.free() {
            for (base, bits) in blocks(range) {
                allocator.add(Untyped::new(0, base, bits, false)).ok()?;
            }
        }
        let before = allocator.free();
        for run in runs.iter() {
            let Some(bits) = run.size_bits(debug) else { continue };
            if let Err(error) = place(&mut allocator, self.ram, run.paddr, bits, run.count) {
                diagnostics.push(explain(&run.name, error, before));
                return None;
            }
        }
        Some((before, allocator.free()))
    }
}

fn explain(name: &str, error: AllocateError, before: u64) -> Diagnostic {
    match error {
        AllocateError::OutOfMemory { .. } => {
            let message = format!("memory is used up before `{name}` is created: {before:#x} bytes are free");
            Diagnostic::general(Code::OutOfMemory, message)
        }
        AllocateError::NotThere { paddr } | AllocateError::Taken { paddr } => {
            let message = format!("the memory at {paddr:#x}, where `{name}` is to be, is not free");
            Diagnostic::general(Code::MemoryTaken, message)
        }
        AllocateError::TooMany => {
            Diagnostic::general(Code::MemoryPieces, "the system's fixed regions leave memory in too many pieces")
        }
    }
}

fn place(
    allocator: &mut Allocator<MAX_UNTYPEDS>,
    ram: Range,
    paddr: Option<u64>,
    bits: u8,
    mut count: u32,
) -> Result<(), AllocateError> {
    let mut next = match paddr {
        // Device memory needs no model: nothing else is there.
        Some(paddr) if !ram.contains(paddr) => return Ok(()),
        next => next,
    };
    while count > 0 {
        let placed = match next {
            Some(paddr) => allocator.place_at(paddr, bits, count)?,
            None => allocator.place(bits, count)?,
        };
        match placed {
            Placed::Gap { bits, base, device, .. } => allocator.add(Untyped::new(0, base, bits, device))?,
            Placed::Objects { count: made, .. } => {
                count -= made;
                next = next.map(|paddr| paddr + (u64::from(made) << bits));
            }
        }
    }
    Ok(())
}

/// A range in aligned blocks of powers of two, as the kernel makes untypeds of it.
fn blocks(range: Range) -> impl Iterator<Item = (u64, u8)> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        let left = range.end.saturating_sub(start);
        let bits = left.checked_ilog2()?.min(start.trailing_zeros()) as u8;
        let block = (start, bits);
        start += 1 << bits;
        Some(block)
    })
}

/// Picks addresses for the regions that programs are told of: downwards from the loader, where neither the kernel's
/// nor the root task's objects are.
pub fn pick_addresses(system: &mut System, board: &Board, kernel: Range, diagnostics: &mut Diagnostics) {
    let mut taken: Vec<Range> = vec![kernel];
    taken.extend(system.regions.iter().filter_map(|region| match region.place {
        Place::At(start) => Some(Range::new(start, start + region.size)),
        Place::Anywhere | Place::Picked => None,
    }));
    for region in system.regions.iter_mut().filter(|region| region.place == Place::Picked) {
        match below(board.loader_base, board.ram.start, region.size, region.page.bytes(), &taken) {
            Some(start) => {
                region.place = Place::At(start);
                taken.push(Range::new(start, start + region.size));
            }
            None => {
                let message = format!("no {:#x} bytes in one piece are left for `{}`", region.size, region.name);
                diagnostics.push(Diagnostic::new(Code::NoContiguousMemory, region.span.clone(), message));
            }
        }
    }
}

/// The highest aligned address below `end` from which `size` bytes are free.
fn below(end: u64, lowest: u64, size: u64, align: u64, taken: &[Range]) -> Option<u64> {
    let mut end = end;
    loop {
        let start = end.checked_sub(size)? / align * align;
        if start < lowest {
            return None;
        }
        match taken.iter().find(|range| range.overlaps(Range::new(start, start + size))) {
            Some(range) => end = range.start,
            None => return Some(start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_becomes_aligned_blocks() {
        let blocks: Vec<_> = blocks(Range::new(0x3000, 0x9000)).collect();
        assert_eq!(blocks, [(0x3000, 12), (0x4000, 14), (0x8000, 12)]);
    }

    #[test]
    fn the_highest_free_place_is_picked() {
        let taken = [Range::new(0x8000, 0xa000), Range::new(0x4000, 0x5000)];
        assert_eq!(below(0xa000, 0x1000, 0x2000, 0x1000, &taken), Some(0x6000));
        assert_eq!(below(0xa000, 0x1000, 0x4000, 0x1000, &taken), None);
        assert_eq!(below(0xa000, 0x1000, 0x2000, 0x4000, &taken), None);
    }
}
