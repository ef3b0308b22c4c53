//! Bytes of code in an ELF file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use addr2line::Loader;
use anyhow::{Context, Result, anyhow};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};

/// Bytes of code in an ELF file.
///
/// # Errors
/// When it cannot be read.
pub fn code(elf: &Path) -> Result<u64> {
    let content = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    Ok(section_bytes(&object::File::parse(content.as_slice())?))
}

fn section_bytes(file: &object::File) -> u64 {
    file.sections().filter(|section| section.kind() == SectionKind::Text).map(|section| section.size()).sum()
}

/// Bytes of code by the source file of the function that they are in. What is in no function has an empty name: assembly,
/// and what the linker adds. A function that is inlined counts where it is inlined.
///
/// # Errors
/// When the file cannot be read, or has no line numbers.
pub fn by_file(elf: &Path) -> Result<BTreeMap<String, u64>> {
    let content = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    let file = object::File::parse(content.as_slice())?;
    // Functions that were found to be the same have one address.
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
    let functions: BTreeMap<u64, u64> = functions.map(|symbol| (symbol.address(), symbol.size())).collect();
    let lines = Loader::new(elf).map_err(|error| anyhow!("{}: {error}", elf.display()))?;
    let mut sizes = BTreeMap::new();
    for (address, size) in &functions {
        *sizes.entry(source_file(&lines, *address)?).or_default() += size;
    }
    let known: u64 = functions.values().sum();
    *sizes.entry(String::new()).or_default() += section_bytes(&file).saturating_sub(known);
    Ok(sizes)
}

/// The source file of the function at an address: the outermost, where others are inlined.
fn source_file(lines: &Loader, address: u64) -> Result<String> {
    let mut frames = lines.find_frames(address).map_err(|error| anyhow!("{error}"))?;
    let mut file = None;
    while let Some(frame) = frames.next()? {
        file = frame.location.and_then(|location| location.file).map(str::to_owned);
    }
    Ok(file.unwrap_or_default())
}
