//! Its life.

use core::fmt::Write;
use core::ptr::NonNull;

use bare_guest::gic::{Gic, TIMER_PPI};
use bare_guest::machine::{read_register, skip_instruction, wait_for_interrupt, write_register};
use safe_mmio::UniqueMmioPointer;
use test_guests::shares::{ROUND_INSTRUCTIONS, SPINNERS, clocks, rounds};
use test_report::uart::Uart;

const PL011: usize = 0x0900_0000;
/// How often it wants to run, and how many times it looks: a multiple of the others' turns, of ten milliseconds or of three times 33, and so
/// long that it does not matter in whose turn it begins and ends. The clock of one that waits is two turns old.
const PERIOD_NS: u64 = 1_000_000;
const PERIODS: u64 = 9_900;
const NS: u64 = 1_000_000_000;

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    let pl011 = NonNull::new(core::ptr::with_exposed_provenance_mut(PL011)).expect("not null");
    // SAFETY: the machine has the device there, and nobody else uses it.
    let mut uart = Uart::new(unsafe { UniqueMmioPointer::new(pl011) });
    let gic = Gic::set_up();
    gic.enable(TIMER_PPI);
    let frequency = read_register!("cntfrq_el0");
    let to_ns = |ticks: u64| ticks * NS / frequency;
    // The others have begun.
    let warm_up = PERIODS / 10;
    let (mut next, mut worst) = (now() + frequency, 0);
    let mut begin = (0, [0; SPINNERS], [0; SPINNERS]);
    for period in 0..PERIODS + warm_up {
        sleep_until(gic, next);
        let late = now() - next;
        if period == warm_up {
            begin = (now(), rounds(), clocks());
        }
        if period >= warm_up {
            worst = worst.max(late);
        }
        next += frequency * PERIOD_NS / NS;
    }
    let (elapsed, end, shown) = (to_ns(now() - begin.0), rounds(), clocks());
    // An instruction takes a nanosecond. In millionths.
    let share = |n: usize| (end[n] - begin.1[n]) * ROUND_INSTRUCTIONS * 1_000_000 / elapsed;
    let [a, b, c] = core::array::from_fn(share);
    let clock = |n: usize| to_ns(shown[n] - begin.2[n]) * 1_000_000 / elapsed;
    let [x, y, z] = core::array::from_fn(clock);
    let _ = writeln!(uart, "CLOCKS {x} {y} {z} of a million");
    let _ = writeln!(uart, "SHARES {a} {b} {c} of a million; {PERIODS} periods, worst lateness {} ns", to_ns(worst));
    loop {
        wait_for_interrupt();
    }
}

fn now() -> u64 {
    read_register!("cntvct_el0")
}

fn sleep_until(gic: Gic, ticks: u64) {
    write_register!("cntv_cval_el0", ticks);
    write_register!("cntv_ctl_el0", 1);
    while now() < ticks {
        wait_for_interrupt();
    }
    write_register!("cntv_ctl_el0", 0);
    gic.end(gic.acknowledge());
}

/// Interrupts stay masked, and end its waiting all the same.
#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}

#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    skip_instruction();
}
