//! `cargo xtask run`: a system on its console, at a terminal or with piped input.

use std::io::{BufRead, IsTerminal};
use std::os::unix::process::CommandExt;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::build;
use crate::cli::RunOptions;
use crate::console::Session;
use crate::machine::{Boot, Machine};
use crate::setup::qemu;
use crate::workspace::Workspace;

/// How long the machine must have had nothing to do before the next piped line is typed.
const QUIET: Duration = Duration::from_secs(1);

/// Builds and boots a system.
///
/// # Errors
/// When it does not build or QEMU does not start.
pub fn run(workspace: &Workspace, options: &RunOptions) -> Result<()> {
    qemu::ensure(workspace)?;
    let image = build::image(workspace, &options.build)?;
    let machine = Machine {
        cpu: options.cpu.clone(),
        gic: options.gic,
        icount: options.icount,
        boot: Boot::Image(image),
        counter: None,
    };
    if std::io::stdin().is_terminal() { at_terminal(&machine) } else { with_piped_input(workspace, &machine) }
}

/// QEMU takes our place.
fn at_terminal(machine: &Machine) -> Result<()> {
    eprintln!("Leave QEMU with Ctrl-a x. Ctrl-a h shows what else it understands.");
    let error = machine.command().exec();
    Err(error).context("cannot start QEMU")
}

/// Types each line of standard input when the machine waits for input, and ends when the last one is answered.
fn with_piped_input(workspace: &Workspace, machine: &Machine) -> Result<()> {
    eprintln!("Input is piped: each line is typed when the machine is idle; QEMU ends behind the last one.");
    let mut session = Session::start(machine.command(), &workspace.transcripts().join("run.txt"))?.echo();
    for line in std::io::stdin().lock().lines() {
        if !session.wait_until_quiet(QUIET)? {
            return Ok(());
        }
        // As a terminal sends the return key.
        session.send(&format!("{}\r", line?))?;
    }
    session.wait_until_quiet(QUIET)?;
    session.quit();
    println!();
    Ok(())
}
