//! `cargo xtask test`: the host's tests, lints for the target, and systems in QEMU. Ends with one line that counts.

mod host;
mod scenario;
mod scenarios;

use anyhow::{Result, bail};

use crate::build;
use crate::cli::{BuildOptions, TestOptions};
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

/// Runs what `options` selects.
///
/// # Errors
/// When something failed; what failed was printed.
pub fn run(workspace: &Workspace, options: &TestOptions) -> Result<()> {
    let mut tally = Tally::default();
    let scenarios = scenarios::all();
    let chosen: Vec<&Scenario> = match &options.filter {
        Some(filter) => scenarios.iter().filter(|scenario| scenario.name.contains(filter.as_str())).collect(),
        None => {
            tally.add(host::tests(workspace)?);
            tally.add(host::lints(workspace)?);
            scenarios.iter().collect()
        }
    };
    if chosen.is_empty() {
        bail!("no case in QEMU has such a name");
    }
    qemu::ensure(workspace)?;
    guest::ensure(workspace)?;
    build_images(workspace, &chosen)?;
    tally.add(scenario::run_all(workspace, &chosen, options.jobs));
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        bail!("transcripts are in {}", workspace.transcripts().display());
    }
    Ok(())
}

/// Builds each image that the scenarios boot, once.
fn build_images(workspace: &Workspace, scenarios: &[&Scenario]) -> Result<()> {
    let mut built: Vec<&BuildOptions> = Vec::new();
    for scenario in scenarios {
        if let Boots::System(options) = &scenario.boots
            && !built.contains(&options)
        {
            build::image(workspace, options)?;
            built.push(options);
        }
    }
    Ok(())
}
