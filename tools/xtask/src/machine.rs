//! The virtual machine that QEMU is asked for.

use std::path::PathBuf;
use std::process::Command;

use clap::ValueEnum;
use marker_plugin::Range;

use crate::guest::{self, Kernel};
use crate::peripherals::Peripherals;
use crate::setup::qemu;
use crate::workspace::Workspace;

/// Where QEMU puts the image and starts it, as the Microkit SDK's manual has it for this board.
const LOAD_ADDRESS: u64 = 0x7000_0000;

/// The CPUs that everything is tested on: an Armv8.0 without and with a wide physical address, and all that QEMU has.
pub const CPUS: [&str; 3] = ["cortex-a53", "cortex-a72", "max"];

/// Version of the interrupt controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Gic {
    /// GICv2, memory-mapped CPU interface.
    #[value(name = "2")]
    V2,
    /// GICv3, system-register CPU interface.
    #[value(name = "3")]
    V3,
}

impl Gic {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V2, Self::V3];

    /// QEMU's name for it.
    pub fn version(self) -> &'static str {
        match self {
            Self::V2 => "2",
            Self::V3 => "3",
        }
    }
}

/// What the machine boots.
#[derive(Clone, Debug)]
pub enum Boot {
    /// An image of the `microkit` tool, at EL2.
    Image(PathBuf),
    /// Linux, or what looks like it, by itself at EL1, to compare with.
    Linux {
        /// The kernel.
        kernel: PathBuf,
        /// Its initramfs, if it takes one.
        initrd: Option<PathBuf>,
    },
}

impl Boot {
    /// A guest's files, booted without a hypervisor.
    pub fn bare(workspace: &Workspace, kernel: Kernel) -> Self {
        Self::linux(workspace, kernel, "initramfs.cpio.gz")
    }

    /// The same with modules for virtio devices.
    pub fn bare_with_modules(workspace: &Workspace, kernel: Kernel) -> Self {
        Self::linux(workspace, kernel, "initramfs-virtio.cpio.gz")
    }

    fn linux(workspace: &Workspace, kernel: Kernel, initrd: &str) -> Self {
        let folder = guest::folder(workspace, kernel);
        Self::Linux { kernel: folder.join("Image"), initrd: Some(folder.join(initrd)) }
    }
}

/// Memory of a guest that has the machine for itself: as much as `tests/systems/linux.xml` gives it.
const GUEST_MEMORY: &str = "256M";

/// Counting instructions in a run.
#[derive(Clone, Debug)]
pub struct Counter {
    /// The marker plugin's library.
    pub plugin: PathBuf,
    /// Where it writes.
    pub output: PathBuf,
    /// Where others than guests execute, if guests' instructions are counted apart.
    pub host: Vec<Range>,
}

/// What a machine's virtual time follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The host's time.
    Host,
    /// The instructions that are executed. While nothing runs, what is left until the next timer is skipped.
    Instructions,
    /// The same, but while nothing runs it goes on like the host's: for a machine that waits for its disk and for no timer. There is nothing
    /// that it could skip to, so QEMU skips to the end of time, where it does nothing any more.
    InstructionsWaiting,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// QEMU's CPU model.
    pub cpu: String,
    /// Interrupt controller.
    pub gic: Gic,
    /// Number of cores.
    pub cores: usize,
    /// What virtual time follows.
    pub clock: Clock,
    /// What it boots.
    pub boot: Boot,
    /// Its virtio devices.
    pub peripherals: Peripherals,
    /// Counts instructions when wanted.
    pub counter: Option<Counter>,
    /// An inherited file that is the line to further terminals, if it has one.
    pub terminals: Option<i32>,
}

impl Machine {
    /// The command that runs the machine with its serial line (and Ctrl-a as QEMU's escape) on standard input and output.
    pub fn command(&self) -> Command {
        let mut command = Command::new(qemu::PROGRAM);
        let hypervisor = matches!(self.boot, Boot::Image(_));
        let virtualization = if hypervisor { "on" } else { "off" };
        let machine = format!("virt,virtualization={virtualization},gic-version={}", self.gic.version());
        command.args(["-machine", &machine, "-cpu", &self.cpu, "-smp", &self.cores.to_string()]);
        command.args(["-nographic", "-nodefaults", "-serial", "mon:stdio"]);
        match &self.boot {
            Boot::Image(image) => {
                let loader = format!("loader,file={},addr={LOAD_ADDRESS:#x},cpu-num=0", image.display());
                command.args(["-m", "2G", "-device", &loader]);
            }
            Boot::Linux { kernel, initrd } => {
                command.args(["-m", GUEST_MEMORY, "-append", guest::COMMAND_LINE]);
                command.arg("-kernel").arg(kernel);
                if let Some(initrd) = initrd {
                    command.arg("-initrd").arg(initrd);
                }
            }
        }
        self.peripherals.add_to(&mut command);
        if self.clock != Clock::Host {
            let sleep = if self.clock == Clock::Instructions { "off" } else { "on" };
            command.args(["-icount", &format!("shift=0,align=off,sleep={sleep}")]);
            // The same entropy and the same date in every run.
            command.args(["-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm"]);
        }
        if let Some(line) = self.terminals {
            command.args(["-global", "virtio-mmio.force-legacy=false"]);
            // A port that is no console: of those, QEMU drops what is not read at once.
            command.args(["-device", "virtio-serial-device,bus=virtio-mmio-bus.31,max_ports=2"]);
            command.args(["-chardev", &format!("socket,id=terminals,fd={line}")]);
            command.args(["-device", "virtserialport,nr=1,chardev=terminals"]);
        }
        if let Some(counter) = &self.counter {
            let host: String = counter.host.iter().map(|range| format!(",host={range}")).collect();
            command.arg("-plugin");
            command.arg(format!("{},out={}{host}", counter.plugin.display(), counter.output.display()));
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::command_line;

    #[test]
    fn an_image_starts_at_el2_where_it_is_linked() {
        let machine = Machine {
            cpu: "max".to_owned(),
            gic: Gic::V3,
            cores: 4,
            clock: Clock::Instructions,
            boot: Boot::Image("loader.img".into()),
            peripherals: Peripherals::default(),
            counter: None,
            terminals: None,
        };
        let line = command_line(&machine.command());
        assert!(line.contains("virt,virtualization=on,gic-version=3"), "{line}");
        assert!(line.contains("loader,file=loader.img,addr=0x70000000,cpu-num=0"), "{line}");
        assert!(line.contains("-smp 4"), "{line}");
        assert!(line.contains("-icount shift=0,align=off,sleep=off"), "{line}");
    }
}
