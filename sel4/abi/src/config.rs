//! Constants of the kernel's configuration that are part of the interface (`libsel4`'s generated configuration).

/// log2 of the number of slots of the root task's CNode.
pub const ROOT_CNODE_SIZE_BITS: u32 = 17;
/// Most untyped capabilities that the boot info lists.
pub const MAX_BOOTINFO_UNTYPEDS: usize = 230;
/// Scheduling domains.
pub const NUM_DOMAINS: usize = if cfg!(sel4_smp) { 1 } else { 16 };
/// Entries of the domain schedule.
pub const NUM_DOMAIN_SCHEDULES: usize = if cfg!(sel4_smp) { 2 } else { 100 };
/// Thread priorities.
pub const NUM_PRIORITIES: usize = 256;
/// Most cores.
pub const MAX_NUM_NODES: usize = if cfg!(sel4_smp) { 4 } else { 1 };
/// Budget and period of the root task in milliseconds.
pub const BOOT_THREAD_TIME_SLICE_MS: u64 = 5;
/// The physical address behind the last that user level may own as a device.
pub const DEVICE_TOP: u64 = 1 << 40;
/// Work units of a long operation between two looks at pending interrupts.
pub const MAX_WORK_UNITS_PER_PREEMPTION: u32 = 100;
/// log2 of the chunk in which an untyped is cleared.
pub const RESET_CHUNK_BITS: u32 = 8;
/// log2 of a line of the first-level cache.
pub const L1_CACHE_LINE_SIZE_BITS: u32 = 6;
/// Hardware breakpoints that the interface reserves numbers for (debug configuration).
pub const NUM_BREAKPOINTS: usize = 6;
/// Hardware watchpoints, likewise; they are numbered behind the breakpoints.
pub const NUM_WATCHPOINTS: usize = 4;
