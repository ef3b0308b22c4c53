//! What the kernel tells the root task, and the root task's initial capabilities (seL4 manual, section 9).

use crate::Word;
use crate::config::MAX_BOOTINFO_UNTYPEDS;

/// Initial capabilities: slots of the root task's CNode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
#[allow(missing_docs, reason = "the names are the manual's")]
pub enum InitialCap {
    Null = 0,
    InitThreadTcb = 1,
    InitThreadCNode = 2,
    InitThreadVSpace = 3,
    IrqControl = 4,
    AsidControl = 5,
    InitThreadAsidPool = 6,
    IoPortControl = 7,
    IoSpace = 8,
    BootInfoFrame = 9,
    InitThreadIpcBuffer = 10,
    Domain = 11,
    SmmuSidControl = 12,
    SmmuCbControl = 13,
    InitThreadSc = 14,
    Smc = 15,
}

/// Number of initial capabilities at fixed slots.
pub const NUM_INITIAL_CAPS: u64 = 16;
/// log2 of the frame that holds the boot info.
pub const FRAME_BITS: u32 = 12;
/// `BootInfoHeader::id` of the flattened device tree.
pub const HEADER_FDT: Word = 6;
/// `BootInfoHeader::id` of padding.
pub const HEADER_PADDING: Word = 0;

/// Slots from `start` up to, not with, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct SlotRegion {
    /// The first slot.
    pub start: Word,
    /// The slot behind the last.
    pub end: Word,
}

/// One untyped capability given to the root task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct UntypedDesc {
    /// Physical address.
    pub paddr: Word,
    /// log2 of the size.
    pub size_bits: u8,
    /// 1 when it is device memory.
    pub is_device: u8,
    /// Zero.
    pub padding: [u8; 6],
}

/// The boot info (`seL4_BootInfo`).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BootInfo {
    /// Bytes of additional information behind the boot info frame.
    pub extra_len: Word,
    /// This core.
    pub node_id: Word,
    /// Number of cores.
    pub num_nodes: Word,
    /// Levels of I/O page tables; zero on ARM.
    pub num_iopt_levels: Word,
    /// Virtual address of the root task's IPC buffer.
    pub ipc_buffer: Word,
    /// Empty slots of the root CNode.
    pub empty: SlotRegion,
    /// Frames shared between cores; none.
    pub shared_frames: SlotRegion,
    /// Frames of the root task's image, in order of address.
    pub user_image_frames: SlotRegion,
    /// Translation tables of the root task.
    pub user_image_paging: SlotRegion,
    /// IOSpace capabilities; none.
    pub io_space_caps: SlotRegion,
    /// Frames of the additional information.
    pub extra_bi_pages: SlotRegion,
    /// log2 of the number of slots of the root CNode.
    pub init_thread_cnode_size_bits: Word,
    /// The root task's domain.
    pub init_thread_domain: Word,
    /// One SchedControl capability for each core.
    pub sched_control: SlotRegion,
    /// Untyped capabilities.
    pub untyped: SlotRegion,
    /// What each is.
    pub untyped_list: [UntypedDesc; MAX_BOOTINFO_UNTYPEDS],
}

/// Starts each block of additional information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct BootInfoHeader {
    /// What the block is.
    pub id: Word,
    /// Its length in bytes with this header.
    pub len: Word,
}
