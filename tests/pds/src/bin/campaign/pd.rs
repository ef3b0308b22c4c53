//! The protection domain. It judges on the debug console: that is not killed.

mod world;

use core::fmt;
use core::sync::atomic::Ordering::Relaxed;

use sel4::{Cap, UserContext, cap_type, debug_print};
use sel4_abi::microkit::root_slot_cptr;
use sel4_microkit::{ChannelSet, Handler, Infallible, memory_region_symbol, protection_domain};
use test_pds::campaign::{TARGETS, Target};
use test_pds::isolation::Orders;
use test_report::Tally;
use test_report::random::Random;

use self::world::World;

/// Where a killed thread goes on: at nothing, at nothing aligned, beyond everything.
const NOWHERE: [u64; 4] = [0, 2, 0x7f_0000_0000, u64::MAX - 3];
/// Longest time between the last recovery and the next kill, in microseconds.
const MOST_PAUSE: usize = 60_000;
/// Rounds of Linux's load, and ticks of the other guest, that show that all goes on.
const BEATS: u64 = 2;
const TICKS: u64 = 4;

/// The debug console.
struct Debug;

impl fmt::Write for Debug {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        debug_print!("{text}");
        Ok(())
    }
}

/// What became of those that were killed.
#[derive(Clone, Copy, Default)]
struct Figures {
    kills: u64,
    /// Until all went on, in microseconds.
    worst: u64,
}

/// The campaign is over; signals still come.
struct Over;

impl Handler for Over {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        Ok(())
    }
}

#[protection_domain]
fn init() -> Over {
    let mut tally = Tally::new("campaign", Debug);
    // SAFETY: the region is mapped for good, and nobody writes it.
    let orders = unsafe { memory_region_symbol!(orders_vaddr: *mut [u8; 64]).as_ref() };
    match Orders::parse(orders) {
        Some(orders) => run(&mut tally, orders),
        None => tally.check("the orders can be read", false, true),
    }
    tally.done();
    Over
}

fn run(tally: &mut Tally<Debug>, Orders { seed, calls: rounds }: Orders) {
    tally.check(format_args!("{rounds} rounds, seed {seed}"), rounds > 0, true);
    let mut world = World::new();
    let up = world.first_life();
    tally.check("Linux has a file system and a load", up, Ok(()));
    let mut random = Random::new(seed);
    let mut figures = [Figures::default(); TARGETS.len()];
    if up.is_ok() {
        for round in 1..=rounds {
            if !kill_each(tally, &mut world, &mut random, round, &mut figures) {
                break;
            }
        }
    }
    tally.check("what Linux read was always what it had written", world.linux.bad, 0);
    tally.check("no guest found memory that was not zero", world.ticks.dirty.load(Relaxed), 0);
    for ((name, _), figures) in TARGETS.iter().zip(&figures) {
        let Figures { kills, worst } = figures;
        tally.check(format_args!("{name}: killed {kills} times, all went on after {worst} us at most"), *kills, rounds);
    }
    world.say(format_args!("The campaign is over."));
}

/// Kills everybody once, in some order. False if somebody did not come back.
fn kill_each(
    tally: &mut Tally<Debug>,
    world: &mut World,
    random: &mut Random,
    round: u64,
    figures: &mut [Figures; TARGETS.len()],
) -> bool {
    let mut order: [usize; TARGETS.len()] = core::array::from_fn(|n| n);
    (1..order.len()).rev().for_each(|n| order.swap(n, random.below(n + 1)));
    for which in order {
        let (name, target) = TARGETS[which];
        let pause = random.below(MOST_PAUSE) as u64;
        world.pause(pause);
        let before = world.look();
        kill(world, target, random.of(&NOWHERE));
        let after = world.recover(target, &before, BEATS, TICKS);
        let took = after.unwrap_or_default();
        let figures = &mut figures[which];
        figures.worst = figures.worst.max(took);
        figures.kills += u64::from(after.is_ok());
        let result = after.map(|_| ());
        tally.check(
            format_args!("round {round}: {name} is killed {pause} us later, and all go on after {took} us"),
            result,
            Ok(()),
        );
        world.say(format_args!("round {round}: {name}"));
        if result.is_err() {
            return false;
        }
    }
    true
}

fn kill(world: &mut World, target: Target, nowhere: u64) {
    /// Registers that are written: the program counter.
    const PC: u64 = 1;
    match target {
        Target::Child(id) => {
            let thread = Cap::<cap_type::Tcb>::from_bits(root_slot_cptr(id));
            let mut registers = UserContext::default();
            *registers.pc_mut() = nowhere;
            // That it did not work shows: the supervisor counts no restart.
            let _ = thread.tcb_write_registers(true, PC, &mut registers);
        }
        Target::Linux => world.type_line("echo c > /proc/sysrq-trigger"),
        Target::Ticker => world.ticks.order.store(1, Relaxed),
    }
}
