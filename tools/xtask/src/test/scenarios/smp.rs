//! Several cores: what runs on one runs spread over four, and Linux has virtual CPUs on each.

use anyhow::{Result, ensure};

use super::{linux, native};
use crate::cli::{BuildOptions, Config};
use crate::guest::{Kernel, PROMPT};
use crate::machine::Gic;
use crate::test::scenario::{Boots, Case, Scenario, Talk};

/// The CPUs: an Armv8.0, and all that QEMU has.
const CPUS: [&str; 2] = ["cortex-a53", "max"];

const LINUX_CASES: [Case; 5] = [
    Case { name: "reaches the prompt", check: linux::prompt },
    Case { name: "has a timer and interrupts between CPUs on each", check: each_works },
    Case { name: "switches CPUs off and on", check: hotplug },
    Case { name: "reboots", check: linux::reboot },
    Case { name: "powers off, and the others go on", check: linux::power_off },
];

/// The systems on every interrupt controller, and two virtual CPUs that share one core.
pub fn scenarios() -> Vec<Scenario> {
    let machines = Gic::ALL.iter().flat_map(|&gic| CPUS.map(|cpu| (gic, cpu)));
    let mut scenarios: Vec<Scenario> = machines
        .flat_map(|(gic, cpu)| {
            let name = |what: &str| format!("{what}, 4 cores, GICv{}, {cpu}", gic.version());
            let native = BuildOptions::of("tests/systems/native-smp.xml", Config::SmpDebug, Kernel::V6_1);
            let abi = BuildOptions { root_task: Some(native::ABI_ROOT.to_owned()), ..native.clone() };
            let linux = with_vcpus("tests/systems/linux.xml", 4, Config::SmpDebug);
            [
                scenario(name("Linux with 4 CPUs"), linux, (gic, cpu), &LINUX_CASES),
                scenario(name("native"), native, (gic, cpu), &native::CASES),
                scenario(name("system calls"), abi, (gic, cpu), &native::ABI_CASES),
            ]
        })
        .collect();
    // Without the debug console nobody reads what the monitor says.
    for (config, gic) in [(Config::SmpRelease, Gic::V3), (Config::SmpBenchmark, Gic::V2)] {
        let options = BuildOptions::of("tests/systems/native-smp.xml", config, Kernel::V6_1);
        let name = format!("native, {}, 4 cores, GICv{}, cortex-a53", config.name(), gic.version());
        scenarios.push(scenario(name, options, (gic, "cortex-a53"), &native::CASES[..1]));
    }
    for gic in Gic::ALL {
        let options = with_vcpus("tests/systems/linux.xml", 2, Config::Debug);
        let name = format!("Linux with 2 CPUs, 1 core, GICv{}, cortex-a53", gic.version());
        scenarios.push(scenario(name, options, (gic, "cortex-a53"), &LINUX_CASES));
    }
    scenarios
}

/// A system whose guest has so many virtual CPUs.
fn with_vcpus(system: &str, count: usize, config: Config) -> BuildOptions {
    BuildOptions { vcpus: Some(count), ..BuildOptions::of(system, config, Kernel::V6_1) }
}

fn scenario(name: String, options: BuildOptions, (gic, cpu): (Gic, &'static str), cases: &[Case]) -> Scenario {
    Scenario { name, boots: Boots::System(options), cpu, gic, counted: false, cases: cases.to_vec() }
}

/// How many virtual CPUs the guest has.
fn cpus(talk: &mut Talk) -> Result<usize> {
    Ok(talk.session.ask("nproc", PROMPT)?.trim().parse()?)
}

/// On each CPU, a process that sleeps and wakes; they start each other, which takes interrupts from CPU to CPU.
fn each_works(talk: &mut Talk) -> Result<Option<String>> {
    let cpus = cpus(talk)?;
    ensure!(cpus > 1, "the guest has {cpus} CPU");
    // The shell wraps what is longer than a line.
    talk.session.ask("echo 'for i in $(seq 50); do sleep 0.01; done; echo end' > /tmp/work", PROMPT)?;
    let command = format!("(for c in $(seq 0 {}); do taskset -c $c sh /tmp/work& done; wait)|cat", cpus - 1);
    let answer = talk.session.ask(&command, PROMPT)?;
    let ends = answer.split_whitespace().filter(|word| *word == "end").count();
    ensure!(ends == cpus, "{ends} of {cpus} came to their end: {answer}");
    let answer = talk.session.ask("cat /proc/interrupts", PROMPT)?;
    for what in ["arch_timer", "IPI0", "IPI1"] {
        let line = answer.lines().find(|line| line.contains(what)).unwrap_or_default();
        let counts = line.split_whitespace().skip(1).take(cpus).filter_map(|word| word.parse::<u64>().ok());
        ensure!(counts.filter(|count| *count > 0).count() == cpus, "not on each CPU: {line}");
    }
    Ok(None)
}

fn hotplug(talk: &mut Talk) -> Result<Option<String>> {
    let last = cpus(talk)? - 1;
    for _ in 0..3 {
        for (state, expected) in [(0, last), (1, last + 1)] {
            talk.session.ask(&format!("echo {state} > /sys/devices/system/cpu/cpu{last}/online"), PROMPT)?;
            let online = cpus(talk)?;
            ensure!(online == expected, "{online} CPUs are on, not {expected}");
        }
        let answer = talk.session.ask(&format!("taskset -c {last} echo here"), PROMPT)?;
        ensure!(answer.contains("here"), "{answer}");
    }
    Ok(None)
}
