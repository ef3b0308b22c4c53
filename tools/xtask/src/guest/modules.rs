//! Kernel modules for a guest's virtio devices, out of Debian's packages.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

/// The modules in the order in which they can be loaded. What a kernel has built in is not in its package.
const MODULES: [&str; 9] = [
    "virtio_ring",
    "virtio",
    "virtio_mmio",
    "virtio_console",
    "virtio_blk",
    "failover",
    "net_failover",
    "virtio_net",
    "virtio-rng",
];

/// The folder with a kernel's modules, below its own.
const FOLDER: &str = "modules";

/// Takes the modules out of an unpacked package. The folder appears only when it is whole.
///
/// # Errors
/// When something cannot be read or written.
pub fn take(tree: &Path, folder: &Path) -> Result<()> {
    let scratch = folder.join("modules.new");
    fs::create_dir_all(&scratch)?;
    for module in MODULES {
        if let Some(file) = find(&tree.join("lib/modules"), module)? {
            fs::write(scratch.join(module).with_extension("ko"), unpacked(&file)?)?;
        }
    }
    fs::rename(&scratch, folder.join(FOLDER)).context("cannot put the guest's modules in place")
}

/// Whether [`take`] has been done.
pub fn are_there(folder: &Path) -> bool {
    folder.join(FOLDER).is_dir()
}

/// The modules with their names, in order.
///
/// # Errors
/// When one cannot be read.
pub fn all(folder: &Path) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let files = MODULES.iter().map(|&module| (module, folder.join(FOLDER).join(module).with_extension("ko")));
    files.filter(|(_, file)| file.is_file()).map(|(module, file)| Ok((module, fs::read(file)?))).collect()
}

/// A module's file in a tree of folders, compressed or not.
fn find(folder: &Path, module: &str) -> Result<Option<PathBuf>> {
    let names = [format!("{module}.ko"), format!("{module}.ko.xz")];
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            if let Some(found) = find(&path, module)? {
                return Ok(Some(found));
            }
        } else if path.file_name().is_some_and(|name| names.iter().any(|wanted| name == wanted.as_str())) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// A module's content.
fn unpacked(file: &Path) -> Result<Vec<u8>> {
    if file.extension().is_none_or(|extension| extension != "xz") {
        return fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    }
    let mut content = Vec::new();
    lzma_rs::xz_decompress(&mut BufReader::new(fs::File::open(file)?), &mut content)
        .map_err(|error| anyhow!("cannot decompress {}: {error:?}", file.display()))?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_wherever_they_are_and_kept_in_order() {
        let tree = std::env::temp_dir().join(format!("quoll-modules-{}", std::process::id()));
        let deep = tree.join("lib/modules/6/kernel/drivers");
        fs::create_dir_all(&deep).expect("a folder");
        // The file of eight zero bytes that xz makes.
        let mut compressed = Vec::new();
        lzma_rs::xz_compress(&mut [0u8; 8].as_slice(), &mut compressed).expect("memory");
        fs::write(deep.join("virtio_net.ko.xz"), compressed).expect("a file");
        fs::write(deep.join("virtio_blk.ko"), b"plain").expect("a file");
        fs::write(deep.join("virtio_blk.ko.bak"), b"no").expect("a file");
        take(&tree, &tree).expect("two modules");
        let all = all(&tree).expect("two modules");
        assert!(are_there(&tree));
        assert_eq!(all, [("virtio_blk", b"plain".to_vec()), ("virtio_net", vec![0; 8])]);
        fs::remove_dir_all(&tree).expect("it is ours");
    }
}
