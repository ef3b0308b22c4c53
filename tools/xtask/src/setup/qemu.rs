//! QEMU: version 10 or later, whose `virt` machine has all that we test on.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::apt::Suite;
use super::{Packages, install};
use crate::process;
use crate::workspace::Workspace;

/// The program.
pub const PROGRAM: &str = "qemu-system-aarch64";
const OLDEST: u32 = 10;

/// The version of the QEMU that is installed.
///
/// # Errors
/// When there is none or it is too old.
pub fn find() -> Result<String> {
    if !process::exists(PROGRAM) {
        bail!("no {PROGRAM} on the PATH");
    }
    let text = process::capture(Command::new(PROGRAM).arg("--version"))?;
    let (version, major) = parse_version(&text).context("QEMU does not tell its version")?;
    if major < OLDEST {
        bail!("{PROGRAM} is version {version}, {OLDEST} or later is needed");
    }
    Ok(version.to_owned())
}

/// Installs QEMU unless a suitable one is there.
///
/// # Errors
/// When it cannot be installed, or what was installed does not do.
pub fn ensure(workspace: &Workspace) -> Result<()> {
    if find().is_ok() {
        return Ok(());
    }
    let packages = Packages { purpose: "QEMU 10 or later is", names: &["qemu-system-arm"], suite: Suite::Backports };
    install(workspace, &packages)?;
    find().map(drop)
}

/// Version and major version from `QEMU emulator version 10.0.2 (Debian …)`.
fn parse_version(text: &str) -> Option<(&str, u32)> {
    let (_, rest) = text.split_once("version ")?;
    let version = rest.split_whitespace().next()?;
    let major = version.split('.').next()?.parse().ok()?;
    Some((version, major))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        let debian = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)\nCopyright";
        assert_eq!(parse_version(debian), Some(("10.0.2", 10)));
        assert_eq!(parse_version("QEMU emulator version 7.2"), Some(("7.2", 7)));
        assert_eq!(parse_version("something else"), None);
    }
}
