//! Systems as they are described, but for their guests' virtual CPUs. On several cores, each guest begins on the core behind that of
//! the guest before it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// A guest's only virtual CPU, as descriptions say it.
const ONE: &str = "<vcpu id=\"0\" />";

/// Writes the description `system` with `count` virtual CPUs, on so many cores, for each guest that has one. Returns its path.
///
/// # Errors
/// When there is no such guest, or a file cannot be read or written.
pub fn describe(system: &Path, output: &Path, count: usize, cores: usize) -> Result<PathBuf> {
    let text = fs::read_to_string(system).with_context(|| format!("cannot read {}", system.display()))?;
    let text = several(&text, count, cores).with_context(|| format!("cannot change {}", system.display()))?;
    fs::write(output, text).with_context(|| format!("cannot write {}", output.display()))?;
    Ok(output.to_owned())
}

fn several(text: &str, count: usize, cores: usize) -> Result<String> {
    ensure!(text.contains(ONE), "no guest has one virtual CPU, written `{ONE}`");
    ensure!(count > 0, "a guest has at least one virtual CPU");
    let vcpu = |guest: usize, id: usize| match cores {
        1 => format!("<vcpu id=\"{id}\" />"),
        _ => format!("<vcpu id=\"{id}\" cpu=\"{}\" />", (guest + id) % cores),
    };
    let mut pieces = text.split(ONE);
    let first = pieces.next().unwrap_or_default().to_owned();
    Ok(pieces.enumerate().fold(first, |mut text, (guest, piece)| {
        // On one line: what a message says of a line is true of the original, too.
        text.extend((0..count).map(|id| vcpu(guest, id)));
        text + piece
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "<a>\n  <vcpu id=\"0\" />\n</a>\n<vcpu id=\"0\" />\n<vcpu id=\"0\" cpu=\"2\" />\n";

    #[test]
    fn each_is_on_a_core_while_there_are_cores() {
        let lines = |cores| several(SYSTEM, 3, cores).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(1)[1], "  <vcpu id=\"0\" /><vcpu id=\"1\" /><vcpu id=\"2\" />");
        assert_eq!(lines(2)[1], "  <vcpu id=\"0\" cpu=\"0\" /><vcpu id=\"1\" cpu=\"1\" /><vcpu id=\"2\" cpu=\"0\" />");
        assert_eq!(lines(2)[3], "<vcpu id=\"0\" cpu=\"1\" /><vcpu id=\"1\" cpu=\"0\" /><vcpu id=\"2\" cpu=\"1\" />");
        assert_eq!(lines(4)[4], "<vcpu id=\"0\" cpu=\"2\" />", "that guest has its core");
    }

    #[test]
    fn what_cannot_be_is_told() {
        assert!(several("<system />", 4, 4).unwrap_err().to_string().starts_with("no guest has one virtual CPU"));
        assert!(several(SYSTEM, 0, 4).is_err());
    }
}
