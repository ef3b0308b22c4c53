//! Replenishments of a scheduling context: the sporadic-server algorithm (seL4 manual, section 6.1.4; Stanovich et al.,
//! "Defects of the POSIX sporadic server and how to correct them", RTAS 2010).
//!
//! A context holds a queue of refills, each an amount of time and the moment from which it may be used, in order. What is
//! used comes back one period after it began to be used. Times are in ticks of the system counter.

use core::cell::Cell;

/// An amount of time that may be used from a moment on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Refill {
    /// From when on it may be used.
    pub time: u64,
    /// How much it is.
    pub amount: u64,
}

/// The state of a queue of refills, beside the refills: it lives in the scheduling context.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Queue {
    /// Index of the first refill.
    head: Cell<u32>,
    /// Number of refills.
    count: Cell<u32>,
    /// Most refills, at most the length of the buffer.
    max: Cell<u32>,
}

/// A queue of refills with its buffer and the parameters of its context.
#[derive(Clone, Copy)]
pub struct Refills<'a> {
    /// Positions in the buffer.
    pub queue: &'a Queue,
    /// The buffer; as long as the scheduling context's object has room.
    pub buffer: &'a [Cell<Refill>],
    /// Time after which what was used comes back.
    pub period: u64,
    /// The smallest amount worth switching for; smaller refills are merged with their neighbours.
    pub min_budget: u64,
}

/// Fewest refills of a context.
pub const MIN_REFILLS: u32 = 2;

impl<'a> Refills<'a> {
    fn index(&self, offset: u32) -> usize {
        let index = self.queue.head.get() + offset;
        (if index >= self.queue.max.get() { index - self.queue.max.get() } else { index }) as usize
    }

    fn at(&self, offset: u32) -> &'a Cell<Refill> {
        &self.buffer[self.index(offset)]
    }

    fn tail(&self) -> &'a Cell<Refill> {
        self.at(self.queue.count.get() - 1)
    }

    fn is_full(&self) -> bool {
        self.queue.count.get() == self.queue.max.get()
    }

    /// The first refill. A context that was configured has one.
    #[inline]
    pub fn head(&self) -> Refill {
        self.at(0).get()
    }

    fn set_head(&self, refill: Refill) {
        self.at(0).set(refill);
    }

    /// Whether the context has been configured with a budget.
    pub fn is_configured(&self) -> bool {
        self.queue.max.get() > 0
    }

    /// The number of refills.
    pub fn len(&self) -> u32 {
        self.queue.count.get()
    }

    /// Whether there is none, as before configuration.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum of all amounts: the budget, whatever has happened.
    pub fn sum(&self) -> u64 {
        (0..self.len()).map(|offset| self.at(offset).get().amount).sum()
    }

    fn pop(&self) -> Refill {
        let refill = self.head();
        self.queue.head.set(self.index(1) as u32);
        self.queue.count.set(self.queue.count.get() - 1);
        refill
    }

    fn push(&self, refill: Refill) {
        self.queue.count.set(self.queue.count.get() + 1);
        self.tail().set(refill);
    }

    /// Starts anew with the whole budget usable from `now`. `max` is between [`MIN_REFILLS`] and the buffer's length.
    pub fn start(&self, budget: u64, max: u32, now: u64) {
        self.queue.head.set(0);
        self.queue.count.set(1);
        self.queue.max.set(max);
        self.set_head(Refill { time: now, amount: budget });
    }

    /// Takes a new budget while the context is in use: what is left of the head stays usable up to the new budget, and
    /// the rest comes a period later, so that a change gives no more than either of the two parameter sets would.
    pub fn update(&self, budget: u64, max: u32, now: u64) {
        let head = self.head();
        let time = if head.time <= now { now } else { head.time };
        let amount = head.amount.min(budget);
        self.start(amount, max, time);
        let rest = budget - amount;
        if rest > 0 {
            self.schedule(Refill { time: time + self.period, amount: rest });
        }
        self.merge_small_head();
    }

    /// Whether the head may be used at `now`.
    #[inline]
    pub fn is_ready(&self, now: u64) -> bool {
        self.head().time <= now
    }

    /// Puts a used amount at the end of the queue, which is not empty. One that is due before the tail ends, or that would be the queue's
    /// last room, is merged with the tail, later rather than sooner.
    fn schedule(&self, refill: Refill) {
        let tail = self.tail();
        let last = tail.get();
        let touches = refill.time <= last.time.saturating_add(last.amount);
        if touches || self.is_full() {
            let amount = last.amount + refill.amount;
            // Merged, the earlier amount ends where it would have: the sum starts late enough for both.
            let time = if touches { last.time } else { refill.time - last.amount };
            tail.set(Refill { time, amount });
        } else {
            self.push(refill);
        }
    }

    /// Charges `used` ticks that ended at `now`. They come back one period after they began to be used.
    pub fn charge(&self, mut used: u64, now: u64) {
        // Refills that were used up whole: each comes back a period after its own time.
        while self.is_ready(now) && self.head().amount <= used {
            let head = self.head();
            used -= head.amount;
            let back = Refill { time: head.time.saturating_add(self.period), amount: head.amount };
            if self.len() == 1 {
                self.set_head(back);
                self.delay_head(used);
                used = 0;
                break;
            }
            self.pop();
            self.schedule(back);
        }
        if self.is_ready(now) {
            self.split_head(used);
        } else {
            // Used more than there was: what is over delays the next use, so that the share holds. Taken from the next refill, it
            // would have to come back by itself, and a full queue would delay another refill for it.
            self.delay_head(used);
        }
        self.merge_small_head();
    }

    /// Takes `used` from the head, which has more.
    fn split_head(&self, used: u64) {
        if used == 0 {
            return;
        }
        let head = self.head();
        let back = Refill { time: head.time.saturating_add(self.period), amount: used };
        self.set_head(Refill { time: head.time.saturating_add(used), amount: head.amount - used });
        if self.len() == 1 {
            self.push(back);
        } else {
            self.schedule(back);
        }
    }

    /// Delays the head; those that it reaches join it.
    fn delay_head(&self, by: u64) {
        let head = self.head();
        self.set_head(Refill { time: head.time.saturating_add(by), amount: head.amount });
        self.join_head();
    }

    /// Makes one refill of the head and those that are due before it could be used up.
    fn join_head(&self) {
        while self.len() > 1 {
            let (head, next) = (self.head(), self.at(1).get());
            if next.time > head.time.saturating_add(head.amount) {
                break;
            }
            self.pop();
            self.set_head(Refill { time: head.time, amount: next.amount + head.amount });
        }
    }

    /// A head too small to be worth a switch goes to its successor.
    fn merge_small_head(&self) {
        while self.head().amount < self.min_budget && self.len() > 1 {
            let small = self.pop();
            let next = self.head();
            self.set_head(Refill { time: next.time.saturating_sub(small.amount), amount: next.amount + small.amount });
        }
    }

    /// A context that was not used for a while begins to be used at `now`: its usable refills start now, as one.
    pub fn unblock(&self, now: u64) {
        if !self.is_ready(now) {
            return;
        }
        let head = self.head();
        self.set_head(Refill { time: now, amount: head.amount });
        self.join_head();
    }

    /// Gives up what is left of the head.
    pub fn yield_head(&self) {
        let Refill { time, amount } = self.head();
        self.charge(amount, time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIN: u64 = 20;

    struct Context {
        queue: Queue,
        buffer: Vec<Cell<Refill>>,
        period: u64,
    }

    impl Context {
        fn new(budget: u64, period: u64, max: u32) -> Self {
            let this = Self { queue: Queue::default(), buffer: vec![Cell::default(); max as usize], period };
            this.refills().start(budget, max, 0);
            this
        }

        fn refills(&self) -> Refills<'_> {
            Refills { queue: &self.queue, buffer: &self.buffer, period: self.period, min_budget: MIN }
        }
    }

    fn check(refills: &Refills, budget: u64) -> Result<(), TestCaseError> {
        prop_assert_eq!(refills.sum(), budget, "the sum of the refills is the budget");
        prop_assert!(!refills.is_empty() && refills.len() <= refills.queue.max.get());
        prop_assert!(refills.head().amount >= MIN, "the head is worth a switch");
        for offset in 1..refills.len() {
            let (a, b) = (refills.at(offset - 1).get(), refills.at(offset).get());
            prop_assert!(a.time <= b.time, "refills are in order: {:?} {:?}", a, b);
        }
        Ok(())
    }

    proptest! {
        /// A thread that runs whenever it may, in bits of random length, with pauses of random length, never gets more
        /// than its budget in any window of one period.
        #[test]
        fn never_more_than_the_budget_in_a_period(
            budget in 2 * MIN..2000, gap in 1u64..5000, max in 2u32..8,
            steps in proptest::collection::vec((1u64..3000, 0u64..6000), 1..60),
        ) {
            let period = budget + gap;
            let context = Context::new(budget, period, max);
            let refills = context.refills();
            let mut now = 0;
            let mut runs: Vec<(u64, u64)> = Vec::new();
            for (want, pause) in steps {
                now += pause;
                if pause > 0 {
                    refills.unblock(now);
                }
                now = now.max(refills.head().time);
                refills.unblock(now);
                let used = want.min(refills.head().amount);
                runs.push((now, used));
                now += used;
                refills.charge(used, now);
                check(&refills, budget)?;
            }
            for &(start, _) in &runs {
                let end = start + period;
                let total: u64 = runs
                    .iter()
                    .filter(|(at, _)| *at >= start && *at < end)
                    .map(|(at, used)| (*used).min(end - at))
                    .sum();
                prop_assert!(total <= budget, "{} used of {} from {}", total, budget, start);
            }
        }

        /// Each use begins a little later than it might, and its end is noticed a little early or late. Who always runs has the share that was configured all the same,
        /// in however many pieces it was when that began.
        #[test]
        fn inexact_ends_cost_no_share(
            budget in 10 * MIN..2000, gap in 1000u64..9000, max in 2u32..8, late in 0u64..4, early in 0u64..4, wake in 0u64..4,
            pieces in proptest::collection::vec((1u64..1000, 1u64..2000), 0..8),
        ) {
            const ROUNDS: u64 = 300;
            let period = budget + gap;
            let context = Context::new(budget, period, max);
            let refills = context.refills();
            let mut now = 0;
            for (want, pause) in pieces {
                now = refills.head().time.max(now + pause);
                refills.unblock(now);
                let used = want.min(refills.head().amount);
                now += used;
                refills.charge(used, now);
            }
            let (mut total, start) = (0, now);
            for _ in 0..ROUNDS {
                now = now.max(refills.head().time + wake);
                refills.unblock(now);
                let used = refills.head().amount + late - early;
                now += used;
                refills.charge(used, now);
                // Whoever looks at the clock then needs time for it.
                now += late;
                refills.charge(late, now);
                check(&refills, budget)?;
                total += used + late;
            }
            let expected = budget * (now - start) / period;
            // Each start is late, too, and delays what comes back.
            let least = expected.saturating_sub(2 * budget + ROUNDS * (wake + early));
            prop_assert!((least..=expected + 2 * budget + 2 * ROUNDS * late).contains(&total), "{} of {}", total, expected);
        }

        #[test]
        fn any_charge_keeps_the_sum(
            budget in 2 * MIN..2000, period in 2000u64..9000, max in 2u32..6,
            steps in proptest::collection::vec((0u64..4000, 0u64..3000, 0u8..4), 1..60),
        ) {
            let context = Context::new(budget, period, max);
            let refills = context.refills();
            let mut now = 0;
            for (used, pause, what) in steps {
                now += used + pause;
                match what {
                    0 => refills.unblock(now),
                    1 => refills.yield_head(),
                    2 => refills.update(budget, max, now),
                    _ => refills.charge(used, now),
                }
                check(&refills, budget)?;
            }
        }
    }

    #[test]
    fn used_time_comes_back_one_period_later() {
        let context = Context::new(100, 1000, 4);
        let refills = context.refills();
        refills.charge(100, 100);
        assert_eq!(refills.head(), Refill { time: 1000, amount: 100 });
        assert!(!refills.is_ready(999));
    }

    #[test]
    fn an_overrun_delays_the_next_use() {
        let context = Context::new(100, 1000, 4);
        context.refills().charge(130, 130);
        assert_eq!(context.refills().head(), Refill { time: 1030, amount: 100 });
    }
}
