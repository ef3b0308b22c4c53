//! The machine's devices that are there for the drivers, and the guests, that a system has.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use gpt::{GptConfig, partition_types};

/// Size of a disk that is made, in bytes. It takes no more than what is written to it.
const DISK: u64 = 64 << 20;

/// What a machine has. Each device is in the first slot of a page of registers of its own, because a page has one owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peripherals {
    /// The image of a disk, in slot 0.
    pub disk: Option<PathBuf>,
    /// The image of a disk that a guest has for itself, in slot 24.
    pub guest_disk: Option<PathBuf>,
    /// Where the second serial line listens, a socket.
    pub serial: Option<PathBuf>,
    /// QEMU's educational PCI device, as function 0:1.0.
    pub edu: bool,
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
        let image = |wanted: bool| wanted.then(|| disk.to_owned());
        let found = Self {
            disk: image(has("virtio_blk")),
            guest_disk: image(text.contains(r#"compatible="virtio,mmio""#)),
            serial: text.contains(r#"phys_addr="0x9040000""#).then(socket),
            edu: text.contains(r#"phys_addr="0x4010008000""#),
            network: has("virtio_net"),
            entropy: has("virtio_rng"),
        };
        if found.any_disk().is_some() && !disk.is_file() {
            make(disk)?;
        }
        Ok(found)
    }

    /// The image of the disk, whoever drives it.
    pub fn any_disk(&self) -> Option<&Path> {
        self.disk.as_deref().or(self.guest_disk.as_deref())
    }

    /// Adds the devices to QEMU's command.
    pub fn add_to(&self, command: &mut Command) {
        if *self == Self::default() {
            return;
        }
        // The version of the interface that is no longer changed.
        command.args(["-global", "virtio-mmio.force-legacy=false"]);
        for (disk, slot) in [(&self.disk, 0), (&self.guest_disk, 24)] {
            let Some(disk) = disk else { continue };
            command.arg("-drive").arg(format!("if=none,id=disk{slot},format=raw,file={}", disk.display()));
            let device = format!("virtio-blk-device,drive=disk{slot},bus=virtio-mmio-bus.{slot}");
            command.args(["-device", &device]);
        }
        if let Some(serial) = &self.serial {
            command.arg("-serial").arg(format!("unix:{},server=on,wait=off", serial.display()));
        }
        if self.edu {
            // All of the machine's memory is below 4 GiB.
            command.args(["-device", "edu,addr=1.0,dma_mask=0xffffffff"]);
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

/// A name for a socket of this process's, short enough for one.
fn socket() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("quoll-serial-{}-{number}", std::process::id()))
}

/// The partitions of a disk that has some: label, first sector, number of sectors.
pub const PARTITIONS: [(&str, u64, u64); 2] = [("other", 2048, 4096), ("linux", 32768, 16384)];

/// Writes a partition table.
///
/// # Errors
/// When the image cannot be written.
pub fn partition(disk: &Path) -> Result<()> {
    let mut table = GptConfig::new().writable(true).create(disk)?;
    for (number, (label, first, sectors)) in (1..).zip(PARTITIONS) {
        table.add_partition_at(label, number, first, sectors, partition_types::LINUX_FS, 0)?;
    }
    table.write()?;
    Ok(())
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
        assert_eq!(found, Peripherals { disk: Some(disk.clone()), ..Peripherals::default() });
        assert_eq!(fs::metadata(&disk).expect("it was made").len(), DISK);
        let mut command = Command::new("qemu");
        found.add_to(&mut command);
        let line = command_line(&command);
        assert!(line.contains("virtio-mmio-bus.0") && !line.contains("virtio-net"), "{line}");
        let passed = r#"<memory_region phys_addr="0x9040000" /><device compatible="virtio,mmio" />"#;
        fs::write(&description, passed).expect("a file");
        let found = Peripherals::of(&description, &disk).expect("a description");
        let mut command = Command::new("qemu");
        found.add_to(&mut command);
        let line = command_line(&command);
        assert!(line.contains("virtio-mmio-bus.24") && line.contains("-serial unix:"), "{line}");
        fs::write(&description, "<system />").expect("a file");
        let none = Peripherals::of(&description, &disk).expect("a description");
        assert_eq!(none, Peripherals::default());
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
