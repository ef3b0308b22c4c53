//! The vGIC on a model of the hardware, against a model of what a GIC does.

pub(crate) mod hardware;
mod injection;
mod lines;
mod model;
mod registers;

use super::*;
use hardware::{Acknowledged, Hardware};

const VERSIONS: [Version; 2] = [Version::V2, Version::V3];

/// A vGIC with two list registers' worth of trouble, or more.
struct Machine {
    gic: Vgic,
    hw: Hardware,
}

impl Machine {
    fn new(version: Version, vcpus: usize, list_registers: usize) -> Self {
        Self::with(version, vcpus, list_registers, false)
    }

    fn with(version: Version, vcpus: usize, list_registers: usize, linked: bool) -> Self {
        // One list register less for all others: with two there would be none left to choose from.
        let messages = (list_registers > 2).then_some(MESSAGES);
        let config =
            Config { version, vcpus, spis: 64, priority_bits: 5, hardware_lines: 1 << TIMER, linked, messages };
        Self { gic: Vgic::new(config), hw: Hardware::new(vcpus, list_registers) }
    }

    /// A linked one with devices of the machine.
    fn with_lines(version: Version, vcpus: usize, lines: &[HardwareLine]) -> Self {
        let mut machine = Self::with(version, vcpus, 4, true);
        machine.gic = Vgic::with_lines(machine.gic.config, lines);
        lines.iter().for_each(|line| machine.hw.add_line(line.intid, line.edge));
        machine
    }

    /// A device of the machine raises or lowers its line; the monitor does its part.
    fn set_physical(&mut self, intid: u32, high: bool) {
        self.hw.set_line(intid, high);
        self.maintain();
    }

    /// The block with the bits of an interrupt, which differs for private ones of a GICv3.
    fn block(&self, intid: u32) -> Block {
        match self.gic.version() {
            Version::V2 => Block::GICD_V2,
            Version::V3 if intid < FIRST_SPI => Block::GICR_SGI,
            Version::V3 => Block::GICD_V3,
        }
    }

    fn distributor(&self) -> Block {
        if self.gic.version() == Version::V2 { Block::GICD_V2 } else { Block::GICD_V3 }
    }

    fn write(&mut self, block: Block, cpu: usize, offset: u64, width: usize, value: u64) {
        self.gic.write(block, cpu, offset, width, value, &mut self.hw);
        self.maintain();
    }

    fn read(&mut self, block: Block, cpu: usize, offset: u64, width: usize) -> u64 {
        self.gic.read(block, cpu, offset, width, &mut self.hw)
    }

    /// Writes an interrupt's bit of a register with one bit for each.
    fn write_bit(&mut self, cpu: usize, base: u64, intid: u32) {
        let offset = base + u64::from(intid / 32) * 4;
        self.write(self.block(intid), cpu, offset, 4, 1 << (intid % 32));
    }

    fn read_bit(&mut self, cpu: usize, base: u64, intid: u32) -> bool {
        let offset = base + u64::from(intid / 32) * 4;
        let block = self.block(intid);
        self.read(block, cpu, offset, 4) >> (intid % 32) & 1 != 0
    }

    fn set_priority(&mut self, cpu: usize, intid: u32, priority: u8) {
        self.write(self.block(intid), cpu, PRIORITY + u64::from(intid), 1, priority.into());
    }

    fn set_line(&mut self, cpu: usize, intid: u32, high: bool) {
        self.gic.set_line(cpu, intid, high, &mut self.hw);
        self.maintain();
    }

    fn fire(&mut self, cpu: usize, intid: u32) {
        self.gic.hardware_interrupt(cpu, intid, &mut self.hw);
        self.maintain();
    }

    fn message(&mut self, cpu: usize) {
        self.hw.message(cpu);
        self.maintain();
    }

    fn acknowledge(&mut self, cpu: usize) -> Option<Acknowledged> {
        let taken = self.hw.acknowledge(cpu);
        self.maintain();
        taken
    }

    fn end(&mut self, cpu: usize, taken: Acknowledged) {
        self.hw.end(cpu, taken);
        self.maintain();
    }

    /// Handles maintenance interrupts until there are none, which must not take for ever.
    fn maintain(&mut self) {
        for cpu in 0..self.hw.cpus() {
            let mut rounds = 0;
            while let Some(ended) = self.hw.maintenance(cpu) {
                self.gic.maintenance(cpu, ended, &mut self.hw);
                rounds += 1;
                assert!(rounds < 50, "a storm of maintenance interrupts");
            }
        }
        self.serve_lines();
    }

    /// What the monitor does for lines that it hears of, or that have to be unmasked.
    fn serve_lines(&mut self) {
        let mut rounds = 0;
        loop {
            let signalled = core::mem::take(&mut self.hw.signalled);
            let ended: std::vec::Vec<_> = self.gic.take_ended_lines().collect();
            if signalled.is_empty() && ended.is_empty() {
                return;
            }
            ended.into_iter().for_each(|intid| self.hw.unmask_line(intid));
            signalled.into_iter().for_each(|intid| self.gic.hardware_interrupt(0, intid, &mut self.hw));
            rounds += 1;
            assert!(rounds < 50, "a storm of interrupts");
        }
    }

    /// Switches the distributor and an interrupt on.
    fn enable(&mut self, cpu: usize, intid: u32) {
        self.write(self.distributor(), cpu, CTLR, 4, 3);
        self.write_bit(cpu, ENABLE, intid);
    }

    fn resampled(&mut self, cpu: usize) -> std::vec::Vec<u32> {
        if self.gic.take_ended() { self.gic.take_resample(cpu).collect() } else { std::vec![] }
    }
}

const CTLR: u64 = 0;
const GROUP: u64 = 0x080;
const ENABLE: u64 = 0x100;
const DISABLE: u64 = 0x180;
const SET_PENDING: u64 = 0x200;
const CLEAR_PENDING: u64 = 0x280;
const SET_ACTIVE: u64 = 0x300;
const CLEAR_ACTIVE: u64 = 0x380;
const PRIORITY: u64 = 0x400;
const TARGETS: u64 = 0x800;
const CONFIGURATION: u64 = 0xc00;
const SGIR: u64 = 0xf00;
const ROUTE: u64 = 0x6000;

const TIMER: u32 = 27;
const MESSAGES: u32 = 20;
const UART: u32 = 33;

#[test]
fn an_interrupt_raised_while_disabled_is_delivered_when_enabled() {
    for version in VERSIONS {
        let mut machine = Machine::new(version, 1, 4);
        machine.write(machine.distributor(), 0, CTLR, 4, 3);
        machine.set_line(0, UART, true);
        assert_eq!(machine.acknowledge(0), None);
        assert!(machine.read_bit(0, SET_PENDING, UART));
        machine.write_bit(0, ENABLE, UART);
        assert_eq!(machine.acknowledge(0).map(|taken| taken.intid), Some(UART));
    }
}

#[test]
fn a_level_that_stays_high_comes_again_and_one_that_falls_does_not() {
    for version in VERSIONS {
        let mut machine = Machine::new(version, 1, 4);
        machine.enable(0, UART);
        machine.set_line(0, UART, true);
        let taken = machine.acknowledge(0).unwrap();
        machine.end(0, taken);
        let taken = machine.acknowledge(0).unwrap();
        machine.set_line(0, UART, false);
        let maintained = machine.hw.maintenance_count;
        machine.end(0, taken);
        assert_eq!(machine.acknowledge(0), None);
        assert_eq!(machine.hw.maintenance_count, maintained, "the end of what is over needs no exit");
    }
}

#[test]
fn a_level_that_falls_before_it_is_taken_is_not_seen() {
    let mut machine = Machine::new(Version::V3, 1, 4);
    machine.enable(0, UART);
    machine.set_line(0, UART, true);
    machine.set_line(0, UART, false);
    assert_eq!(machine.acknowledge(0), None);
}

#[test]
fn an_edge_in_the_handler_comes_again() {
    let mut machine = Machine::new(Version::V3, 1, 4);
    machine.enable(0, UART);
    machine.write(Block::GICD_V3, 0, CONFIGURATION + 8, 4, 2 << 2);
    machine.set_line(0, UART, true);
    machine.set_line(0, UART, false);
    let taken = machine.acknowledge(0).unwrap();
    machine.set_line(0, UART, true);
    machine.set_line(0, UART, false);
    assert_eq!(machine.acknowledge(0), None);
    machine.end(0, taken);
    assert_eq!(machine.acknowledge(0).map(|taken| taken.intid), Some(UART));
}

#[test]
fn a_gicv2_tells_every_sender_of_an_sgi() {
    let mut machine = Machine::new(Version::V2, 3, 4);
    for cpu in 0..3 {
        machine.enable(cpu, 5);
    }
    for sender in 0..3 {
        machine.write(Block::GICD_V2, sender, SGIR, 4, 1 << 16 | 5);
    }
    assert_eq!(machine.read(Block::GICD_V2, 0, 0xf14, 4), 0b111 << 8);
    let senders: std::vec::Vec<u8> = (0..3)
        .map(|_| {
            let taken = machine.acknowledge(0).unwrap();
            machine.end(0, taken);
            taken.source
        })
        .collect();
    assert_eq!(senders, [0, 1, 2]);
    assert_eq!(machine.acknowledge(0), None);
}

#[test]
fn an_affinity_names_the_receivers_of_an_sgi() {
    let mut machine = Machine::new(Version::V3, 3, 4);
    for cpu in 0..3 {
        machine.enable(cpu, 1);
    }
    machine.gic.send_sgi(0, 1 << 24 | 0b110, SgiGroup::Any, &mut machine.hw);
    let received = |machine: &mut Machine| [0, 1, 2].map(|cpu| machine.acknowledge(cpu).is_some());
    assert_eq!(received(&mut machine), [false, true, true]);
    let all_but_self = 1 << 40 | 1 << 24;
    machine = Machine::new(Version::V3, 3, 4);
    for cpu in 0..3 {
        machine.enable(cpu, 1);
    }
    machine.gic.send_sgi(1, all_but_self, SgiGroup::Any, &mut machine.hw);
    assert_eq!(received(&mut machine), [true, false, true]);
}

#[test]
fn the_timer_is_unmasked_when_the_guest_has_ended_it() {
    let mut machine = Machine::new(Version::V3, 1, 4);
    machine.enable(0, TIMER);
    machine.fire(0, TIMER);
    assert_eq!(machine.resampled(0), []);
    let taken = machine.acknowledge(0).unwrap();
    assert_eq!((taken.intid, machine.resampled(0)), (TIMER, std::vec![]));
    machine.end(0, taken);
    assert_eq!(machine.resampled(0), [TIMER]);
    assert_eq!(machine.acknowledge(0), None);
    machine.fire(0, TIMER);
    assert!(machine.acknowledge(0).is_some());
}

#[test]
fn a_linked_timer_needs_no_exit_to_end() {
    let mut machine = Machine::with(Version::V3, 1, 4, true);
    machine.enable(0, TIMER);
    for _ in 0..3 {
        machine.fire(0, TIMER);
        let taken = machine.acknowledge(0).unwrap();
        machine.end(0, taken);
        assert_eq!(machine.hw.take_ended_physical(0), Some(TIMER));
        assert_eq!(machine.resampled(0), []);
    }
    assert_eq!(machine.hw.maintenance_count, 0);
}

#[test]
fn a_timer_that_fires_while_disabled_waits_masked() {
    for linked in [false, true] {
        let mut machine = Machine::with(Version::V3, 1, 4, linked);
        machine.fire(0, TIMER);
        assert_eq!((machine.acknowledge(0), machine.resampled(0)), (None, std::vec![]));
        machine.enable(0, TIMER);
        assert!(machine.acknowledge(0).is_some());
        // Ended behind the hardware's back: somebody has to unmask it.
        machine.write_bit(0, CLEAR_ACTIVE, TIMER);
        assert_eq!(machine.resampled(0), [TIMER]);
    }
}

#[test]
fn more_interrupts_than_list_registers_all_arrive_in_order() {
    for version in VERSIONS {
        let mut machine = Machine::new(version, 1, 2);
        for intid in 40..60 {
            machine.enable(0, intid);
            machine.set_priority(0, intid, (60 - intid as u8) * 8);
            machine.write_bit(0, SET_PENDING, intid);
        }
        for expected in (40..60).rev() {
            let taken = machine.acknowledge(0).unwrap();
            assert_eq!(taken.intid, expected);
            machine.end(0, taken);
        }
        assert_eq!(machine.acknowledge(0), None);
    }
}

#[test]
fn preempted_interrupts_beyond_the_list_registers_end_as_well() {
    let mut machine = Machine::new(Version::V3, 1, 2);
    let mut stack = std::vec::Vec::new();
    for intid in 40..48 {
        machine.enable(0, intid);
        machine.set_priority(0, intid, 0xf0 - (intid as u8 - 40) * 8);
        machine.set_line(0, intid, true);
        let taken = machine.acknowledge(0).unwrap();
        assert_eq!(taken.intid, intid);
        machine.set_line(0, intid, false);
        stack.push(taken);
    }
    while let Some(taken) = stack.pop() {
        assert!(machine.read_bit(0, SET_ACTIVE, taken.intid));
        machine.end(0, taken);
        assert!(!machine.read_bit(0, SET_ACTIVE, taken.intid));
    }
}

#[test]
fn reset_leaves_nothing() {
    let mut machine = Machine::new(Version::V2, 2, 4);
    machine.enable(0, UART);
    machine.write(Block::GICD_V2, 0, TARGETS + u64::from(UART), 1, 1);
    machine.set_line(0, UART, true);
    machine.gic.reset(&mut machine.hw);
    assert_eq!(machine.acknowledge(0), None);
    assert_eq!(machine.read(Block::GICD_V2, 0, CTLR, 4), 0);
    assert!(!machine.read_bit(0, ENABLE, UART) && !machine.read_bit(0, SET_PENDING, UART));
}

#[test]
fn a_waiting_cpu_hears_of_what_is_pending() {
    let mut machine = Machine::new(Version::V3, 1, 2);
    machine.enable(0, UART);
    assert!(!machine.gic.has_pending(0, &mut machine.hw));
    machine.set_line(0, UART, true);
    assert!(machine.gic.has_pending(0, &mut machine.hw));
    assert!(machine.acknowledge(0).is_some());
    assert!(!machine.gic.has_pending(0, &mut machine.hw));
}

#[test]
fn affinities_and_vcpus_belong_together() {
    for vcpu in 0..64 {
        assert_eq!(vcpu_of_affinity(affinity_of_vcpu(vcpu)), Some(vcpu));
        assert_eq!(vcpu_of_affinity(affinity_of_vcpu(vcpu) | 1 << 31), Some(vcpu));
    }
    assert_eq!(vcpu_of_affinity(0x10), None);
    assert_eq!(vcpu_of_affinity(1 << 32), None);
}
