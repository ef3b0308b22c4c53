//! Output on the kernel's debug console. Without one (any configuration but debug) it goes nowhere;
//! on a host, to standard error.

use core::fmt;

/// Whether anything that is printed can be seen.
pub const PRINTING: bool = cfg!(any(sel4_debug, not(target_os = "none")));

/// `seL4_DebugPutChar`: writes one byte.
#[cfg(all(target_os = "none", sel4_debug))]
pub fn debug_put_char(c: u8) {
    crate::arch::simple(crate::abi::syscall::Syscall::DebugPutChar, c.into(), core::ptr::null_mut());
}

/// Nothing: this configuration has no debug console.
#[cfg(all(target_os = "none", not(sel4_debug)))]
pub fn debug_put_char(_: u8) {}

/// Writes one byte to standard error.
#[cfg(not(target_os = "none"))]
pub fn debug_put_char(c: u8) {
    extern crate std;
    use std::io::Write;
    // A program that has no standard error has nobody to tell so.
    let _ = std::io::stderr().write_all(&[c]);
}

/// A writer to the debug console.
#[derive(Debug, Copy, Clone, Default)]
pub struct DebugWrite;

impl fmt::Write for DebugWrite {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        s.bytes().for_each(debug_put_char);
        Ok(())
    }
}

#[doc(hidden)]
pub fn debug_print_helper(args: fmt::Arguments<'_>) {
    // `DebugWrite` never fails; a `Display` that does has printed what it could.
    let _ = fmt::write(&mut DebugWrite, args);
}

/// Prints to the debug console; costs nothing where there is none.
#[macro_export]
macro_rules! debug_print {
    ($($arg:tt)*) => {
        if $crate::_private::PRINTING {
            $crate::_private::debug_print_helper(::core::format_args!($($arg)*));
        }
    };
}

/// Prints a line to the debug console; costs nothing where there is none.
#[macro_export]
macro_rules! debug_println {
    () => { $crate::debug_print!("\n") };
    ($($arg:tt)*) => { $crate::debug_print!("{}\n", ::core::format_args!($($arg)*)) };
}
