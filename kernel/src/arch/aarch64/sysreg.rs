//! System registers by name. Reading one of those used here has no effect; what a write means is said where it is done.

/// Reads a system register.
macro_rules! read {
    ($register:literal) => {{
        let value: u64;
        // SAFETY: reading the register has no side effect; it exists at EL2 on every core on which this is reached.
        unsafe {
            core::arch::asm!(
                concat!("mrs {}, ", $register), out(reg) value, options(nomem, nostack, preserves_flags)
            );
        }
        value
    }};
}

/// Writes a system register. Accesses to memory are not moved across it.
macro_rules! write {
    ($register:literal, $value:expr) => {{
        let value: u64 = $value;
        // SAFETY: the kernel runs alike with any value that is written by this macro: those that control the kernel's own
        // translation or exceptions are written only in `mmu` and `setup`, with values that keep it running.
        unsafe { core::arch::asm!(concat!("msr ", $register, ", {}"), in(reg) value, options(nostack, preserves_flags)) }
    }};
}

/// Runs instructions without operands that order or invalidate, such as barriers.
macro_rules! barrier {
    ($($instruction:literal),+) => {
        // SAFETY: barriers and TLB or cache invalidation by identity change no value that the program sees.
        unsafe { core::arch::asm!($($instruction),+, options(nostack, preserves_flags)) }
    };
}

pub(super) use {barrier, read, write};
