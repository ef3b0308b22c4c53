//! The rows: what is measured, and its goal.

use anyhow::Result;

use super::measure::{self, Bench, Host};
use crate::guest::Kernel;

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// Nothing: it is what others are compared with.
    Baseline,
    /// At most so many instructions.
    AtMost(u64),
    /// At most so many times another figure, in thousandths.
    AtMostTimes(u64, Measure),
}

/// Measures one figure, in instructions.
pub type Measure = fn(&mut Bench) -> Result<u64>;

/// One figure.
#[derive(Clone, Copy)]
pub struct Row {
    /// What is counted.
    pub operation: &'static str,
    /// What the count should be.
    pub goal: Goal,
    /// Counts.
    pub measure: Measure,
}

/// All rows.
pub fn all() -> Vec<Row> {
    vec![
        Row { operation: "power-on to prompt, Linux 6.1, no hypervisor", goal: Goal::Baseline, measure: bare_boot_6_1 },
        Row {
            operation: "power-on to prompt, Linux 6.1, quoll",
            goal: Goal::AtMostTimes(1050, bare_boot_6_1),
            measure: |bench| boot(bench, Host::Quoll, Kernel::V6_1),
        },
        Row {
            operation: "power-on to prompt, Linux 6.12, no hypervisor",
            goal: Goal::Baseline,
            measure: bare_boot_6_12,
        },
        Row {
            operation: "power-on to prompt, Linux 6.12, quoll",
            goal: Goal::AtMostTimes(1050, bare_boot_6_12),
            measure: |bench| boot(bench, Host::Quoll, Kernel::V6_12),
        },
        Row {
            operation: "idle guest, 10 virtual seconds, no hypervisor",
            goal: Goal::Baseline,
            measure: |bench| idle(bench, Host::Bare),
        },
        Row {
            operation: "idle guest, 10 virtual seconds, quoll",
            goal: Goal::AtMost(IDLE_LIMIT),
            measure: |bench| idle(bench, Host::Quoll),
        },
    ]
}

/// 0.1 % of the instructions that ten virtual seconds hold.
pub const IDLE_LIMIT: u64 = 10_000_000;

fn bare_boot_6_1(bench: &mut Bench) -> Result<u64> {
    boot(bench, Host::Bare, Kernel::V6_1)
}

fn bare_boot_6_12(bench: &mut Bench) -> Result<u64> {
    boot(bench, Host::Bare, Kernel::V6_12)
}

fn boot(bench: &mut Bench, host: Host, kernel: Kernel) -> Result<u64> {
    measure::until(bench.linux(host, kernel)?, 0)
}

fn idle(bench: &mut Bench, host: Host) -> Result<u64> {
    measure::between(bench.linux(host, Kernel::V6_1)?, 1, 2)
}
