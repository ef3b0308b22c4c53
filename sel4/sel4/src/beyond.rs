//! Names that rust-sel4 has not. They are left out with `--cfg sel4_plain`, as are methods and implementations that are
//! marked so where they stand.

#[cfg(target_os = "none")]
pub use crate::_private::abort;
pub use crate::abi::error::LookupFailure;
#[cfg(sel4_debug)]
pub use crate::debug::debug_dump_scheduler;
pub use crate::invocations::{CopyRegisters, SmcContext};
pub use crate::object::MIN_SCHED_CONTEXT_BITS;
pub use crate::printing::PRINTING;
pub use crate::state::{BorrowError, BorrowMutError};
pub use crate::syscalls::WaitMessageInfo;
pub use crate::vcpu_reg::VCpuField;

/// Frequency of the system counter in Hz.
#[cfg(target_os = "none")]
pub fn counter_frequency() -> u64 {
    crate::arch::counter_frequency()
}

/// The system counter (CNTPCT_EL0), in ticks since some time before boot.
#[cfg(target_os = "none")]
pub fn counter() -> u64 {
    crate::arch::counter()
}
