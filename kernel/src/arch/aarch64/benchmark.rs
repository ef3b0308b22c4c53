//! The cycle counter, which the benchmark configuration's kernel and user level share.

use super::sysreg::read;

/// Cycles since some time before boot.
#[inline(always)]
pub fn cycles() -> u64 {
    read!("pmccntr_el0")
}
