//! Its life.

use core::fmt::Write;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bare_guest::gic::{Gic, TIMER_PPI};
use bare_guest::machine::{call_at, hvc, read_register, wait_for_interrupt, write_register};
use safe_mmio::UniqueMmioPointer;
use test_report::uart::Uart;

const PL011: usize = 0x0900_0000;
/// A page that a protection domain reads (`test_pds::campaign::Ticks`).
const SHARED: usize = 0x5000_0000;
/// Memory behind all that the monitor has put there.
const FREE: core::ops::Range<usize> = 0x4080_0000..0x40f0_0000;
const SPOILT: u64 = 0xdead_dead_dead_dead;
const TICKS_PER_SECOND: u64 = 200;
const TICKS_PER_LINE: u64 = 100;
/// An order (`test_pds::campaign::order`): have the machine reset.
const RESET: u64 = 2;
const PSCI_SYSTEM_RESET: u32 = 0x8400_0009;

#[repr(C)]
struct Shared {
    /// Starts.
    starts: AtomicU64,
    /// Ticks of all lives.
    ticks: AtomicU64,
    /// Words that were not zero when it started.
    dirty: AtomicU64,
    /// How its life is to end, unless it is 0: [`RESET`], or by a fault.
    order: AtomicU64,
}

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    let pl011 = NonNull::new(core::ptr::with_exposed_provenance_mut(PL011)).expect("not null");
    // SAFETY: the machine has the device there, and nobody else uses it.
    let mut uart = Uart::new(unsafe { UniqueMmioPointer::new(pl011) });
    // SAFETY: the description maps a page of ordinary memory there, which is only used as this.
    let shared: &Shared = unsafe { &*core::ptr::with_exposed_provenance(SHARED) };
    let dirty = look_and_spoil();
    // The MMU is off, so exclusive accesses are not for us; the other party writes the order only.
    add(&shared.dirty, dirty);
    add(&shared.starts, 1);
    let gic = Gic::set_up();
    gic.enable(TIMER_PPI);
    let mut next = read_register!("cntvct_el0");
    for tick in 1.. {
        next += read_register!("cntfrq_el0") / TICKS_PER_SECOND;
        write_register!("cntv_cval_el0", next);
        write_register!("cntv_ctl_el0", 1);
        while read_register!("cntvct_el0") < next {
            wait_for_interrupt();
        }
        write_register!("cntv_ctl_el0", 0);
        gic.end(gic.acknowledge());
        add(&shared.ticks, 1);
        if tick % TICKS_PER_LINE == 0 {
            let _ = writeln!(uart, "tick {tick}");
        }
        match take(&shared.order) {
            0 => {}
            RESET => reset(),
            _ => call_at(0),
        }
    }
    unreachable!("ticks do not end")
}

/// What a word was that is zero now.
fn take(word: &AtomicU64) -> u64 {
    let value = word.load(Relaxed);
    if value != 0 {
        word.store(0, Relaxed);
    }
    value
}

fn add(word: &AtomicU64, count: u64) {
    word.store(word.load(Relaxed) + count, Relaxed);
}

/// Words of free memory that are not zero; none of them is afterwards.
fn look_and_spoil() -> u64 {
    let mut dirty = 0;
    for address in FREE.step_by(4096) {
        // SAFETY: memory of this machine where nothing is.
        let word: &AtomicU64 = unsafe { &*core::ptr::with_exposed_provenance(address) };
        dirty += u64::from(word.load(Relaxed) != 0);
        word.store(SPOILT, Relaxed);
    }
    dirty
}

/// Interrupts stay masked, and end its waiting all the same.
#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}

/// A machine whose program has failed starts anew.
#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    reset();
}

/// Asks for a life of the machine anew.
fn reset() {
    hvc(PSCI_SYSTEM_RESET);
}
