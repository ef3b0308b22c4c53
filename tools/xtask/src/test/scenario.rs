//! A scenario: one machine, one conversation, cut into cases.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};

use super::Tally;
use crate::bench;
use crate::build;
use crate::cli::{BuildOptions, Config};
use crate::console::{Lost, Session};
use crate::guest::Kernel;
use crate::machine::{Boot, Clock, Gic, Machine};
use crate::peripherals::{self, Peripherals};
use crate::terminals::running::Started;
use crate::workspace::Workspace;

/// One step of the conversation and what it shows.
#[derive(Clone, Copy)]
pub struct Case {
    /// What it shows, as a short phrase.
    pub name: &'static str,
    /// Talks to the machine. A text that it returns is printed with the result.
    pub check: fn(&mut Talk) -> Result<Option<String>>,
}

/// What a scenario boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boots {
    /// The image of a system.
    System(BuildOptions),
    /// The same on a machine whose disk has a partition table, [`PARTITIONS`](crate::peripherals::PARTITIONS).
    Partitioned(BuildOptions),
    /// The system of programs in C.
    C(Config),
    /// A system whose clients have terminals of their own; with or without a log of each.
    Terminals {
        /// The image.
        options: BuildOptions,
        /// Whether each client's output is logged.
        logged: bool,
    },
    /// Linux without a hypervisor: tells what is ours from what is the guest's or QEMU's.
    Bare(Kernel),
}

impl Boots {
    /// Builds what is booted; nothing if it needs no building.
    ///
    /// # Errors
    /// When it does not build.
    pub fn build(&self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::System(options) | Self::Partitioned(options) | Self::Terminals { options, .. } => {
                build::image(workspace, options).map(drop)
            }
            Self::C(config) => build::c::image(workspace, *config).map(drop),
            Self::Bare(_) => Ok(()),
        }
    }

    /// The guest's Linux, if there is one.
    pub fn linux(&self) -> Option<Kernel> {
        match self {
            Self::System(options) | Self::Partitioned(options) | Self::Terminals { options, .. } => Some(options.linux),
            Self::Bare(kernel) => Some(*kernel),
            Self::C(_) => None,
        }
    }
}

/// A scenario that is going on.
pub struct Talk<'a> {
    /// Where everything lies.
    pub workspace: &'a Workspace,
    /// What runs.
    pub scenario: &'a Scenario,
    /// The machine.
    pub session: Session,
    /// The markers' log, where instructions are counted.
    pub counted: Option<PathBuf>,
    /// The image of the machine's disk, if it has one.
    pub disk: Option<PathBuf>,
    /// Where its second serial line listens, if it has one.
    pub serial: Option<PathBuf>,
    /// The running system, where it has further terminals.
    pub terminals: Option<Started>,
    /// Where its clients are logged, where they are.
    pub logs: PathBuf,
}

/// A machine and the cases that it goes through, one after the other.
#[derive(Clone)]
pub struct Scenario {
    /// System, kernel and machine.
    pub name: String,
    /// What is booted.
    pub boots: Boots,
    /// QEMU's CPU.
    pub cpu: &'static str,
    /// Interrupt controller.
    pub gic: Gic,
    /// Whether it runs with counted time, and the marker plugin.
    pub counted: bool,
    /// The conversation.
    pub cases: Vec<Case>,
}

impl Scenario {
    /// Cores of the machine: as many as the configuration is meant for.
    fn cores(&self) -> usize {
        match &self.boots {
            Boots::System(options) | Boots::Partitioned(options) | Boots::Terminals { options, .. } => {
                options.config.cores()
            }
            Boots::C(config) => config.cores(),
            Boots::Bare(_) => 1,
        }
    }
}

/// The result of one case.
struct Outcome {
    name: &'static str,
    seconds: f32,
    result: Result<Option<String>>,
}

/// Runs scenarios, `jobs` at a time, and prints a line for each case.
pub fn run_all(workspace: &Workspace, scenarios: &[&Scenario], jobs: usize) -> Tally {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (outcomes, transcript) = run(workspace, scenario);
                    // A poisoned lock would mean that printing panicked: the counts are still right.
                    let mut tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    report(scenario, &outcomes, &transcript, &mut tally);
                }
            });
        }
    });
    tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn run(workspace: &Workspace, scenario: &Scenario) -> (Vec<Outcome>, String) {
    let mut talk = match start(workspace, scenario) {
        Ok(talk) => talk,
        Err(error) => {
            return (vec![Outcome { name: "start", seconds: 0.0, result: Err(error) }], String::new());
        }
    };
    let mut outcomes = Vec::new();
    for case in &scenario.cases {
        let started = Instant::now();
        let result = (case.check)(&mut talk);
        let lost = result.as_ref().is_err_and(|error| error.is::<Lost>());
        outcomes.push(Outcome { name: case.name, seconds: started.elapsed().as_secs_f32(), result });
        if lost {
            break;
        }
    }
    (outcomes, talk.session.transcript().to_owned())
}

fn start<'a>(workspace: &'a Workspace, scenario: &'a Scenario) -> Result<Talk<'a>> {
    let name = scenario.name.replace([' ', '/', ','], "-");
    let counter = if scenario.counted { Some(bench::counter(workspace, &name)?) } else { None };
    let counted = counter.as_ref().map(|counter| counter.output.clone());
    let logs = workspace.transcripts().join(format!("{name}-logs"));
    let terminals = match &scenario.boots {
        Boots::Terminals { logged, .. } => Some(begin_terminals(workspace, &name, logged.then_some(logs.as_path()))?),
        _ => None,
    };
    let machine = Machine {
        cpu: scenario.cpu.to_owned(),
        gic: scenario.gic,
        cores: scenario.cores(),
        clock: if scenario.counted { Clock::Instructions } else { Clock::Host },
        boot: match &scenario.boots {
            Boots::System(options) | Boots::Partitioned(options) | Boots::Terminals { options, .. } => {
                Boot::Image(build::image_path(workspace, options))
            }
            Boots::C(config) => Boot::Image(build::c::image_path(workspace, *config)),
            Boots::Bare(kernel) => Boot::bare(workspace, *kernel),
        },
        peripherals: match &scenario.boots {
            Boots::System(options) | Boots::Terminals { options, .. } => {
                build::fresh_peripherals(workspace, options, &name)?
            }
            Boots::Partitioned(options) => {
                let peripherals = build::fresh_peripherals(workspace, options, &name)?;
                peripherals.disk.iter().try_for_each(|disk| peripherals::partition(disk))?;
                peripherals
            }
            Boots::C(_) | Boots::Bare(_) => Peripherals::default(),
        },
        counter,
        terminals: terminals.as_ref().map(Started::line),
    };
    let disk = machine.peripherals.any_disk().map(Path::to_owned);
    let serial = machine.peripherals.serial.clone();
    let log = workspace.transcripts().join(format!("{name}.txt"));
    Ok(Talk {
        workspace,
        scenario,
        session: Session::start(machine.command(), &log)?,
        counted,
        disk,
        serial,
        terminals,
        logs,
    })
}

/// Starts a broker, with new logs.
fn begin_terminals(workspace: &Workspace, name: &str, logs: Option<&Path>) -> Result<Started> {
    if let Some(logs) = logs.filter(|logs| logs.exists()) {
        std::fs::remove_dir_all(logs).with_context(|| format!("cannot remove {}", logs.display()))?;
    }
    Started::begin(workspace, None, Path::new(name), logs)
}

fn report(scenario: &Scenario, outcomes: &[Outcome], transcript: &str, tally: &mut Tally) {
    for outcome in outcomes {
        tally.count(outcome.result.is_ok());
        let (name, seconds) = (outcome.name, outcome.seconds);
        match &outcome.result {
            Ok(note) => {
                let note = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
                println!("ok    {}: {name}{note} ({seconds:.1} s)", scenario.name);
            }
            Err(error) => {
                println!("FAIL  {}: {name} ({seconds:.1} s): {error:#}", scenario.name);
                println!("----- the machine printed\n{}\n-----", transcript.trim_end());
            }
        }
    }
    for case in scenario.cases.iter().skip(outcomes.len()) {
        tally.count(false);
        println!("FAIL  {}: {} was not reached", scenario.name, case.name);
    }
}
