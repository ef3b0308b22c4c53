//! Guests: Debian's stock arm64 kernels and a small initramfs, made once and kept under `target/cache/guests`.

mod cpio;
mod initramfs;
mod modules;
mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::build::components;
use crate::process;
use crate::setup::apt::{Apt, Suite};
use crate::setup::toolchain;
use crate::workspace::Workspace;

pub use initramfs::{PROMPT, READY};

/// Command line of every guest: silent, so that what is measured is the guest and not its messages.
pub const COMMAND_LINE: &str = "console=ttyAMA0 quiet";

/// A Debian kernel, by its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kernel {
    /// `linux-image-cloud-arm64` of Debian 12.
    #[value(name = "6.1")]
    V6_1,
    /// `linux-image-cloud-arm64` of Debian 12's backports.
    #[value(name = "6.12")]
    V6_12,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::V6_1, Self::V6_12];

    /// The version, as in `uname -r`.
    pub fn version(self) -> &'static str {
        match self {
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
        }
    }

    fn suite(self) -> Suite {
        match self {
            Self::V6_1 => Suite::Bookworm,
            Self::V6_12 => Suite::Backports,
        }
    }
}

/// The folder that holds `Image`, `initramfs.cpio.gz` (and `initramfs-virtio.cpio.gz`, which has modules for virtio devices, too) and
/// `cmdline.txt` of one kernel: a search path of a system description.
pub fn folder(workspace: &Workspace, kernel: Kernel) -> PathBuf {
    workspace.guests().join(kernel.version())
}

/// Sees to it that all guests' files are there.
///
/// # Errors
/// When something must be downloaded and cannot be, or does not compile.
pub fn ensure(workspace: &Workspace) -> Result<()> {
    let mut store = Store::new(workspace);
    for kernel in Kernel::ALL {
        store.kernel(kernel)?;
    }
    let busybox = store.busybox()?;
    let ivc = components::ivc(workspace, &toolchain::ensure(workspace)?)?;
    let ivc = fs::read(&ivc).with_context(|| format!("cannot read {}", ivc.display()))?;
    let archive = initramfs::build(&busybox, &ivc, &[])?;
    for kernel in Kernel::ALL {
        let folder = folder(workspace, kernel);
        write_if_changed(&folder.join("initramfs.cpio.gz"), &archive)?;
        let with_modules = initramfs::build(&busybox, &ivc, &modules::all(&folder)?)?;
        write_if_changed(&folder.join("initramfs-virtio.cpio.gz"), &with_modules)?;
        write_if_changed(&folder.join("cmdline.txt"), COMMAND_LINE.as_bytes())?;
    }
    Ok(())
}

/// The packages' files, downloaded when first wanted.
struct Store {
    guests: PathBuf,
    apt_root: PathBuf,
    apt: Option<Apt>,
}

impl Store {
    fn new(workspace: &Workspace) -> Self {
        Self { guests: workspace.guests(), apt_root: workspace.cache().join("apt"), apt: None }
    }

    fn kernel(&mut self, kernel: Kernel) -> Result<()> {
        let folder = self.guests.join(kernel.version());
        let image = folder.join("Image");
        if image.is_file() && modules::are_there(&folder) {
            return Ok(());
        }
        let package = self.apt()?.first_dependency("linux-image-cloud-arm64", kernel.suite())?;
        self.extract(&package, kernel.suite(), |tree| {
            put(&find_with_prefix(&tree.join("boot"), "vmlinuz-")?, &image)?;
            if modules::are_there(&folder) { Ok(()) } else { modules::take(tree, &folder) }
        })
    }

    fn busybox(&mut self) -> Result<Vec<u8>> {
        let file = self.guests.join("busybox");
        if !file.is_file() {
            self.extract("busybox-static", Suite::Bookworm, |tree| put(&tree.join("bin/busybox"), &file))?;
        }
        fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
    }

    /// Unpacks a package and has `take` move what is wanted out of it.
    fn extract(&mut self, package: &str, suite: Suite, take: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let scratch = self.guests.join("scratch");
        let archive = self.apt()?.download(package, suite, &scratch)?;
        let tree = scratch.join("tree");
        let mut unpack = Command::new("dpkg-deb");
        process::run(&format!("unpacking {package}"), unpack.arg("-x").arg(&archive).arg(&tree))?;
        take(&tree).with_context(|| format!("{package} is not as expected"))?;
        fs::remove_dir_all(&scratch)?;
        Ok(())
    }

    fn apt(&mut self) -> Result<&Apt> {
        if self.apt.is_none() {
            let apt = Apt::arm64(&self.apt_root)?;
            apt.update()?;
            self.apt = Some(apt);
        }
        self.apt.as_ref().context("apt is set up")
    }
}

/// Moves a file. It appears only when it is whole.
fn put(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::rename(from, to).with_context(|| format!("there is no {}", from.display()))
}

fn find_with_prefix(folder: &Path, prefix: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            return Ok(entry.path());
        }
    }
    anyhow::bail!("no {prefix}… in {}", folder.display())
}

/// Writes a generated file, unless it is already so: what is built from it then stays fresh.
fn write_if_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}
