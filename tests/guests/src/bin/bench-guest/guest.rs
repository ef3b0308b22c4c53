//! What is measured.

use core::sync::atomic::{AtomicBool, Ordering};

use marker::{DONE, ROUNDS, marker, repeat};

use bare_guest::gic::{FREE_SPI, GICD_ISENABLER1, GICD_ISPENDR1, GICD_TYPER, Gic, SGI, TIMER_PPI, UART_2_SPI};
use bare_guest::machine::{
    hvc, mask_interrupts, off, read32, read32_post, skip_instruction, smc, unmask_interrupts, write_register, write32,
};

/// UARTFR of the PL011, which has no side effect.
const PL011_FLAGS: usize = 0x0900_0018;
/// The machine's second PL011, which the guest has for itself: UARTDR, UARTIMSC, UARTICR, and their bit for a transmitter that has room.
const UART_2: usize = 0x0904_0000;
const UART_2_MASK: usize = UART_2 + 0x38;
const UART_2_CLEAR: usize = UART_2 + 0x44;
const TRANSMITTED: u32 = 1 << 5;
const SMCCC_VERSION: u32 = 0x8000_0000;
const PSCI_VERSION: u32 = 0x8400_0000;

/// Ticks of the counter that the timer is armed ahead: longer than arming it takes with a hypervisor below.
const TIMER_DELAY: u64 = 2000;
/// Set by the interrupt handler.
static HANDLED: AtomicBool = AtomicBool::new(false);

/// The guest's life.
#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    let gic = Gic::set_up();
    [SGI, TIMER_PPI, FREE_SPI, UART_2_SPI].iter().for_each(|&intid| gic.enable(intid));
    repeat::<0, 1>(|| {});
    repeat::<2, 3>(|| _ = hvc(SMCCC_VERSION));
    repeat::<4, 5>(|| _ = read32(PL011_FLAGS));
    repeat::<24, 25>(|| _ = read32_post(PL011_FLAGS));
    repeat::<6, 7>(|| _ = read32(GICD_TYPER));
    repeat::<8, 9>(|| write32(GICD_ISENABLER1, 1 << (FREE_SPI - 32)));
    repeat::<10, 11>(|| _ = smc(PSCI_VERSION));
    unmask_interrupts();
    repeat::<12, 13>(|| interrupted_by(|| gic.send_sgi()));
    repeat::<14, 15>(|| interrupted_by(|| write32(GICD_ISPENDR1, 1 << (FREE_SPI - 32))));
    write32(UART_2_MASK, TRANSMITTED);
    repeat::<26, 27>(|| interrupted_by(|| write32(UART_2, b'.'.into())));
    for _ in 0..ROUNDS {
        timer();
    }
    marker::<DONE>();
    mask_interrupts();
    off()
}

/// Does what causes an interrupt and waits until it was handled and ended.
#[inline(always)]
fn interrupted_by(cause: impl Fn()) {
    HANDLED.store(false, Ordering::Relaxed);
    cause();
    while !HANDLED.load(Ordering::Relaxed) {
        core::hint::spin_loop();
    }
}

/// Arms the timer with the marker in front of it. The markers enclose the delay too: the bench takes away what
/// the same guest counts without a hypervisor.
fn timer() {
    HANDLED.store(false, Ordering::Relaxed);
    write_register!("cntv_tval_el0", TIMER_DELAY);
    let enable = 1;
    marker::<16>();
    write_register!("cntv_ctl_el0", enable);
    while !HANDLED.load(Ordering::Relaxed) {
        core::hint::spin_loop();
    }
}

/// The interrupt handler.
#[unsafe(no_mangle)]
extern "C" fn guest_irq() {
    let gic = Gic::current();
    let acknowledged = gic.acknowledge();
    if acknowledged == TIMER_PPI {
        write_register!("cntv_ctl_el0", 0);
    }
    if acknowledged == UART_2_SPI {
        write32(UART_2_CLEAR, TRANSMITTED);
    }
    marker::<18>();
    gic.end(acknowledged);
    marker::<19>();
    HANDLED.store(true, Ordering::Relaxed);
}

/// An SMC where the machine has nobody to answer it is undefined.
#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    skip_instruction();
}
