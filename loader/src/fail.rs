//! What the loader says when it can't go on: the only time that it prints.

use core::ptr::write_volatile;
use kernel_config::SELECTED;

/// Prints a message on the board's UART and stops.
pub fn fail(message: &str) -> ! {
    for byte in b"quoll loader: ".iter().chain(message.as_bytes()).chain(b"\r\n") {
        // SAFETY: the data register (offset 0) of the board's PL011. Boot firmware, or QEMU, left it enabled.
        unsafe { write_volatile(SELECTED.uart.registers.start as *mut u32, u32::from(*byte)) };
    }
    crate::arch::halt()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    fail("panic")
}
