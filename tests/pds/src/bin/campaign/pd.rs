//! The protection domain. It judges on the debug console: that is not killed.

mod world;

use core::fmt;
use core::sync::atomic::Ordering::Relaxed;

use sel4::{Cap, UserContext, cap_type, debug_print};
use sel4_abi::microkit::root_slot_cptr;
use sel4_microkit::{ChannelSet, Handler, Infallible, memory_region_symbol, protection_domain};
use test_pds::campaign::{ENDS, End, TARGETS, Target, Wild, order};
use test_pds::isolation::Orders;
use test_report::Tally;
use test_report::random::Random;

use self::world::{Missing, World};

/// Where a killed thread goes on: at nothing, at nothing aligned, beyond everything.
const NOWHERE: [u64; 4] = [0, 2, 0x7f_0000_0000, u64::MAX - 3];
/// How guests are killed, and what Linux is told, or the other one is ordered, for that.
const LINUX_ENDS: [(&str, &str); 2] =
    [("panic", "echo c > /proc/sysrq-trigger"), ("reset", "echo b > /proc/sysrq-trigger")];
const TICKER_ENDS: [(&str, u64); 2] = [("fault", order::FAULT), ("reset", order::RESET)];
/// Longest time between the last recovery and the next kill, in microseconds.
const MOST_PAUSE: usize = 60_000;
/// Longest times between the first and the second of two that are killed at once.
const BETWEEN: [usize; 4] = [1, 200, 5_000, MOST_PAUSE];
/// Longest time that a child runs wild.
const WILD_US: usize = 5_000;
/// Rounds of Linux's load, and ticks of the other guest, that show that all goes on.
const BEATS: u64 = 2;
const TICKS: u64 = 4;
/// How many there are, and how many times two of them are killed at once in each round.
const ALL: usize = TARGETS.len();
const PAIRS: usize = ALL / 2;

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

impl Figures {
    fn add(&mut self, took: Result<u64, Missing>) {
        self.worst = self.worst.max(took.unwrap_or_default());
        self.kills += u64::from(took.is_ok());
    }
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
    let world = World::new();
    let mut campaign = Campaign {
        tally,
        world,
        random: Random::new(seed),
        alone: [Figures::default(); ALL],
        pairs: Figures::default(),
    };
    let up = campaign.world.first_life();
    campaign.tally.check("Linux has a file system and a load", up, Ok(()));
    if up.is_ok() {
        let _ = (1..=rounds).all(|round| campaign.kill_each(round) && campaign.kill_pairs(round));
    }
    campaign.sum_up(rounds);
}

struct Campaign<'a> {
    tally: &'a mut Tally<Debug>,
    world: World,
    random: Random,
    /// Of each, killed alone.
    alone: [Figures; ALL],
    /// Of two that are killed at once.
    pairs: Figures,
}

impl Campaign<'_> {
    /// The places of all of them in some order.
    fn order(&mut self) -> [usize; ALL] {
        let mut order: [usize; ALL] = core::array::from_fn(|n| n);
        (1..ALL).rev().for_each(|n| order.swap(n, self.random.below(n + 1)));
        order
    }

    /// Kills everybody once, in some order; each in another way than in the round before. False if somebody did not come back.
    fn kill_each(&mut self, round: u64) -> bool {
        self.order().into_iter().all(|which| {
            let (name, target) = TARGETS[which];
            let end = ENDS[(round as usize + which) % ENDS.len()];
            let pause = self.pause(MOST_PAUSE);
            let before = self.world.look();
            let how = self.kill(target, end);
            let took = self.world.recover(&[target], &before, BEATS, TICKS);
            self.alone[which].add(took);
            let result = took.map(|_| ());
            let us = took.unwrap_or_default();
            self.tally.check(
                format_args!("round {round}: {name} is killed ({how}) {pause} us later, and all go on after {us} us"),
                result,
                Ok(()),
            );
            self.world.say(format_args!("round {round}: {name}"));
            result.is_ok()
        })
    }

    /// Kills two at once, or one while the other comes back, until everybody but one was among them.
    fn kill_pairs(&mut self, round: u64) -> bool {
        let order = self.order();
        order.as_chunks().0.iter().all(|&[first, second]: &[usize; 2]| {
            // The last one is left, so it has not the same life as both.
            let one_life = TARGETS[first].1.is_of_one_life(TARGETS[second].1);
            let second = if one_life { order[ALL - 1] } else { second };
            self.kill_pair(round, TARGETS[first], TARGETS[second])
        })
    }

    fn kill_pair(&mut self, round: u64, first: (&str, Target), second: (&str, Target)) -> bool {
        let ends = [(); 2].map(|()| self.random.of(&ENDS));
        let pause = self.pause(MOST_PAUSE);
        let before = self.world.look();
        let how = self.kill(first.1, ends[0]);
        let most = self.random.of(&BETWEEN);
        let between = self.pause(most);
        let how = [how, self.kill(second.1, ends[1])];
        let took = self.world.recover(&[first.1, second.1], &before, BEATS, TICKS);
        self.pairs.add(took);
        let result = took.map(|_| ());
        self.tally.check(
            format_args!(
                "round {round}: {} is killed ({}) {pause} us later, {} ({}) {between} us after it, and all go on after {} us",
                first.0, how[0], second.0, how[1], took.unwrap_or_default(),
            ),
            result,
            Ok(()),
        );
        self.world.say(format_args!("round {round}: {} and {}", first.0, second.0));
        result.is_ok()
    }

    /// Lets some time go by, less than this; how many microseconds.
    fn pause(&mut self, most: usize) -> u64 {
        let pause = self.random.below(most) as u64;
        self.world.pause(pause);
        pause
    }

    /// Kills a child in this way, a guest in one of its own; in which, as the report has it.
    fn kill(&mut self, target: Target, end: End) -> &'static str {
        if target.takes_linux_along() {
            self.world.expect_boot();
        }
        match target {
            Target::Child(id) => match end {
                End::Nowhere => send_nowhere(id, self.random.of(&NOWHERE)),
                End::Wild => self.let_run_wild(target, id),
                End::Stopped => {
                    world::restart(id);
                    "stopped"
                }
            },
            Target::Linux => {
                let (how, line) = self.random.of(&LINUX_ENDS);
                self.world.type_line(line);
                how
            }
            Target::Ticker => {
                let (how, order) = self.random.of(&TICKER_ENDS);
                self.world.ticks.order.store(order, Relaxed);
                how
            }
        }
    }

    /// Has a child run with rubbish in its registers; stops it if it does not come to an end by that.
    fn let_run_wild(&mut self, target: Target, id: u64) -> &'static str {
        let before = world::restarts(target);
        let thread = thread(id);
        // What did not work shows: the supervisor counts no fault, and is asked.
        if let Ok(mut registers) = thread.tcb_read_all_registers(false) {
            let Wild { pc, sp, general } = Wild::new(&mut self.random, *registers.pc(), *registers.sp());
            *registers.pc_mut() = pc;
            *registers.sp_mut() = sp;
            general.iter().enumerate().for_each(|(n, word)| *registers.gpr_mut(n) = *word);
            let _ = thread.tcb_write_all_registers(true, &mut registers);
        }
        self.pause(WILD_US);
        if world::restarts(target) == before {
            world::restart(id);
            return "wild until stopped";
        }
        "wild until it faulted"
    }

    fn sum_up(&mut self, rounds: u64) {
        self.tally.check("what Linux read was always what it had written", self.world.linux.bad, 0);
        self.tally.check("no guest found memory that was not zero", self.world.ticks.dirty.load(Relaxed), 0);
        for ((name, _), Figures { kills, worst }) in TARGETS.iter().zip(&self.alone) {
            let text = format_args!("{name}: killed {kills} times, all went on after {worst} us at most");
            self.tally.check(text, *kills, rounds);
        }
        let Figures { kills, worst } = self.pairs;
        let text = format_args!("two at once: killed {kills} times, all went on after {worst} us at most");
        self.tally.check(text, kills, rounds * PAIRS as u64);
        self.world.say(format_args!("The campaign is over."));
    }
}

/// The thread of the child with this id.
fn thread(id: u64) -> Cap<cap_type::Tcb> {
    Cap::from_bits(root_slot_cptr(id))
}

/// Has a child go on at an address.
fn send_nowhere(id: u64, nowhere: u64) -> &'static str {
    /// Registers that are written: the program counter.
    const PC: u64 = 1;
    let mut registers = UserContext::default();
    *registers.pc_mut() = nowhere;
    // That it did not work shows: the supervisor counts no restart.
    let _ = thread(id).tcb_write_registers(true, PC, &mut registers);
    "nowhere"
}
