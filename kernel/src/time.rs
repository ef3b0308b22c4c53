//! Ticks of the system counter and microseconds of the interface.

use crate::arch;

/// Assumed worst-case execution time of the kernel, in microseconds: what a switch may cost a budget.
const WCET_US: u64 = 10;

/// Least budget and period, in microseconds: enough to enter and leave the kernel once each.
pub const MIN_BUDGET_US: u64 = 2 * WCET_US;

const US_PER_SECOND: u64 = 1_000_000;

/// Microseconds as ticks, rounded down; what overflows is as long as can be.
pub fn from_us(us: u64) -> u64 {
    scale(us, US_PER_SECOND, arch::timer::frequency())
}

/// Ticks as microseconds, rounded down.
pub fn to_us(ticks: u64) -> u64 {
    scale(ticks, arch::timer::frequency(), US_PER_SECOND)
}

/// A time at `from` units a second in units of which a second has `to`; whole seconds and the rest each for itself, because
/// processors do not divide numbers of 128 bits. Both rates are below 2^32 ([`arch::timer::frequency`] is a 32-bit field).
fn scale(time: u64, from: u64, to: u64) -> u64 {
    let rest = time % from * to / from;
    (time / from).checked_mul(to).and_then(|whole| whole.checked_add(rest)).unwrap_or(u64::MAX)
}

/// [`MIN_BUDGET_US`] in ticks.
#[inline]
pub fn min_budget() -> u64 {
    arch::timer::frequency() * MIN_BUDGET_US / US_PER_SECOND
}

/// Longest period in microseconds: an hour, so that sums of times stay far from the counter's end.
pub const fn max_period_us() -> u64 {
    3_600 * US_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::scale;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_wide_arithmetic(time: u64, from in 1u64..1 << 32, to in 1u64..1 << 32) {
            let wide = u128::from(time) * u128::from(to) / u128::from(from);
            prop_assert_eq!(scale(time, from, to), u64::try_from(wide).unwrap_or(u64::MAX));
        }
    }
}
