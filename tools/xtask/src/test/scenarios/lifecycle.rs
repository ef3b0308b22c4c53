//! Protection domains that end and are started anew.

use std::fs;

use anyhow::{Context, Result};

use super::{CHORD, judges_itself};
use crate::cli::{BuildOptions, Config, TestOptions};
use crate::guest::Kernel;
use crate::machine::Gic;
use crate::test::scenario::{Boots, Case, Scenario, Talk};
use crate::workspace::Workspace;

/// The campaign's system, and the file that tells it what to do, as the system names it.
const SYSTEM: &str = "tests/systems/lifecycle.xml";
const ORDERS: &str = "tests/systems/lifecycle-orders.txt";

/// The key of the other guest's line (`tests/systems/lifecycle-clients.txt`).
const TICKER: char = '2';

/// How often the campaign kills each part, usually and at length.
const ROUNDS: u64 = 1;
const MANY_ROUNDS: u64 = 20;

/// Puts the campaign's orders where they are found before those of the source tree.
///
/// # Errors
/// When they cannot be written.
pub fn give_orders(workspace: &Workspace, options: &TestOptions) -> Result<()> {
    let rounds = if options.long { MANY_ROUNDS } else { ROUNDS };
    let seed = options.seed.unwrap_or(1);
    let path = workspace.output(Config::Debug.name()).join(ORDERS);
    fs::create_dir_all(path.parent().unwrap_or(&path))?;
    fs::write(&path, format!("seed {seed}, {rounds} rounds\n"))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A supervisor, and children of it that end in several ways.
pub fn scenarios() -> Vec<Scenario> {
    let machines = [(Gic::V2, "cortex-a53", Config::Debug), (Gic::V3, "max", Config::SmpRelease)];
    machines.map(|(gic, cpu, config)| reload(gic, cpu, config)).into_iter().chain([campaign()]).collect()
}

/// Drivers, servers, monitors and guests are killed in turn, under load; time is counted in instructions.
fn campaign() -> Scenario {
    Scenario {
        name: "campaign, GICv2, cortex-a53".to_owned(),
        boots: Boots::System(BuildOptions::of(SYSTEM, Config::Debug, Kernel::V6_1)),
        cpu: "cortex-a53",
        gic: Gic::V2,
        counted: true,
        cases: vec![
            Case { name: "whoever is killed comes back, and the others go on", check: judges_itself },
            Case { name: "who was killed how often, and how soon all went on", check: figures },
            Case { name: "the console goes on", check: console_goes_on },
            Case { name: "the other guest's line goes on", check: line_goes_on },
        ],
    }
}

/// What the campaign has counted.
fn figures(talk: &mut Talk) -> Result<Option<String>> {
    let lines = talk.session.transcript().lines().filter_map(|line| line.split_once("PASS campaign: "));
    let lines: Vec<_> = lines.map(|(_, line)| line).filter(|line| line.contains(": killed ")).collect();
    anyhow::ensure!(!lines.is_empty(), "no figures");
    Ok(Some(lines.join("; ")))
}

/// What the campaign says last comes through console server and driver, which were killed, too.
fn console_goes_on(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.expect("The campaign is over.")?;
    Ok(None)
}

/// What is typed comes through driver and server, which take what the guest prints back to the terminal: monitor and guest were killed, too.
fn line_goes_on(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.send(&format!("{CHORD}{TICKER}"))?;
    talk.session.expect("tick ")?;
    Ok(None)
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
