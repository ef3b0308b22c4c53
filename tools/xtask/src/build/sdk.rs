//! `cargo xtask sdk`: a folder for programs of others, laid out as upstream's Microkit SDK: the tool, and for each
//! configuration kernel, loader, headers, `libmicrokit.a` and its linker script.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::{components, host_tool};
use crate::cli::{Config, SdkOptions};
use crate::process::{self, Progress};
use crate::setup::toolchain::Toolchain;
use crate::setup::{cross, toolchain};
use crate::workspace::{BOARD, Workspace};

/// Where the library's sources are.
const LIBRARY: &str = "sel4/libmicrokit";
const SOURCES: [&str; 4] = ["start.S", "main.c", "debug.c", "memory.c"];
/// Systems to begin with, in the library's folder and in the SDK's.
pub const EXAMPLES: &str = "example";
const LINKER_SCRIPT: &str = "microkit.ld";

/// A protection domain may be without floating-point unit, any core of the board runs it, and the loops that copy memory
/// must not become calls of themselves.
const CFLAGS: [&str; 12] = [
    "-std=gnu11",
    "-O2",
    "-g",
    "-ffreestanding",
    "-nostdlib",
    "-fno-pic",
    "-fno-tree-loop-distribute-patterns",
    "-fno-asynchronous-unwind-tables",
    "-mcpu=cortex-a53",
    "-mgeneral-regs-only",
    "-mstrict-align",
    "-Wall",
];

/// The release of the interface that the SDK has, and ours.
const VERSION: &str = concat!("2.3.0+quoll-", env!("CARGO_PKG_VERSION"));

/// Builds the SDK's folder and returns it.
///
/// # Errors
/// When something does not compile or the compiler cannot be installed.
pub fn make(workspace: &Workspace, options: &SdkOptions) -> Result<PathBuf> {
    let toolchain = toolchain::ensure(workspace)?;
    let configs = if options.config.is_empty() { Config::value_variants() } else { &options.config };
    tool(workspace)?;
    for &config in configs {
        configuration(workspace, &toolchain, config)?;
    }
    let sdk = workspace.sdk();
    let Some(output) = &options.output else { return Ok(sdk) };
    copy_folder(&sdk, output)?;
    Ok(output.clone())
}

/// What does not depend on the configuration.
fn tool(workspace: &Workspace) -> Result<()> {
    let sdk = workspace.sdk();
    let bin = sdk.join("bin");
    fs::create_dir_all(&bin)?;
    components::copy(&host_tool(workspace, "microkit", &[])?.join("microkit"), &bin.join("microkit"))?;
    let doc = sdk.join("doc");
    fs::create_dir_all(&doc)?;
    components::copy(&workspace.source("docs/manual.md"), &doc.join("manual.md"))?;
    components::copy(&workspace.source("docs/kernel.md"), &doc.join("kernel.md"))?;
    components::copy(&workspace.source("LICENSE"), &sdk.join("LICENSE.md"))?;
    copy_folder(&workspace.source(LIBRARY).join(EXAMPLES), &sdk.join(EXAMPLES))?;
    write(&sdk.join("VERSION"), &format!("{VERSION}\n"))
}

/// One configuration: the programs, the headers, the library.
///
/// # Errors
/// When something does not compile.
pub fn configuration(workspace: &Workspace, toolchain: &Toolchain, config: Config) -> Result<()> {
    components::build(workspace, toolchain, config)?;
    let folder = workspace.sdk().join("board").join(BOARD).join(config.name());
    for file in sel4_headers::files(config.name())? {
        write(&folder.join("include").join(&file.path), &file.text)?;
    }
    for file in sel4_headers::tables(config.name())? {
        write(&folder.join(&file.path), &file.text)?;
    }
    write(&folder.join("platform_gen.json"), &platform(kernel_config::SELECTED))?;
    library(workspace, config, &folder)
}

/// A board's physical addresses for scripts: which are memory, and which are devices that user level may have.
fn platform(board: &kernel_config::Board) -> String {
    let mut kept: Vec<_> = board.kernel_devices().into_iter().chain([board.ram]).collect();
    kept.sort_unstable_by_key(|range| range.start);
    let starts = [0].into_iter().chain(kept.iter().map(|range| range.end));
    let ends = kept.iter().map(|range| range.start).chain([sel4_abi::config::DEVICE_TOP]);
    let range = |start: u64, end: u64| serde_json::json!({ "start": start, "end": end });
    let devices: Vec<_> = starts.zip(ends).filter(|(start, end)| start < end).map(|(a, b)| range(a, b)).collect();
    let memory = [range(board.ram.start, board.ram.end)];
    format!("{:#}\n", serde_json::json!({ "devices": devices, "memory": memory }))
}

/// `libmicrokit.a` and its linker script.
fn library(workspace: &Workspace, config: Config, folder: &Path) -> Result<()> {
    cross::ensure(workspace)?;
    let _progress = Progress::start(&format!("building libmicrokit ({})", config.name()));
    let source = workspace.source(LIBRARY);
    let objects = workspace.target().join("libmicrokit").join(config.name());
    let lib = folder.join("lib");
    fs::create_dir_all(&objects)?;
    fs::create_dir_all(&lib)?;
    let archive = lib.join("libmicrokit.a");
    let mut pack = cross::tool("ar");
    pack.arg("rcsD").arg(&archive);
    for name in SOURCES {
        let object = objects.join(name).with_extension("o");
        let mut compile = cross::tool("gcc");
        compile.args(CFLAGS).args(["-Wextra", "-Werror", "-c"]).arg("-I").arg(folder.join("include"));
        process::capture(compile.arg(source.join(name)).arg("-o").arg(&object))?;
        pack.arg(object);
    }
    if archive.exists() {
        fs::remove_file(&archive)?;
    }
    process::capture(&mut pack)?;
    components::copy(&source.join(LINKER_SCRIPT), &lib.join(LINKER_SCRIPT))
}

/// Writes a file unless it is there with this content: makefiles look at times.
fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            components::copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_all_but_memory_and_what_the_kernel_keeps() {
        let board = kernel_config::SELECTED;
        let json: serde_json::Value = serde_json::from_str(&platform(board)).unwrap();
        let bytes = |list: &str| -> u64 {
            let ranges = json[list].as_array().unwrap().iter();
            ranges.map(|range| range["end"].as_u64().unwrap() - range["start"].as_u64().unwrap()).sum()
        };
        assert_eq!(bytes("memory"), board.ram.len());
        let kept: u64 = board.kernel_devices().iter().map(|range| range.len()).sum();
        assert_eq!(bytes("devices"), sel4_abi::config::DEVICE_TOP - kept - board.ram.len());
    }
}
