//! Tests that run on this machine, and lints.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::Tally;
use crate::build::components;
use crate::cli::Config;
use crate::process::{self, Progress};
use crate::setup::toolchain;
use crate::workspace::Workspace;

/// `cargo test` of the default members. Its results go into the tally; what it prints is shown when something failed.
///
/// # Errors
/// When cargo cannot be started.
pub fn tests(workspace: &Workspace) -> Result<Tally> {
    let progress = Progress::start("host tests");
    let output = Command::new("cargo")
        .current_dir(workspace.source("."))
        .args(["test", "--no-fail-fast", "--target-dir"])
        .arg(workspace.target())
        .stdin(Stdio::null())
        .output()
        .context("cannot start cargo")?;
    drop(progress);
    let text = String::from_utf8_lossy(&output.stdout);
    let mut tally = parse_results(&text);
    if !output.status.success() {
        println!("{text}{}", String::from_utf8_lossy(&output.stderr));
        if tally.failed == 0 {
            // It did not even compile.
            tally.count(false);
        }
    }
    println!("host tests: {} passed, {} failed", tally.passed, tally.failed);
    Ok(tally)
}

/// Clippy on all packages for the target, in each configuration. Each configuration is a case.
///
/// # Errors
/// When clippy cannot be installed.
pub fn lints(workspace: &Workspace) -> Result<Tally> {
    let toolchain = toolchain::ensure(workspace)?;
    toolchain::ensure_clippy(workspace)?;
    let mut tally = Tally::default();
    for config in [Config::Debug, Config::Release] {
        let mut command = components::cargo(workspace, &toolchain, config, "clippy");
        command.args(["--keep-going", "--", "-Dwarnings"]);
        let name = format!("lints for the target ({})", config.name());
        let outcome = process::run(&name, &mut command);
        tally.count(outcome.is_ok());
        match outcome {
            Ok(()) => println!("ok    {name}"),
            Err(error) => println!("FAIL  {name}\n{error:#}"),
        }
    }
    Ok(tally)
}

/// Sums up the lines `test result: ok. 3 passed; 0 failed; …` of cargo's test programs.
fn parse_results(text: &str) -> Tally {
    let mut tally = Tally::default();
    for line in text.lines().filter(|line| line.starts_with("test result: ")) {
        let number_before = |word: &str| {
            let (before, _) = line.split_once(word)?;
            before.split_whitespace().next_back()?.parse::<u32>().ok()
        };
        tally.passed += number_before(" passed").unwrap_or(0);
        tally.failed += number_before(" failed").unwrap_or(0);
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_up_test_programs() {
        let text = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored\nx\n\
                    test result: FAILED. 12 passed; 2 failed; 0 ignored\n";
        assert_eq!(parse_results(text), Tally { passed: 15, failed: 2 });
    }
}
