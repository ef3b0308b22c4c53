//! Its life.

use bare_guest::machine::skip_instruction;

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    test_guests::shares::spin()
}

/// Interrupts stay masked.
#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}

#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    skip_instruction();
}
