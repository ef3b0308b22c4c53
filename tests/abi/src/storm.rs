//! Threads that send, receive, call and answer at random, on the same objects, while the root task stops, starts and
//! changes them, moves them from core to core, and deletes what they wait on. The kernel keeps its feet, and afterwards everything still works.

use core::sync::atomic::{AtomicU64, Ordering};

use sel4::init_thread::{Slot, slot};
use sel4::{Cap, CapRights, CapType, IpcBuffer, MessageInfo, ObjectBlueprint, Time, Word, cap, cap_type};

use crate::kit::Kit;
use crate::memory::{at, retype};
use crate::thread::Thread;
use test_report::random::Random;

/// Ticks of the root task's clock, of one period each.
const TICKS: usize = 2000;
/// Microseconds between two ticks, and how long the thread that makes them may run.
const PERIOD: Time = 400;
const BUDGET: Time = 50;
const WORKERS: usize = 6;

/// What the workers share: of each kind so many, in slots one behind the other.
const ENDPOINTS: usize = 2;
const NOTIFICATIONS: usize = 2;
const REPLIES: usize = 3;
const OBJECTS: usize = ENDPOINTS + NOTIFICATIONS + REPLIES;
/// Memory of what is shared, in bits.
const ARENA_BITS: usize = 12;

/// System calls that workers have come back from.
static WORK: AtomicU64 = AtomicU64::new(0);

/// The slots of what is shared.
#[derive(Clone, Copy)]
struct Shared {
    arena: Slot<cap_type::Untyped>,
    first: usize,
}

impl Shared {
    fn new(kit: &mut Kit) -> Self {
        let arena = kit.memory.make_sized::<cap_type::Untyped>(ARENA_BITS);
        let shared = Self { arena, first: kit.memory.slots(OBJECTS).index() };
        shared.fill();
        shared
    }

    fn fill(self) {
        let kinds = [
            (ObjectBlueprint::Endpoint, ENDPOINTS),
            (ObjectBlueprint::Notification, NOTIFICATIONS),
            (ObjectBlueprint::Reply, REPLIES),
        ];
        let mut next = self.first;
        for (blueprint, count) in kinds {
            let made = retype(self.arena.cap(), blueprint, Slot::<cap_type::Unspecified>::from_index(next), count);
            assert_eq!(made, Ok(()), "make what is shared");
            next += count;
        }
    }

    fn endpoint(self, random: &mut Random) -> cap::Endpoint {
        Cap::from_bits((self.first + random.below(ENDPOINTS)) as Word)
    }

    fn notification(self, random: &mut Random) -> cap::Notification {
        Cap::from_bits((self.first + ENDPOINTS + random.below(NOTIFICATIONS)) as Word)
    }

    fn reply(self, random: &mut Random) -> cap::Reply {
        Cap::from_bits((self.first + ENDPOINTS + NOTIFICATIONS + random.below(REPLIES)) as Word)
    }

    /// One random system call on what is shared.
    fn step(self, random: &mut Random, buffer: &mut IpcBuffer) {
        let info = MessageInfo::new(random.word(), 0, 0, random.below(12));
        let endpoint = self.endpoint(random).with(&mut *buffer);
        let reply = self.reply(random);
        match random.below(16) {
            0 => endpoint.send(info),
            1 | 12 => endpoint.nb_send(info),
            2 | 3 => {
                endpoint.call(info);
            }
            4 => {
                endpoint.recv(reply);
            }
            5 | 13 => {
                endpoint.nb_recv(reply);
            }
            6 | 7 => {
                endpoint.reply_recv(info, reply);
            }
            8 => {
                endpoint.nb_send_recv(info, self.endpoint(random), reply);
            }
            9 | 14 => self.notification(random).with(buffer).signal(),
            10 => {
                self.notification(random).with(buffer).wait();
            }
            _ => sel4::r#yield(),
        }
    }
}

/// Does system calls at random, for ever.
fn work(buffer: &mut IpcBuffer, [seed, arena, first]: [Word; 3]) {
    let shared = Shared { arena: Slot::from_index(arena as usize), first: first as usize };
    let mut random = Random::new(seed);
    loop {
        shared.step(&mut random, buffer);
        WORK.fetch_add(1, Ordering::Relaxed);
    }
}

/// Signals once in each period of its scheduling context.
pub fn tick(buffer: &mut IpcBuffer, [notification, ..]: [Word; 3]) {
    loop {
        cap::Notification::from_bits(notification).with(&mut *buffer).signal();
        sel4::r#yield();
    }
}

const NO_ENDPOINT: cap::Endpoint = Cap::from_bits(0);
const FAULT: sel4::Badge = 0xfa;

/// A badged copy.
fn badged<T: CapType>(kit: &mut Kit, original: Slot<T>, badge: sel4::Badge) -> Cap<T> {
    let slot = kit.memory.slot();
    assert_eq!(at(slot).mint(&at(original), CapRights::all(), badge), Ok(()), "mint");
    slot.cap()
}

pub fn run(kit: &mut Kit) {
    kit.section("2.2");
    let clock = kit.memory.make::<cap_type::Notification>();
    let beat = badged(kit, clock, 1);
    let ticker = Thread::spawn(kit, NO_ENDPOINT, tick, [beat.bits(), 0, 0]);
    let slowed = kit.sched_control.sched_control_configure_flags(ticker.context, BUDGET, PERIOD, 0, 0, 0);
    kit.check("a clock", slowed.and_then(|()| ticker.tcb.tcb_set_priority(slot::TCB.cap(), 200)), Ok(()));

    let shared = Shared::new(kit);
    let faults = kit.memory.make::<cap_type::Endpoint>();
    let fault_endpoint = badged(kit, faults, FAULT);
    let mut random = Random::new(0x5eed);
    let workers: [Thread; WORKERS] = core::array::from_fn(|_| {
        let words = [random.word(), shared.arena.cptr_bits(), shared.first as Word];
        Thread::spawn(kit, fault_endpoint, work, words)
    });
    let reply = kit.memory.make::<cap_type::Reply>().cap();
    for _ in 0..TICKS {
        clock.cap().wait();
        // Who waits on an empty slot faults, and tries again.
        while faults.cap().nb_recv(reply).1 == FAULT {
            reply.send(MessageInfo::default());
        }
        for _ in 0..random.below(4) {
            disturb(kit, &mut random, shared, &workers);
        }
        // Whose caller is forgotten, or whose time was taken, gets another chance.
        let worker = random.of(&workers);
        let _whether = worker.context.bind(worker.tcb).or_else(|_| worker.tcb.tcb_resume());
    }
    let work = WORK.load(Ordering::Relaxed);
    kit.check("threads work in a storm", work > TICKS as u64 / 20, true);
    let stopped = workers.map(|worker| worker.tcb.tcb_suspend());
    kit.check("the storm is stopped", stopped, [Ok(()); WORKERS]);
    kit.check("the clock is stopped", ticker.tcb.tcb_suspend(), Ok(()));
    kit.check("what was shared is revoked", at(shared.arena).revoke(), Ok(()));
    let whole = retype(shared.arena.cap(), ObjectBlueprint::Untyped { size_bits: ARENA_BITS }, kit.memory.slots(1), 1);
    kit.check("a storm loses no memory", whole, Ok(()));
}

/// Something that a parent of threads may do; whether it can be done now does not matter.
fn disturb(kit: &Kit, random: &mut Random, shared: Shared, workers: &[Thread; WORKERS]) {
    let worker = random.of(workers);
    let object = Slot::<cap_type::Unspecified>::from_index(shared.first + random.below(OBJECTS));
    let _whether = match random.below(13) {
        0 => worker.tcb.tcb_suspend(),
        1 | 2 => worker.tcb.tcb_resume(),
        3 => at(object).delete(),
        4 => at(object).cancel_badged_sends(),
        5 => at(shared.arena).revoke().map(|()| shared.fill()),
        6 => worker.tcb.tcb_set_priority(slot::TCB.cap(), 50 + random.below(100) as Word),
        7 => worker.context.unbind(),
        8 | 9 => worker.context.bind(worker.tcb),
        10 => worker.tcb.tcb_bind_notification(shared.notification(random)),
        11 => worker.tcb.tcb_unbind_notification(),
        _ => {
            let budget = 100 + random.below(900) as Time;
            let period = budget + random.below(3) as Time * 1000;
            // With several cores, this moves the worker.
            let time = kit.time_of(random.below(kit.cores()));
            time.sched_control_configure_flags(worker.context, budget, period, 0, 0, 0)
        }
    };
    shared.notification(random).signal();
}
