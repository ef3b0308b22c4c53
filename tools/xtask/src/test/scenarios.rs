//! What is tested in QEMU.

use super::scenario::Scenario;

/// All scenarios.
pub fn all() -> Vec<Scenario> {
    Vec::new()
}
