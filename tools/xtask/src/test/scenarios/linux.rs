//! Unmodified Linux at the console, on every machine that we support.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use super::{CHORD, ECHO, ask_echo};
use crate::cli::{BuildOptions, Config};
use crate::guest::{Kernel, PROMPT, READY};
use crate::machine::{CPUS, Gic};
use crate::test::scenario::{Boots, Case, Scenario, Talk};

const LIST: &str = "l";
const LINUX: &str = "1";

/// What any Linux does.
const GUEST: [Case; 7] = [
    Case { name: "reaches the prompt", check: prompt },
    Case { name: "is the kernel as packaged", check: uname },
    Case { name: "has its interrupts", check: interrupts },
    Case { name: "knows the time", check: date },
    Case { name: "wakes from sleep", check: sleep },
    Case { name: "has job control", check: job_control },
    Case { name: "loses no output", check: no_loss },
];
/// What takes the console server and the VMM as well.
const SYSTEM: [Case; 4] = [
    Case { name: "sees no feature that is not virtualized", check: features },
    Case { name: "the chord moves between clients", check: chord },
    Case { name: "reboots", check: reboot },
    Case { name: "powers off, and the others go on", check: power_off },
];

/// Every kernel on every interrupt controller and CPU, and one without us.
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for linux in Kernel::ALL {
        for gic in Gic::ALL {
            scenarios.extend(CPUS.map(|cpu| on_quoll(linux, gic, cpu)));
        }
    }
    scenarios.extend(["cortex-a53", "max"].map(on_plain_sel4));
    scenarios.push(reference());
    scenarios
}

fn on_quoll(linux: Kernel, gic: Gic, cpu: &'static str) -> Scenario {
    Scenario {
        name: format!("Linux {}, GICv{}, {cpu}", linux.version(), gic.version()),
        boots: Boots::System(BuildOptions::of("tests/systems/linux.xml", Config::Debug, linux)),
        cpu,
        gic,
        counted: false,
        cases: GUEST.into_iter().chain(SYSTEM).collect(),
    }
}

/// The VMM as it is built for other kernels, which have a GICv2 on this board.
fn on_plain_sel4(cpu: &'static str) -> Scenario {
    let options =
        BuildOptions { plain: true, ..BuildOptions::of("tests/systems/plain.xml", Config::Debug, Kernel::V6_1) };
    Scenario {
        name: format!("Linux 6.1, VMM for other kernels, GICv2, {cpu}"),
        boots: Boots::System(options),
        cpu,
        gic: Gic::V2,
        counted: false,
        cases: GUEST.into_iter().chain(SYSTEM).collect(),
    }
}

/// Shows that guest, QEMU and these conversations are right, whatever quoll does.
fn reference() -> Scenario {
    Scenario {
        name: "Linux 6.1 without quoll".to_owned(),
        boots: Boots::Bare(Kernel::V6_1),
        cpu: CPUS[0],
        gic: Gic::V3,
        counted: false,
        cases: GUEST.to_vec(),
    }
}

pub fn prompt(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.expect(READY)?;
    talk.session.expect(PROMPT)?;
    Ok(None)
}

fn uname(talk: &mut Talk) -> Result<Option<String>> {
    let answer = talk.session.ask("uname -a", PROMPT)?;
    let version = talk.scenario.boots.linux().context("this boots no Linux")?.version();
    ensure!(answer.contains(&format!("Linux linux {version}.")), "this is not Linux {version}: {answer}");
    Ok(None)
}

fn interrupts(talk: &mut Talk) -> Result<Option<String>> {
    let answer = talk.session.ask("cat /proc/interrupts", PROMPT)?;
    // As Linux calls them.
    let gic = match talk.scenario.gic {
        Gic::V2 => "GIC-0",
        Gic::V3 => "GICv3",
    };
    for device in ["arch_timer", "uart-pl011"] {
        let line = answer.lines().find(|line| line.contains(device));
        let line = line.with_context(|| format!("no {device} in {answer}"))?;
        let count: u64 = line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        ensure!(line.contains(gic) && count > 0, "{device} has no interrupts on {gic}: {line}");
    }
    Ok(None)
}

pub fn date(talk: &mut Talk) -> Result<Option<String>> {
    let answer = talk.session.ask("date +%s", PROMPT)?;
    let guest: u64 = answer.trim().parse().with_context(|| format!("not a time: {answer}"))?;
    let host = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    ensure!(guest.abs_diff(host) < 3600, "the guest's clock shows {guest}, it is {host}");
    Ok(None)
}

fn sleep(talk: &mut Talk) -> Result<Option<String>> {
    let answer = talk.session.ask("sleep 1 && echo awake", PROMPT)?;
    ensure!(answer.contains("awake"), "{answer}");
    Ok(None)
}

fn job_control(talk: &mut Talk) -> Result<Option<String>> {
    let session = &mut talk.session;
    session.send("sleep 1000\r")?;
    session.expect("sleep 1000")?;
    session.wait_until_quiet(Duration::from_millis(500))?;
    session.send("\x03")?;
    session.expect(PROMPT)?;
    let answer = session.ask("echo $?", PROMPT)?;
    ensure!(answer.trim() == "130", "the shell says {answer}, not that an interrupt ended it");
    Ok(None)
}

fn no_loss(talk: &mut Talk) -> Result<Option<String>> {
    let answer = talk.session.ask("seq 1000 1999", PROMPT)?;
    let numbers: Vec<&str> = answer.split_whitespace().collect();
    let expected: Vec<String> = (1000..2000).map(|number| number.to_string()).collect();
    ensure!(numbers == expected, "{} lines came of {}", numbers.len(), expected.len());
    Ok(None)
}

/// As Linux calls them: what every processor has, and what only some machines have, where it must be hidden.
const FEATURES: [&str; 2] = ["fp", "asimd"];
const HIDDEN: [&str; 6] = ["sve", "sve2", "sme", "mte", "paca", "pacg"];

fn features(talk: &mut Talk) -> Result<Option<String>> {
    let answer = talk.session.ask("grep Features /proc/cpuinfo", PROMPT)?;
    let has = |name: &&&str| answer.split_whitespace().any(|word| word == **name);
    ensure!(FEATURES.iter().all(|name| has(&name)), "{FEATURES:?} are not all in {answer}");
    let leaked: Vec<_> = HIDDEN.iter().filter(has).collect();
    ensure!(leaked.is_empty(), "{leaked:?} are in {answer}");
    let answer = talk.session.ask("dmesg | grep -e 'PMU driver' -e 'started at EL'", PROMPT)?;
    let told: Vec<_> = answer.lines().filter(|line| line.starts_with('[')).collect();
    ensure!(told.len() == 1 && told[0].ends_with("started at EL1"), "Linux has found {told:?}");
    Ok(None)
}

fn chord(talk: &mut Talk) -> Result<Option<String>> {
    let session = &mut talk.session;
    session.send(&format!("{CHORD}{LIST}"))?;
    session.expect("linux")?;
    session.expect("echo")?;
    session.send(&format!("{CHORD}{ECHO}"))?;
    ask_echo(talk)?;
    focus_linux(talk)?;
    let answer = talk.session.ask("echo back", PROMPT)?;
    ensure!(answer.contains("back"), "{answer}");
    Ok(None)
}

pub fn reboot(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.ask("touch /tmp/trace; reboot", READY)?;
    talk.session.expect(PROMPT)?;
    let answer = talk.session.ask("ls /tmp; cut -d. -f1 /proc/uptime", PROMPT)?;
    ensure!(!answer.contains("trace"), "something of the life before is left: {answer}");
    Ok(None)
}

pub fn power_off(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.ask("poweroff", "power")?;
    talk.session.wait_until_quiet(Duration::from_secs(4))?;
    talk.session.send(&format!("{CHORD}{ECHO}"))?;
    ask_echo(talk)?;
    Ok(None)
}

fn focus_linux(talk: &mut Talk) -> Result<()> {
    talk.session.send(&format!("{CHORD}{LINUX}"))?;
    // An empty line brings a fresh prompt behind the history that the server shows again.
    talk.session.wait_until_quiet(Duration::from_millis(500))?;
    talk.session.send("\r")?;
    talk.session.expect(PROMPT)?;
    Ok(())
}
