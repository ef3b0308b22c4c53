//! Everything that runs on the target, built for one configuration by one cargo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cli::Config;
use crate::process;
use crate::setup::toolchain::{TARGET, Toolchain};
use crate::workspace::Workspace;

/// The root task, as the `microkit` tool calls it.
pub const INITIALISER: &str = "initialiser.elf";

/// The packages of the SDK with the names that the `microkit` tool looks for.
const SDK: [(&str, &str); 4] = [
    ("quoll-loader", "loader.elf"),
    ("quoll-kernel", "sel4.elf"),
    ("initialiser", INITIALISER),
    ("monitor", "monitor.elf"),
];
/// The virtual machine monitor's package and program.
const VMM: &str = "vmm";
/// What has no program for other kernels, of all packages: kernel and loader, guests, and the test of this kernel's own calls.
const NOT_PLAIN: &[&str] = &["quoll-loader", "quoll-kernel", "realtime", "test-guests", "test-abi"];
/// Packages whose programs are protection domains or guests.
const PROGRAMS: &[&str] = &[
    VMM,
    "pl011",
    "pl031",
    "virtio-serial",
    "console",
    "echo",
    "top",
    "virtio",
    "block",
    "switch",
    "realtime",
    "supervisor",
    "test-abi",
    "test-pds",
    "bench-pds",
    "test-guests",
    "test-root-task",
];

/// How protection domains, and the root task, are linked: static, from 2 MiB, segments on pages of their own. A linker
/// script, as kernel and loader have, overrides the base.
const LINK: [&str; 4] = [
    "-Crelocation-model=static",
    "-Clink-arg=--image-base=0x200000",
    "-Clink-arg=-zmax-page-size=4096",
    "-Clink-arg=-zseparate-code",
];

/// The packages that are built for the target.
pub fn packages() -> impl Iterator<Item = &'static str> {
    SDK.iter().map(|&(package, _)| package).chain(PROGRAMS.iter().copied())
}

/// The files of the SDK.
pub fn sdk_names() -> impl Iterator<Item = &'static str> {
    SDK.iter().map(|&(_, name)| name)
}

/// Flags for rustc.
pub fn flags(config: Config) -> Vec<String> {
    let mut flags: Vec<String> = LINK.iter().map(|&flag| flag.to_owned()).collect();
    flags.extend(config.cfgs().iter().map(|name| format!("--cfg={name}")));
    flags
}

/// A cargo command on all packages for the target, for one configuration.
pub fn cargo(workspace: &Workspace, toolchain: &Toolchain, config: Config, verb: &str) -> Command {
    let mut command = toolchain.cargo(verb, &flags(config));
    command.current_dir(workspace.source(".")).arg("--target-dir").arg(target_folder(workspace, config));
    for package in packages() {
        command.args(["--package", package]);
    }
    command
}

/// Builds the components and puts them where the `microkit` tool finds them.
///
/// # Errors
/// The compiler's messages.
pub fn build(workspace: &Workspace, toolchain: &Toolchain, config: Config) -> Result<()> {
    let mut command = cargo(workspace, toolchain, config, "build");
    command.arg("--bins");
    process::run(&format!("building the components ({})", config.name()), &mut command)?;
    let built = target_folder(workspace, config).join(TARGET).join("release");
    let elf = Workspace::sdk_elf(&workspace.sdk(), config.name());
    fs::create_dir_all(&elf)?;
    for (package, name) in SDK {
        copy(&built.join(package), &elf.join(name))?;
    }
    let output = workspace.output(config.name());
    fs::create_dir_all(&output)?;
    for program in programs(&built)? {
        let name = program.file_name().unwrap_or_default();
        copy(&program, &output.join(name).with_extension(extension(&program)?))?;
    }
    Ok(())
}

/// A cargo command on programs without what quoll adds to seL4, and with nothing in the user crates that rust-sel4's have not
/// (`sel4_plain`).
fn cargo_plain<'a>(
    workspace: &Workspace,
    toolchain: &Toolchain,
    config: Config,
    verb: &str,
    packages: impl IntoIterator<Item = &'a str>,
) -> Command {
    let mut flags = flags(config);
    flags.push("--cfg=sel4_plain".to_owned());
    let mut command = toolchain.cargo(verb, &flags);
    command.current_dir(workspace.source(".")).arg("--target-dir").arg(target_folder(workspace, config));
    for package in packages {
        command.args(["--package", package]);
    }
    command.arg("--no-default-features");
    command
}

/// Clippy on all programs that are built for other kernels, too.
pub fn clippy_plain(workspace: &Workspace, toolchain: &Toolchain, config: Config) -> Command {
    let packages = packages().filter(|package| !NOT_PLAIN.contains(package));
    cargo_plain(workspace, toolchain, config, "clippy", packages)
}

/// Builds the VMM without what quoll adds to seL4, into a folder of its own: it has the name of the other one.
///
/// # Errors
/// The compiler's messages.
pub fn build_plain(workspace: &Workspace, toolchain: &Toolchain, config: Config) -> Result<()> {
    let mut command = cargo_plain(workspace, toolchain, config, "build", [VMM]);
    process::run(&format!("building the VMM for other kernels ({})", config.name()), command.arg("--bins"))?;
    let folder = plain_folder(workspace, config);
    fs::create_dir_all(&folder)?;
    let built = target_folder(workspace, config).join(TARGET).join("release").join(VMM);
    copy(&built, &folder.join(VMM).with_extension("elf"))
}

/// Where [`build_plain`] puts the VMM.
pub fn plain_folder(workspace: &Workspace, config: Config) -> PathBuf {
    workspace.output(config.name()).join("plain")
}

/// A cargo command on the programs for Linux guests. They don't depend on the kernel's configuration.
pub fn cargo_linux(workspace: &Workspace, toolchain: &Toolchain, verb: &str) -> Command {
    let mut command = toolchain.cargo(verb, &LINK.map(str::to_owned));
    command.current_dir(workspace.source(".")).arg("--target-dir").arg(workspace.target().join("bare").join("linux"));
    command.args(["--package", "linux-programs"]);
    command
}

/// Builds `ivc`, a program for Linux guests, and returns its file.
///
/// # Errors
/// The compiler's messages.
pub fn ivc(workspace: &Workspace, toolchain: &Toolchain) -> Result<PathBuf> {
    let mut command = cargo_linux(workspace, toolchain, "build");
    process::run("building the guests' programs", command.arg("--bins"))?;
    Ok(workspace.target().join("bare").join("linux").join(TARGET).join("release").join("ivc-linux"))
}

/// Builds the kernel alone, from the sources in `source`, and returns its file.
///
/// # Errors
/// The compiler's messages.
pub fn kernel(source: &Path, target: &Path, toolchain: &Toolchain, config: Config) -> Result<PathBuf> {
    const KERNEL: &str = "quoll-kernel";
    let mut command = toolchain.cargo("build", &flags(config));
    command.current_dir(source).arg("--target-dir").arg(target).args(["--package", KERNEL, "--bins"]);
    process::run(&format!("building the kernel in {}", source.display()), &mut command)?;
    Ok(target.join(TARGET).join("release").join(KERNEL))
}

fn target_folder(workspace: &Workspace, config: Config) -> PathBuf {
    workspace.target().join("bare").join(config.name())
}

/// The executables in cargo's output folder: the files without an extension, but for its lock.
fn programs(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if path.is_file() && path.extension().is_none() && !hidden {
            found.push(path);
        }
    }
    Ok(found)
}

/// Protection domains are ELF files, guests without an operating system raw images.
fn extension(program: &Path) -> Result<&'static str> {
    let content = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    Ok(if content.starts_with(b"\x7fELF") { "elf" } else { "bin" })
}

/// Copies a file.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display())).map(drop)
}
