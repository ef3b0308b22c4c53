//! The register table: what is where, in which widths.

use super::*;
use proptest::prelude::*;

#[test]
fn a_gicv2_identifies_itself() {
    let mut machine = Machine::new(Version::V2, 3, 4);
    assert_eq!(machine.read(Block::GICD_V2, 0, 0xfe8, 4) >> 4 & 0xf, 2);
    assert_eq!(machine.read(Block::GICD_V2, 0, 4, 4), 2 | 2 << 5);
}

#[test]
fn a_gicv3_identifies_itself() {
    let mut machine = Machine::new(Version::V3, 2, 4);
    assert_eq!(machine.read(Block::GICD_V3, 0, 0xffe8, 4) >> 4 & 0xf, 3);
    assert_eq!(machine.read(Block::GICR, 0, 0xffe8, 4) >> 4 & 0xf, 3);
    assert_eq!(machine.read(Block::GICD_V3, 0, 4, 4) & 0x1f, 2);
    // Affinity routing is on and stays on.
    machine.write(Block::GICD_V3, 0, CTLR, 4, 0);
    assert_eq!(machine.read(Block::GICD_V3, 0, CTLR, 4), 1 << 4 | 1 << 6);
}

#[test]
fn redistributors_say_whose_they_are_and_which_is_the_last() {
    let mut machine = Machine::new(Version::V3, 2, 4);
    assert_eq!(machine.read(Block::GICR, 0, 8, 8), 0);
    assert_eq!(machine.read(Block::GICR, 1, 8, 8), 1 << 32 | 1 << 8 | 1 << 4);
    assert_eq!(machine.read(Block::GICR, 1, 12, 4), 1);
}

#[test]
fn a_redistributor_wakes() {
    let mut machine = Machine::new(Version::V3, 1, 4);
    assert_eq!(machine.read(Block::GICR, 0, 0x14, 4), 0b110);
    machine.write(Block::GICR, 0, 0x14, 4, 0);
    assert_eq!(machine.read(Block::GICR, 0, 0x14, 4), 0);
}

#[test]
fn private_interrupts_of_a_gicv3_are_not_in_the_distributor() {
    let mut machine = Machine::new(Version::V3, 1, 4);
    machine.write(Block::GICD_V3, 0, ENABLE, 4, u64::MAX);
    assert_eq!(machine.read(Block::GICR_SGI, 0, ENABLE, 4), 0);
    machine.write(Block::GICR_SGI, 0, ENABLE + 4, 4, u64::MAX);
    assert_eq!(machine.read(Block::GICD_V3, 0, ENABLE + 4, 4), 0);
}

#[test]
fn private_interrupts_are_each_cpus_own() {
    for version in VERSIONS {
        let mut machine = Machine::new(version, 2, 4);
        machine.write_bit(1, ENABLE, TIMER);
        assert!(!machine.read_bit(0, ENABLE, TIMER));
        assert!(machine.read_bit(1, ENABLE, TIMER));
    }
}

#[test]
fn priorities_are_bytes_of_the_implemented_bits() {
    let mut machine = Machine::new(Version::V2, 1, 4);
    machine.write(Block::GICD_V2, 0, PRIORITY + 40, 4, 0xff10_07a8);
    assert_eq!(machine.read(Block::GICD_V2, 0, PRIORITY + 40, 4), 0xf810_00a8);
    machine.write(Block::GICD_V2, 0, PRIORITY + 42, 1, 0x20);
    assert_eq!(machine.read(Block::GICD_V2, 0, PRIORITY + 40, 4), 0xf820_00a8);
    assert_eq!(machine.read(Block::GICD_V2, 0, PRIORITY + 42, 2), 0xf820);
}

#[test]
fn one_cpu_is_every_interrupts_target() {
    let mut machine = Machine::new(Version::V2, 1, 4);
    machine.write(Block::GICD_V2, 0, TARGETS + 40, 4, 0);
    assert_eq!(machine.read(Block::GICD_V2, 0, TARGETS + 40, 4), 0x0101_0101);
}

#[test]
fn targets_and_routes_move_an_interrupt() {
    let mut machine = Machine::new(Version::V2, 2, 4);
    machine.enable(0, UART);
    machine.set_line(0, UART, true);
    assert_eq!((machine.acknowledge(0), machine.acknowledge(1)), (None, None));
    machine.write(Block::GICD_V2, 0, TARGETS + u64::from(UART), 1, 2);
    assert_eq!(machine.read(Block::GICD_V2, 1, TARGETS + u64::from(UART), 1), 2);
    assert!(machine.acknowledge(0).is_none() && machine.acknowledge(1).is_some());

    let mut machine = Machine::new(Version::V3, 2, 4);
    machine.enable(0, UART);
    machine.set_line(0, UART, true);
    machine.write(Block::GICD_V3, 0, ROUTE + 8 * u64::from(UART), 8, 1);
    assert_eq!(machine.read(Block::GICD_V3, 0, ROUTE + 8 * u64::from(UART), 8), 1);
    assert!(machine.acknowledge(0).is_none() && machine.acknowledge(1).is_some());
    // To a CPU that is not there: nowhere.
    machine.set_line(0, UART + 1, true);
    machine.enable(0, UART + 1);
    machine.write(Block::GICD_V3, 0, ROUTE + 8 * u64::from(UART + 1), 4, 7);
    assert_eq!(machine.read(Block::GICD_V3, 0, ROUTE + 8 * u64::from(UART + 1) + 4, 4), 0);
    assert!(machine.acknowledge(0).is_none() && machine.acknowledge(1).is_none());
}

#[test]
fn sgis_are_edges_and_shared_interrupts_are_what_they_are_told() {
    for version in VERSIONS {
        let mut machine = Machine::new(version, 1, 4);
        machine.write(machine.block(0), 0, CONFIGURATION, 4, 0);
        assert_eq!(machine.read(machine.block(0), 0, CONFIGURATION, 4), 0xaaaa_aaaa);
        machine.write(machine.block(UART), 0, CONFIGURATION + 8, 4, 0xffff_fff8);
        assert_eq!(machine.read(machine.block(UART), 0, CONFIGURATION + 8, 4), 0xaaaa_aaa8);
    }
}

#[test]
fn the_senders_of_a_gicv2_sgi_can_be_set_and_cleared() {
    let mut machine = Machine::new(Version::V2, 2, 4);
    machine.enable(0, 3);
    machine.write(Block::GICD_V2, 0, 0xf20, 4, 0b11 << 24);
    assert_eq!(machine.read(Block::GICD_V2, 0, 0xf10, 4), 0b11 << 24);
    machine.write(Block::GICD_V2, 0, 0xf13, 1, 0b01);
    assert_eq!(machine.acknowledge(0), Some(Acknowledged { intid: 3, source: 1 }));
    // The plain pending registers do nothing to an SGI.
    machine.write(Block::GICD_V2, 0, SET_PENDING, 4, 1 << 4);
    assert!(!machine.read_bit(0, SET_PENDING, 4));
}

proptest! {
    /// No access, however strange, does harm; what is not a register reads as zero.
    #[test]
    fn any_access_has_an_answer(
        accesses in prop::collection::vec((0usize..4, 0usize..3, 0u64..0x1_0010, 0usize..5, any::<u64>(), any::<bool>()), 1..100),
    ) {
        let widths = [1, 2, 4, 8, 3];
        let blocks = [Block::GICD_V2, Block::GICD_V3, Block::GICR, Block::GICR_SGI];
        let mut v2 = Machine::new(Version::V2, 2, 2);
        let mut v3 = Machine::new(Version::V3, 2, 2);
        for (block, cpu, offset, width, value, write) in accesses {
            let machine = if block == 0 { &mut v2 } else { &mut v3 };
            let (block, width) = (blocks[block], widths[width]);
            if write {
                machine.write(block, cpu, offset, width, value);
            }
            let value = machine.read(block, cpu, offset, width);
            prop_assert!(width == 8 || value < 1 << (8 * width));
            prop_assert!(width != 3 && cpu < 2 || value == 0);
        }
    }
}
