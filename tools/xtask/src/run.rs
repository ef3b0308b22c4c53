//! `cargo xtask run`: a system on its console, at a terminal or with piped input.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;

use anyhow::{Context, Result};

use crate::build;
use crate::cli::RunOptions;
use crate::console::Session;
use crate::machine::{Boot, Clock, Machine};
use crate::piped;
use crate::setup::qemu;
use crate::terminals::running::Started;
use crate::workspace::Workspace;

/// Builds and boots a system.
///
/// # Errors
/// When it does not build or QEMU does not start.
pub fn run(workspace: &Workspace, options: &RunOptions) -> Result<()> {
    qemu::ensure(workspace)?;
    let image = build::image(workspace, &options.build)?;
    let log = options.log.as_deref().map(std::path::absolute).transpose()?;
    let started = Started::begin(workspace, options.name.as_deref(), &options.build.system, log.as_deref())?;
    eprintln!("This is `{}`. `cargo xtask console` lists its clients, and attaches further terminals.", started.name());
    let machine = Machine {
        cpu: options.cpu.clone(),
        gic: options.gic,
        cores: options.cores.unwrap_or(options.build.config.cores()),
        clock: if options.icount { Clock::Instructions } else { Clock::Host },
        boot: Boot::Image(image),
        peripherals: build::peripherals(workspace, &options.build, "run")?,
        counter: None,
        terminals: Some(started.line()),
    };
    if std::io::stdin().is_terminal() { at_terminal(&machine) } else { with_piped_input(workspace, &machine) }
}

/// QEMU takes our place.
fn at_terminal(machine: &Machine) -> Result<()> {
    eprintln!("Leave QEMU with Ctrl-a x. Ctrl-a h shows what else it understands.");
    let error = machine.command().exec();
    Err(error).context("cannot start QEMU")
}

fn with_piped_input(workspace: &Workspace, machine: &Machine) -> Result<()> {
    eprintln!("Input is piped: lines are typed when the machine waits for them; QEMU ends behind the last one.");
    let mut session = Session::start(machine.command(), &workspace.transcripts().join("run.txt"))?.echo();
    piped::converse(&mut session, std::io::stdin())?;
    session.quit();
    println!();
    Ok(())
}
