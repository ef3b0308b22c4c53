//! What happens when a root task panics: it says so, and ends with a fault.

use core::cell::UnsafeCell;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU8, Ordering};

/// What is called when the root task panics, before it ends.
pub type PanicHook = &'static (dyn Fn(&PanicInfo<'_>) + Send + Sync);

const EMPTY: u8 = 0;
const BEING_SET: u8 = 1;
const SET: u8 = 2;
const TAKEN: u8 = 3;

struct Slot {
    state: AtomicU8,
    hook: UnsafeCell<Option<PanicHook>>,
}

// SAFETY: the hook is written by the one thread that finds the slot empty, and read when it is set.
unsafe impl Sync for Slot {}

static HOOK: Slot = Slot { state: AtomicU8::new(EMPTY), hook: UnsafeCell::new(None) };

/// Replaces the message that a panic prints, once.
///
/// # Panics
///
/// When that was done before.
pub fn set_hook(hook: PanicHook) {
    let empty = HOOK.state.compare_exchange(EMPTY, BEING_SET, Ordering::Relaxed, Ordering::Relaxed);
    assert!(empty.is_ok(), "there is a panic hook already");
    // SAFETY: no other thread writes it, and none reads it before it is set.
    unsafe { *HOOK.hook.get() = Some(hook) };
    HOOK.state.store(SET, Ordering::Release);
}

/// The hook, the first time: one that panics is not called again.
fn take_hook() -> Option<PanicHook> {
    let set = HOOK.state.compare_exchange(SET, TAKEN, Ordering::Acquire, Ordering::Relaxed);
    // SAFETY: it is set, and nobody writes it any more.
    set.ok().and_then(|_| unsafe { *HOOK.hook.get() })
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    match take_hook() {
        Some(hook) => hook(info),
        None => sel4::debug_println!("{info}"),
    }
    sel4::_private::abort()
}
