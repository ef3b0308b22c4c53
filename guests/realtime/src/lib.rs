//! What the guest does periodically, what it keeps of its lateness, and how it answers messages. An answer goes back where the message came from, in its
//! first word the message's:
//!
//! | message | answer |
//! |---|---|
//! | 0 B C | 0 B C |
//! | 1 | 1, the periods since the last `2`, the worst lateness of those in nanoseconds |
//! | 2 | as 1; then the figures begin anew |
//! | 3 P | the same; from now on the period is P microseconds, and the figures begin anew |
//! | anything else | all ones, and the first two words of the message |
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;
use core::ops::RangeInclusive;

/// Limits of the histogram's classes, in nanoseconds; the last class has none.
const LIMITS: [u64; 5] = [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
/// In words.
const CLASSES: [&str; LIMITS.len() + 1] = ["< 10 us", "< 100 us", "< 1 ms", "< 10 ms", "< 100 ms", "more"];

/// How late something was that is to happen at fixed times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    times: u64,
    missed: u64,
    least: u64,
    most: u64,
    sum: u64,
    classes: [u64; CLASSES.len()],
}

impl Lateness {
    /// It happened so many nanoseconds late, and so many times in between not at all.
    pub fn record(&mut self, late: u64, missed: u64) {
        self.least = if self.times == 0 { late } else { self.least.min(late) };
        self.most = self.most.max(late);
        self.sum = self.sum.saturating_add(late);
        self.times += 1;
        self.missed += missed;
        let class = LIMITS.iter().position(|limit| late < *limit).unwrap_or(LIMITS.len());
        self.classes[class] += 1;
    }
}

/// Periods that can be had, in microseconds.
pub const PERIODS: RangeInclusive<u64> = 100..=1_000_000;

/// What happens periodically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    period: u64,
    /// How late it was.
    pub lateness: Lateness,
}

impl Task {
    /// With this period, in microseconds, or the next one that can be had.
    #[must_use]
    pub fn new(period: u64) -> Self {
        Self { period: period.clamp(*PERIODS.start(), *PERIODS.end()), lateness: Lateness::default() }
    }

    /// In microseconds.
    #[must_use]
    pub fn period(&self) -> u64 {
        self.period
    }

    /// Answers a message.
    #[must_use]
    pub fn answer(&mut self, message: [u64; 3]) -> [u64; 3] {
        match message {
            [0, ..] => message,
            [verb @ (1 | 2), ..] => {
                let answer = [verb, self.lateness.times, self.lateness.most];
                if verb == 2 {
                    self.lateness = Lateness::default();
                }
                answer
            }
            [3, period, _] if PERIODS.contains(&period) => {
                *self = Self::new(period);
                message
            }
            [a, b, _] => [u64::MAX, a, b],
        }
    }
}

/// A line of figures, and one for each class that has something in it.
impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = self.sum.checked_div(self.times).unwrap_or(0);
        let Self { times, missed, least, most, .. } = self;
        write!(
            f,
            "{times} periods, {missed} missed; late by {least} ns at least, {mean} ns on average, {most} ns at most"
        )?;
        let counted = CLASSES.iter().zip(self.classes).filter(|(_, count)| *count > 0);
        for (class, count) in counted {
            write!(f, "\r\n  {class:<9} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn figures_are_of_all_times() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.to_string(), "0 periods, 0 missed; late by 0 ns at least, 0 ns on average, 0 ns at most");
        [(9_000, 0), (12_000, 0), (3_000_000, 2)].into_iter().for_each(|(late, missed)| lateness.record(late, missed));
        let expected = "3 periods, 2 missed; late by 9000 ns at least, 1007000 ns on average, 3000000 ns at most\r\n  \
                        < 10 us   1\r\n  < 100 us  1\r\n  < 10 ms   1";
        assert_eq!(lateness.to_string(), expected);
    }

    #[test]
    fn messages_are_answered() {
        let mut task = Task::new(5_000);
        task.lateness.record(500, 0);
        task.lateness.record(700, 1);
        assert_eq!(task.answer([0, 7, 8]), [0, 7, 8]);
        assert_eq!(task.answer([1, 0, 0]), [1, 2, 700]);
        assert_eq!(task.answer([2, 0, 0]), [2, 2, 700]);
        assert_eq!(task.answer([1, 9, 9]), [1, 0, 0]);
        assert_eq!(task.answer([77, 5, 6]), [u64::MAX, 77, 5]);
    }

    #[test]
    fn the_period_is_changed_within_limits() {
        let mut task = Task::new(0);
        assert_eq!(task.period(), 100);
        task.lateness.record(500, 0);
        for wrong in [0, 99, 1_000_001, u64::MAX] {
            assert_eq!(task.answer([3, wrong, 4]), [u64::MAX, 3, wrong]);
        }
        assert_eq!(task.answer([3, 2_000, 4]), [3, 2_000, 4]);
        assert_eq!(task, Task::new(2_000));
    }

    proptest! {
        #[test]
        fn every_time_is_in_one_class(times in prop::collection::vec((any::<u64>(), 0u64..9), 0..50)) {
            let mut lateness = Lateness::default();
            times.iter().for_each(|(late, missed)| lateness.record(*late, *missed));
            prop_assert_eq!(lateness.classes.iter().sum::<u64>(), times.len() as u64);
            prop_assert_eq!(lateness.most, times.iter().map(|(late, _)| *late).max().unwrap_or(0));
        }
    }
}
