//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::guest::Kernel;
use crate::machine::Gic;

/// Builds, runs and tests quoll.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Verb,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Boot a system in QEMU and talk to its console
    Run(RunOptions),
    /// Attach to a client of a running system's console, or list the clients
    Console(ConsoleOptions),
    /// Show what the parts of a running system do: attach to its client `top`
    Top {
        /// The system, as `cargo xtask run` calls it [default: the one that was started last]
        #[arg(long)]
        name: Option<String>,
    },
    /// Stand between a running system and its terminals; `run` starts this
    #[command(hide = true)]
    Broker {
        /// The system's folder
        folder: PathBuf,
        /// Folder of logs
        #[arg(long)]
        log: Option<PathBuf>,
    },
    /// Host tests, lints for the target, tests in QEMU
    Test(TestOptions),
    /// Build everything and make the image of a system
    Build(BuildOptions),
    /// Draw a system: the default one for the documentation, unless told otherwise
    Diagram(DiagramOptions),
    /// Make a folder like the Microkit SDK's, to build programs against with other tools
    Sdk(SdkOptions),
    /// Count instructions per operation and print them beside the goals
    Bench(BenchOptions),
    /// Count the kernel's lines and bytes of code by module
    Sizes(SizesOptions),
    /// Say what is installed and what is missing
    Doctor,
    /// Remove what was built (downloads are kept)
    Clean {
        /// Remove downloads too
        #[arg(long)]
        all: bool,
    },
}

/// The kernel's configurations, as the Microkit SDK's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Config {
    /// Debug system calls and messages.
    #[default]
    Debug,
    /// Neither.
    Release,
    /// Release with the benchmark system calls.
    Benchmark,
    /// Debug, for several cores.
    SmpDebug,
    /// Release, for several cores.
    SmpRelease,
    /// Benchmark, for several cores.
    SmpBenchmark,
}

impl Config {
    /// The folder of the SDK.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
            Self::Benchmark => "benchmark",
            Self::SmpDebug => "smp-debug",
            Self::SmpRelease => "smp-release",
            Self::SmpBenchmark => "smp-benchmark",
        }
    }

    /// The `cfg`s that select the kernel's interface.
    pub fn cfgs(self) -> &'static [&'static str] {
        match self {
            Self::Debug => &["sel4_debug"],
            Self::Release => &[],
            Self::Benchmark => &["sel4_benchmark"],
            Self::SmpDebug => &["sel4_smp", "sel4_debug"],
            Self::SmpRelease => &["sel4_smp"],
            Self::SmpBenchmark => &["sel4_smp", "sel4_benchmark"],
        }
    }

    /// Cores of the machine that it is meant for.
    pub fn cores(self) -> usize {
        match self {
            Self::Debug | Self::Release | Self::Benchmark => 1,
            Self::SmpDebug | Self::SmpRelease | Self::SmpBenchmark => 4,
        }
    }
}

/// A system and how it is built.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct BuildOptions {
    /// System description
    #[arg(long, default_value = "system.xml")]
    pub system: PathBuf,
    /// Kernel configuration
    #[arg(long, value_enum, default_value_t)]
    pub config: Config,
    /// Linux of guests whose description does not say which
    #[arg(long, value_enum, default_value = "6.1")]
    pub linux: Kernel,
    /// Program of ours that takes the initialiser's place
    #[arg(long, hide = true)]
    pub root_task: Option<String>,
    /// The VMM as it is built for other kernels: it uses nothing that quoll adds to seL4 (tests/systems/plain.xml)
    #[arg(long)]
    pub plain: bool,
    /// Virtual CPUs that guests with one get instead: each on a core of its own if the configuration has several
    #[arg(long)]
    pub vcpus: Option<usize>,
}

impl BuildOptions {
    /// A system with everything else as usual.
    pub fn of(system: &str, config: Config, linux: Kernel) -> Self {
        Self { system: system.into(), config, linux, root_task: None, plain: false, vcpus: None }
    }
}

/// A system and where its picture goes.
#[derive(Debug, Args)]
pub struct DiagramOptions {
    /// What is drawn.
    #[command(flatten)]
    pub build: BuildOptions,
    /// The SVG file [default: docs/system.svg]
    #[arg(long, short)]
    pub output: Option<PathBuf>,
}

/// An SDK's folder.
#[derive(Debug, Default, Args)]
pub struct SdkOptions {
    /// Configurations [default: all]
    #[arg(long, value_enum)]
    pub config: Vec<Config>,
    /// Where a copy of it goes; it is made in target/sdk
    #[arg(long, short)]
    pub output: Option<PathBuf>,
}

/// A system and the machine that it runs on.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// What to run.
    #[command(flatten)]
    pub build: BuildOptions,
    /// QEMU's CPU
    #[arg(long, default_value = "cortex-a53")]
    pub cpu: String,
    /// Interrupt controller
    #[arg(long, value_enum, default_value = "2")]
    pub gic: Gic,
    /// Cores of the machine; as many as the configuration is meant for, if not given
    #[arg(long)]
    pub cores: Option<usize>,
    /// Deterministic: one instruction is one virtual nanosecond
    #[arg(long)]
    pub icount: bool,
    /// Name of the running system for `cargo xtask console` [default: that of the description]
    #[arg(long)]
    pub name: Option<String>,
    /// Write the output of each console client to a file in this folder
    #[arg(long, value_name = "FOLDER")]
    pub log: Option<PathBuf>,
}

/// Which client of which system.
#[derive(Debug, Default, Args)]
pub struct ConsoleOptions {
    /// The client; without it, the clients are listed
    pub client: Option<String>,
    /// The system, as `cargo xtask run` calls it [default: the one that was started last]
    #[arg(long)]
    pub name: Option<String>,
    /// Show all that is left of earlier output, not only what no terminal has shown
    #[arg(long)]
    pub history: bool,
    /// Write the output to this file, too
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// Which tests.
#[derive(Debug, Args)]
pub struct TestOptions {
    /// Only cases in QEMU whose name contains this; skips host tests and lints
    pub filter: Option<String>,
    /// QEMUs at the same time
    #[arg(long, short, default_value_t = 2)]
    pub jobs: usize,
    /// Search for mistakes at length, too: descriptions and programs at random, a million hostile system calls
    #[arg(long)]
    pub long: bool,
    /// How long descriptions and programs are searched for with `--long`
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub minutes: u64,
    /// What the hostile protection domain does follows from this number [default: 1, with --long the time]
    #[arg(long)]
    pub seed: Option<u64>,
}

/// Which kernels.
#[derive(Debug, Args)]
pub struct SizesOptions {
    /// Shows what has changed since this revision: in the working tree, or in the second revision
    #[arg(num_args = 0..=2, value_name = "REVISION")]
    pub revisions: Vec<String>,
}

/// Which figures.
#[derive(Debug, Args)]
pub struct BenchOptions {
    /// Only rows whose name contains this
    pub filter: Option<String>,
    /// QEMU's CPU; the goals are stated for the default
    #[arg(long, default_value = "cortex-a53")]
    pub cpu: String,
    /// Interrupt controller
    #[arg(long, value_enum, default_value = "2")]
    pub gic: Gic,
}
