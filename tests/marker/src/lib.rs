//! Marker instructions for programs whose instructions are counted: unallocated hints, which do nothing on any core and at
//! any exception level. The marker plugin for QEMU notes how many instructions were executed when one is reached.
#![no_std]

pub mod throughput;

/// The marker that says that a program has done all it was to do.
pub const DONE: u32 = 63;

/// Executes marker instruction `NUMBER`, 0 to 63: `hint #(48 + NUMBER)`. Elsewhere than on AArch64 it does nothing.
#[inline(always)]
pub fn marker<const NUMBER: u32>() {
    const {
        assert!(NUMBER < 64);
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: an unallocated hint does nothing. It is a fence for the compiler, so that what is measured stays inside.
    unsafe {
        core::arch::asm!("hint #(48 + {number})", number = const NUMBER, options(nostack, preserves_flags))
    }
}

/// How often an operation is repeated: the bench takes the median, so that what warms up first does not show.
pub const ROUNDS: u32 = 64;

/// Does `operation` [`ROUNDS`] times, each between markers `BEGIN` and `END`.
#[inline(always)]
pub fn repeat<const BEGIN: u32, const END: u32>(mut operation: impl FnMut()) {
    for _ in 0..ROUNDS {
        marker::<BEGIN>();
        operation();
        marker::<END>();
    }
}
