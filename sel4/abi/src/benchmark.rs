//! What the benchmark configuration tells of a thread's use of the processor: words at the start of the message in the
//! caller's IPC buffer, in cycles and in numbers of events (libsel4, `benchmark_track_util_ipc_index`).

/// Cycles for which the thread was the one that runs.
pub const TCB_UTILISATION: usize = 0;
/// Times that it was switched to.
pub const TCB_NUMBER_SCHEDULES: usize = 1;
/// Cycles that it spent in the kernel.
pub const TCB_KERNEL_UTILISATION: usize = 2;
/// Times that it entered the kernel.
pub const TCB_NUMBER_KERNEL_ENTRIES: usize = 3;
/// Cycles for which this core had nobody to run.
pub const IDLE_LOCALCPU_UTILISATION: usize = 4;
/// The same of the thread's core.
pub const IDLE_TCBCPU_UTILISATION: usize = 5;
/// Times that this core began to idle.
pub const IDLE_NUMBER_SCHEDULES: usize = 6;
/// Cycles in the kernel that were nobody's.
pub const IDLE_KERNEL_UTILISATION: usize = 7;
/// Times that the kernel was entered from idling.
pub const IDLE_NUMBER_KERNEL_ENTRIES: usize = 8;
/// Cycles from the start of the measurement to its end, or to now.
pub const TOTAL_UTILISATION: usize = 9;
/// Times that this core switched threads.
pub const TOTAL_NUMBER_SCHEDULES: usize = 10;
/// Cycles in the kernel.
pub const TOTAL_KERNEL_UTILISATION: usize = 11;
/// Times that the kernel was entered.
pub const TOTAL_NUMBER_KERNEL_ENTRIES: usize = 12;
/// Number of words.
pub const LENGTH: usize = 13;
