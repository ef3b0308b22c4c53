//! The system counter, which user level may read.

use sel4::Time;

/// Microseconds in a second.
const SECOND: Time = 1_000_000;

/// The counter, in ticks.
#[cfg(target_os = "none")]
pub use sel4::{counter, counter_frequency};

/// A host has no counter, and runs nothing that asks for it.
#[cfg(not(target_os = "none"))]
pub fn counter() -> u64 {
    0
}
#[cfg(not(target_os = "none"))]
pub use counter as counter_frequency;

/// Microseconds since the counter was `start`.
pub fn elapsed(start: u64) -> Time {
    (counter() - start) * SECOND / counter_frequency().max(1)
}
