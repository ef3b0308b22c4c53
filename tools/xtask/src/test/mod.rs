//! `cargo xtask test`: the host's tests, lints for the target, and systems in QEMU. Ends with one line that counts.

mod host;
mod scenario;
mod scenarios;

use anyhow::{Result, bail};

use crate::cli::TestOptions;
use crate::guest;
use crate::setup::qemu;
use crate::workspace::Workspace;
use scenario::{Boots, Scenario};

/// How many cases did what they should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub passed: u32,
    /// Failed, or not reached because an earlier one failed.
    pub failed: u32,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Runs what `options` selects and returns whether all passed. The last line that it prints counts.
///
/// # Errors
/// When the tests cannot be run at all: no such test, or something to run them with cannot be installed.
pub fn run(workspace: &Workspace, options: &TestOptions) -> Result<bool> {
    let mut tally = Tally::default();
    let scenarios = scenarios::all();
    let chosen: Vec<&Scenario> = match &options.filter {
        Some(filter) => scenarios.iter().filter(|scenario| scenario.name.contains(filter.as_str())).collect(),
        None => {
            tally.add(host::tests(workspace)?);
            if options.long {
                tally.add(host::long_tests(workspace, options.minutes)?);
            }
            tally.add(host::lints(workspace)?);
            tally.add(host::documentation(workspace));
            scenarios.iter().collect()
        }
    };
    if chosen.is_empty() {
        bail!("no scenario has such a name");
    }
    qemu::ensure(workspace)?;
    guest::ensure(workspace)?;
    scenarios::give_orders(workspace, options)?;
    let ready = build_images(workspace, chosen, &mut tally);
    tally.add(scenario::run_all(workspace, &ready, options.jobs));
    if tally.failed > 0 {
        println!("What the machines printed is in {}", workspace.transcripts().display());
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(tally.failed == 0)
}

/// Builds each image that the scenarios boot, once. Returns the scenarios that can be run; the cases of the others
/// have failed.
fn build_images<'a>(workspace: &Workspace, scenarios: Vec<&'a Scenario>, tally: &mut Tally) -> Vec<&'a Scenario> {
    let mut built: Vec<(&Boots, bool)> = Vec::new();
    let mut ready = Vec::new();
    for scenario in scenarios {
        let boots = &scenario.boots;
        let is_ready = match built.iter().find(|(other, _)| *other == boots) {
            Some(&(_, is_ready)) => is_ready,
            None => {
                let result = boots.build(workspace);
                built.push((boots, result.is_ok()));
                report_build(&scenario.name, &result);
                result.is_ok()
            }
        };
        if is_ready {
            ready.push(scenario);
        } else {
            scenario.cases.iter().for_each(|_| tally.count(false));
        }
    }
    ready
}

fn report_build(name: &str, result: &Result<()>) {
    if let Err(error) = result {
        println!("FAIL  {name}: its image was not built\n{error:#}");
    }
}
