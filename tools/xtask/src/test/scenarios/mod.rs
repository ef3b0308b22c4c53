//! What is tested in QEMU.

mod idle;
mod linux;
mod native;

use super::scenario::Scenario;

/// All scenarios; the long ones first, so that all processors have work to the end.
pub fn all() -> Vec<Scenario> {
    let mut all = linux::scenarios();
    all.push(idle::scenario());
    all.extend(native::scenarios());
    all
}
