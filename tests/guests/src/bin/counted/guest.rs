//! Its life. `cargo xtask test` knows the numbers.

use bare_guest::gic::GICD_TYPER;
use bare_guest::machine::{hvc, read32, read32_post, skip_instruction, smc, wait_for_interrupt};

/// UARTFR of the PL011, which has no side effect.
const PL011_FLAGS: usize = 0x0900_0018;
/// Nothing is there.
const NOWHERE: usize = 0x0f00_0000;
const SMCCC_VERSION: u32 = 0x8000_0000;

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    (0..1000).for_each(|_| _ = hvc(SMCCC_VERSION));
    (0..500).for_each(|_| _ = smc(SMCCC_VERSION));
    (0..300).for_each(|_| _ = read32(GICD_TYPER));
    (0..200).for_each(|_| _ = read32(PL011_FLAGS));
    (0..100).for_each(|_| _ = read32_post(PL011_FLAGS));
    (0..7).for_each(|_| _ = read32(NOWHERE));
    loop {
        wait_for_interrupt();
    }
}

/// Interrupts stay masked.
#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}

/// The abort of an access to nowhere.
#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    skip_instruction();
}
