//! The machine's virtio devices, which are there for the drivers that a system has.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Size of a disk that is made, in bytes. It takes no more than what is written to it.
const DISK: u64 = 64 << 20;

/// What a machine has. Each device is in the first slot of a page of registers of its own, because a page has one owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peripherals {
    /// The image of a disk, in slot 0.
    pub disk: Option<PathBuf>,
    /// A network device, in slot 8, on QEMU's user network.
    pub network: bool,
    /// An entropy device, in slot 16.
    pub entropy: bool,
}

impl Peripherals {
    /// What the drivers in a system description need. A disk's image is `disk`, made if it is not there.
    ///
    /// # Errors
    /// When the description cannot be read or the image cannot be made.
    pub fn of(description: &Path, disk: &Path) -> Result<Self> {
        let text = fs::read_to_string(description).with_context(|| format!("cannot read {}", description.display()))?;
        let has = |driver: &str| text.contains(&format!("\"{driver}.elf\""));
        let disk = has("virtio_blk").then(|| disk.to_owned());
        if let Some(disk) = &disk
            && !disk.is_file()
        {
            make(disk)?;
        }
        Ok(Self { disk, network: has("virtio_net"), entropy: has("virtio_rng") })
    }

    /// Adds the devices to QEMU's command.
    pub fn add_to(&self, command: &mut Command) {
        if *self == Self::default() {
            return;
        }
        // The version of the interface that is no longer changed.
        command.args(["-global", "virtio-mmio.force-legacy=false"]);
        if let Some(disk) = &self.disk {
            command.arg("-drive").arg(format!("if=none,id=disk,format=raw,file={}", disk.display()));
            command.args(["-device", "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.0"]);
        }
        if self.network {
            command.args(["-netdev", "user,id=network"]);
            command.args(["-device", "virtio-net-device,netdev=network,bus=virtio-mmio-bus.8"]);
        }
        if self.entropy {
            command.args(["-device", "virtio-rng-device,bus=virtio-mmio-bus.16"]);
        }
    }
}

/// Makes an empty disk.
fn make(disk: &Path) -> Result<()> {
    let parent = disk.parent().context("a disk's image is in a folder")?;
    fs::create_dir_all(parent)?;
    let file = File::create(disk).with_context(|| format!("cannot create {}", disk.display()))?;
    file.set_len(DISK)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::command_line;

    #[test]
    fn a_system_gets_what_it_drives() {
        let folder = std::env::temp_dir().join(format!("quoll-peripherals-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let (description, disk) = (folder.join("a.xml"), folder.join("disks/a.img"));
        fs::write(&description, r#"<program_image path="virtio_blk.elf" />"#).expect("a file");
        let found = Peripherals::of(&description, &disk).expect("a description");
        assert_eq!(found, Peripherals { disk: Some(disk.clone()), network: false, entropy: false });
        assert_eq!(fs::metadata(&disk).expect("it was made").len(), DISK);
        let mut command = Command::new("qemu");
        found.add_to(&mut command);
        let line = command_line(&command);
        assert!(line.contains("virtio-mmio-bus.0") && !line.contains("virtio-net"), "{line}");
        fs::write(&description, "<system />").expect("a file");
        let none = Peripherals::of(&description, &disk).expect("a description");
        assert_eq!(none, Peripherals::default());
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
