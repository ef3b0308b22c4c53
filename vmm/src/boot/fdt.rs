//! The device tree that tells a guest what machine it runs on. It is written anew for each guest from [`crate::machine`]
//! and is never a blob.

use alloc::{format, vec::Vec};
use vm_fdt::{Error, FdtWriter};

use crate::{
    hypervisor::Conduit,
    machine::*,
    passed::PassedDevice,
    vgic::{FIRST_SPI, HardwareLine, Version},
};

/// What differs from guest to guest.
pub struct Description<'a> {
    /// The guest's memory.
    pub memory: Region,
    /// Number of vCPUs.
    pub vcpus: usize,
    /// The interrupt controller.
    pub gic: Version,
    /// How the guest calls its firmware.
    pub conduit: Conduit,
    /// Whether others send it messages.
    pub messages: bool,
    /// The kernel's command line.
    pub command_line: &'a str,
    /// The initial ramdisk with its true size: the kernel unpacks all that it is told of.
    pub initrd: Option<Region>,
    /// Places of virtio devices, by number.
    pub virtio: &'a [usize],
    /// What it shares with others.
    pub shared: &'a [Shared<'a>],
    /// Whether there is a dual timer.
    pub dual_timer: bool,
    /// Devices of the machine.
    pub passed: &'a [PassedDevice],
    /// Random bytes that nobody else has, if there are any.
    pub seed: Option<&'a Seed>,
}

/// Random bytes for a guest's own generator, and for where it puts itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seed {
    /// `rng-seed`.
    pub generator: [u8; 32],
    /// `kaslr-seed`.
    pub layout: [u8; 8],
}

/// Phandles of the nodes that others refer to.
const GIC_PHANDLE: u32 = 1;
const CLOCK_PHANDLE: u32 = 2;

/// The first cell of an interrupt specifier.
const SPI: u32 = 0;
const PPI: u32 = 1;
const EDGE_RISING: u32 = 1;
const LEVEL_HIGH: u32 = 4;
const LEVEL_LOW: u32 = 8;

/// Writes the device tree of a machine.
///
/// Without a source of entropy there is no `rng-seed` and no `kaslr-seed`: nothing else would deserve the name.
pub fn write(machine: &Description) -> Result<Vec<u8>, Error> {
    let mut fdt = FdtWriter::new()?;
    let root = fdt.begin_node("")?;
    fdt.property_string("compatible", "linux,dummy-virt")?;
    fdt.property_string("model", "quoll,virt")?;
    fdt.property_u32("#address-cells", 2)?;
    fdt.property_u32("#size-cells", 2)?;
    fdt.property_u32("interrupt-parent", GIC_PHANDLE)?;
    chosen(&mut fdt, machine)?;
    memory(&mut fdt, machine.memory)?;
    cpus(&mut fdt, machine.vcpus)?;
    psci(&mut fdt, machine.conduit)?;
    timer(&mut fdt, machine)?;
    interrupt_controller(&mut fdt, machine)?;
    clock(&mut fdt)?;
    if machine.messages {
        messages(&mut fdt, machine)?;
    }
    primecell(&mut fdt, "pl011", UART, UART_SPI)?;
    primecell(&mut fdt, "pl031", RTC, RTC_SPI)?;
    if machine.dual_timer {
        primecell(&mut fdt, "sp804", DUAL_TIMER, DUAL_TIMER_SPI)?;
    }
    machine.virtio.iter().try_for_each(|&slot| virtio(&mut fdt, slot))?;
    machine.shared.iter().try_for_each(|shared| shared_memory(&mut fdt, shared))?;
    machine.passed.iter().try_for_each(|device| passed(&mut fdt, device))?;
    fdt.end_node(root)?;
    fdt.finish()
}

fn chosen(fdt: &mut FdtWriter, machine: &Description) -> Result<(), Error> {
    let node = fdt.begin_node("chosen")?;
    fdt.property_string("bootargs", machine.command_line)?;
    fdt.property_string("stdout-path", &format!("/pl011@{:x}", UART.base))?;
    if let Some(initrd) = machine.initrd {
        fdt.property_u64("linux,initrd-start", initrd.base)?;
        fdt.property_u64("linux,initrd-end", initrd.end())?;
    }
    if let Some(seed) = machine.seed {
        fdt.property("kaslr-seed", &seed.layout)?;
        fdt.property("rng-seed", &seed.generator)?;
    }
    fdt.end_node(node)
}

fn memory(fdt: &mut FdtWriter, memory: Region) -> Result<(), Error> {
    let node = fdt.begin_node(&format!("memory@{:x}", memory.base))?;
    fdt.property_string("device_type", "memory")?;
    regions(fdt, &[memory])?;
    fdt.end_node(node)
}

fn cpus(fdt: &mut FdtWriter, vcpus: usize) -> Result<(), Error> {
    let node = fdt.begin_node("cpus")?;
    fdt.property_u32("#address-cells", 1)?;
    fdt.property_u32("#size-cells", 0)?;
    for vcpu in 0..vcpus {
        let affinity = crate::vgic::affinity_of_vcpu(vcpu) as u32;
        let cpu = fdt.begin_node(&format!("cpu@{affinity:x}"))?;
        fdt.property_string("device_type", "cpu")?;
        fdt.property_string("compatible", "arm,armv8")?;
        fdt.property_u32("reg", affinity)?;
        fdt.property_string("enable-method", "psci")?;
        fdt.end_node(cpu)?;
    }
    fdt.end_node(node)
}

fn psci(fdt: &mut FdtWriter, conduit: Conduit) -> Result<(), Error> {
    let method = match conduit {
        Conduit::Hvc => "hvc",
        Conduit::Smc => "smc",
    };
    let node = fdt.begin_node("psci")?;
    fdt.property_string_list("compatible", ["arm,psci-1.0", "arm,psci-0.2"].map(Into::into).into())?;
    fdt.property_string("method", method)?;
    fdt.end_node(node)
}

fn timer(fdt: &mut FdtWriter, machine: &Description) -> Result<(), Error> {
    let interrupts = TIMER_PPIS.map(|ppi| private_interrupt(machine, ppi, LEVEL_LOW));
    let node = fdt.begin_node("timer")?;
    fdt.property_string("compatible", "arm,armv8-timer")?;
    fdt.property_array_u32("interrupts", interrupts.as_flattened())?;
    // It goes on while the vCPU waits for interrupts, so it can wake it.
    fdt.property_null("always-on")?;
    fdt.end_node(node)
}

/// The specifier of a private interrupt. A GICv2 wants a mask of the CPUs that it is private to.
fn private_interrupt(machine: &Description, ppi: u32, trigger: u32) -> [u32; 3] {
    let cpus = match machine.gic {
        Version::V2 => (1 << machine.vcpus) - 1,
        Version::V3 => 0,
    };
    [PPI, ppi, trigger | cpus << 8]
}

/// Where a guest finds that it can exchange messages with others by hypercall, and the interrupt that tells of them.
fn messages(fdt: &mut FdtWriter, machine: &Description) -> Result<(), Error> {
    let node = fdt.begin_node("messages")?;
    fdt.property_string("compatible", "quoll,messages-1.0")?;
    fdt.property_string("method", "hvc")?;
    fdt.property_array_u32("interrupts", &private_interrupt(machine, MESSAGES_PPI, EDGE_RISING))?;
    fdt.end_node(node)
}

/// Where a guest finds a region that it shares with others, by the region's name.
fn shared_memory(fdt: &mut FdtWriter, shared: &Shared<'_>) -> Result<(), Error> {
    let node = fdt.begin_node(&format!("shared-memory@{:x}", shared.region.base))?;
    fdt.property_string("compatible", "quoll,shared-memory-1.0")?;
    fdt.property_string("label", shared.name)?;
    regions(fdt, &[shared.region])?;
    if !shared.writable {
        fdt.property_null("read-only")?;
    }
    fdt.end_node(node)
}

fn interrupt_controller(fdt: &mut FdtWriter, machine: &Description) -> Result<(), Error> {
    let node = fdt.begin_node(&format!("interrupt-controller@{:x}", GICD.base))?;
    fdt.property_phandle(GIC_PHANDLE)?;
    fdt.property_null("interrupt-controller")?;
    fdt.property_u32("#interrupt-cells", 3)?;
    match machine.gic {
        Version::V2 => {
            fdt.property_string("compatible", "arm,cortex-a15-gic")?;
            regions(fdt, &[GICD, GICC])?;
        }
        Version::V3 => {
            let redistributors = Region { base: GICR_BASE, size: GICR_STRIDE * machine.vcpus as u64 };
            fdt.property_string("compatible", "arm,gic-v3")?;
            regions(fdt, &[GICD, redistributors])?;
        }
    }
    fdt.end_node(node)
}

fn clock(fdt: &mut FdtWriter) -> Result<(), Error> {
    let node = fdt.begin_node("apb-pclk")?;
    fdt.property_phandle(CLOCK_PHANDLE)?;
    fdt.property_string("compatible", "fixed-clock")?;
    fdt.property_u32("#clock-cells", 0)?;
    fdt.property_u32("clock-frequency", APB_CLOCK)?;
    fdt.property_string("clock-output-names", "clk24mhz")?;
    fdt.end_node(node)
}

/// One of Arm's devices whose clocks are known.
fn primecell(fdt: &mut FdtWriter, model: &str, region: Region, spi: u32) -> Result<(), Error> {
    let line = Some(HardwareLine { intid: FIRST_SPI + spi, edge: false });
    passed(fdt, &PassedDevice { compatible: format!("arm,{model}"), region, line, dma: false })
}

fn virtio(fdt: &mut FdtWriter, slot: usize) -> Result<(), Error> {
    let base = VIRTIO_BASE + slot as u64 * VIRTIO_SIZE;
    let node = fdt.begin_node(&format!("virtio_mmio@{base:x}"))?;
    fdt.property_string("compatible", "virtio,mmio")?;
    regions(fdt, &[Region { base, size: VIRTIO_SIZE }])?;
    fdt.property_array_u32("interrupts", &[SPI, VIRTIO_SPI + slot as u32, LEVEL_HIGH])?;
    // The monitor sees the guest's memory as the guest does.
    fdt.property_null("dma-coherent")?;
    fdt.end_node(node)
}

/// Clocks that drivers want of some of Arm's devices, by what it is behind `arm,`.
const CLOCKS: [(&str, &[&str]); 3] =
    [("pl011", &["uartclk", "apb_pclk"]), ("pl031", &["apb_pclk"]), ("sp804", &["timer0clk", "timer1clk", "apb_pclk"])];

/// A device of the machine, or one like those. The node's name is what follows the maker's in `compatible`.
fn passed(fdt: &mut FdtWriter, device: &PassedDevice) -> Result<(), Error> {
    let PassedDevice { compatible, region, line, dma } = device;
    let (maker, model) = compatible.split_once(',').unwrap_or(("", compatible));
    let node = fdt.begin_node(&format!("{model}@{:x}", region.base))?;
    let clocks = CLOCKS.iter().find(|(name, _)| maker == "arm" && *name == model);
    match clocks {
        Some((_, clocks)) => {
            fdt.property_string_list("compatible", [compatible, "arm,primecell"].map(Into::into).into())?;
            self::clocks(fdt, clocks)?;
        }
        None => fdt.property_string("compatible", compatible)?,
    }
    regions(fdt, &[*region])?;
    if let Some(HardwareLine { intid, edge }) = line {
        let trigger = if *edge { EDGE_RISING } else { LEVEL_HIGH };
        fdt.property_array_u32("interrupts", &[SPI, intid - FIRST_SPI, trigger])?;
    }
    if *dma {
        fdt.property_null("dma-coherent")?;
    }
    fdt.end_node(node)
}

/// Clocks of these names, which are all the same one.
fn clocks(fdt: &mut FdtWriter, names: &[&str]) -> Result<(), Error> {
    fdt.property_array_u32("clocks", &alloc::vec![CLOCK_PHANDLE; names.len()])?;
    fdt.property_string_list("clock-names", names.iter().map(|&name| name.into()).collect())
}

/// The `reg` of a node.
fn regions(fdt: &mut FdtWriter, regions: &[Region]) -> Result<(), Error> {
    let cells: Vec<u64> = regions.iter().flat_map(|region| [region.base, region.size]).collect();
    fdt.property_array_u64("reg", &cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fdt::Fdt;

    fn description(gic: Version) -> Description<'static> {
        Description {
            memory: Region { base: 0x4000_0000, size: 0x1000_0000 },
            vcpus: 2,
            gic,
            conduit: if gic == Version::V2 { Conduit::Hvc } else { Conduit::Smc },
            messages: gic == Version::V3,
            command_line: "console=ttyAMA0",
            initrd: Some(Region { base: 0x4200_0000, size: 1_000_001 }),
            virtio: &[],
            shared: &[],
            passed: &[],
            dual_timer: gic == Version::V3,
            seed: None,
        }
    }

    fn cells(tree: &Fdt, node: &str, property: &str) -> Vec<u32> {
        let node = tree.find_node(node).unwrap_or_else(|| panic!("no node {node}"));
        let value = node.property(property).unwrap_or_else(|| panic!("no {property}")).value;
        value.chunks(4).map(|cell| u32::from_be_bytes(cell.try_into().unwrap())).collect()
    }

    #[test]
    fn the_chosen_node_says_what_to_boot() {
        let blob = write(&description(Version::V3)).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        assert_eq!(tree.chosen().bootargs(), Some("console=ttyAMA0"));
        assert_eq!(tree.chosen().stdout().unwrap().name, "pl011@9000000");
        assert_eq!(cells(&tree, "/chosen", "linux,initrd-start"), [0, 0x4200_0000]);
        assert_eq!(cells(&tree, "/chosen", "linux,initrd-end"), [0, 0x4200_0000 + 1_000_001]);
    }

    #[test]
    fn a_machine_that_is_sent_messages_says_so() {
        let blob = write(&description(Version::V3)).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        assert_eq!(cells(&tree, "/messages", "interrupts"), [1, 4, 1]);
        let silent = write(&description(Version::V2)).unwrap();
        assert!(Fdt::new(&silent).unwrap().find_node("/messages").is_none());
    }

    #[test]
    fn memory_and_cpus_are_those_of_the_machine() {
        let blob = write(&description(Version::V2)).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        let memory = tree.memory().regions().next().unwrap();
        assert_eq!((memory.starting_address as usize, memory.size), (0x4000_0000, Some(0x1000_0000)));
        let cpus: Vec<usize> = tree.cpus().map(|cpu| cpu.ids().first()).collect();
        assert_eq!(cpus, [0, 1]);
        let enabled = tree.cpus().filter_map(|cpu| cpu.property("enable-method")?.as_str());
        assert!(enabled.eq(["psci", "psci"]));
    }

    #[test]
    fn the_firmware_is_called_as_the_kernel_lets_it_be() {
        for (gic, method) in [(Version::V2, "hvc"), (Version::V3, "smc")] {
            let blob = write(&description(gic)).unwrap();
            let tree = Fdt::new(&blob).unwrap();
            assert_eq!(tree.find_node("/psci").unwrap().property("method").unwrap().as_str(), Some(method));
        }
    }

    #[test]
    fn each_gic_has_its_parts() {
        let node = "/interrupt-controller@8000000";
        let blob = write(&description(Version::V2)).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        assert!(tree.find_compatible(&["arm,cortex-a15-gic"]).is_some());
        assert_eq!(cells(&tree, node, "reg"), [0, 0x0800_0000, 0, 0x1_0000, 0, 0x0801_0000, 0, 0x2000]);
        assert_eq!(cells(&tree, "/timer", "interrupts")[6..9], [1, 11, 0x308]);
        let blob = write(&description(Version::V3)).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        assert!(tree.find_compatible(&["arm,gic-v3"]).is_some());
        assert_eq!(cells(&tree, node, "reg"), [0, 0x0800_0000, 0, 0x1_0000, 0, 0x080a_0000, 0, 0x4_0000]);
        assert_eq!(cells(&tree, "/timer", "interrupts")[6..9], [1, 11, 8]);
    }

    #[test]
    fn devices_are_where_the_machine_has_them() {
        let blob = write(&description(Version::V3)).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        assert_eq!(cells(&tree, "/pl011@9000000", "reg"), [0, 0x0900_0000, 0, 0x1000]);
        assert_eq!(cells(&tree, "/pl011@9000000", "interrupts"), [0, 1, 4]);
        assert_eq!(cells(&tree, "/pl011@9000000", "clocks").len(), 2);
        assert_eq!(cells(&tree, "/pl031@9010000", "interrupts"), [0, 2, 4]);
        assert_eq!(cells(&tree, "/pl031@9010000", "clocks").len(), 1);
    }

    #[test]
    fn virtio_devices_are_at_their_places() {
        let machine = Description { virtio: &[1, 31], ..description(Version::V2) };
        let blob = write(&machine).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        assert_eq!(cells(&tree, "/virtio_mmio@a000200", "reg"), [0, 0x0a00_0200, 0, 0x200]);
        assert_eq!(cells(&tree, "/virtio_mmio@a000200", "interrupts"), [0, 17, 4]);
        assert_eq!(cells(&tree, "/virtio_mmio@a003e00", "interrupts"), [0, 47, 4]);
        assert!(tree.find_node("/virtio_mmio@a000000").is_none());
    }

    #[test]
    fn shared_memory_says_what_it_is_and_what_the_guest_may() {
        let region = |base| Region { base, size: 0x2000 };
        let shared = [
            Shared { region: region(0x5000_0000), name: "line", writable: true },
            Shared { region: region(0x6000_0000), name: "table", writable: false },
        ];
        let blob = write(&Description { shared: &shared, ..description(Version::V2) }).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        assert_eq!(cells(&tree, "/shared-memory@50000000", "reg"), [0, 0x5000_0000, 0, 0x2000]);
        let label = |node| tree.find_node(node).unwrap().property("label").unwrap().as_str();
        let read_only = |node| tree.find_node(node).unwrap().property("read-only").is_some();
        let nodes = ["/shared-memory@50000000", "/shared-memory@60000000"];
        assert_eq!(nodes.map(label), [Some("line"), Some("table")]);
        assert_eq!(nodes.map(read_only), [false, true]);
        // It is none of the memory that a kernel may take.
        assert_eq!(tree.memory().regions().count(), 1);
    }

    #[test]
    fn a_machine_with_a_dual_timer_says_so() {
        let blob = write(&description(Version::V3)).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        assert_eq!(cells(&tree, "/sp804@9020000", "interrupts"), [0, 10, 4]);
        assert_eq!(cells(&tree, "/sp804@9020000", "clocks").len(), 3);
        let blob = write(&description(Version::V2)).unwrap();
        assert!(Fdt::new(&blob).unwrap().find_node("/sp804@9020000").is_none());
    }

    #[test]
    fn devices_of_the_machine_are_told() {
        let region = |base| Region { base, size: 0x200 };
        let line = |intid, edge| Some(HardwareLine { intid, edge });
        let passed = [
            PassedDevice {
                compatible: "arm,pl011".into(),
                region: region(0x904_0000),
                line: line(40, false),
                dma: false,
            },
            PassedDevice {
                compatible: "virtio,mmio".into(),
                region: region(0xa00_3e00),
                line: line(79, true),
                dma: true,
            },
            PassedDevice { compatible: "acme,thing".into(), region: region(0xb00_0000), line: None, dma: false },
        ];
        let blob = write(&Description { passed: &passed, ..description(Version::V2) }).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        assert_eq!(cells(&tree, "/pl011@9040000", "interrupts"), [0, 8, 4]);
        assert_eq!(cells(&tree, "/pl011@9040000", "clocks").len(), 2);
        assert_eq!(cells(&tree, "/mmio@a003e00", "reg"), [0, 0xa00_3e00, 0, 0x200]);
        assert_eq!(cells(&tree, "/mmio@a003e00", "interrupts"), [0, 47, 1]);
        assert!(tree.find_node("/mmio@a003e00").unwrap().property("dma-coherent").is_some());
        assert!(tree.find_node("/thing@b000000").unwrap().property("interrupts").is_none());
    }

    #[test]
    fn a_seed_is_told_if_there_is_one() {
        let seed = Seed { generator: [7; 32], layout: [9; 8] };
        let blob = write(&Description { seed: Some(&seed), ..description(Version::V2) }).unwrap();
        let tree = Fdt::new(&blob).unwrap();
        assert_eq!(cells(&tree, "/chosen", "rng-seed"), [0x0707_0707; 8]);
        assert_eq!(cells(&tree, "/chosen", "kaslr-seed"), [0x0909_0909; 2]);
        let blob = write(&description(Version::V2)).unwrap();
        let chosen = Fdt::new(&blob).unwrap();
        assert!(chosen.find_node("/chosen").unwrap().property("rng-seed").is_none());
    }

    #[test]
    fn a_command_line_with_a_zero_is_refused() {
        let machine = Description { command_line: "a\0b", ..description(Version::V3) };
        assert!(write(&machine).is_err());
    }
}
