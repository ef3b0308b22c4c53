//! Object types and sizes (seL4 manual, section 2.4.2 and appendix).

/// Type argument of `Untyped_Retype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum ObjectType {
    /// Untyped memory; its size is the size argument.
    Untyped = 0,
    /// Thread control block.
    Tcb = 1,
    /// Endpoint.
    Endpoint = 2,
    /// Notification.
    Notification = 3,
    /// CNode; the size argument is the radix.
    CNode = 4,
    /// Scheduling context; its size is the size argument.
    SchedContext = 5,
    /// Reply object.
    Reply = 6,
    /// 1 GiB frame.
    HugePage = 7,
    /// Top-level translation table.
    VSpace = 8,
    /// 4 KiB frame.
    SmallPage = 9,
    /// 2 MiB frame.
    LargePage = 10,
    /// Translation table of any other level.
    PageTable = 11,
    /// Virtual CPU.
    VCpu = 12,
}

impl ObjectType {
    /// The type with this number.
    pub const fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Untyped,
            1 => Self::Tcb,
            2 => Self::Endpoint,
            3 => Self::Notification,
            4 => Self::CNode,
            5 => Self::SchedContext,
            6 => Self::Reply,
            7 => Self::HugePage,
            8 => Self::VSpace,
            9 => Self::SmallPage,
            10 => Self::LargePage,
            11 => Self::PageTable,
            12 => Self::VCpu,
            _ => return None,
        })
    }

    /// log2 of the object's size in bytes; `size` is the size argument of a retype, used by types of variable size.
    pub const fn size_bits(self, size: u32) -> u32 {
        match self {
            Self::Untyped | Self::SchedContext => size,
            Self::Tcb => TCB_BITS,
            Self::Endpoint => ENDPOINT_BITS,
            Self::Notification => NOTIFICATION_BITS,
            Self::CNode => size + SLOT_BITS,
            Self::Reply => REPLY_BITS,
            Self::HugePage => HUGE_PAGE_BITS,
            Self::VSpace => VSPACE_BITS,
            Self::SmallPage => SMALL_PAGE_BITS,
            Self::LargePage => LARGE_PAGE_BITS,
            Self::PageTable => PAGE_TABLE_BITS,
            Self::VCpu => VCPU_BITS,
        }
    }
}

/// log2 of a capability slot's size.
pub const SLOT_BITS: u32 = 5;
/// log2 of a TCB's size.
#[cfg(not(sel4_debug))]
pub const TCB_BITS: u32 = 11;
/// log2 of a TCB's size; the debug configuration's holds breakpoints and a name.
#[cfg(sel4_debug)]
pub const TCB_BITS: u32 = 12;
/// log2 of an endpoint's size.
pub const ENDPOINT_BITS: u32 = 4;
/// log2 of a notification's size.
pub const NOTIFICATION_BITS: u32 = 6;
/// log2 of a reply object's size.
pub const REPLY_BITS: u32 = 5;
/// log2 of the smallest scheduling context's size.
pub const MIN_SCHED_CONTEXT_BITS: u32 = 7;
/// Bytes of a scheduling context beside its refills.
pub const CORE_SCHED_CONTEXT_BYTES: usize = 128;
/// Bytes of one refill.
pub const REFILL_BYTES: usize = 16;
/// log2 of a 4 KiB frame.
pub const SMALL_PAGE_BITS: u32 = 12;
/// log2 of a 2 MiB frame.
pub const LARGE_PAGE_BITS: u32 = 21;
/// log2 of a 1 GiB frame.
pub const HUGE_PAGE_BITS: u32 = 30;
/// log2 of a translation table's size below the top.
pub const PAGE_TABLE_BITS: u32 = 12;
/// log2 of the number of entries of such a table.
pub const PAGE_TABLE_INDEX_BITS: u32 = 9;
/// log2 of the top-level table's size: two concatenated tables for 40 bits of address.
pub const VSPACE_BITS: u32 = 13;
/// log2 of the number of entries of the top-level table.
pub const VSPACE_INDEX_BITS: u32 = 10;
/// log2 of a virtual CPU's size.
pub const VCPU_BITS: u32 = 12;
/// log2 of an ASID pool's size.
pub const ASID_POOL_BITS: u32 = 12;
/// log2 of the number of address spaces in a pool.
pub const ASID_POOL_INDEX_BITS: u32 = 9;
/// log2 of the number of pools.
pub const NUM_ASID_POOLS_BITS: u32 = 7;
/// log2 of the smallest untyped.
pub const MIN_UNTYPED_BITS: u32 = 4;
/// log2 of the largest untyped.
pub const MAX_UNTYPED_BITS: u32 = 47;
/// Most objects that one retype makes.
pub const RETYPE_MAX_OBJECTS: u64 = 256;
/// The last address that a thread can use.
pub const USER_TOP: u64 = (1 << 40) - 1;

/// Attributes of a mapping (`seL4_ARM_VMAttributes`).
pub mod vm_attributes {
    /// Normal memory, cacheable; without it the mapping is device memory.
    pub const PAGE_CACHEABLE: u64 = 1;
    /// Parity; without effect on AArch64.
    pub const PARITY_ENABLED: u64 = 2;
    /// Cacheable and parity.
    pub const DEFAULT: u64 = 3;
    /// No instructions are fetched from it.
    pub const EXECUTE_NEVER: u64 = 4;
}

/// Flag of `SchedControl_ConfigureFlags`: refills are sporadic rather than periodic.
pub const SCHED_CONTEXT_SPORADIC: u64 = 1;
/// Flag of `TCB_SetFlags`: the thread may not use the FPU.
pub const TCB_FLAG_FPU_DISABLED: u64 = 1;
/// All flags of `TCB_SetFlags`.
pub const TCB_FLAG_MASK: u64 = 1;
/// Highest priority.
pub const MAX_PRIORITY: u64 = 255;
