//! What the guests that try messages agree on, and how each waits.

use ivc::guest::{Pending, pending};
use smccc::Hvc;

use bare_guest::gic::{Gic, MESSAGES_PPI};
use bare_guest::machine::wait_for_interrupt;

/// The channel between the two guests, by its number in both, through which the one broadcasts.
pub const PARTNER: u64 = 0;
/// Another channel between them, which takes no part in broadcasts.
pub const ASIDE: u64 = 2;
/// In the first word: what comes next stays where it is until the first channel is signalled.
pub const HOLD: u64 = 1 << 32;

/// What a message is answered with.
pub fn answer(message: [u64; 3]) -> [u64; 3] {
    message.map(|word| word + 1)
}

/// Prepares a guest for messages. Interrupts stay masked, and end its waiting all the same.
pub fn set_up() -> Gic {
    let gic = Gic::set_up();
    gic.enable(MESSAGES_PPI);
    gic
}

/// Waits until something is there that is `wanted`.
pub fn wait(gic: Gic, wanted: impl Fn(Pending) -> bool) -> Pending {
    loop {
        let found = pending::<Hvc>();
        if wanted(found) {
            return found;
        }
        wait_for_interrupt();
        gic.end(gic.acknowledge());
    }
}
