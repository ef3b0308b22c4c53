//! Protection domains without a guest: they judge each other, and the monitor judges those that fault.

use anyhow::{Context, Result, ensure};

use crate::cli::{BuildOptions, Config};
use crate::guest::Kernel;
use crate::machine::{CPUS, Gic};
use crate::test::scenario::{Boots, Case, Scenario, Talk};

const CASES: [Case; 2] = [
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

/// The native test system on every interrupt controller and CPU.
pub fn scenarios() -> Vec<Scenario> {
    Gic::ALL.iter().flat_map(|&gic| CPUS.map(|cpu| scenario(gic, cpu))).collect()
}

fn scenario(gic: Gic, cpu: &'static str) -> Scenario {
    let system = "tests/systems/native.xml".into();
    Scenario {
        name: format!("native, GICv{}, {cpu}", gic.version()),
        // The domains report on the debug console.
        boots: Boots::System(BuildOptions { system, config: Config::Debug, linux: Kernel::V6_1 }),
        cpu,
        gic,
        counted: false,
        cases: CASES.to_vec(),
    }
}

fn judges_itself(talk: &mut Talk) -> Result<Option<String>> {
    let before = talk.session.expect("DONE native: ")?;
    let failed: Vec<&str> = before.lines().filter(|line| line.starts_with("FAIL")).collect();
    let sum = talk.session.expect("\n")?;
    ensure!(failed.is_empty() && sum.ends_with(" 0 failed"), "{sum}\n{}", failed.join("\n"));
    Ok(Some(sum))
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
