//! The SDK: the programs that come with the tool, by board and configuration, laid out as upstream's.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::image::Parts;
use crate::program::Program;
use std::path::{Path, PathBuf};

/// Environment variable that names the SDK's folder.
pub const VARIABLE: &str = "MICROKIT_SDK";

/// The SDK's folder: the one that is given, or that the environment names, else the one above the tool's own.
pub fn folder(given: Option<PathBuf>) -> Option<PathBuf> {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.to_owned());
    given.or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from)).or_else(beside)
}

/// Reads the programs of a board and configuration.
pub fn load(
    sdk: &Path,
    board: &str,
    config: &str,
    kernel: Option<&Path>,
    diagnostics: &mut Diagnostics,
) -> Option<Parts> {
    let boards = sdk.join("board");
    let elf = boards.join(board).join(config).join("elf");
    if !elf.is_dir() {
        let message = format!("the SDK `{}` has nothing for {board} in the configuration {config}", sdk.display());
        diagnostics.push(Diagnostic::general(Code::SdkContents, message).help(contents(&boards)));
        return None;
    }
    let mut read = |path: PathBuf| program(&path, diagnostics);
    let loader = read(elf.join("loader.elf"));
    let kernel = read(kernel.map_or_else(|| elf.join("sel4.elf"), Path::to_owned));
    let initialiser = read(elf.join("initialiser.elf"));
    let monitor = read(elf.join("monitor.elf"));
    Some(Parts { loader: loader?, kernel: kernel?, initialiser: initialiser?, monitor: monitor? })
}

/// What an SDK has, for help.
fn contents(boards: &Path) -> String {
    let mut list = Vec::new();
    for board in folders(boards) {
        list.extend(folders(&boards.join(&board)).into_iter().map(|config| format!("{board} {config}")));
    }
    match list.is_empty() {
        true => format!("it is no SDK: --sdk or {VARIABLE} names one, with folders board/BOARD/CONFIG/elf"),
        false => format!("it has {}", list.join(", ")),
    }
}

/// The names of the folders in a folder, sorted.
fn folders(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<_> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn program(path: &Path, diagnostics: &mut Diagnostics) -> Option<Program> {
    let read = std::fs::read(path).map_err(|error| format!("can't be read: {error}"));
    let parsed =
        read.and_then(|bytes| Program::parse(&bytes).map_err(|unfit| format!("can't be loaded: {}", unfit.reason)));
    match parsed {
        Ok(program) => Some(program),
        Err(reason) => {
            let help = format!("it is part of the SDK, whose folder --sdk or {VARIABLE} names");
            let message = format!("`{}` {reason}", path.display());
            diagnostics.push(Diagnostic::general(Code::SdkProgram, message).help(help));
            None
        }
    }
}
