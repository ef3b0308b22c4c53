//! How time is shared: three guests that spin, and one of higher priority that wants to run every millisecond. Virtual time is
//! instructions, so the figures are the same each time.

use anyhow::{Context, Result, anyhow, ensure};

use crate::cli::{BuildOptions, Config};
use crate::guest::Kernel;
use crate::machine::Gic;
use crate::test::scenario::{Boots, Case, Scenario, Talk};

const BUDGETS: Case = Case { name: "each gets its budget of each period, and its time", check: budgets };
const SLICES: Case = Case { name: "all get the same, and their time", check: slices };

/// What the three have of a million, as their budgets say.
const CONFIGURED: [u64; 3] = [200_000, 300_000, 400_000];
/// The one of higher priority may be so late, in nanoseconds: the way from a timer to a guest, and what can't be interrupted.
const LATEST: u64 = 20_000;

/// On both interrupt controllers.
pub fn scenarios() -> Vec<Scenario> {
    let systems = [("shares", BUDGETS), ("slices", SLICES)];
    let machines = Gic::ALL.iter().flat_map(|&gic| systems.map(|(system, case)| (gic, system, case)));
    machines
        .map(|(gic, system, case)| Scenario {
            name: format!("{system} of time, GICv{}", gic.version()),
            boots: Boots::System(BuildOptions::of(
                &format!("tests/systems/{system}.xml"),
                Config::Release,
                Kernel::V6_1,
            )),
            cpu: "cortex-a53",
            gic,
            counted: true,
            cases: vec![case],
        })
        .collect()
}

/// The clocks of the first two are virtual: they went as far as their guests came. That of the third is real.
fn check_clocks(clocks: [u64; 3], shares: [u64; 3]) -> Result<()> {
    within_a_hundredth(clocks[0], shares[0])?;
    within_a_hundredth(clocks[1], shares[1])?;
    within_a_hundredth(clocks[2], 1_000_000)
}

fn numbers(line: &str) -> Vec<u64> {
    line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

/// What the guest tells: millionths of the time for each of the three, and its worst lateness in nanoseconds.
fn figures(talk: &mut Talk) -> Result<([u64; 3], String)> {
    talk.session.expect("CLOCKS ")?;
    let line = talk.session.expect(" of a million")?;
    let clocks = numbers(&line).try_into().map_err(|_| anyhow!("{line}"))?;
    talk.session.expect("SHARES ")?;
    let line = talk.session.expect(" ns")?;
    let [a, b, c, _, late] = *numbers(&line).as_slice() else { return Err(anyhow!("{line}")) };
    ensure!(late <= LATEST, "{late} ns late");
    check_clocks(clocks, [a, b, c]).with_context(|| format!("clocks: {clocks:?}"))?;
    Ok(([a, b, c], format!("{a}, {b} and {c} millionths; worst lateness of the fourth {late} ns")))
}

fn within_a_hundredth(share: u64, expected: u64) -> Result<()> {
    let limits = expected - expected / 100..=expected + expected / 100;
    limits.contains(&share).then_some(()).with_context(|| format!("{share} instead of {expected}"))
}

fn budgets(talk: &mut Talk) -> Result<Option<String>> {
    let (shares, text) = figures(talk)?;
    shares.iter().zip(CONFIGURED).try_for_each(|(share, expected)| within_a_hundredth(*share, expected))?;
    Ok(Some(text))
}

fn slices(talk: &mut Talk) -> Result<Option<String>> {
    let (shares, text) = figures(talk)?;
    let all: u64 = shares.iter().sum();
    within_a_hundredth(all, 1_000_000)?;
    shares.iter().try_for_each(|share| within_a_hundredth(*share, all / 3))?;
    Ok(Some(text))
}
