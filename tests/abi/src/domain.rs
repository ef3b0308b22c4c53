//! The domain schedule at run time.

use core::sync::atomic::{AtomicU64, Ordering};

use sel4::abi::config::{NUM_DOMAIN_SCHEDULES, NUM_DOMAINS};
use sel4::abi::label::InvocationLabel as Label;
use sel4::init_thread::slot;
use sel4::{Cap, Error, IpcBuffer, Word, cap_type};

use crate::clock::{counter, counter_frequency};
use crate::errors::fails;
use crate::ipc::badged;
use crate::kit::{Kit, answer};
use crate::thread::Thread;

/// Bits of a duration.
const DURATION_BITS: u32 = 56;
/// Entries of the schedule.
const ENTRIES: Word = NUM_DOMAIN_SCHEDULES as Word;
/// A domain's turn is so many parts of a second.
const TURNS: u64 = 500;

static TURNS_SEEN: AtomicU64 = AtomicU64::new(0);

pub fn run(kit: &mut Kit) {
    kit.section("6.3");
    refusals(kit);
    let start = set_start(0);
    kit.check("the schedule of boot starts at entry 0", start, Ok(()));
    if NUM_DOMAINS > 1 {
        turns(kit);
    }
}

fn configure(index: Word, domain: Word, duration: Word) -> sel4::Result<()> {
    let words = [index, domain, duration];
    answer(slot::DOMAIN_SET.cap(), Label::DomainScheduleConfigure as Word, &[], &words).result
}

fn set_start(index: Word) -> sel4::Result<()> {
    answer(slot::DOMAIN_SET.cap(), Label::DomainScheduleSetStart as Word, &[], &[index]).result
}

fn refusals(kit: &mut Kit) {
    let domains = slot::DOMAIN_SET.cap();
    let configure = |words: &'static [Word]| (Label::DomainScheduleConfigure, &[][..], words);
    let start = |words: &'static [Word]| (Label::DomainScheduleSetStart, &[][..], words);
    let invalid = |number: &'static [Word]| (Error::InvalidArgument, number);
    let index = (Error::RangeError, &[0, ENTRIES - 1][..]);
    fails(kit, "an entry that there is not", domains, configure(&[ENTRIES, 0, 1]), index);
    let domain = (Error::RangeError, &[0, NUM_DOMAINS as Word - 1][..]);
    fails(kit, "a domain that there is not", domains, configure(&[1, NUM_DOMAINS as Word, 1]), domain);
    fails(kit, "the first entry cannot be an end", domains, configure(&[0, 0, 0]), invalid(&[2]));
    fails(kit, "a duration of 57 bits", domains, configure(&[1, 0, 1 << DURATION_BITS]), invalid(&[2]));
    if NUM_DOMAINS > 1 {
        fails(kit, "an end has domain 0", domains, configure(&[1, 1, 0]), invalid(&[2]));
    }
    fails(kit, "start at an entry that there is not", domains, start(&[ENTRIES]), index);
    fails(kit, "start at an end", domains, start(&[1]), invalid(&[0]));
}

/// Counts the signals that it sends.
fn signal_and_count(buffer: &mut IpcBuffer, [notification, ..]: [Word; 3]) {
    sel4::cap::Notification::from_bits(notification).with(buffer).signal();
    loop {
        TURNS_SEEN.fetch_add(1, Ordering::Relaxed);
    }
}

/// A thread of domain 1 runs when its domain has its turn, and not before or afterwards.
fn turns(kit: &mut Kit) {
    let duration = counter_frequency() / TURNS;
    let notification = kit.memory.make::<cap_type::Notification>();
    let marked = badged(kit, notification, 1);
    let thread = Thread::spawn(kit, Cap::from_bits(0), signal_and_count, [marked.cptr_bits(), 0, 0]);
    let domains = slot::DOMAIN_SET.cap();
    kit.check("a thread of another domain", domains.domain_set_set(1, thread.tcb), Ok(()));
    sel4::r#yield();
    kit.check("does not run while that has no turn", notification.cap().poll().1, 0);
    kit.check("a turn of domain 0", configure(3, 0, duration), Ok(()));
    kit.check("a turn of domain 1", configure(4, 1, duration), Ok(()));
    kit.check("start there", set_start(3), Ok(()));
    // The root task is in domain 0, and waits for a signal from domain 1.
    kit.check("each domain has its turn", notification.cap().wait().1, 1);
    let seen = TURNS_SEEN.load(Ordering::Relaxed);
    while TURNS_SEEN.load(Ordering::Relaxed) == seen {
        core::hint::spin_loop();
    }
    kit.check("again and again, whatever the other does", TURNS_SEEN.load(Ordering::Relaxed) > seen, true);
    kit.check("back to the first schedule", set_start(0), Ok(()));
    let seen = TURNS_SEEN.load(Ordering::Relaxed);
    let until = counter() + 3 * duration;
    while counter() < until {}
    kit.check("no more turns", TURNS_SEEN.load(Ordering::Relaxed), seen);
    kit.check("an entry can be an end again", configure(4, 0, 0), Ok(()));
    kit.check("stop the thread", thread.tcb.tcb_suspend(), Ok(()));
}
