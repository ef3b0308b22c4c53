//! What it tries.

use core::ptr::NonNull;

use bare_guest::gic::{Gic, MESSAGES_PPI};
use bare_guest::machine::{skip_instruction, wait_for_interrupt};
use ivc::guest::{Pending, Refused, broadcast, pending, receive, send, signal, version};
use safe_mmio::UniqueMmioPointer;
use smccc::Hvc;
use test_guests::messages::{ASIDE, HOLD, PARTNER, answer, set_up, wait};
use test_report::{Tally, uart::Uart};

const PL011: usize = 0x0900_0000;
/// The channel to a protection domain, which answers each signal with two messages, of which the second is refused, and a signal.
/// A message says how often it was signalled, and with which error the one before was refused.
const POST: u64 = 1;
/// A channel through which only the other end sends.
const SILENT: u64 = 3;
/// No channel.
const NOWHERE: u64 = 40;
/// `seL4_DeleteFirst`.
const DELETE_FIRST: u64 = 8;
const ROUNDS: u64 = 1000;

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    let pl011 = NonNull::new(core::ptr::with_exposed_provenance_mut(PL011)).expect("not null");
    // SAFETY: the machine has the device there, and nobody else uses it.
    let uart = Uart::new(unsafe { UniqueMmioPointer::new(pl011) });
    let mut tally = Tally::new("messages", uart);
    let gic = set_up();
    tally.check("version", version::<Hvc>(), Some((1, 0)));
    tally.check("nothing has come", pending::<Hvc>(), Pending::default());
    answers(&mut tally, gic);
    refusals(&mut tally, gic);
    broadcasts(&mut tally, gic);
    post(&mut tally, gic);
    tally.done();
    loop {
        wait_for_interrupt();
    }
}

/// Waits for a message and takes it.
fn take(gic: Gic, channel: u64) -> Option<[u64; 3]> {
    wait(gic, |found| found.messages & 1 << channel != 0);
    receive::<Hvc>(channel)
}

/// Sends a message and says what the answer is.
fn ask(gic: Gic, channel: u64, message: [u64; 3]) -> Option<[u64; 3]> {
    send::<Hvc>(channel, message).ok()?;
    take(gic, channel)
}

fn answers(tally: &mut Tally<Uart>, gic: Gic) {
    let right = |round: &u64| {
        let message = [*round, !round, round << 40];
        ask(gic, PARTNER, message) == Some(message.map(|word| word.wrapping_add(1)))
    };
    tally.check("messages there and back", (0..ROUNDS).filter(right).count(), ROUNDS as usize);
    tally.check("another channel", ask(gic, ASIDE, [7, 8, 9]), Some([8, 9, 10]));
    tally.check("a message is taken once", receive::<Hvc>(PARTNER), None);
}

fn refusals(tally: &mut Tally<Uart>, gic: Gic) {
    tally.check("the other side holds on", ask(gic, PARTNER, [HOLD, 0, 0]), Some(answer([HOLD, 0, 0])));
    tally.check("a first message", send::<Hvc>(PARTNER, [1, 2, 3]), Ok(()));
    tally.check("a second one before it is taken", send::<Hvc>(PARTNER, [4, 5, 6]), Err(Refused::Busy));
    for (case, channel) in [("no channel", NOWHERE), ("no right", SILENT), ("no number", u64::MAX)] {
        tally.check(case, send::<Hvc>(channel, [1, 2, 3]), Err(Refused::NoPort));
        tally.check(case, signal::<Hvc>(channel), Err(Refused::NoPort));
    }
    tally.check("no message to a protection domain", send::<Hvc>(POST, [1, 2, 3]), Err(Refused::NoPort));
    tally.check("a signal", signal::<Hvc>(PARTNER), Ok(()));
    tally.check("the first message's answer", take(gic, PARTNER), Some([2, 3, 4]));
}

fn broadcasts(tally: &mut Tally<Uart>, gic: Gic) {
    broadcast::<Hvc>([10, 20, 30]);
    tally.check("a broadcast", take(gic, PARTNER), Some([11, 21, 31]));
    // The other side looks at this channel behind the first one.
    tally.check("another message", ask(gic, PARTNER, [0, 0, 0]), Some([1, 1, 1]));
    tally.check("who takes no part", receive::<Hvc>(ASIDE), None);
}

fn post(tally: &mut Tally<Uart>, gic: Gic) {
    let heard = |found: Pending| found.signals & 1 << POST != 0;
    tally.check("a protection domain is signalled", signal::<Hvc>(POST), Ok(()));
    wait(gic, heard);
    tally.check("its message", receive::<Hvc>(POST), Some([1, 0, 0]));
    // What has come without being waited for.
    while gic.is_private_pending(MESSAGES_PPI) {
        gic.end(gic.acknowledge());
    }
    gic.disable_private(MESSAGES_PPI);
    tally.check("not pending", gic.is_private_pending(MESSAGES_PPI), false);
    tally.check("it is signalled again", signal::<Hvc>(POST), Ok(()));
    while !heard(pending::<Hvc>()) {
        core::hint::spin_loop();
    }
    tally.check("an interrupt that is disabled is pending", gic.is_private_pending(MESSAGES_PPI), true);
    gic.enable(MESSAGES_PPI);
    wait_for_interrupt();
    let acknowledged = gic.acknowledge();
    gic.end(acknowledged);
    tally.check("enabled, it comes", acknowledged, MESSAGES_PPI);
    tally.check("a message that was refused", receive::<Hvc>(POST), Some([2, DELETE_FIRST, 0]));
}

/// Interrupts stay masked.
#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}

#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    skip_instruction();
}
