//! The C compiler for the target, which makes `libmicrokit.a`, and `make`, which builds the programs of the C tests.

use std::process::Command;

use anyhow::{Result, bail};

use super::apt::Suite;
use super::{Packages, install};
use crate::process;
use crate::workspace::Workspace;

/// What starts the names of the tools (`…-gcc`, `…-ar`).
pub const PREFIX: &str = "aarch64-linux-gnu-";

const NEEDED: Packages = Packages {
    purpose: "the C compiler for AArch64, or make, is",
    names: &["gcc-aarch64-linux-gnu", "make"],
    suite: Suite::Bookworm,
};

/// A command of one of the tools.
pub fn tool(name: &str) -> Command {
    Command::new(format!("{PREFIX}{name}"))
}

/// The version of the compiler.
///
/// # Errors
/// When the compiler or `make` is missing.
pub fn find() -> Result<String> {
    for program in [format!("{PREFIX}gcc"), format!("{PREFIX}ar"), "make".to_owned()] {
        if !process::exists(&program) {
            bail!("no {program} on the PATH");
        }
    }
    let version = process::capture(tool("gcc").arg("-dumpfullversion"))?;
    Ok(format!("gcc {}", version.trim()))
}

/// Installs compiler and `make` unless they are there.
///
/// # Errors
/// When they cannot be installed.
pub fn ensure(workspace: &Workspace) -> Result<()> {
    if find().is_ok() {
        return Ok(());
    }
    install(workspace, &NEEDED)?;
    find().map(drop)
}
