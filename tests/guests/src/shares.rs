//! What the guests agree on that measure how time is shared.

use core::sync::atomic::{AtomicU64, Ordering};

/// The page that all of them have there, which is all zeros when they start.
const SHARED: usize = 0x5000_0000;
/// Most guests that spin.
pub const SPINNERS: usize = 3;
/// Instructions of one round of [`spin`].
pub const ROUND_INSTRUCTIONS: u64 = 3;

#[repr(C)]
struct Shared {
    /// How many spin.
    spinners: AtomicU64,
    /// How often each went round.
    rounds: [AtomicU64; SPINNERS],
}

fn shared() -> &'static Shared {
    // SAFETY: the system description maps a zeroed page of ordinary memory there, which is only used as this.
    unsafe { &*core::ptr::with_exposed_provenance(SHARED) }
}

/// Takes the place that its manager's order gives this guest: the higher its priority, the sooner it is started. Spins for
/// ever, and counts.
pub fn spin() -> ! {
    // The MMU is off, so exclusive accesses are not for us: the guests come one after the other.
    let place = shared().spinners.load(Ordering::Relaxed);
    shared().spinners.store(place + 1, Ordering::Relaxed);
    let rounds = shared().rounds[place as usize].as_ptr();
    // SAFETY: the counter is this guest's to write, and is read as an atomic.
    unsafe {
        core::arch::asm!(
            "2: add {count}, {count}, #1",
            "str {count}, [{place}]",
            "b 2b",
            count = in(reg) 0u64,
            place = in(reg) rounds,
            options(noreturn)
        )
    }
}

/// How often each went round so far.
pub fn rounds() -> [u64; SPINNERS] {
    shared().rounds.each_ref().map(|rounds| rounds.load(Ordering::Relaxed))
}
