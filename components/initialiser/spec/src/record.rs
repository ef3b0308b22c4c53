//! The records of a specification: objects, and what each of them holds.

use serde::{Deserialize, Serialize};

/// The number of a created object: objects are numbered in the order in which their records create them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId(pub u32);

impl ObjectId {
    /// The object `n` places further on, within one run.
    pub fn plus(self, n: u32) -> Self {
        Self(self.0 + n)
    }
}

/// What kind of object a run creates. Sizes that the kernel fixes are not repeated here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Memory to be retyped later, 2^`bits` bytes.
    Untyped {
        /// log2 of the size in bytes.
        bits: u8,
    },
    /// Thread control block.
    Tcb,
    /// Endpoint.
    Endpoint,
    /// Notification.
    Notification,
    /// CNode of 2^`bits` slots.
    CNode {
        /// log2 of the number of slots.
        bits: u8,
    },
    /// Scheduling context, 2^`bits` bytes.
    SchedContext {
        /// log2 of the size in bytes.
        bits: u8,
    },
    /// Reply object.
    Reply,
    /// Root of an address space; it is given an ASID when it is created.
    VSpace,
    /// Page table of any level below the root.
    PageTable,
    /// Frame of 4 KiB.
    SmallFrame,
    /// Frame of 2 MiB.
    LargeFrame,
    /// Frame of 1 GiB.
    HugeFrame,
    /// Virtual CPU.
    VCpu,
}

/// How an interrupt line signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    /// Asserted for as long as the device wants service.
    Level,
    /// A rising edge is one interrupt.
    Edge,
}

/// Rights of a capability (seL4 manual, section 3.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Read, or receive.
    pub read: bool,
    /// Write, or send.
    pub write: bool,
    /// Grant any capability.
    pub grant: bool,
    /// Grant reply capabilities only.
    pub grant_reply: bool,
}

impl Rights {
    /// Every right.
    pub const ALL: Self = Self { read: true, write: true, grant: true, grant_reply: true };

    /// Reading, and writing if `write`: the rights of a mapping.
    pub const fn mapping(read: bool, write: bool) -> Self {
        Self { read, write, grant: false, grant_reply: false }
    }
}

/// A run of frames of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frames {
    /// Created objects, from `first` on.
    Created {
        /// The first frame.
        first: ObjectId,
        /// How many.
        count: u32,
    },
    /// Pages of the root task's image, given away as they are.
    Image {
        /// Index of the first page in the image.
        page: u32,
        /// How many.
        count: u32,
    },
}

impl Frames {
    /// How many frames the run has.
    pub fn count(self) -> u32 {
        match self {
            Self::Created { count, .. } | Self::Image { count, .. } => count,
        }
    }
}

/// What a capability points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cap {
    /// A created object.
    Object(ObjectId),
    /// A page of the root task's image.
    ImagePage(u32),
    /// The right to have the kernel perform SMCs.
    Smc,
}

/// What is minted into a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CapData {
    /// Nothing: the capability is copied with its badge or guard.
    None,
    /// Badge of an endpoint or a notification.
    Badge(u64),
    /// A CNode's guard: that many zero bits.
    GuardBits(u8),
}

/// Frames in an address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The address space.
    pub vspace: ObjectId,
    /// Where the first frame goes; the others follow.
    pub vaddr: u64,
    /// The frames.
    pub frames: Frames,
    /// log2 of one frame's size in bytes.
    pub frame_bits: u8,
    /// Map copies of the capabilities because the originals are in use by another mapping.
    pub copy: bool,
    /// Read and write rights.
    pub rights: Rights,
    /// Instructions may be fetched.
    pub execute: bool,
    /// Normal cacheable memory, else device memory.
    pub cached: bool,
}

/// Root of a thread's capability space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CSpace {
    /// The root CNode.
    pub cnode: ObjectId,
    /// Its guard: that many zero bits.
    pub guard_bits: u8,
}

/// The endpoint to which a thread's faults go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultHandler {
    /// The endpoint.
    pub endpoint: ObjectId,
    /// The badge by which the handler knows the thread.
    pub badge: u64,
}

/// All of a thread's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread<'a> {
    /// Name for the debugging aids of a debug kernel.
    pub name: &'a str,
    /// Its TCB.
    pub tcb: ObjectId,
    /// Its capabilities.
    pub cspace: CSpace,
    /// Its address space.
    pub vspace: ObjectId,
    /// Its IPC buffer: address and frame.
    pub ipc_buffer: Option<(u64, ObjectId)>,
    /// Where its faults go.
    pub fault: Option<FaultHandler>,
    /// Scheduling context.
    pub sched_context: Option<ObjectId>,
    /// Bound notification.
    pub notification: Option<ObjectId>,
    /// The virtual CPU that the thread is.
    pub vcpu: Option<ObjectId>,
    /// Priority.
    pub priority: u8,
    /// Maximum controlled priority.
    pub max_priority: u8,
    /// Scheduling domain, where not the default one.
    pub domain: Option<u8>,
    /// May use the floating-point unit.
    pub fpu: bool,
    /// First instruction.
    pub pc: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Starts when all is built; else somebody resumes it later.
    pub resume: bool,
}

/// How long a domain runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duration {
    /// Microseconds.
    Micros(u64),
    /// Ticks of the system counter.
    Ticks(u64),
    /// Not a turn but the end of a schedule.
    End,
}

/// One place in the domain schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainSlot {
    /// Index in the kernel's schedule.
    pub index: u32,
    /// The domain that runs.
    pub domain: u8,
    /// For how long.
    pub duration: Duration,
}

/// One step of the building. Records that create objects come before those that use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record<'a> {
    /// Creates `count` objects, numbered from the first free number on.
    Objects {
        /// What these objects are for, for messages.
        name: &'a str,
        /// What they are.
        kind: Kind,
        /// How many.
        count: u32,
        /// Physical address of the first; the others follow it. Such runs come first, by ascending address.
        paddr: Option<u64>,
    },
    /// Creates an interrupt handler and binds it.
    Irq {
        /// Who handles it, for messages.
        name: &'a str,
        /// The interrupt's number, as the interrupt controller counts.
        irq: u32,
        /// How the line signals.
        trigger: Trigger,
        /// The core that takes it.
        core: u8,
        /// The notification that it signals.
        notification: ObjectId,
        /// With this badge.
        badge: u64,
    },
    /// Copies data from the image into a frame which is larger than a page.
    Fill {
        /// The frame.
        frame: ObjectId,
        /// log2 of its size in bytes.
        frame_bits: u8,
        /// First page of the data in the image.
        page: u32,
        /// Length in bytes, from the start of the frame.
        length: u32,
        /// Who reads it may do so past the data cache: it is executed, or a guest reads it before turning its caches on.
        uncached_readers: bool,
    },
    /// Puts a page table into the highest level that lacks one at an address.
    Table {
        /// The page table.
        table: ObjectId,
        /// The address space.
        vspace: ObjectId,
        /// Any address that the table covers.
        vaddr: u64,
    },
    /// Maps frames.
    Map(Mapping),
    /// Puts a capability into a CNode.
    Slot {
        /// The CNode.
        cnode: ObjectId,
        /// log2 of the number of its slots.
        cnode_bits: u8,
        /// Which of its slots.
        index: u32,
        /// What the capability points to.
        cap: Cap,
        /// With which rights.
        rights: Rights,
        /// Badge or guard.
        data: CapData,
    },
    /// Sets a scheduling context's parameters.
    Schedule {
        /// The scheduling context.
        sched_context: ObjectId,
        /// The core.
        core: u8,
        /// Microseconds of each period.
        budget_us: u64,
        /// Microseconds.
        period_us: u64,
        /// Replenishments beyond the minimum of two.
        extra_refills: u32,
        /// Badge of its timeout faults.
        badge: u64,
    },
    /// Sets a thread's state.
    Thread(Thread<'a>),
    /// Fills one place of the domain schedule.
    Domain(DomainSlot),
    /// Starts the domain schedule at an index.
    DomainStart {
        /// The index.
        index: u32,
    },
}
