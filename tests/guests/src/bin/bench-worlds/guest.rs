//! The two roles.

use core::sync::atomic::{AtomicU32, Ordering};

use bare_guest::gic::{Gic, MESSAGES_PPI, TIMER_PPI};
use bare_guest::machine::{
    mask_interrupts, off, skip_instruction, unmask_interrupts, use_fpu, wait_for_interrupt, write_register,
};
use ivc::guest::{receive, send};
use marker::{DONE, ROUNDS, marker};
use smccc::Hvc;

/// The page that both guests have there, which is all zeros when they start.
const SHARED: usize = 0x5000_0000;
/// The channel between the guests.
const OTHER: u64 = 0;
/// Ticks of the counter that the first guest sleeps: longer than it takes to put it to sleep, and the other to do its part.
const TIMER_DELAY: u64 = 2000;

/// What the guests share.
#[repr(C)]
struct Shared {
    /// How many have come.
    guests: AtomicU32,
    /// How often the first has gone to sleep.
    sleeps: AtomicU32,
    /// How often it has waited for a message.
    waits: AtomicU32,
}

fn shared() -> &'static Shared {
    // SAFETY: the system description maps a zeroed page of ordinary memory there, which is only used as this.
    unsafe { &*core::ptr::with_exposed_provenance(SHARED) }
}

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    // The MMU is off, so exclusive accesses are not for us: the guests come one after the other.
    let guests = shared().guests.load(Ordering::Relaxed);
    shared().guests.store(guests + 1, Ordering::Relaxed);
    if guests == 0 { first() } else { second() }
}

fn first() -> ! {
    let gic = Gic::set_up();
    gic.enable(TIMER_PPI);
    for round in 1..=ROUNDS {
        use_fpu();
        write_register!("cntv_tval_el0", TIMER_DELAY);
        write_register!("cntv_ctl_el0", 1);
        shared().sleeps.store(round, Ordering::Relaxed);
        marker::<20>();
        wait_for_interrupt();
        write_register!("cntv_ctl_el0", 0);
        gic.end(gic.acknowledge());
    }
    gic.enable(MESSAGES_PPI);
    for round in 1..=ROUNDS {
        shared().waits.store(round, Ordering::Relaxed);
        wait_for_interrupt();
        // It is taken now, and the vector has a marker.
        unmask_interrupts();
        mask_interrupts();
        let message = receive::<Hvc>(OTHER);
        assert!(message.is_some_and(|words| words[0] == u64::from(round)), "the message");
    }
    marker::<DONE>();
    off()
}

fn second() -> ! {
    for round in 1..=ROUNDS {
        while shared().sleeps.load(Ordering::Relaxed) < round {
            core::hint::spin_loop();
        }
        marker::<21>();
        marker::<22>();
        use_fpu();
        marker::<23>();
    }
    for round in 1..=ROUNDS {
        while shared().waits.load(Ordering::Relaxed) < round {
            core::hint::spin_loop();
        }
        marker::<24>();
        let sent = send::<Hvc>(OTHER, [round.into(), 0, 0]);
        assert!(sent.is_ok(), "the right to send");
    }
    off()
}

#[unsafe(no_mangle)]
extern "C" fn guest_irq() {
    let gic = Gic::current();
    gic.end(gic.acknowledge());
}

#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    skip_instruction();
}
