//! A protection domain that makes system calls at random: the others and the kernel go on as if it weren't there.

use std::fs;
use std::time::SystemTime;

use anyhow::{Context, Result};

use super::judges_itself;
use crate::cli::{BuildOptions, Config, TestOptions};
use crate::guest::Kernel;
use crate::machine::Gic;
use crate::test::scenario::{Boots, Case, Scenario};
use crate::workspace::Workspace;

/// The systems, and the file that tells the hostile what to do, as they name it.
const SYSTEM: &str = "tests/systems/isolation.xml";
const SYSTEM_SMP: &str = "tests/systems/isolation-smp.xml";
const ORDERS: &str = "tests/systems/isolation.txt";

/// System calls at random, usually and at length.
const CALLS: u64 = 20_000;
const MANY_CALLS: u64 = 1_000_000;

/// Puts the hostile's orders where they are found before those of the source tree.
///
/// # Errors
/// When they cannot be written.
pub fn give_orders(workspace: &Workspace, options: &TestOptions) -> Result<()> {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let (calls, seed) = if options.long { (MANY_CALLS, now()) } else { (CALLS, 1) };
    let seed = options.seed.unwrap_or(seed);
    for config in [Config::Debug, Config::Release, Config::SmpDebug] {
        let path = workspace.output(config.name()).join(ORDERS);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(&path, format!("seed {seed}, {calls} calls\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

const CASES: [Case; 1] = [Case { name: "a hostile protection domain gets at nobody", check: judges_itself }];

/// Each interrupt controller, CPU and configuration once, and several cores.
pub fn scenarios() -> Vec<Scenario> {
    let machines = [
        (SYSTEM, Gic::V2, "cortex-a53", Config::Debug),
        (SYSTEM, Gic::V3, "max", Config::Release),
        (SYSTEM_SMP, Gic::V3, "cortex-a53", Config::SmpDebug),
    ];
    machines.map(|(system, gic, cpu, config)| scenario(system, gic, cpu, config)).into()
}

fn scenario(system: &str, gic: Gic, cpu: &'static str, config: Config) -> Scenario {
    let name = format!("isolation, {}, GICv{}, {cpu}", config.name(), gic.version());
    let boots = Boots::System(BuildOptions::of(system, config, Kernel::V6_1));
    Scenario { name, boots, cpu, gic, counted: false, cases: CASES.to_vec() }
}
