//! What the guests agree on that measure how time is shared.

use core::sync::atomic::{AtomicU64, Ordering};

/// The page that all of them have there, which is all zeros when they start.
const SHARED: usize = 0x5000_0000;
/// Most guests that spin.
pub const SPINNERS: usize = 3;
/// Instructions of one round of [`spin`]; each 4096th has three more.
pub const ROUND_INSTRUCTIONS: u64 = 4;

#[repr(C)]
struct Shared {
    /// How many spin.
    spinners: AtomicU64,
    /// How often each went round.
    rounds: [AtomicU64; SPINNERS],
    /// What each one's counter showed a moment ago.
    clocks: [AtomicU64; SPINNERS],
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
    let clock = shared().clocks[place as usize].as_ptr();
    // SAFETY: both words are this guest's to write, and are read as atomics.
    unsafe {
        core::arch::asm!(
            "2: add {count}, {count}, #1",
            "str {count}, [{rounds}]",
            "tst {count}, #0xfff",
            "b.ne 2b",
            "mrs {now}, cntvct_el0",
            "str {now}, [{clock}]",
            "b 2b",
            count = in(reg) 0u64,
            rounds = in(reg) rounds,
            clock = in(reg) clock,
            // Not a zero too: one register could be both.
            now = in(reg) place,
            options(noreturn)
        )
    }
}

/// How often each went round so far.
pub fn rounds() -> [u64; SPINNERS] {
    shared().rounds.each_ref().map(|rounds| rounds.load(Ordering::Relaxed))
}

/// What each one's counter showed last.
pub fn clocks() -> [u64; SPINNERS] {
    shared().clocks.each_ref().map(|clock| clock.load(Ordering::Relaxed))
}
