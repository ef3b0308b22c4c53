//! `cargo xtask sizes`: lines and bytes of code of the kernel, by module, and what a change did to them.

mod lines;
mod revision;
mod text;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use crate::build::components;
use crate::cli::{Config, SizesOptions};
use crate::setup::toolchain::{self, Toolchain};
use crate::workspace::Workspace;

pub use text::code;

/// The folders of the kernel's sources.
const CRATES: [&str; 2] = ["kernel/src", "kernel/core/src"];
/// What is in no module: assembly, and what the linker adds.
const OTHER: &str = "(assembly, and other crates)";

/// Figures of a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    /// Lines that are neither blank nor comment nor test.
    lines: u64,
    /// Bytes of code in the release configuration.
    text: u64,
}

/// The sizes of a kernel's modules, by their path, as in `kernel/src/object`.
type Sizes = BTreeMap<String, Size>;

/// Prints the sizes of the working tree, or of two revisions and their difference.
///
/// # Errors
/// When there is no such revision, or a kernel does not build.
pub fn run(workspace: &Workspace, options: &SizesOptions) -> Result<()> {
    let toolchain = toolchain::ensure(workspace)?;
    let of_tree = || measure(workspace.source("."), &workspace.target().join("bare").join(CONFIG.name()), &toolchain);
    let of = |revision: &String| {
        let tree = revision::Tree::of(workspace, revision)?;
        measure(tree.folder(), &revision::target(workspace), &toolchain)
    };
    let table = match options.revisions.as_slice() {
        [] => single(&of_tree()?),
        [before] => compared(&of(before)?, &of_tree()?),
        [before, after, ..] => compared(&of(before)?, &of(after)?),
    };
    print!("{table}");
    Ok(())
}

/// The goals are stated for it.
const CONFIG: Config = Config::Release;

/// Counts the sources in a folder, and builds the kernel for its code.
fn measure(source: impl AsRef<Path>, target: &Path, toolchain: &Toolchain) -> Result<Sizes> {
    let mut sizes = Sizes::new();
    for folder in CRATES {
        for (file, lines) in lines::of_folder(&source.as_ref().join(folder))? {
            sizes.entry(format!("{folder}/{}", module(&file))).or_default().lines += lines;
        }
    }
    let kernel = components::kernel(source.as_ref(), target, toolchain, CONFIG)?;
    let root = source.as_ref().canonicalize()?;
    for (file, bytes) in text::by_file(&kernel)? {
        let module = module_below(&root, &file).unwrap_or_else(|| OTHER.to_owned());
        sizes.entry(module).or_default().text += bytes;
    }
    Ok(sizes)
}

/// Lines of the kernel in the working tree.
///
/// # Errors
/// When its sources cannot be read.
pub fn kernel_lines(workspace: &Workspace) -> Result<u64> {
    let mut sum = 0;
    for folder in CRATES {
        sum += lines::of_folder(&workspace.source(folder))?.values().sum::<u64>();
    }
    Ok(sum)
}

/// The module that a file belongs to: the folder or file below the crate's root, one more for an architecture.
fn module(file: &str) -> String {
    let parts: Vec<_> = file.trim_end_matches(".rs").split('/').collect();
    named(&parts)
}

fn named(parts: &[&str]) -> String {
    let depth = if parts.first() == Some(&"arch") { 2 } else { 1 };
    match parts {
        ["lib" | "main" | "mod"] | [] => "(root)".to_owned(),
        ["arch", "mod"] => "arch".to_owned(),
        parts => parts[..depth.min(parts.len())].join("/"),
    }
}

/// The module of a source file of the kernel below `root`.
fn module_below(root: &Path, file: &str) -> Option<String> {
    let file = Path::new(file).strip_prefix(root).ok()?.to_str()?;
    CRATES.iter().find_map(|folder| Some(format!("{folder}/{}", module(file.strip_prefix(folder)?.strip_prefix('/')?))))
}

fn total(sizes: &Sizes) -> Size {
    let add = |sum: Size, size: &Size| Size { lines: sum.lines + size.lines, text: sum.text + size.text };
    sizes.values().fold(Size::default(), add)
}

fn single(sizes: &Sizes) -> String {
    let row = |name: &str, size: &Size| format!("{name:40} {:>7} {:>8}\n", size.lines, size.text);
    let mut table = format!("{:40} {:>7} {:>8}\n", "module", "lines", "bytes");
    sizes.iter().for_each(|(name, size)| table += &row(name, size));
    table + &row("all", &total(sizes))
}

fn compared(before: &Sizes, after: &Sizes) -> String {
    let row = |name: &str, old: Size, new: Size| {
        let change =
            |old: u64, new: u64| if old == new { String::new() } else { format!("{:+}", new as i64 - old as i64) };
        let (lines, bytes) = (change(old.lines, new.lines), change(old.text, new.text));
        format!("{name:40} {:>7} {lines:>7} {:>8} {bytes:>8}\n", new.lines, new.text)
    };
    let mut table = format!("{:40} {:>7} {:>7} {:>8} {:>8}\n", "module", "lines", "", "bytes", "");
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for name in names {
        let of = |sizes: &Sizes| sizes.get(name).copied().unwrap_or_default();
        table += &row(name, of(before), of(after));
    }
    table + &row("all", total(before), total(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_belong_to_modules() {
        assert_eq!(module("object/tcb.rs"), "object");
        assert_eq!(module("sched.rs"), "sched");
        assert_eq!(module("main.rs"), "(root)");
        assert_eq!(module("arch/aarch64/gic/v2.rs"), "arch/aarch64");
        let below = |file| module_below(Path::new("/a"), file);
        assert_eq!(below("/a/kernel/core/src/refill.rs").as_deref(), Some("kernel/core/src/refill"));
        assert_eq!(below("/a/kernel/src/boot/mod.rs").as_deref(), Some("kernel/src/boot"));
        assert_eq!(below("/rustc/core/src/fmt/mod.rs"), None);
    }

    #[test]
    fn a_comparison_shows_what_changed() {
        let sizes = |lines, text| Sizes::from([("a".to_owned(), Size { lines, text })]);
        let table = compared(&sizes(10, 400), &sizes(12, 400));
        assert!(table.contains("12      +2      400"), "{table}");
        let gone = compared(&sizes(10, 400), &Sizes::new());
        assert!(gone.contains("0     -10"), "{gone}");
    }
}
