//! The compiler for the bare-metal target: rustup's precompiled target where installed, else Debian's `rustc-web`
//! with the standard library's source.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::apt::Suite;
use super::{Packages, install};
use crate::process;
use crate::workspace::Workspace;

/// The target: no floating-point registers, which belong to guests and to protection domains that ask.
pub const TARGET: &str = "aarch64-unknown-none-softfloat";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";
const DEBIAN_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/core/src/lib.rs";

const COMPILER: Packages = Packages {
    purpose: "a Rust compiler for the bare-metal target is",
    names: &["rustc-web", "rust-web-src"],
    suite: Suite::Bookworm,
};
const CLIPPY: Packages = Packages {
    purpose: "clippy of the compiler for the target is",
    names: &["rust-web-clippy"],
    suite: Suite::Bookworm,
};

/// A compiler that can build for [`TARGET`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The compiler that cargo uses anyway has the target's library.
    Installed,
    /// Debian's compiler builds the library from source. The linker is the one of cargo's own toolchain.
    Debian {
        /// `rust-lld`.
        linker: PathBuf,
    },
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed => write!(f, "{TARGET} of the installed toolchain"),
            Self::Debian { linker } => write!(f, "{DEBIAN_RUSTC} with {}", linker.display()),
        }
    }
}

impl Toolchain {
    /// A cargo command for the target, `verb` being `build` or `clippy`, with these flags for rustc.
    pub fn cargo(&self, verb: &str, flags: &[String]) -> Command {
        let mut command = Command::new("cargo");
        let mut flags = flags.to_vec();
        match self {
            Self::Installed => {
                command.arg(verb);
            }
            Self::Debian { linker } => {
                if verb == "clippy" {
                    command = Command::new(DEBIAN_CLIPPY);
                }
                command.arg(verb);
                command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
                flags.push(format!("-Clinker={}", linker.display()));
                flags.push("-Clinker-flavor=ld.lld".to_owned());
                command.arg("-Zbuild-std=core,alloc,compiler_builtins");
                command.arg("-Zbuild-std-features=compiler-builtins-mem");
            }
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        command.args(["--release", "--target", TARGET]);
        command
    }
}

/// Finds a compiler.
///
/// # Errors
/// When there is none; the error names what is missing.
pub fn find() -> Result<Toolchain> {
    if target_library()?.is_dir() {
        return Ok(Toolchain::Installed);
    }
    if !Path::new(DEBIAN_RUSTC).is_file() || !Path::new(DEBIAN_LIBRARY).is_file() {
        bail!("neither rustup's {TARGET} nor Debian's {}", COMPILER.names.join(" and "));
    }
    Ok(Toolchain::Debian { linker: rust_lld()? })
}

/// Finds a compiler, installing Debian's when there is none.
///
/// # Errors
/// When none can be installed.
pub fn ensure(workspace: &Workspace) -> Result<Toolchain> {
    if let Ok(toolchain) = find() {
        return Ok(toolchain);
    }
    install(workspace, &COMPILER)?;
    find()
}

/// Finds clippy for the target.
///
/// # Errors
/// When there is none.
pub fn find_clippy() -> Result<String> {
    match find()? {
        Toolchain::Installed => process::capture(Command::new("cargo").args(["clippy", "--version"])),
        Toolchain::Debian { .. } => process::capture(Command::new(DEBIAN_CLIPPY).args(["clippy", "--version"])),
    }
    .map(|version| version.trim().to_owned())
}

/// Finds clippy for the target, installing Debian's when there is none.
///
/// # Errors
/// When it cannot be installed.
pub fn ensure_clippy(workspace: &Workspace) -> Result<()> {
    if find_clippy().is_err() {
        install(workspace, &CLIPPY)?;
    }
    find_clippy().map(drop)
}

/// Where the installed toolchain's library for the target would be.
fn target_library() -> Result<PathBuf> {
    Ok(host_sysroot()?.join("lib/rustlib").join(TARGET))
}

fn rust_lld() -> Result<PathBuf> {
    let rustlib = host_sysroot()?.join("lib/rustlib");
    let host = process::capture(Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not tell its host")?;
    let linker = rustlib.join(host).join("bin/rust-lld");
    if !linker.is_file() {
        bail!("the toolchain has no linker {}", linker.display());
    }
    Ok(linker)
}

fn host_sysroot() -> Result<PathBuf> {
    let sysroot = process::capture(Command::new("rustc").args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(sysroot.trim()))
}
