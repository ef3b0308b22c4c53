//! Calls to the secure monitor.

use core::arch::asm;

/// Calls the monitor with x0 to x7; gives back x0 to x7 (SMC Calling Convention 1.1).
pub fn smc(arguments: [u64; 8]) -> [u64; 8] {
    let mut x = arguments;
    let [x0, x1, x2, x3, x4, x5, x6, x7] = &mut x;
    // SAFETY: the convention preserves all registers but x0 to x17. What the monitor does is the caller's right, which the
    // SMC capability stands for.
    unsafe {
        asm!(
            "smc #0",
            inlateout("x0") *x0, inlateout("x1") *x1, inlateout("x2") *x2, inlateout("x3") *x3,
            inlateout("x4") *x4, inlateout("x5") *x5, inlateout("x6") *x6, inlateout("x7") *x7,
            lateout("x8") _, lateout("x9") _, lateout("x10") _, lateout("x11") _, lateout("x12") _,
            lateout("x13") _, lateout("x14") _, lateout("x15") _, lateout("x16") _, lateout("x17") _,
            options(nostack)
        );
    }
    x
}
