//! The boards that there are.

use crate::board::{Board, Gic, PrivateInterrupts, Range, Uart};

/// All boards. The first is the default.
pub const BOARDS: &[Board] = &[QEMU_VIRT_AARCH64];

/// QEMU's `virt` machine with `virtualization=on`, either GIC version, 2 GiB of memory. The first 512 MiB of memory are
/// left to QEMU (device tree) and to whoever starts the image, as in upstream's configuration of this board.
const QEMU_VIRT_AARCH64: Board = Board {
    name: "qemu_virt_aarch64",
    ram: Range::new(0x6000_0000, 0xc000_0000),
    kernel_base: 0x6000_0000,
    loader_base: 0x7000_0000,
    cores: 4,
    gic: Gic {
        distributor: Range::new(0x0800_0000, 0x0801_0000),
        cpu_interface: Range::new(0x0801_0000, 0x0802_0000),
        hypervisor_interface: Range::new(0x0803_0000, 0x0804_0000),
        virtual_cpu_interface: Range::new(0x0804_0000, 0x0805_0000),
        redistributors: Range::new(0x080a_0000, 0x0900_0000),
    },
    interrupts: PrivateInterrupts { maintenance: 25, hypervisor_timer: 26, virtual_timer: 27, physical_timer: 30 },
    uart: Uart { registers: Range::new(0x0900_0000, 0x0900_1000), irq: 33 },
};
