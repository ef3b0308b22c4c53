//! `cargo xtask`: sets the machine up, builds, runs, tests and measures.

mod bench;
mod build;
mod cli;
mod console;
mod guest;
mod machine;
mod peripherals;
mod piped;
mod process;
mod run;
mod setup;
mod sizes;
mod terminals;
mod test;
mod workspace;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use cli::{Cli, ConsoleOptions, Verb};
use workspace::Workspace;

fn main() -> ExitCode {
    match dispatch(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what was asked. False: it was done, and something is not as it should be, which was printed.
fn dispatch(cli: &Cli) -> Result<bool> {
    let workspace = Workspace::locate();
    match &cli.command {
        Verb::Run(options) => run::run(&workspace, options)?,
        Verb::Console(options) => terminals::attach::run(&workspace, options)?,
        Verb::Top { name } => {
            let options =
                ConsoleOptions { client: Some("top".to_owned()), name: name.clone(), ..ConsoleOptions::default() };
            terminals::attach::run(&workspace, &options)?;
        }
        Verb::Broker { folder, log } => terminals::serve(folder, log.clone())?,
        Verb::Test(options) => return test::run(&workspace, options),
        Verb::Build(options) => println!("{}", build::image(&workspace, options)?.display()),
        Verb::Diagram(options) => println!("{}", build::diagram(&workspace, options)?.display()),
        Verb::Sdk(options) => println!("{}", build::sdk::make(&workspace, options)?.display()),
        Verb::Bench(options) => bench::run(&workspace, options)?,
        Verb::Sizes(options) => sizes::run(&workspace, options)?,
        Verb::Doctor => setup::doctor(&workspace)?,
        Verb::Clean { all } => clean(&workspace, *all)?,
    }
    Ok(true)
}

fn clean(workspace: &Workspace, all: bool) -> Result<()> {
    let Ok(entries) = fs::read_dir(workspace.target()) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path == workspace.cache() && !all {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}
