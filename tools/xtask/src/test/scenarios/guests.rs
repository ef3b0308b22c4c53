//! A guest that does what it must not: it judges the answers, and the others go on.

use anyhow::{Context, Result, ensure};

use super::{CHORD, ECHO, ask_echo, judges_itself};
use crate::cli::{BuildOptions, Config};
use crate::guest::Kernel;
use crate::machine::{CPUS, Gic};
use crate::test::scenario::{Boots, Case, Scenario, Talk};

const CASES: [Case; 3] = [
    Case { name: "gets the architecture's answers", check: judges_itself },
    Case { name: "is told of once for each misdeed", check: reports },
    Case { name: "leaves the others undisturbed", check: others },
];

/// What the VMM says on the debug console, each once however often the guest does it.
const REPORTS: [&str; 8] = [
    "access to 0xa000000, where nothing is",
    "instruction fetch from 0xa000000, where nothing is",
    "access to 0x70000000, where nothing is",
    "access to a device at 0x9000018 by an instruction that the processor does not describe",
    "call of firmware function 0x86001234",
    "call of firmware function 0xc6001234",
    "call of firmware function 0x84000099",
    "call of firmware function 0x80007fff",
];

/// On every interrupt controller and CPU.
pub fn scenarios() -> Vec<Scenario> {
    let machines = Gic::ALL.iter().flat_map(|&gic| CPUS.map(|cpu| (gic, cpu)));
    machines.map(|(gic, cpu)| scenario(gic, cpu)).collect()
}

fn scenario(gic: Gic, cpu: &'static str) -> Scenario {
    Scenario {
        name: format!("bad guest, GICv{}, {cpu}", gic.version()),
        boots: Boots::System(BuildOptions::of("tests/systems/bad-guest.xml", Config::Debug, Kernel::V6_1)),
        cpu,
        gic,
        counted: false,
        cases: CASES.to_vec(),
    }
}

fn reports(talk: &mut Talk) -> Result<Option<String>> {
    let transcript = talk.session.transcript();
    for report in REPORTS {
        let times = transcript.matches(report).count();
        ensure!(times == 1, "`{report}` was told {times} times");
    }
    let registers = transcript.matches("system register").count();
    (registers <= 3).then_some(None).context("a system register was told of more than once")
}

fn others(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.send(&format!("{CHORD}{ECHO}"))?;
    ask_echo(talk)?;
    Ok(None)
}
