//! `cargo xtask`: sets the machine up, builds, runs, tests and measures.

mod bench;
mod build;
mod cli;
mod console;
mod guest;
mod machine;
mod process;
mod run;
mod setup;
mod test;
mod workspace;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use cli::{Cli, Verb};
use workspace::Workspace;

fn main() -> ExitCode {
    match dispatch(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: &Cli) -> Result<()> {
    let workspace = Workspace::locate();
    match &cli.command {
        Verb::Run(options) => run::run(&workspace, options),
        Verb::Test(options) => test::run(&workspace, options),
        Verb::Build(options) => {
            let image = build::image(&workspace, options)?;
            println!("{}", image.display());
            Ok(())
        }
        Verb::Bench(options) => bench::run(&workspace, options),
        Verb::Doctor => setup::doctor(&workspace),
        Verb::Clean { all } => clean(&workspace, *all),
    }
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
