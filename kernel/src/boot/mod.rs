//! Boot: hands the machine to the root task (seL4 manual, chapter 9), and is done.
//!
//! The root task's own objects come from the memory behind the kernel's image. All other memory becomes untyped
//! capabilities, and so does every address that is no memory: device memory, without what the kernel keeps.

mod root_task;
mod untyped;

use crate::mem::Ref;
use crate::object::tcb::Tcb;
use crate::sched;
use kernel_config::{Range, SELECTED};
use root_task::RootTask;
#[cfg(sel4_debug)]
use sel4_abi::config::MAX_NUM_NODES;
use sel4_abi::object::SMALL_PAGE_BITS;

const PAGE: u64 = 1 << SMALL_PAGE_BITS;

/// What the loader and the architecture's entry tell.
#[derive(Clone, Copy, Debug)]
pub struct Handover {
    /// The kernel's image in memory.
    pub kernel: Range,
    /// The root task's image in memory, whole pages.
    pub image: Range,
    /// Its physical addresses less its virtual ones.
    pub pv_offset: u64,
    /// Its entry, virtual.
    pub entry: u64,
    /// The flattened device tree, if there is one.
    pub device_tree: Range,
    /// Number of cores that run.
    pub cores: usize,
}

impl Handover {
    /// The root task's image in its address space.
    fn virtual_image(&self) -> Range {
        Range::new(self.image.start.wrapping_sub(self.pv_offset), self.image.end.wrapping_sub(self.pv_offset))
    }

    /// The loader's image is the builder's, not an adversary's; what contradicts itself is found here and not later.
    fn check(&self) {
        let Range { start, end } = self.image;
        assert!(!self.image.is_empty() && (start | end) & (PAGE - 1) == 0, "root task image {start:#x}..{end:#x}");
        assert!(
            SELECTED.ram.start <= start && end <= SELECTED.ram.end,
            "root task image {start:#x}..{end:#x} lies outside of memory"
        );
        let virtual_image = self.virtual_image();
        assert!(virtual_image.contains(self.entry), "root task's entry {:#x} lies outside of its image", self.entry);
        assert!(virtual_image.start & (PAGE - 1) == 0, "root task image is not mapped at a page");
    }
}

/// Memory that the kernel takes for the root task's objects, from the end of its image on.
struct Memory {
    next: u64,
    limit: u64,
}

impl Memory {
    /// The memory between the kernel and whatever comes next.
    fn behind(handover: &Handover) -> Self {
        let next = handover.kernel.end;
        let limit = if handover.image.start >= next { handover.image.start } else { SELECTED.ram.end };
        Self { next, limit }
    }

    /// Takes `2^bits` bytes, aligned to their size and cleared.
    fn take(&mut self, bits: u32) -> u64 {
        let size = 1 << bits;
        let address = self.next.next_multiple_of(size);
        assert!(address + size <= self.limit, "no room for the root task's objects below {:#x}", self.limit);
        self.next = address + size;
        crate::arch::memory::zero(address, size);
        address
    }

    /// Takes `count` consecutive pages.
    fn take_pages(&mut self, count: u64) -> Range {
        let start = self.next.next_multiple_of(PAGE);
        (0..count).for_each(|_| {
            self.take(SMALL_PAGE_BITS);
        });
        Range::new(start, start + count * PAGE)
    }
}

/// Makes the root task and its capabilities; comes back with its thread, which is to run.
pub fn start(handover: &Handover) -> Ref<Tcb> {
    handover.check();
    print_banner(handover);
    let mut memory = Memory::behind(handover);
    let mut task = RootTask::create(&mut memory, handover);
    task.map_image(&mut memory, handover);
    let boot_info = task.map_boot_info(&mut memory, handover);
    task.give_control(handover);
    task.give_untypeds(&boot_info, handover, Range::new(handover.kernel.start, memory.next.next_multiple_of(PAGE)));
    let tcb = task.start(&boot_info, handover);
    sched::start_domain();
    sched::wake(tcb);
    sched::leave()
}

#[cfg(not(sel4_debug))]
fn print_banner(_handover: &Handover) {}

/// One look at what runs where.
#[cfg(sel4_debug)]
fn print_banner(handover: &Handover) {
    use crate::arch::{self, vgic};
    let gic = vgic::capabilities();
    crate::debug::print(format_args!(
        "quoll {}, debug, {}: {} of {} cores, GICv{} with {} list registers, processor {:#x}, timer {} Hz\n\
         memory {:#x}..{:#x}, kernel {:#x}..{:#x}, root task {:#x}..{:#x}\n",
        env!("CARGO_PKG_VERSION"),
        SELECTED.name,
        handover.cores,
        MAX_NUM_NODES.min(SELECTED.cores),
        vgic::version(),
        gic.list_registers,
        arch::processor(),
        arch::timer::frequency(),
        SELECTED.ram.start,
        SELECTED.ram.end,
        handover.kernel.start,
        handover.kernel.end,
        handover.image.start,
        handover.image.end,
    ));
}
