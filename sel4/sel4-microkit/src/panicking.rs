//! What happens when a PD panics: it says so, with its name, and ends with a fault.

use core::cell::Cell;
use core::fmt;
use core::panic::PanicInfo;

use crate::pd_name;

/// What is called when the PD panics, before it ends.
pub type PanicHook = &'static (dyn Fn(&PanicInfo<'_>) + Sync);

struct Hook(Cell<Option<PanicHook>>);

// SAFETY: a PD has one thread.
unsafe impl Sync for Hook {}

static HOOK: Hook = Hook(Cell::new(None));

/// Replaces the message that a panic prints.
pub fn set_hook(hook: PanicHook) {
    HOOK.0.set(Some(hook));
}

fn name() -> &'static str {
    pd_name().unwrap_or("?")
}

/// Ends the PD: its fault handler gets an undefined instruction.
pub(crate) fn end(reason: fmt::Arguments<'_>) -> ! {
    sel4::debug_println!("{}: {reason}", name());
    sel4::_private::abort()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A hook that panics is not called again.
    match HOOK.0.take() {
        Some(hook) => hook(info),
        None => sel4::debug_println!("{}: {info}", name()),
    }
    sel4::_private::abort()
}
