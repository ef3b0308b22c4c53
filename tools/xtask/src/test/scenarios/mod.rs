//! What is tested in QEMU.

mod c;
mod clock;
mod default;
mod guests;
mod idle;
mod isolation;
mod lifecycle;
mod linux;
mod native;
mod passthrough;
mod scheduling;
mod smp;
pub mod terminals;
mod top;
mod virtio;

use anyhow::{Result, ensure};

use super::scenario::{Scenario, Talk};
use crate::cli::TestOptions;
use crate::workspace::Workspace;

/// The console server's key chord.
const CHORD: &str = "\x1e";
/// The key behind it that moves the focus to the second client, which is the native one in each system.
const ECHO: &str = "2";

/// All scenarios; the long ones first, so that all processors have work to the end.
pub fn all() -> Vec<Scenario> {
    let mut all = linux::scenarios();
    all.extend(default::scenarios());
    all.extend(smp::scenarios());
    all.extend(virtio::scenarios());
    all.extend(passthrough::scenarios());
    all.push(idle::scenario());
    all.extend(native::scenarios());
    all.extend(isolation::scenarios());
    all.extend(lifecycle::scenarios());
    all.extend(guests::scenarios());
    all.extend(scheduling::scenarios());
    all.extend(top::scenarios());
    all.extend(terminals::scenarios());
    all.extend(clock::scenarios());
    all.extend(c::scenarios());
    all
}

/// Tells the systems that take orders what to do.
///
/// # Errors
/// When that cannot be written.
pub fn give_orders(workspace: &Workspace, options: &TestOptions) -> Result<()> {
    isolation::give_orders(workspace, options)?;
    lifecycle::give_orders(workspace, options)
}

/// Waits for the sum of a system that tests itself.
fn judges_itself(talk: &mut Talk) -> Result<Option<String>> {
    let before = talk.session.expect("DONE ")?;
    let failed: Vec<&str> = before.lines().filter(|line| line.contains("FAIL ")).collect();
    talk.session.expect(": ")?;
    let sum = talk.session.expect("\n")?.trim_end().to_owned();
    ensure!(failed.is_empty() && sum.ends_with(" 0 failed"), "{sum}\n{}", failed.join("\n"));
    Ok(Some(sum))
}

/// Has the native client repeat something.
fn ask_echo(talk: &mut Talk) -> Result<()> {
    let answer = talk.session.ask("echo one two", "one two")?;
    ensure!(answer.trim().is_empty(), "{answer}");
    Ok(())
}
