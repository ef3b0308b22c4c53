//! Running other programs: a spinner while they work, their output only when they fail.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// A line that says what is going on until it is dropped. Without a terminal the line is printed once.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Shows `message` with a spinner and the time spent.
    pub fn start(message: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if std::io::stderr().is_terminal() {
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar.set_message(message.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
        } else {
            eprintln!("{message}");
        }
        Self { bar }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Runs `command` to its end with a spinner.
///
/// # Errors
/// When it cannot be started or fails; the error carries the command line and what it printed.
pub fn run(message: &str, command: &mut Command) -> Result<()> {
    let _progress = Progress::start(message);
    capture(command).map(drop)
}

/// Runs `command` and returns what it wrote to its standard output.
///
/// # Errors
/// When it cannot be started or fails; the error carries the command line and what it printed.
pub fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    bail!(describe_failure(command, &output))
}

/// Whether a program of that name is on the PATH (or is that file).
pub fn exists(program: impl AsRef<OsStr>) -> bool {
    let program = Path::new(program.as_ref());
    if program.is_absolute() {
        return program.is_file();
    }
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The command as one would type it.
pub fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn describe_failure(command: &Command, output: &Output) -> String {
    format!(
        "{} ({})\n{}{}",
        command_line(command),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
