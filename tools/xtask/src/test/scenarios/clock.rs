//! A real-time clock that a Linux and a native program share.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::linux::{date, prompt};
use super::{CHORD, ECHO};
use crate::cli::{BuildOptions, Config};
use crate::guest::{Kernel, PROMPT};
use crate::machine::{CPUS, Gic};
use crate::test::scenario::{Boots, Case, Scenario, Talk};

/// The alarm is set so many seconds ahead. A machine that has other things to do may notice it later.
const AHEAD: u64 = 5;

const CASES: [Case; 5] = [
    Case { name: "reaches the prompt", check: prompt },
    Case { name: "knows the time", check: date },
    Case { name: "its alarm comes when it was set, and not before", check: alarm },
    Case { name: "each second is told once to who wants that", check: ticks },
    Case { name: "powers off, and the others go on", check: off_and_on },
];

/// On both interrupt controllers.
pub fn scenarios() -> Vec<Scenario> {
    let scenario = |gic: Gic| Scenario {
        name: format!("clock, Linux 6.1, GICv{}", gic.version()),
        boots: Boots::System(BuildOptions::of("tests/systems/clock.xml", Config::Debug, Kernel::V6_1)),
        cpu: CPUS[0],
        gic,
        counted: false,
        cases: CASES.to_vec(),
    };
    Gic::ALL.iter().copied().map(scenario).collect()
}

/// The number that a command prints.
fn number(talk: &mut Talk, command: &str) -> Result<u64> {
    let answer = talk.session.ask(command, PROMPT)?;
    answer.trim().parse().with_context(|| format!("`{command}`: {answer}"))
}

fn alarm(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.ask("cd /sys/class/rtc/rtc0", PROMPT)?;
    let begin = number(talk, "cat since_epoch")?;
    // Whoever reads the device waits for its interrupt.
    talk.session.ask(&format!("echo +{AHEAD} > wakealarm; head -c 8 /dev/rtc0 > /dev/null"), PROMPT)?;
    let passed = number(talk, "cat since_epoch")? - begin;
    ensure!((AHEAD..10 * AHEAD).contains(&passed), "it came after {passed} seconds");
    let line = talk.session.ask("grep rtc-pl031 /proc/interrupts", PROMPT)?;
    let count = line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    ensure!(count == Some(1), "not one interrupt: {line}");
    Ok(None)
}

fn ticks(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.send(&format!("{CHORD}{ECHO}"))?;
    talk.session.expect("--- ticks")?;
    let mut last = 0;
    for _ in 0..5 {
        talk.session.expect("tick ")?;
        let second: u64 = talk.session.expect("\n")?.trim().parse()?;
        ensure!(second > last, "{second} follows {last}");
        last = second;
    }
    Ok(None)
}

fn off_and_on(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.send(&format!("{CHORD}1\r"))?;
    talk.session.expect(PROMPT)?;
    talk.session.ask("poweroff", "power")?;
    // It wakes each second, so it is not quiet for longer.
    talk.session.wait_until_quiet(Duration::from_millis(500))?;
    talk.session.send(&format!("{CHORD}{ECHO}"))?;
    for _ in 0..3 {
        talk.session.expect("tick ")?;
    }
    Ok(None)
}
