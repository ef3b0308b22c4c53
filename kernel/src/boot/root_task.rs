//! The root task: thread, CSpace, address space, and the boot info that describes them.

use super::{Handover, Memory, PAGE, untyped};
use crate::arch;
use crate::mem::Ref;
use crate::object::asid;
use crate::object::cnode;
use crate::object::frame::{self, Frame};
use crate::object::page_table;
use crate::object::sched_context::Parameters;
use crate::object::sched_context::SchedContext;
use crate::object::slot::{self, Slot};
use crate::object::tcb::{State, Tcb};
use crate::object::vspace::VSpace;
use crate::sched;
use crate::time;
use kernel_config::{Range, SELECTED};
use quoll_kernel_core::cap::{Addr, Cap, FrameSize};
use quoll_kernel_core::{psr, refill};
use sel4_abi::bootinfo::{self, BootInfo, BootInfoHeader, InitialCap, NUM_INITIAL_CAPS, SlotRegion, UntypedDesc};
use sel4_abi::config::{BOOT_THREAD_TIME_SLICE_MS, MAX_BOOTINFO_UNTYPEDS, ROOT_CNODE_SIZE_BITS};
use sel4_abi::message::{CNodeCapData, CapRights};
use sel4_abi::object::{
    ASID_POOL_BITS, HUGE_PAGE_BITS, LARGE_PAGE_BITS, MAX_PRIORITY, PAGE_TABLE_BITS, SLOT_BITS, SMALL_PAGE_BITS,
    TCB_BITS, VSPACE_BITS, vm_attributes,
};

/// log2 of the size of its scheduling context: room for a few refills.
const SCHED_CONTEXT_BITS: u32 = 8;
/// The pages behind the image: first the IPC buffer, then the boot info, then what does not fit it.
const EXTRA_PAGES: u64 = 2;
/// A device tree is no larger.
const MAX_DEVICE_TREE: u64 = 2 << 20;

/// The root task while it is made.
pub struct RootTask {
    cnode: Addr,
    /// The first slot that is still empty.
    next: u64,
    vspace: VSpace,
    tcb: Ref<Tcb>,
    context: Ref<SchedContext>,
    regions: Regions,
}

/// Slots of the boot info's regions.
#[derive(Default)]
struct Regions {
    image_frames: SlotRegion,
    image_paging: SlotRegion,
    extra_pages: SlotRegion,
    sched_control: SlotRegion,
}

/// The boot info's frame, and where the task sees it.
pub struct BootInfoPages {
    frame: u64,
    vaddr: u64,
    extra_length: u64,
    buffer_vaddr: u64,
}

/// Pages that hold `bytes`.
const fn pages_of(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE)
}

impl RootTask {
    /// Makes the objects, and the capabilities to them at the slots that the manual says.
    pub fn create(memory: &mut Memory, handover: &Handover) -> Self {
        let cnode = Addr::new(memory.take(ROOT_CNODE_SIZE_BITS + SLOT_BITS));
        let root = Addr::new(memory.take(VSPACE_BITS));
        let pool = Addr::new(memory.take(ASID_POOL_BITS));
        let (tcb, context) = (Addr::new(memory.take(TCB_BITS)), Addr::new(memory.take(SCHED_CONTEXT_BITS)));
        // SAFETY: both were taken for these objects, with their size and alignment.
        let objects =
            unsafe { (Ref::create(tcb, Tcb::new(0)), Ref::create(context, SchedContext::new(SCHED_CONTEXT_BITS))) };
        let mut this = Self {
            cnode,
            next: NUM_INITIAL_CAPS,
            vspace: VSpace { root, asid: 0 },
            tcb: objects.0,
            context: objects.1,
            regions: Regions::default(),
        };
        let guard = CNodeCapData { guard: 0, guard_size: u64::BITS - ROOT_CNODE_SIZE_BITS };
        this.put(InitialCap::InitThreadCNode, Cap::CNode { addr: cnode, radix: ROOT_CNODE_SIZE_BITS, guard });
        this.put(InitialCap::InitThreadTcb, Cap::Thread { addr: tcb });
        this.put(InitialCap::InitThreadSc, Cap::SchedContext { addr: context, size_bits: SCHED_CONTEXT_BITS });
        this.put(InitialCap::InitThreadAsidPool, asid::install_pool(0, pool));
        let slot = this.put(InitialCap::InitThreadVSpace, Cap::VSpace { addr: root, asid: None });
        asid::assign(0, slot).expect("an empty pool has room");
        this.make_tables(memory, handover);
        this
    }

    fn slot(&self, index: u64) -> Ref<Slot> {
        cnode::slot_in(self.cnode, index)
    }

    fn put(&mut self, index: InitialCap, cap: Cap) -> Ref<Slot> {
        let slot = self.slot(index as u64);
        slot::insert_root(slot, cap);
        slot
    }

    /// Puts a capability into the next empty slot.
    fn give(&mut self, cap: Cap) {
        assert!(self.next < 1 << ROOT_CNODE_SIZE_BITS, "the root task's CNode is full");
        slot::insert_root(self.slot(self.next), cap);
        self.next += 1;
    }

    /// The slots that `fill` gives capabilities to.
    fn region(&mut self, fill: impl FnOnce(&mut Self)) -> SlotRegion {
        let start = self.next;
        fill(self);
        SlotRegion { start, end: self.next }
    }

    /// Makes the translation tables for image, IPC buffer and boot info, the larger first.
    fn make_tables(&mut self, memory: &mut Memory, handover: &Handover) {
        let mapped = handover.virtual_image();
        let extra = EXTRA_PAGES + pages_of(device_tree_length(handover));
        let mapped = Range::new(mapped.start, mapped.end + extra * PAGE);
        self.regions.image_paging = self.region(|this| {
            for bits in [HUGE_PAGE_BITS, LARGE_PAGE_BITS] {
                let first = mapped.start >> bits;
                let last = (mapped.end - 1) >> bits;
                for index in first..=last {
                    let addr = Addr::new(memory.take(PAGE_TABLE_BITS));
                    let mapping = page_table::install(this.vspace, index << bits, addr);
                    let mapping = mapping.expect("the image lies in the address space");
                    this.give(Cap::PageTable { addr, mapping: Some(mapping) });
                }
            }
        });
    }

    /// Maps a page of normal memory, readable and writable; comes back with its capability.
    fn map(&self, addr: u64, vaddr: u64, attributes: u64) -> Cap {
        let frame = Frame {
            addr: Addr::new(addr),
            size: FrameSize::Small,
            rights: CapRights::ALL,
            device: false,
            mapping: None,
        };
        let mapping = frame::install(self.vspace, vaddr, frame, CapRights::ALL, attributes);
        Frame { mapping: Some(mapping.expect("its table was made")), ..frame }.cap()
    }

    /// Maps the image where it is linked, and the IPC buffer behind it.
    pub fn map_image(&mut self, memory: &mut Memory, handover: &Handover) {
        assert!(
            handover.kernel.start >= handover.image.end || memory.next <= handover.image.start,
            "the root task's image overlaps the kernel's memory"
        );
        let vaddrs = handover.virtual_image();
        self.regions.image_frames = self.region(|this| {
            for offset in (0..handover.image.len()).step_by(PAGE as usize) {
                let cap = this.map(handover.image.start + offset, vaddrs.start + offset, vm_attributes::DEFAULT);
                this.give(cap);
            }
        });
        // The loader left the image in memory, not in the caches.
        arch::cache::forget_instructions();
        let buffer = memory.take(SMALL_PAGE_BITS);
        let cap = self.map(buffer, vaddrs.end, vm_attributes::DEFAULT | vm_attributes::EXECUTE_NEVER);
        self.put(InitialCap::InitThreadIpcBuffer, cap);
    }

    /// Maps the boot info behind the IPC buffer, with the device tree behind it.
    pub fn map_boot_info(&mut self, memory: &mut Memory, handover: &Handover) -> BootInfoPages {
        let attributes = vm_attributes::DEFAULT | vm_attributes::EXECUTE_NEVER;
        let buffer_vaddr = handover.virtual_image().end;
        let vaddr = buffer_vaddr + PAGE;
        let extra_length = device_tree_length(handover);
        let pages = memory.take_pages(1 + pages_of(extra_length));
        let cap = self.map(pages.start, vaddr, attributes);
        self.put(InitialCap::BootInfoFrame, cap);
        self.regions.extra_pages = self.region(|this| {
            for offset in (PAGE..pages.len()).step_by(PAGE as usize) {
                let cap = this.map(pages.start + offset, vaddr + offset, attributes);
                this.give(cap);
            }
        });
        if extra_length > 0 {
            copy_device_tree(handover.device_tree, pages.start + PAGE, extra_length);
        }
        BootInfoPages { frame: pages.start, vaddr, extra_length, buffer_vaddr }
    }

    /// Gives the capabilities that stand for the machine rather than for memory.
    pub fn give_control(&mut self, handover: &Handover) {
        self.put(InitialCap::IrqControl, Cap::IrqControl);
        self.put(InitialCap::AsidControl, Cap::AsidControl);
        self.put(InitialCap::Domain, Cap::Domain);
        self.put(InitialCap::Smc, Cap::Smc { badge: 0 });
        self.regions.sched_control = self.region(|this| {
            (0..handover.cores as u32).for_each(|core| this.give(Cap::SchedControl { core }));
        });
    }

    /// Gives all memory and device memory that is left, and writes the boot info. `kernel` is what the kernel keeps.
    pub fn give_untypeds(&mut self, pages: &BootInfoPages, handover: &Handover, kernel: Range) {
        let mut list = [UntypedDesc::default(); MAX_BOOTINFO_UNTYPEDS];
        let devices = untyped::devices(SELECTED).map(|piece| (piece, true));
        let memory = untyped::memory(SELECTED, kernel, handover.image).map(|piece| (piece, false));
        let region = self.region(|this| {
            for (entry, (piece, device)) in list.iter_mut().zip(devices.chain(memory)) {
                let addr = Addr::new(piece.start);
                this.give(Cap::Untyped { addr, size_bits: piece.bits, device, free: 0, cleared: 0 });
                let is_device = u8::from(device);
                *entry = UntypedDesc { paddr: piece.start, size_bits: piece.bits as u8, is_device, padding: [0; 6] };
            }
        });
        let info = BootInfo {
            extra_len: pages.extra_length,
            node_id: 0,
            num_nodes: handover.cores as u64,
            num_iopt_levels: 0,
            ipc_buffer: pages.buffer_vaddr,
            empty: SlotRegion { start: self.next, end: 1 << ROOT_CNODE_SIZE_BITS },
            shared_frames: SlotRegion::default(),
            user_image_frames: self.regions.image_frames,
            user_image_paging: self.regions.image_paging,
            io_space_caps: SlotRegion::default(),
            extra_bi_pages: self.regions.extra_pages,
            init_thread_cnode_size_bits: u64::from(ROOT_CNODE_SIZE_BITS),
            init_thread_domain: 0,
            sched_control: self.regions.sched_control,
            untyped: region,
            untyped_list: list,
        };
        const { assert!(size_of::<BootInfo>() <= PAGE as usize) };
        let target: *mut BootInfo = core::ptr::with_exposed_provenance_mut(pages.frame as usize);
        // SAFETY: the frame was taken for it, and nobody runs yet who could see it.
        unsafe { target.write(info) };
    }

    /// Gives the thread its spaces, its time and its first registers.
    pub fn start(&mut self, pages: &BootInfoPages, handover: &Handover) -> Ref<Tcb> {
        let tcb = self.tcb;
        let inherit = |target: &Slot, source: InitialCap| {
            let source = self.slot(source as u64);
            slot::insert_derived(Ref::of(target), source.cap(), source);
        };
        inherit(&tcb.slots.cspace, InitialCap::InitThreadCNode);
        inherit(&tcb.slots.vspace, InitialCap::InitThreadVSpace);
        inherit(&tcb.slots.ipc_buffer, InitialCap::InitThreadIpcBuffer);
        tcb.ipc_buffer.set(pages.buffer_vaddr);
        tcb.priority.set(MAX_PRIORITY as u8);
        tcb.mcp.set(MAX_PRIORITY as u8);
        tcb.regs.pc.set(handover.entry);
        tcb.regs.spsr.set(psr::NATIVE);
        tcb.regs.x[0].set(pages.vaddr);
        #[cfg(sel4_debug)]
        {
            let mut name = tcb.name.get();
            name[..9].copy_from_slice(b"root task");
            tcb.name.set(name);
        }
        let budget = time::from_us(BOOT_THREAD_TIME_SLICE_MS * 1000);
        sched::configure(self.context, 0, Parameters { budget, period: 0, refills: refill::MIN_REFILLS });
        tcb.state.set(State::Running);
        sched::give_context(self.context, tcb);
        tcb
    }
}

/// Bytes of the boot info's block with the device tree; 0 without one.
fn device_tree_length(handover: &Handover) -> u64 {
    let length = handover.device_tree.len();
    if handover.device_tree.is_empty() || length > MAX_DEVICE_TREE {
        return 0;
    }
    size_of::<BootInfoHeader>() as u64 + length
}

/// Writes the device tree's block of the boot info, `length` bytes with its header.
fn copy_device_tree(source: Range, target: u64, length: u64) {
    let header = BootInfoHeader { id: bootinfo::HEADER_FDT, len: length };
    let target: *mut BootInfoHeader = core::ptr::with_exposed_provenance_mut(target as usize);
    let source_bytes: *const u8 = core::ptr::with_exposed_provenance(source.start as usize);
    // SAFETY: the pages at `target` were taken for the block; the loader says that the source is the device tree, which
    // the architecture's entry mapped.
    unsafe {
        target.write(header);
        source_bytes.copy_to_nonoverlapping(target.add(1).cast(), source.len() as usize);
    }
}
