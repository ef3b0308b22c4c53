//! Guests without an operating system: one that does what it must not, judges the answers, and leaves the others alone; and two
//! that send each other messages.

use anyhow::{Context, Result, ensure};

use super::{CHORD, ECHO, ask_echo, judges_itself};
use crate::cli::{BuildOptions, Config};
use crate::guest::Kernel;
use crate::machine::{CPUS, Gic};
use crate::test::scenario::{Boots, Case, Scenario, Talk};

/// The system with the guest that does what it must not.
const BAD: &str = "tests/systems/bad-guest.xml";
const CASES: [Case; 3] = [
    Case { name: "gets the architecture's answers", check: judges_itself },
    Case { name: "is told of once for each misdeed", check: reports },
    Case { name: "leaves the others undisturbed", check: others },
];

const MESSAGES: Case =
    Case { name: "arrive, wait, are refused, broadcast, and interrupt or do not", check: judges_itself };

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
    let bad = machines.map(|(gic, cpu)| scenario("bad guest", BAD, Config::Debug, gic, cpu, &CASES));
    let messages = [
        ("messages", "tests/systems/messages.xml", Config::Debug, Gic::V2, "cortex-a53"),
        ("messages", "tests/systems/messages.xml", Config::Release, Gic::V3, "max"),
        ("messages, 4 cores", "tests/systems/messages-smp.xml", Config::SmpDebug, Gic::V2, "max"),
        ("messages, 4 cores", "tests/systems/messages-smp.xml", Config::SmpDebug, Gic::V3, "cortex-a53"),
    ];
    let messages =
        messages.map(|(name, system, config, gic, cpu)| scenario(name, system, config, gic, cpu, &[MESSAGES]));
    bad.chain(messages).collect()
}

fn scenario(name: &str, system: &str, config: Config, gic: Gic, cpu: &'static str, cases: &[Case]) -> Scenario {
    Scenario {
        name: format!("{name}, GICv{}, {cpu}", gic.version()),
        boots: Boots::System(BuildOptions::of(system, config, Kernel::V6_1)),
        cpu,
        gic,
        counted: false,
        cases: cases.to_vec(),
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
