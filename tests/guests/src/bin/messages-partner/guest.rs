//! Its life.

use bare_guest::machine::skip_instruction;
use ivc::guest::{receive, send};
use smccc::Hvc;
use test_guests::messages::{ASIDE, HOLD, PARTNER, answer, set_up, wait};

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    let gic = set_up();
    loop {
        wait(gic, |found| found.messages != 0);
        for channel in [PARTNER, ASIDE] {
            let Some(message) = receive::<Hvc>(channel) else { continue };
            // Who does not take the answer misses it.
            let _ = send::<Hvc>(channel, answer(message));
            if message[0] == HOLD {
                wait(gic, |found| found.signals & 1 << PARTNER != 0);
            }
        }
    }
}

/// Interrupts stay masked.
#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}

#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    skip_instruction();
}
