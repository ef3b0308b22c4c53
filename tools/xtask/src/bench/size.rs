//! How big the kernel is.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, SectionKind};

/// Bytes of code in an ELF file.
///
/// # Errors
/// When it cannot be read.
pub fn code(elf: &Path) -> Result<u64> {
    let content = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    let file = object::File::parse(content.as_slice())?;
    Ok(file.sections().filter(|section| section.kind() == SectionKind::Text).map(|section| section.size()).sum())
}

/// Lines of Rust in a folder, without comments, empty lines and tests.
///
/// # Errors
/// When it cannot be read.
pub fn lines(folder: &Path) -> Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            count += lines(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            count += code_lines(&fs::read_to_string(&path)?);
        }
    }
    Ok(count)
}

/// Lines of code up to a file's tests, which stand at its end.
fn code_lines(source: &str) -> u64 {
    let lines = source.lines().map(str::trim).take_while(|line| *line != "#[cfg(test)]");
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).map(|_| 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_code_only() {
        let source = "//! Why.\n\nfn one() {\n    // how\n    two();\n}\n\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(code_lines(source), 3);
    }
}
