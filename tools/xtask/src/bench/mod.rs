//! `cargo xtask bench`: instructions per operation, counted between marker instructions under `-icount`, each beside its
//! goal. The counts are deterministic: the same build gives the same figures on any machine.

pub mod measure;
mod rows;
mod table;
mod throughput;

use std::fs;

use anyhow::{Context, Result, bail};

pub use rows::IDLE_LIMIT;

use crate::build;
use crate::cli::BenchOptions;
use crate::guest;
use crate::machine::Counter;
use crate::setup::qemu;
use crate::workspace::Workspace;

/// Measures the rows that `options` selects and prints them.
///
/// # Errors
/// When no row has such a name, or something does not build or run.
pub fn run(workspace: &Workspace, options: &BenchOptions) -> Result<()> {
    let rows = rows::all();
    let chosen: Vec<_> = rows
        .iter()
        .filter(|row| options.filter.as_ref().is_none_or(|filter| row.operation.contains(filter.as_str())))
        .collect();
    if chosen.is_empty() {
        bail!("no row has such a name");
    }
    qemu::ensure(workspace)?;
    guest::ensure(workspace)?;
    let mut bench = measure::Bench::new(workspace, &options.cpu, options.gic);
    let lines: Vec<table::Line> = chosen.into_iter().map(|row| line(row, &mut bench)).collect();
    print!("{}", table::render(&lines));
    let failed = lines.iter().filter(|line| line.figure.is_err()).count();
    if failed > 0 {
        bail!("{failed} rows could not be measured");
    }
    Ok(())
}

fn line(row: &rows::Row, bench: &mut measure::Bench) -> table::Line {
    let figure = (row.measure)(bench);
    let goal = match row.goal {
        rows::Goal::Baseline => None,
        rows::Goal::AtMost(limit) => Some(limit),
        rows::Goal::AtMostTimes(thousandths, other) => other(bench).ok().map(|other| other * thousandths / 1000),
    };
    table::Line { operation: row.operation, figure, goal }
}

/// The counter for one run, which writes to `name.log` among the transcripts. A log of an earlier run is removed.
///
/// # Errors
/// When the plugin does not build, or the log cannot be written.
pub fn counter(workspace: &Workspace, name: &str) -> Result<Counter> {
    let folder = build::host_tool(workspace, "marker-plugin", &["--features", "plugin"])?;
    fs::create_dir_all(workspace.transcripts())?;
    let output = workspace.transcripts().join(format!("{name}.log"));
    fs::write(&output, "").with_context(|| format!("cannot write {}", output.display()))?;
    Ok(Counter { plugin: folder.join("libmarker_plugin.so"), output, host: Vec::new() })
}
