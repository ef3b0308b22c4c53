//! An idle guest lets the core sleep.

use std::fs;

use anyhow::{Context, Result, ensure};
use marker_plugin::What;

use crate::bench::{IDLE_LIMIT, measure};
use crate::cli::{BuildOptions, Config};
use crate::guest::Kernel;
use crate::machine::Gic;
use crate::test::scenario::{Boots, Case, Scenario, Talk};

/// A system with one Linux, under counted time.
pub fn scenario() -> Scenario {
    Scenario {
        name: "idle Linux".to_owned(),
        boots: Boots::System(BuildOptions::of("tests/systems/linux.xml", Config::Release, Kernel::V6_1)),
        cpu: "cortex-a53",
        gic: Gic::V2,
        counted: true,
        cases: vec![Case { name: "executes next to nothing in 10 virtual seconds", check: sleeps }],
    }
}

fn sleeps(talk: &mut Talk) -> Result<Option<String>> {
    measure::idle(&mut talk.session)?;
    let log = talk.counted.as_ref().context("instructions are counted")?;
    let events = marker_plugin::parse_log(&fs::read_to_string(log)?);
    let executed = measure::between(&events, What::Marker(1), What::Marker(2))?;
    ensure!(executed < IDLE_LIMIT, "{executed} instructions, not fewer than {IDLE_LIMIT}");
    Ok(Some(format!("{executed} instructions")))
}
