//! Interrupts come through while much memory is cleared.

use core::sync::atomic::{AtomicU64, Ordering};

use sel4::abi::object::SLOT_BITS;
use sel4::init_thread::{Slot, slot};
use sel4::{Cap, IpcBuffer, ObjectBlueprint, Time, Word, cap, cap_type};

use crate::kit::Kit;
use crate::thread::Thread;

/// The object: 128 MiB of slots, which take milliseconds.
const OBJECT_BITS: usize = 27;
const RADIX: usize = OBJECT_BITS - SLOT_BITS as usize;
/// Microseconds between two ticks, and how long the thread that counts them may run.
const PERIOD: Time = 500;
const BUDGET: Time = 50;
/// Fewest ticks meanwhile.
const ENOUGH: u64 = 4;

static TICKS: AtomicU64 = AtomicU64::new(0);
static MEANWHILE: AtomicU64 = AtomicU64::new(0);

pub fn run(kit: &mut Kit) {
    kit.section("2.4");
    let untyped = kit.memory.make_sized::<cap_type::Untyped>(OBJECT_BITS);
    let place = kit.memory.slots(1);
    let done = kit.memory.make::<cap_type::Notification>();
    let signal = crate::ipc::badged(kit, done, 1);
    let clock = Thread::spawn(kit, Cap::from_bits(0), count, [0; 3]);
    let slowed = kit.sched_control.sched_control_configure_flags(clock.context, BUDGET, PERIOD, 0, 0, 0);
    let slowed = slowed.and_then(|()| clock.tcb.tcb_set_priority(slot::TCB.cap(), 200));
    kit.check("a clock", slowed, Ok(()));
    Thread::spawn(kit, Cap::from_bits(0), make, [untyped.cptr_bits(), place.index() as Word, signal.cptr_bits()]);
    kit.check("make a large object", done.cap().wait().1, 1);
    kit.check("time goes on meanwhile", MEANWHILE.load(Ordering::Relaxed) >= ENOUGH, true);
    let free = Cap::<cap_type::CNode>::from_bits(place.cptr_bits()).absolute_cptr_from_bits_with_depth(1, RADIX);
    kit.check("the object is there, and empty", free.delete(), Ok(()));
    kit.check("stop the clock", clock.tcb.tcb_suspend(), Ok(()));
}

/// Counts the periods of its scheduling context.
fn count(_: &mut IpcBuffer, _: [Word; 3]) {
    loop {
        TICKS.fetch_add(1, Ordering::Relaxed);
        sel4::r#yield();
    }
}

/// Makes a CNode of all the memory, and notes how many ticks came.
fn make(buffer: &mut IpcBuffer, [untyped, place, done]: [Word; 3]) {
    let before = TICKS.load(Ordering::Relaxed);
    let place = Slot::<cap_type::CNode>::from_index(place as usize).index();
    let root = slot::CNODE.cap().absolute_cptr_for_self();
    let blueprint = ObjectBlueprint::CNode { size_bits: RADIX };
    let made = cap::Untyped::from_bits(untyped).with(&mut *buffer).untyped_retype(&blueprint, &root, place, 1);
    MEANWHILE.store(TICKS.load(Ordering::Relaxed) - before, Ordering::Relaxed);
    if made.is_ok() {
        cap::Notification::from_bits(done).with(buffer).signal();
    }
}
