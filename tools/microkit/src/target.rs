//! What a system is built for: a board and a configuration of the kernel.

use kernel_config::Board;
use sel4_abi::config;
use std::str::FromStr;

/// A configuration of the kernel, as upstream names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Checks and debugging aids are built in: `debug`.
    pub debug: bool,
    /// Measuring aids are built in: `benchmark`.
    pub benchmark: bool,
    /// More than one core: `smp-…`.
    pub smp: bool,
}

impl Config {
    /// All names.
    pub const NAMES: [&str; 6] = ["debug", "release", "benchmark", "smp-debug", "smp-release", "smp-benchmark"];

    /// Its name.
    pub fn name(self) -> &'static str {
        let kind = if self.debug {
            0
        } else if self.benchmark {
            2
        } else {
            1
        };
        Self::NAMES[if self.smp { 3 + kind } else { kind }]
    }
}

impl FromStr for Config {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (smp, kind) = text.strip_prefix("smp-").map_or((false, text), |kind| (true, kind));
        match kind {
            "debug" | "release" | "benchmark" => {
                Ok(Self { debug: kind == "debug", benchmark: kind == "benchmark", smp })
            }
            _ => Err(format!("no such configuration (there are {})", Self::NAMES.join(", "))),
        }
    }
}

/// Board and configuration.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The board.
    pub board: &'static Board,
    /// The configuration.
    pub config: Config,
}

impl Target {
    /// Cores that threads can be put on.
    pub fn cores(&self) -> u64 {
        if self.config.smp { self.board.cores as u64 } else { 1 }
    }

    /// Scheduling domains: with several cores there is one only.
    pub fn domains(&self) -> u64 {
        if self.config.smp { 1 } else { config::NUM_DOMAINS as u64 }
    }
}
