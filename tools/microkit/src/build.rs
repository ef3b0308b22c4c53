//! The way from a description to an image, step by step. Each step runs only if the ones before it found no error.

use crate::check::{self, SearchPaths};
use crate::cli::{ImageType, Options};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::diagram::{self, Form};
use crate::image::{self, Parts};
use crate::model::System;
use crate::plan::{self, Memory, MonitorSymbols};
use crate::report::Report;
use crate::target::{Config, Target};
use crate::{sdf, sdk, viper};
use kernel_config::{BOARDS, Board, Range};
use std::path::{Path, PathBuf};

/// What a run writes.
pub struct Outputs {
    /// The image's file.
    pub image: Vec<u8>,
    /// The report for people.
    pub report: String,
    /// The report for programs.
    pub report_json: String,
    /// The specification as JSON.
    pub capdl_json: String,
    /// Definitions for Viper, by protection domain.
    pub viper: Vec<(String, String)>,
    /// Pictures, by file.
    pub diagrams: Vec<(PathBuf, String)>,
}

/// Reads a description and checks it.
pub fn read_system(
    source: &Source,
    strict: bool,
    target: &Target,
    files: &SearchPaths,
    diagnostics: &mut Diagnostics,
) -> Option<System> {
    let raw = sdf::parse(source, strict, diagnostics)?;
    check::check(&raw, target, files, diagnostics)
}

/// The board and configuration that options name.
pub fn target(options: &Options, diagnostics: &mut Diagnostics) -> Option<Target> {
    let board = Board::named(&options.board);
    if board.is_none() {
        let names = BOARDS.iter().map(|board| board.name);
        let error = Diagnostic::general(Code::UnknownBoard, format!("there is no board `{}`", options.board));
        diagnostics.push(error.did_you_mean(&options.board, names));
    }
    let config = options.config.parse::<Config>().map_err(|reason| {
        let error = Diagnostic::general(Code::UnknownConfiguration, format!("--config {}: {reason}", options.config));
        diagnostics.push(error.did_you_mean(&options.config, Config::NAMES));
    });
    Some(Target { board: board?, config: config.ok()? })
}

/// Does everything but write files.
pub fn build(options: &Options, source: &Source, diagnostics: &mut Diagnostics) -> Option<Outputs> {
    let target = target(options, diagnostics)?;
    build_for(&target, options, source, diagnostics)
}

/// The same for a target that is known; the options' board and configuration are the SDK's folders.
pub fn build_for(
    target: &Target,
    options: &Options,
    source: &Source,
    diagnostics: &mut Diagnostics,
) -> Option<Outputs> {
    let files = SearchPaths::new(options.search_path.iter().cloned());
    let system = read_system(source, options.strict, target, &files, diagnostics);
    let parts = sdk::folder(options.sdk.clone()).and_then(|sdk| {
        sdk::load(&sdk, &options.board, &options.config, options.override_kernel.as_deref(), diagnostics)
    });
    package(options, system?, parts?, target, diagnostics)
}

/// Makes the image of a checked system.
fn package(
    options: &Options,
    mut system: System,
    mut parts: Parts,
    target: &Target,
    diagnostics: &mut Diagnostics,
) -> Option<Outputs> {
    // As described: an address that is picked below would change with the kernel.
    let diagrams = draw(options, &system);
    let kernel = plan::kernel_memory(parts.kernel_range());
    plan::pick_addresses(&mut system, target.board, kernel, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    plan::patch(&mut system, target.board.ram);
    if let Err(symbol) = MonitorSymbols::write(&mut parts.monitor, &system) {
        diagnostics.push(image::lacks("monitor", symbol));
        return None;
    }
    let monitor = parts.monitor.clone();
    let plan = plan::plan(&system, &monitor, target, parts.initialiser_pages());
    let image = image::assemble(parts, &plan, target.board).map_err(|error| diagnostics.push(error)).ok()?;
    let free = fit(&system, &plan, target, kernel, image.root_task, diagnostics)?;
    let report = Report { system: &system, plan: &plan, image: &image, kernel, target, free };
    let (report, report_json) = (report.text(), report.json());
    let capdl_json = serde_json::to_string_pretty(&plan.records()).unwrap_or_default();
    let image = match options.image_type {
        ImageType::Binary => image.bytes,
        ImageType::Elf => image.to_elf(),
    };
    let viper = viper::definitions(&system, &plan, &options.system.display().to_string());
    Some(Outputs { image, report, report_json, capdl_json, viper, diagrams })
}

/// The pictures that are wanted.
fn draw(options: &Options, system: &System) -> Vec<(PathBuf, String)> {
    let title = options.system.file_name().unwrap_or_default().to_string_lossy();
    let draw = |path: &PathBuf| Some((path.clone(), diagram::draw(system, &title, Form::of(path)?)));
    options.diagram.iter().filter_map(draw).collect()
}

fn fit(
    system: &System,
    plan: &plan::Plan,
    target: &Target,
    kernel: Range,
    root_task: Range,
    diagnostics: &mut Diagnostics,
) -> Option<(u64, u64)> {
    let memory = Memory::new(target.board, kernel, root_task);
    memory.check_fixed(system, diagnostics);
    plan.check_slots(root_task, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    memory.check_fit(&plan.runs, target.config.debug, diagnostics)
}

/// Writes the outputs; the error is a sentence about what failed.
pub fn write(options: &Options, outputs: &Outputs) -> Result<(), String> {
    let put = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes).map_err(|error| format!("`{}` can't be written: {error}", path.display()))
    };
    put(&options.report, outputs.report.as_bytes())?;
    put(&options.report_json(), outputs.report_json.as_bytes())?;
    if let Some(path) = &options.capdl_json {
        put(path, outputs.capdl_json.as_bytes())?;
    }
    if let Some(folder) = &options.viper_output {
        std::fs::create_dir_all(folder).map_err(|error| format!("`{}` can't be made: {error}", folder.display()))?;
        for (name, definitions) in &outputs.viper {
            // A name could lead out of the folder.
            let file = name.replace('/', "_");
            put(&folder.join(format!("{file}.vpr")), definitions.as_bytes())?;
        }
    }
    for (path, picture) in &outputs.diagrams {
        put(path, picture.as_bytes())?;
    }
    put(&options.output, &outputs.image)
}
