//! Protection domains that end and are started anew.

use super::judges_itself;
use crate::cli::{BuildOptions, Config};
use crate::guest::Kernel;
use crate::machine::Gic;
use crate::test::scenario::{Boots, Case, Scenario};

/// A supervisor, and children of it that end in several ways.
pub fn scenarios() -> Vec<Scenario> {
    let machines = [(Gic::V2, "cortex-a53", Config::Debug), (Gic::V3, "max", Config::SmpRelease)];
    machines.map(|(gic, cpu, config)| reload(gic, cpu, config)).into()
}

fn reload(gic: Gic, cpu: &'static str, config: Config) -> Scenario {
    Scenario {
        name: format!("reload, {}, GICv{}, {cpu}", config.name(), gic.version()),
        boots: Boots::System(BuildOptions::of("tests/systems/reload.xml", config, Kernel::V6_1)),
        cpu,
        gic,
        counted: false,
        cases: vec![Case { name: "a child starts anew as if it had never run", check: judges_itself }],
    }
}
