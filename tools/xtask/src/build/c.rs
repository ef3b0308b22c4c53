//! The C test system, built as anybody's is: by its makefile, with nothing of ours but the SDK's folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::sdk;
use crate::cli::{Config, SdkOptions};
use crate::process;
use crate::workspace::{BOARD, Workspace};

const SOURCE: &str = "tests/c";

/// Builds the SDK and the system, and returns its image.
///
/// # Errors
/// The compilers' or the tool's messages.
pub fn image(workspace: &Workspace, config: Config) -> Result<PathBuf> {
    let sdk = sdk::make(workspace, &SdkOptions { config: vec![config], output: None })?;
    let output = folder(workspace, config);
    fs::create_dir_all(&output)?;
    let assertions = output.join("assertions.c");
    fs::write(&assertions, sel4_headers::assertions(config.name())?)?;
    let mut system = make(&workspace.source(SOURCE), &sdk, &output, config);
    system.arg(format!("ASSERTIONS={}", assertions.display()));
    process::run(&format!("building programs in C ({})", config.name()), &mut system)?;
    let mut example = make(&sdk.join(sdk::EXAMPLES).join("hello"), &sdk, &output, config);
    process::run("building the SDK's example", &mut example)?;
    Ok(image_path(workspace, config))
}

/// `make` with the variables that makefiles for Microkit have.
fn make(source: &Path, sdk: &Path, output: &Path, config: Config) -> Command {
    let mut make = Command::new("make");
    make.arg("--always-make").arg("-C").arg(source);
    make.arg(format!("BUILD_DIR={}", output.display()));
    make.arg(format!("MICROKIT_SDK={}", sdk.display()));
    make.arg(format!("MICROKIT_BOARD={BOARD}"));
    make.arg(format!("MICROKIT_CONFIG={}", config.name()));
    make
}

/// The image that [`image`] makes.
pub fn image_path(workspace: &Workspace, config: Config) -> PathBuf {
    folder(workspace, config).join("c.img")
}

fn folder(workspace: &Workspace, config: Config) -> PathBuf {
    workspace.target().join("c").join(config.name())
}
