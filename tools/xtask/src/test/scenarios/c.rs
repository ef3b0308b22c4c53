//! Programs in C that are built with nothing but the SDK's folder.

use super::judges_itself;
use crate::cli::Config;
use crate::machine::Gic;
use crate::test::scenario::{Boots, Case, Scenario};

const CASES: [Case; 1] =
    [Case { name: "calls, notifications, interrupts, children, invocations", check: judges_itself }];

/// In each kind of configuration: its numbers differ.
pub fn scenarios() -> Vec<Scenario> {
    let machines = [
        (Config::Debug, Gic::V2, "cortex-a53"),
        (Config::Release, Gic::V3, "max"),
        (Config::Benchmark, Gic::V2, "cortex-a72"),
        (Config::SmpDebug, Gic::V3, "cortex-a53"),
    ];
    machines.map(|(config, gic, cpu)| scenario(config, gic, cpu)).into()
}

fn scenario(config: Config, gic: Gic, cpu: &'static str) -> Scenario {
    let name = format!("C, {}, GICv{}, {cpu}", config.name(), gic.version());
    Scenario { name, boots: Boots::C(config), cpu, gic, counted: false, cases: CASES.to_vec() }
}
