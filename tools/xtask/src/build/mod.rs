//! From source to image: components for the target, the SDK folder, the `microkit` tool, `loader.img`.

pub mod c;
pub mod components;
pub mod sdk;
mod vcpus;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::cli::{BuildOptions, DiagramOptions};
use crate::guest;
use crate::peripherals::Peripherals;
use crate::process;
use crate::setup::toolchain;
use crate::workspace::{BOARD, Workspace};

/// Builds all that a system needs and returns its image.
///
/// # Errors
/// When something does not compile or the description is wrong: the error is the compiler's or the tool's message.
pub fn image(workspace: &Workspace, options: &BuildOptions) -> Result<PathBuf> {
    let toolchain = toolchain::ensure(workspace)?;
    guest::ensure(workspace)?;
    components::build(workspace, &toolchain, options.config)?;
    if options.plain {
        components::build_plain(workspace, &toolchain, options.config)?;
    }
    let tool = host_tool(workspace, "microkit", &[])?.join("microkit");
    assemble(workspace, &tool, options)
}

/// Draws a system into a file.
///
/// # Errors
/// As [`image`].
pub fn diagram(workspace: &Workspace, options: &DiagramOptions) -> Result<PathBuf> {
    let picture = image(workspace, &options.build)?.with_extension("svg");
    let output = options.output.clone().unwrap_or_else(|| workspace.source("docs/system.svg"));
    components::copy(&picture, &output)?;
    Ok(output)
}

/// The image that [`image`] makes of these options.
pub fn image_path(workspace: &Workspace, options: &BuildOptions) -> PathBuf {
    workspace.output(options.config.name()).join(format!("{}.img", image_name(options)))
}

fn image_name(options: &BuildOptions) -> String {
    let system = options.system.file_stem().unwrap_or_default().to_string_lossy();
    let root_task = options.root_task.as_ref().map(|name| format!("-{name}")).unwrap_or_default();
    let plain = if options.plain { "-plain" } else { "" };
    let vcpus = options.vcpus.map(|count| format!("-{count}-vcpus")).unwrap_or_default();
    format!("{system}-{}{root_task}{plain}{vcpus}", options.linux.version())
}

/// Runs the `microkit` tool alone: everything else is built.
fn assemble(workspace: &Workspace, tool: &Path, options: &BuildOptions) -> Result<PathBuf> {
    let config = options.config.name();
    let output = workspace.output(config);
    let image = image_path(workspace, options);
    let report = image.with_extension("report.txt");
    let system = description(workspace, options);
    let system = match options.vcpus {
        Some(count) => vcpus::describe(&system, &image.with_extension("xml"), count, options.config.cores())?,
        None => system,
    };
    let mut command = Command::new(tool);
    command.arg(system).args(["--board", BOARD, "--config", config]);
    command.arg("--sdk").arg(sdk(workspace, options)?);
    command.arg("-o").arg(&image).arg("-r").arg(report);
    for ending in ["svg", "html"] {
        command.arg("--diagram").arg(image.with_extension(ending));
    }
    command.arg("--search-path");
    if options.plain {
        command.arg(components::plain_folder(workspace, options.config));
    }
    command.arg(output).arg(guest::folder(workspace, options.linux));
    // A system of several Linux guests names each one's version.
    command.arg(workspace.guests()).arg(workspace.source("."));
    process::run(&format!("making {}", image_name(options)), &mut command)?;
    Ok(image)
}

/// The system's description.
fn description(workspace: &Workspace, options: &BuildOptions) -> PathBuf {
    if options.system.exists() { options.system.clone() } else { workspace.source(&options.system) }
}

/// The devices that a system's machine has; a disk is that of `name`, as it was left.
///
/// # Errors
/// As [`Peripherals::of`].
pub fn peripherals(workspace: &Workspace, options: &BuildOptions, name: &str) -> Result<Peripherals> {
    Peripherals::of(&description(workspace, options), &disk(workspace, options, name))
}

/// The same with an empty disk.
///
/// # Errors
/// As [`Peripherals::of`].
pub fn fresh_peripherals(workspace: &Workspace, options: &BuildOptions, name: &str) -> Result<Peripherals> {
    let disk = disk(workspace, options, name);
    if disk.exists() {
        fs::remove_file(&disk)?;
    }
    peripherals(workspace, options, name)
}

fn disk(workspace: &Workspace, options: &BuildOptions, name: &str) -> PathBuf {
    workspace.disks().join(format!("{}-{name}.img", image_name(options)))
}

/// The SDK, or a copy in which another program takes the initialiser's place.
fn sdk(workspace: &Workspace, options: &BuildOptions) -> Result<PathBuf> {
    let sdk = workspace.sdk();
    let Some(root_task) = &options.root_task else { return Ok(sdk) };
    let config = options.config.name();
    let other = sdk.with_file_name(format!("sdk-{root_task}"));
    let elf = Workspace::sdk_elf(&other, config);
    fs::create_dir_all(&elf)?;
    for name in components::sdk_names() {
        components::copy(&Workspace::sdk_elf(&sdk, config).join(name), &elf.join(name))?;
    }
    let program = workspace.output(config).join(root_task).with_extension("elf");
    components::copy(&program, &elf.join(components::INITIALISER))?;
    Ok(other)
}

/// Builds a package for this machine, optimised, and returns the folder of its programs and libraries.
///
/// # Errors
/// The compiler's messages.
pub fn host_tool(workspace: &Workspace, package: &str, extra: &[&str]) -> Result<PathBuf> {
    const PROFILE: &str = "tools";
    let mut command = Command::new("cargo");
    command.current_dir(workspace.source(".")).args(["build", "--package", package, "--profile", PROFILE]);
    command.arg("--target-dir").arg(workspace.target()).args(extra);
    process::run(&format!("building {package}"), &mut command)?;
    Ok(workspace.target().join(PROFILE))
}
