//! Ticks of the system counter and microseconds of the interface.

use crate::arch;

/// Assumed worst-case execution time of the kernel, in microseconds: what a switch may cost a budget.
const WCET_US: u64 = 10;

/// Least budget and period, in microseconds: enough to enter and leave the kernel once each.
pub const MIN_BUDGET_US: u64 = 2 * WCET_US;

const US_PER_SECOND: u64 = 1_000_000;

/// Microseconds as ticks, rounded down; what overflows is as long as can be.
pub fn from_us(us: u64) -> u64 {
    let ticks = u128::from(us) * u128::from(arch::timer::frequency()) / u128::from(US_PER_SECOND);
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// Ticks as microseconds, rounded down.
pub fn to_us(ticks: u64) -> u64 {
    let us = u128::from(ticks) * u128::from(US_PER_SECOND) / u128::from(arch::timer::frequency());
    u64::try_from(us).unwrap_or(u64::MAX)
}

/// [`MIN_BUDGET_US`] in ticks. Asked at each charge, so without the wide division of [`from_us`].
#[inline]
pub fn min_budget() -> u64 {
    arch::timer::frequency() * MIN_BUDGET_US / US_PER_SECOND
}

/// Longest period in microseconds: an hour, so that sums of times stay far from the counter's end.
pub const fn max_period_us() -> u64 {
    3_600 * US_PER_SECOND
}
