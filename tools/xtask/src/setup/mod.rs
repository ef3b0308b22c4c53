//! What must be on the machine: looked for, and installed where we may.

pub mod apt;
pub mod cross;
pub mod qemu;
pub mod toolchain;

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;
use crate::workspace::Workspace;
use apt::{Apt, Suite};

/// Something that Debian packages provide.
#[derive(Clone, Copy, Debug)]
pub struct Packages {
    /// What it is for, in an error or in progress.
    pub purpose: &'static str,
    /// Their names.
    pub names: &'static [&'static str],
    /// Where they come from.
    pub suite: Suite,
}

/// Installs packages, as root or through sudo, without touching the system's own package sources.
///
/// # Errors
/// When we may not, or apt fails: the error says what to type.
pub fn install(workspace: &Workspace, packages: &Packages) -> Result<()> {
    let names = packages.names.join(" ");
    let Ok(apt) = Apt::native(&workspace.cache().join("apt")) else {
        bail!("{} missing. This is not Debian with apt: install {names} or what it is called here", packages.purpose);
    };
    let command = apt.install_command(packages.names, packages.suite);
    let Some(mut command) = as_root(command) else {
        bail!(
            "{} missing, and neither root nor sudo is at hand. As root, install: {names} (from {:?})",
            packages.purpose,
            packages.suite
        );
    };
    apt.update()?;
    process::run(&format!("installing {names}"), &mut command)
}

/// The command as root would run it, or nothing when there is no way to become root.
fn as_root(command: Command) -> Option<Command> {
    let uid = process::capture(Command::new("id").arg("-u")).ok()?;
    if uid.trim() == "0" {
        return Some(command);
    }
    process::exists("sudo").then(|| {
        let mut sudo = Command::new("sudo");
        sudo.arg(command.get_program()).args(command.get_args());
        sudo
    })
}

/// Prints what is there and what is missing; changes nothing.
///
/// # Errors
/// When something is missing.
pub fn doctor(workspace: &Workspace) -> Result<()> {
    let mut missing = 0;
    let mut line = |what: &str, state: Result<String>| match state {
        Ok(found) => println!("ok       {what}: {found}"),
        Err(error) => {
            missing += 1;
            println!("missing  {what}: {error:#}");
        }
    };
    line("Rust for the target", toolchain::find().map(|found| found.to_string()));
    line("lints for the target", toolchain::find_clippy());
    line("QEMU", qemu::find());
    line("C for the target", cross::find());
    for kernel in crate::guest::Kernel::ALL {
        let image = crate::guest::folder(workspace, kernel).join("Image");
        line(&format!("guest Linux {}", kernel.version()), present(&image));
    }
    if missing > 0 {
        bail!("{missing} missing: `cargo xtask build` installs what it can");
    }
    Ok(())
}

fn present(file: &Path) -> Result<String> {
    if file.is_file() { Ok(file.display().to_string()) } else { bail!("{} is not made yet", file.display()) }
}
