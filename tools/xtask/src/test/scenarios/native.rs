//! Protection domains without a guest: they judge each other, and the monitor judges those that fault.

use anyhow::{Context, Result, ensure};

use super::judges_itself;
use crate::cli::{BuildOptions, Config};
use crate::guest::Kernel;
use crate::machine::{CPUS, Gic};
use crate::test::scenario::{Boots, Case, Scenario, Talk};

pub const CASES: [Case; 2] = [
    Case { name: "calls, notifications, interrupts, servers, children", check: judges_itself },
    Case { name: "the monitor reports each fault", check: faults },
];

/// Domains that fault, and what the monitor says of them.
const FAULTS: [(&str, &str); 7] = [
    ("null_write", "null"),
    ("stack_overflow", "stack"),
    ("undefined_instruction", "undefined"),
    ("write_to_code", "bad write"),
    ("jump_to_data", "bad instruction fetch"),
    ("panic", "help"),
    ("missing_capability", "empty slot"),
];

/// The root task that holds the kernel against the manual, in the initialiser's place.
pub const ABI_ROOT: &str = "abi_root";
pub const ABI_CASES: [Case; 1] = [Case { name: "the kernel is as the manual has it", check: judges_itself }];

/// The native test system and the root task that tests the kernel, on every interrupt controller and CPU; the latter in
/// each configuration.
pub fn scenarios() -> Vec<Scenario> {
    let machines = Gic::ALL.iter().flat_map(|&gic| CPUS.map(|cpu| (gic, cpu)));
    let in_debug = machines.flat_map(|(gic, cpu)| [native(gic, cpu), abi(Config::Debug, gic, cpu)]);
    let others = [(Config::Release, Gic::V3), (Config::Benchmark, Gic::V2)];
    let others = others.map(|(config, gic)| abi(config, gic, "cortex-a72"));
    in_debug.chain(others).chain([small_root()]).collect()
}

/// They report on the debug console.
fn options() -> BuildOptions {
    BuildOptions::of("tests/systems/native.xml", Config::Debug, Kernel::V6_1)
}

fn native(gic: Gic, cpu: &'static str) -> Scenario {
    let name = format!("native, GICv{}, {cpu}", gic.version());
    Scenario { name, boots: Boots::System(options()), cpu, gic, counted: false, cases: CASES.to_vec() }
}

fn abi(config: Config, gic: Gic, cpu: &'static str) -> Scenario {
    let name = format!("system calls, {}, GICv{}, {cpu}", config.name(), gic.version());
    let options = BuildOptions { config, root_task: Some(ABI_ROOT.to_owned()), ..options() };
    Scenario { name, boots: Boots::System(options), cpu, gic, counted: false, cases: ABI_CASES.to_vec() }
}

/// A root task that is written with the runtime for root tasks.
fn small_root() -> Scenario {
    let options = BuildOptions { root_task: Some("small_root".to_owned()), ..options() };
    Scenario {
        name: "root task, GICv2, cortex-a53".to_owned(),
        boots: Boots::System(options),
        cpu: CPUS[0],
        gic: Gic::V2,
        counted: false,
        cases: vec![
            Case { name: "has a heap, boot info, objects", check: judges_itself },
            Case { name: "ends with its error", check: ends_with_its_error },
        ],
    }
}

fn ends_with_its_error(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.expect("main thread terminated with error: DeleteFirst")?;
    Ok(None)
}

fn faults(talk: &mut Talk) -> Result<Option<String>> {
    for (domain, fault) in FAULTS {
        let report = report_of(talk.session.transcript(), domain);
        let report = report.with_context(|| format!("no report of {domain}"))?;
        ensure!(report.contains(fault), "the report of {domain} does not say `{fault}`:\n{report}");
    }
    Ok(None)
}

/// The monitor's report of a domain, with all its registers.
fn report_of<'a>(transcript: &'a str, domain: &str) -> Option<&'a str> {
    let (_, rest) = transcript.split_once(&format!("MONITOR: protection domain '{domain}' has faulted"))?;
    let (_, registers) = rest.split_once("x30")?;
    rest.get(..rest.len() - registers.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_out_a_report() {
        let transcript = "x MONITOR: protection domain 'a' has faulted\n what\n x0 1 x30 2\n\
                          MONITOR: protection domain 'b' has faulted\n that\n x30";
        assert_eq!(report_of(transcript, "a"), Some("\n what\n x0 1 x30"));
        assert_eq!(report_of(transcript, "b"), Some("\n that\n x30"));
        assert_eq!(report_of(transcript, "c"), None);
    }
}
