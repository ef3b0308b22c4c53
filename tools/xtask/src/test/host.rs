//! Tests that run on this machine, and lints.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::ValueEnum as _;

use super::Tally;
use crate::build::components;
use crate::cli::Config;
use crate::process::{self, Progress};
use crate::setup::toolchain;
use crate::workspace::Workspace;

/// Tests of `cargo test` that are built in one way.
struct Suite {
    name: &'static str,
    /// Configurations (`--cfg`) of the build. Each way of building has a target folder of its own.
    configurations: &'static [&'static str],
    /// Arguments of `cargo test`.
    arguments: &'static [&'static str],
}

const SUITES: [Suite; 12] = [
    Suite { name: "host tests", configurations: &[], arguments: &[] },
    Suite {
        name: "libraries of programs for the target",
        configurations: &[],
        arguments: &["--package", "quoll-loader", "--lib"],
    },
    Suite {
        name: "kernel (debug)",
        configurations: &["sel4_debug"],
        arguments: &["--package", "quoll-kernel", "--package", "quoll-kernel-core"],
    },
    Suite {
        name: "kernel (smp, debug)",
        configurations: &["sel4_smp", "sel4_debug"],
        arguments: &["--package", "quoll-kernel"],
    },
    Suite {
        name: "kernel (benchmark)",
        configurations: &["sel4_benchmark"],
        arguments: &["--package", "quoll-kernel", "--test", "benchmark"],
    },
    Suite {
        name: "kernel (smp, benchmark)",
        configurations: &["sel4_smp", "sel4_benchmark"],
        arguments: &["--package", "quoll-kernel"],
    },
    abi("interface's numbers (debug)", &["sel4_debug"]),
    abi("interface's numbers (benchmark)", &["sel4_benchmark"]),
    abi("interface's numbers (smp)", &["sel4_smp"]),
    abi("interface's numbers (smp, debug)", &["sel4_smp", "sel4_debug"]),
    abi("interface's numbers (smp, benchmark)", &["sel4_smp", "sel4_benchmark"]),
    Suite {
        name: "rings, every interleaving",
        configurations: &["loom"],
        arguments: &["--release", "--package", "ivc", "--test", "loom"],
    },
];

/// The interface's numbers depend on the configuration; the first suite has release's.
const fn abi(name: &'static str, configurations: &'static [&'static str]) -> Suite {
    Suite { name, configurations, arguments: &["--package", "sel4-abi"] }
}

/// `cargo test` of the default members, and of what must be built in other ways too. The results go into the tally.
///
/// # Errors
/// When cargo cannot be started.
pub fn tests(workspace: &Workspace) -> Result<Tally> {
    let mut tally = Tally::default();
    for suite in &SUITES {
        tally.add(suite.run(workspace)?);
    }
    Ok(tally)
}

/// The tests that search at random, for `minutes`. They are optimised, but overflows are still found.
///
/// # Errors
/// When cargo cannot be started.
pub fn long_tests(workspace: &Workspace, minutes: u64) -> Result<Tally> {
    let suite = Suite {
        name: "descriptions and programs at random, at length",
        configurations: &[],
        // All at the same time, whatever the number of processors.
        arguments: &[
            "--package",
            "microkit",
            "--test",
            "descriptions",
            "random::",
            "--",
            "--nocapture",
            "--test-threads=5",
        ],
    };
    let mut command = Command::new("cargo");
    command.env("QUOLL_FUZZ_SECONDS", (minutes * 60).to_string()).env("CARGO_PROFILE_TEST_OPT_LEVEL", "2");
    suite.run_by(command, workspace, &workspace.target().join("host").join("long"))
}

impl Suite {
    /// Runs the suite; what it prints is shown when something failed.
    fn run(&self, workspace: &Workspace) -> Result<Tally> {
        self.run_by(Command::new("cargo"), workspace, &self.target(workspace))
    }

    fn run_by(&self, mut command: Command, workspace: &Workspace, target: &Path) -> Result<Tally> {
        let progress = Progress::start(self.name);
        command.current_dir(workspace.source(".")).args(["test", "--no-fail-fast", "--target-dir"]).arg(target);
        command.args(self.arguments);
        if !self.configurations.is_empty() {
            let flags: Vec<String> = self.configurations.iter().map(|name| format!("--cfg={name}")).collect();
            command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        }
        let output = command.stdin(Stdio::null()).output().context("cannot start cargo")?;
        drop(progress);
        let text = String::from_utf8_lossy(&output.stdout);
        let mut tally = parse_results(&text);
        if !output.status.success() {
            println!("{text}{}", String::from_utf8_lossy(&output.stderr));
        }
        // It did not even compile, or there was nothing to run.
        if tally.failed == 0 && (!output.status.success() || tally.passed == 0) {
            tally.count(false);
        }
        // What searches at random says how far it came.
        text.lines().filter(|line| line.starts_with("searched ")).for_each(|line| println!("{line}"));
        println!("{}: {} passed, {} failed", self.name, tally.passed, tally.failed);
        Ok(tally)
    }

    fn target(&self, workspace: &Workspace) -> PathBuf {
        match self.configurations {
            [] => workspace.target(),
            configurations => workspace.target().join("host").join(configurations.join("-")),
        }
    }
}

/// Clippy on all packages for the target, in each configuration, and on what is built for other kernels. Each is a case.
///
/// # Errors
/// When clippy cannot be installed.
pub fn lints(workspace: &Workspace) -> Result<Tally> {
    let toolchain = toolchain::ensure(workspace)?;
    toolchain::ensure_clippy(workspace)?;
    let mut tally = Tally::default();
    let mut commands: Vec<(&str, Command)> = Vec::new();
    for &config in Config::value_variants() {
        commands.push((config.name(), components::cargo(workspace, &toolchain, config, "clippy")));
    }
    commands.push(("Linux guests", components::cargo_linux(workspace, &toolchain, "clippy")));
    commands.push(("for other kernels", components::clippy_plain(workspace, &toolchain, Config::Debug)));
    for (what, mut command) in commands {
        command.args(["--keep-going", "--", "-Dwarnings"]);
        check(&format!("lints for the target ({what})"), &mut command, &mut tally);
    }
    Ok(tally)
}

/// The documentation of the default members, without a warning.
pub fn documentation(workspace: &Workspace) -> Tally {
    let mut tally = Tally::default();
    let mut command = Command::new("cargo");
    command.current_dir(workspace.source(".")).args(["doc", "--no-deps", "--keep-going", "--target-dir"]);
    command.arg(workspace.target()).env("RUSTDOCFLAGS", "-D warnings");
    check("documentation", &mut command, &mut tally);
    tally
}

/// One case: a command that succeeds.
fn check(name: &str, command: &mut Command, tally: &mut Tally) {
    let outcome = process::run(name, command);
    tally.count(outcome.is_ok());
    match outcome {
        Ok(()) => println!("ok    {name}"),
        Err(error) => println!("FAIL  {name}\n{error:#}"),
    }
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
