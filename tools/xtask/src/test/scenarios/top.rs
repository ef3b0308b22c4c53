//! Who uses how much: two guests of which everything is known, and what `top` shows of them.

use anyhow::{Context, Result, ensure};

use crate::cli::{BuildOptions, Config};
use crate::guest::Kernel;
use crate::machine::Gic;
use crate::test::scenario::{Boots, Case, Scenario, Talk};

/// What the guest `counted` does in its life, as top sees it: its device accesses are those to the PL011, 100 of them by an instruction
/// that had to be decoded.
const COUNTED: &str = "2107 exits     calls 1500  gic 300  pl011 300  decoded 100  aborts 7";
/// Hundredths of a percent that the spinning guest has by its budget.
const SHARE: u64 = 2000;

/// On both interrupt controllers.
pub fn scenarios() -> Vec<Scenario> {
    let scenario = |gic: Gic| Scenario {
        name: format!("top, GICv{}", gic.version()),
        boots: Boots::System(BuildOptions::of("tests/systems/top.xml", Config::Debug, Kernel::V6_1)),
        cpu: "cortex-a53",
        gic,
        counted: true,
        cases: vec![
            Case { name: "exits are told by reason, and none is missing", check: totals },
            Case { name: "tables come by themselves, with the share that was configured", check: live },
        ],
    };
    Gic::ALL.into_iter().map(scenario).collect()
}

fn totals(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.expect("h explains the keys.")?;
    talk.session.send("t")?;
    // A table each second: the guest needs some milliseconds.
    talk.session.send("l")?;
    let mut last = String::new();
    for _ in 0..5 {
        talk.session.expect("counted ")?;
        last = talk.session.expect("\n")?;
    }
    talk.session.send("t")?;
    talk.session.expect("in a second")?;
    ensure!(last.trim_end().ends_with(COUNTED), "{last}");
    Ok(None)
}

/// Hundredths of a percent in a line of the table.
fn share(line: &str) -> Result<u64> {
    let number = line.split('%').next().context("no share")?.trim().replace('.', "");
    number.parse().with_context(|| line.to_owned())
}

fn live(talk: &mut Talk) -> Result<Option<String>> {
    let mut shares = Vec::new();
    for _ in 0..3 {
        // The counter goes on meanwhile, not by a hundredth.
        talk.session.expect("last: 1.00")?;
        talk.session.expect("spinner ")?;
        shares.push(share(&talk.session.expect("exits")?)?);
        talk.session.expect("counted ")?;
        let counted = talk.session.expect("exits")?;
        ensure!(share(&counted)? == 0 && counted.contains(" 0 "), "{counted}");
    }
    talk.session.send("q")?;
    let near = SHARE - SHARE / 100..=SHARE + SHARE / 100;
    ensure!(shares.iter().all(|share| near.contains(share)), "{shares:?}");
    Ok(Some(format!("{shares:?} hundredths of a percent instead of {SHARE}")))
}
