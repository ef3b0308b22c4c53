//! A guest on a make-believe kernel.

mod undescribed;

use super::*;
use crate::{
    devices::pl011::{Line, Pl011},
    hypervisor::{Conduit, Entry, HostGic, SystemRegister},
    machine::{GICD, Region, UART, UART_SPI},
    smccc::NOT_SUPPORTED,
    vgic::{FIRST_SPI, Version, tests::hardware::Hardware},
};
use core::{cell::RefCell, fmt};
use ivc::{
    Block, Region as Shared,
    statistics::{Reader, Table},
};
use proptest::prelude::*;
use std::{
    boxed::Box,
    collections::BTreeMap,
    format,
    rc::Rc,
    string::{String, ToString},
};

const RAM: Region = Region { base: 0x4000_0000, size: 8 << 20 };
/// A place where nothing is.
const NOWHERE: u64 = 0x0b00_0000;
const ENTRY: u64 = RAM.base;

#[derive(Clone, Copy, Default)]
struct Registers {
    gpr: [u64; 31],
    pc: u64,
    pstate: u64,
    sp: u64,
}

/// A kernel that does what it is told and remembers it.
struct Fake {
    version: Version,
    registers: Vec<Registers>,
    system: BTreeMap<(usize, u8), u64>,
    lists: Hardware,
    running: Vec<bool>,
    unmasked: Vec<u32>,
    /// Whether it can wake a vCPU by its timer, which has not fired yet.
    timer_is_watched: bool,
    /// When it polls.
    deadline: Option<u64>,
    reports: Vec<String>,
}

impl Fake {
    fn new(version: Version, vcpus: usize) -> Self {
        Self {
            version,
            registers: vec![Registers::default(); vcpus],
            system: BTreeMap::new(),
            lists: Hardware::new(vcpus, 4),
            running: vec![false; vcpus],
            unmasked: vec![],
            timer_is_watched: false,
            deadline: None,
            reports: vec![],
        }
    }
}

impl Hypervisor for Fake {
    type Lists = Hardware;

    fn lists(&mut self) -> &mut Hardware {
        &mut self.lists
    }

    fn vcpus(&self) -> usize {
        self.registers.len()
    }

    fn gic(&self) -> HostGic {
        HostGic { version: self.version, priority_bits: 5, linked_timer: false, messages: false }
    }

    fn conduit(&self) -> Conduit {
        Conduit::Hvc
    }

    fn gpr(&mut self, vcpu: usize, number: u8) -> u64 {
        self.registers[vcpu].gpr[usize::from(number)]
    }

    fn set_gpr(&mut self, vcpu: usize, number: u8, value: u64) {
        self.registers[vcpu].gpr[usize::from(number)] = value;
    }

    fn pc(&mut self, vcpu: usize) -> u64 {
        self.registers[vcpu].pc
    }

    fn set_pc(&mut self, vcpu: usize, value: u64) {
        self.registers[vcpu].pc = value;
    }

    fn pstate(&mut self, vcpu: usize) -> u64 {
        self.registers[vcpu].pstate
    }

    fn set_pstate(&mut self, vcpu: usize, value: u64) {
        self.registers[vcpu].pstate = value;
    }

    fn sp_el0(&mut self, vcpu: usize) -> u64 {
        self.registers[vcpu].sp
    }

    fn set_sp_el0(&mut self, vcpu: usize, value: u64) {
        self.registers[vcpu].sp = value;
    }

    fn system_register(&mut self, vcpu: usize, register: SystemRegister) -> u64 {
        self.system.get(&(vcpu, register as u8)).copied().unwrap_or(0)
    }

    fn set_system_register(&mut self, vcpu: usize, register: SystemRegister, value: u64) {
        self.system.insert((vcpu, register as u8), value);
    }

    fn start(&mut self, vcpu: usize, entry: Entry) {
        self.registers[vcpu] = Registers { pc: entry.pc, pstate: entry.pstate, ..Registers::default() };
        self.registers[vcpu].gpr[0] = entry.argument;
        self.running[vcpu] = true;
    }

    fn stop(&mut self, vcpu: usize) {
        self.running[vcpu] = false;
    }

    fn pause(&mut self, vcpu: usize) {
        self.running[vcpu] = false;
    }

    fn resume(&mut self, vcpu: usize) {
        self.running[vcpu] = true;
    }

    fn watch_timer(&mut self, _: usize) -> bool {
        self.timer_is_watched
    }

    fn unmask_private(&mut self, _: usize, intid: u32) {
        self.unmasked.push(intid);
    }

    fn poll_at(&mut self, deadline: Option<u64>) {
        self.deadline = deadline;
    }

    fn unmask_line(&mut self, intid: u32) {
        self.unmasked.push(intid);
    }

    fn publish(&mut self, _: Region) {}

    fn report(&mut self, message: fmt::Arguments<'_>) {
        self.reports.push(message.to_string());
    }
}

/// Memory that is there to be looked at.
#[derive(Clone)]
struct Ram(Rc<RefCell<Vec<u8>>>);

impl Memory for Ram {
    fn region(&self) -> Region {
        RAM
    }

    fn read(&self, address: u64, bytes: &mut [u8]) {
        let start = RAM.offset_of(address).expect("in memory") as usize;
        bytes.copy_from_slice(&self.0.borrow()[start..start + bytes.len()]);
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        let start = RAM.offset_of(address).expect("in memory") as usize;
        self.0.borrow_mut()[start..start + bytes.len()].copy_from_slice(bytes);
    }

    fn clear(&mut self) {
        self.0.borrow_mut().fill(0);
    }
}

/// A terminal.
#[derive(Clone, Default)]
struct Terminal(Rc<RefCell<(Vec<u8>, Vec<u8>)>>);

impl Line for Terminal {
    fn send(&mut self, bytes: &[u8]) -> usize {
        self.0.borrow_mut().0.extend_from_slice(bytes);
        bytes.len()
    }

    fn receive(&mut self) -> Option<u8> {
        self.0.borrow_mut().1.pop()
    }

    fn settle(&mut self, _: bool, _: bool) -> bool {
        false
    }
}

/// A machine that has been switched on.
struct Machine {
    hv: Fake,
    guest: Guest<'static, Ram>,
    ram: Ram,
    terminal: Terminal,
}

/// The shortest arm64 `Image`.
static KERNEL: [u8; 64] = {
    let mut image = [0; 64];
    image[18] = 0x10; // image_size: 1 MiB
    image[56] = b'A';
    image[57] = b'R';
    image[58] = b'M';
    image[59] = b'd';
    image
};

impl Machine {
    fn new(version: Version, vcpus: usize) -> Self {
        let mut hv = Fake::new(version, vcpus);
        let ram = Ram(Rc::new(RefCell::new(vec![0; RAM.size as usize])));
        let terminal = Terminal::default();
        let mut bus = Bus::default();
        bus.attach(UART, FIRST_SPI + UART_SPI, Box::new(Pl011::new(terminal.clone())));
        let files = Files { kernel: &KERNEL, initrd: b"initrd", command_line: "quiet" };
        let mut guest = Guest::new(&hv, files, ram.clone(), bus);
        guest.boot(&mut hv).expect("a guest that boots");
        Self { hv, guest, ram, terminal }
    }

    fn exit(&mut self, vcpu: usize, exit: Exit) -> Next {
        self.guest.handle(&mut self.hv, vcpu, exit)
    }

    /// A call by HVC; its result.
    fn call(&mut self, vcpu: usize, args: [u64; 4]) -> u64 {
        self.hv.registers[vcpu].gpr[..4].copy_from_slice(&args);
        assert_eq!(self.exit(vcpu, Exit::Hypercall), Next::Resume);
        self.hv.registers[vcpu].gpr[0]
    }

    /// Puts an instruction into the guest's memory, and the vCPU, if there is one, in front of it.
    fn place(&mut self, vcpu: usize, address: u64, instruction: u32) {
        self.ram.write(address & !3, &instruction.to_le_bytes());
        if let Some(registers) = self.hv.registers.get_mut(vcpu) {
            registers.pc = address & !3;
        }
    }

    /// A 32-bit store of `value`.
    fn store(&mut self, address: u64, value: u64) {
        self.hv.registers[0].gpr[5] = value;
        let _ = self.exit(0, Exit::Memory { address, syndrome: word_access(5, true) });
    }

    /// A 32-bit load.
    fn load(&mut self, address: u64) -> u64 {
        let _ = self.exit(0, Exit::Memory { address, syndrome: word_access(5, false) });
        self.hv.registers[0].gpr[5]
    }
}

/// The syndrome of a 32-bit load or store of register `register`.
fn word_access(register: u64, write: bool) -> Syndrome {
    Syndrome(0x24 << 26 | 1 << 25 | 1 << 24 | 2 << 22 | register << 16 | u64::from(write) << 6 | 7)
}

/// The syndrome of an MSR or MRS.
fn system_access(name: [u64; 5], register: u64, read: bool) -> Syndrome {
    let [op0, op1, crn, crm, op2] = name;
    let iss = op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | register << 5 | crm << 1 | u64::from(read);
    Syndrome(0x18 << 26 | 1 << 25 | iss)
}

#[test]
fn it_boots_by_the_protocol() {
    let machine = Machine::new(Version::V3, 1);
    let registers = machine.hv.registers[0];
    assert_eq!((registers.pc, registers.pstate), (ENTRY, 0x3c5));
    assert_eq!(registers.gpr[1..4], [0, 0, 0]);
    let fdt = (registers.gpr[0] - RAM.base) as usize;
    let ram = machine.ram.0.borrow();
    assert_eq!(ram[..64], KERNEL);
    assert_eq!(ram[fdt..fdt + 4], 0xd00d_feed_u32.to_be_bytes());
    let initrd = fdt + crate::boot::FDT_MAX as usize;
    assert_eq!(ram[initrd..initrd + 6], *b"initrd");
    assert_eq!(machine.hv.system[&(0, SystemRegister::SctlrEl1 as u8)] & 0b101, 0, "MMU and caches are off");
}

#[test]
fn a_store_to_the_uart_is_output() {
    let mut machine = Machine::new(Version::V2, 1);
    for byte in *b"hello" {
        machine.store(UART.base, byte.into());
    }
    assert_eq!(machine.terminal.0.borrow().0, b"hello");
    assert_eq!(machine.hv.registers[0].pc, ENTRY + 5 * 4);
}

#[test]
fn typing_interrupts_the_guest() {
    let mut machine = Machine::new(Version::V2, 1);
    machine.store(GICD.base, 1);
    machine.store(GICD.base + 0x104, 1 << UART_SPI);
    machine.store(UART.base + 0x38, 1 << 4 | 1 << 6);
    machine.terminal.0.borrow_mut().1.push(b'x');
    machine.guest.notified(&mut machine.hv);
    let taken = machine.hv.lists.acknowledge(0).expect("an interrupt");
    assert_eq!(taken.intid, FIRST_SPI + UART_SPI);
    assert_eq!(machine.load(UART.base), b'x'.into());
    machine.hv.lists.end(0, taken);
    assert_eq!(machine.hv.lists.maintenance(0), None);
    assert_eq!(machine.hv.lists.acknowledge(0), None);
}

#[test]
fn nothing_there_is_an_abort_that_is_told_once() {
    let mut machine = Machine::new(Version::V3, 1);
    machine.hv.set_system_register(0, SystemRegister::VbarEl1, 0xffff_0000);
    for _ in 0..3 {
        machine.hv.registers[0].pc = 0x1234;
        machine.store(NOWHERE, 0);
        assert_eq!(machine.hv.registers[0].pc, 0xffff_0200);
        assert_eq!(machine.hv.system_register(0, SystemRegister::ElrEl1), 0x1234);
        let syndrome = machine.hv.system_register(0, SystemRegister::EsrEl1);
        assert_eq!((syndrome >> 26, syndrome & 0x3f), (0x25, 0x10));
    }
    assert_eq!(machine.hv.reports.len(), 1);
}

#[test]
fn an_unknown_system_register_is_undefined() {
    let mut machine = Machine::new(Version::V2, 1);
    // ICC_SGI1R_EL1 on a GICv2.
    let _ = machine.exit(0, Exit::Trap(system_access([3, 0, 12, 11, 5], 0, false)));
    assert_eq!(machine.hv.system_register(0, SystemRegister::EsrEl1), 1 << 25);
    assert_eq!(machine.hv.registers[0].pc, 0x200);
    assert!(machine.hv.reports[0].contains("s3_0_c12_c11_5"));
}

#[test]
fn debug_registers_hold_nothing() {
    let mut machine = Machine::new(Version::V3, 1);
    machine.hv.registers[0].gpr[3] = 7;
    let _ = machine.exit(0, Exit::Trap(system_access([2, 0, 0, 2, 2], 3, true)));
    assert_eq!((machine.hv.registers[0].gpr[3], machine.hv.registers[0].pc), (0, ENTRY + 4));
    assert!(machine.hv.reports.is_empty());
}

#[test]
fn the_zero_register_stores_zero_and_takes_nothing() {
    let mut machine = Machine::new(Version::V2, 1);
    machine.hv.registers[0].gpr = [u64::MAX; 31];
    let address = UART.base;
    let _ = machine.exit(0, Exit::Memory { address, syndrome: word_access(31, true) });
    let _ = machine.exit(0, Exit::Memory { address, syndrome: word_access(31, false) });
    assert_eq!(machine.terminal.0.borrow().0, [0]);
    assert_eq!(machine.hv.registers[0].gpr, [u64::MAX; 31]);
}

#[test]
fn firmware_answers_by_smc_and_by_hvc() {
    let mut machine = Machine::new(Version::V3, 1);
    assert_eq!(machine.call(0, [0x8400_0000, 0, 0, 0]), 0x1_0001);
    machine.hv.registers[0].gpr[0] = 0x8400_0000;
    let smc = Syndrome(0x17 << 26 | 1 << 25);
    assert_eq!(machine.exit(0, Exit::Trap(smc)), Next::Resume);
    assert_eq!(machine.hv.registers[0].gpr[0], 0x1_0001);
    assert_eq!(machine.hv.registers[0].pc, ENTRY + 8);
}

#[test]
fn unknown_functions_are_told_once() {
    let mut machine = Machine::new(Version::V3, 1);
    for _ in 0..2 {
        assert_eq!(machine.call(0, [0x8600_ff00, 0, 0, 0]), NOT_SUPPORTED);
    }
    assert_eq!(machine.hv.reports.len(), 1);
}

#[test]
fn cpus_go_on_and_off() {
    const CPU_ON: u64 = 0xc400_0003;
    const CPU_OFF: u64 = 0x8400_0002;
    const AFFINITY_INFO: u64 = 0xc400_0004;
    let mut machine = Machine::new(Version::V3, 2);
    assert_eq!(machine.hv.running, [true, false]);
    assert_eq!(machine.call(0, [AFFINITY_INFO, 1, 0, 0]), 1);
    assert_eq!(machine.call(0, [CPU_ON, 2, ENTRY, 0]) as i64, -2);
    assert_eq!(machine.call(0, [CPU_ON, 1, NOWHERE, 0]) as i64, -9);
    assert_eq!(machine.call(0, [CPU_ON, 1, ENTRY + 8, 99]), 0);
    assert_eq!(machine.call(0, [CPU_ON, 1, ENTRY + 8, 99]) as i64, -4);
    assert_eq!((machine.hv.registers[1].pc, machine.hv.registers[1].gpr[0]), (ENTRY + 8, 99));
    assert_eq!(machine.hv.system_register(1, SystemRegister::VmpidrEl2), 1 << 31 | 1);
    machine.hv.registers[1].gpr[0] = CPU_OFF;
    assert_eq!(machine.exit(1, Exit::Hypercall), Next::Leave);
    assert_eq!(machine.hv.running, [true, false]);
    assert_eq!(machine.call(0, [AFFINITY_INFO, 1, 0, 0]), 1);
}

#[test]
fn a_reboot_leaves_nothing_of_the_former_life() {
    let mut machine = Machine::new(Version::V2, 2);
    machine.store(GICD.base, 1);
    machine.store(GICD.base + 0x104, 1 << UART_SPI);
    machine.store(UART.base + 0x38, 1 << 5);
    machine.store(UART.base, b'x'.into());
    machine.store(NOWHERE, 0);
    machine.ram.0.borrow_mut()[0x70_0000] = 0x5a;
    machine.hv.registers[0].gpr[0] = 0x8400_0009;
    assert_eq!(machine.exit(0, Exit::Hypercall), Next::Leave);
    assert_eq!(machine.hv.running, [true, false]);
    assert_eq!(machine.hv.registers[0].pc, ENTRY);
    assert_eq!(machine.ram.0.borrow()[0x70_0000], 0);
    assert_eq!(machine.ram.0.borrow()[..64], KERNEL);
    assert_eq!(machine.load(GICD.base), 0);
    assert_eq!(machine.load(UART.base + 0x38), 0);
    assert_eq!(machine.hv.lists.acknowledge(0), None);
}

#[test]
fn a_machine_that_is_off_stays_off() {
    let mut machine = Machine::new(Version::V3, 1);
    machine.hv.registers[0].gpr[0] = 0x8400_0008;
    assert_eq!(machine.exit(0, Exit::Hypercall), Next::Leave);
    assert!(machine.guest.is_off() && !machine.hv.running[0]);
    machine.terminal.0.borrow_mut().1.push(b'x');
    machine.guest.notified(&mut machine.hv);
    assert_eq!(machine.exit(0, Exit::PrivateInterrupt(27)), Next::Leave);
    assert!(!machine.hv.running[0]);
}

#[test]
fn a_wait_ends_with_an_interrupt() {
    const WFI: Syndrome = Syndrome(1 << 26 | 1 << 25);
    let mut machine = Machine::new(Version::V2, 1);
    machine.store(GICD.base, 1);
    machine.store(GICD.base + 0x104, 1 << UART_SPI);
    machine.store(UART.base + 0x38, 1 << 6);
    assert_eq!(machine.exit(0, Exit::Trap(WFI)), Next::Leave);
    assert!(!machine.hv.running[0]);
    machine.guest.notified(&mut machine.hv);
    assert!(!machine.hv.running[0]);
    machine.terminal.0.borrow_mut().1.push(b'x');
    machine.guest.notified(&mut machine.hv);
    assert!(machine.hv.running[0]);
    // With something pending, or the timer armed, there is nothing to wait for.
    assert_eq!(machine.exit(0, Exit::Trap(WFI)), Next::Resume);
    let mut machine = Machine::new(Version::V2, 1);
    machine.hv.set_system_register(0, SystemRegister::CntvCtlEl0, 1);
    assert_eq!(machine.exit(0, Exit::Trap(WFI)), Next::Resume);
}

#[test]
fn a_wait_ends_when_a_watched_timer_fires() {
    const WFI: Syndrome = Syndrome(1 << 26 | 1 << 25);
    let mut machine = Machine::new(Version::V2, 1);
    machine.hv.set_system_register(0, SystemRegister::CntvCtlEl0, 1);
    machine.hv.timer_is_watched = true;
    assert_eq!(machine.exit(0, Exit::Trap(WFI)), Next::Leave);
    assert!(!machine.hv.running[0]);
    machine.guest.notified(&mut machine.hv);
    assert!(!machine.hv.running[0], "it has not fired");
    machine.hv.timer_is_watched = false;
    machine.guest.notified(&mut machine.hv);
    assert!(machine.hv.running[0]);
}

#[test]
fn the_timer_is_a_private_interrupt() {
    let mut machine = Machine::new(Version::V2, 1);
    machine.store(GICD.base, 1);
    machine.store(GICD.base + 0x100, 1 << VIRTUAL_TIMER);
    machine.hv.unmasked.clear();
    assert_eq!(machine.exit(0, Exit::PrivateInterrupt(VIRTUAL_TIMER)), Next::Resume);
    let taken = machine.hv.lists.acknowledge(0).expect("an interrupt");
    machine.hv.lists.end(0, taken);
    let ended = machine.hv.lists.maintenance(0).expect("a maintenance interrupt");
    assert_eq!(machine.hv.unmasked, []);
    let _ = machine.exit(0, Exit::Maintenance { ended });
    assert_eq!(machine.hv.unmasked, [VIRTUAL_TIMER]);
}

#[test]
fn an_sgi_reaches_the_other_cpu() {
    let mut machine = Machine::new(Version::V3, 2);
    assert_eq!(machine.call(0, [0xc400_0003, 1, ENTRY, 0]), 0);
    machine.store(GICD.base, 3);
    machine.store(crate::machine::GICR_BASE + 0x3_0100, 1 << 4);
    machine.hv.registers[0].gpr[2] = 4 << 24 | 0b10;
    let _ = machine.exit(0, Exit::Trap(system_access([3, 0, 12, 11, 5], 2, false)));
    assert_eq!(machine.hv.lists.acknowledge(1).map(|taken| taken.intid), Some(4));
}

#[test]
fn what_cannot_boot_says_why() {
    let hv = &mut Fake::new(Version::V3, 1);
    let ram = Ram(Rc::new(RefCell::new(vec![0; RAM.size as usize])));
    let initrd = vec![0; RAM.size as usize];
    let mut boot = |kernel: &[u8], initrd: &[u8]| {
        let files = Files { kernel, initrd, command_line: "" };
        let error = Guest::new(hv, files, ram.clone(), Bus::default()).boot(hv).unwrap_err();
        format!("{error}")
    };
    assert!(boot(b"#!/bin/sh\n", &[]).contains("no arm64 Image"));
    assert!(boot(&KERNEL, &initrd).contains("KiB of memory"));
    assert_eq!(hv.running, [false]);
}

proptest! {
    /// Whatever a guest does, the monitor goes on.
    #[test]
    fn no_guest_harms_its_monitor(
        v3: bool,
        exits in prop::collection::vec((0usize..3, 0usize..9, any::<u64>(), any::<u64>(), any::<[u64; 4]>()), 1..60),
    ) {
        let mut machine = Machine::new(if v3 { Version::V3 } else { Version::V2 }, 2);
        for (vcpu, kind, a, b, args) in exits {
            if let Some(registers) = machine.hv.registers.get_mut(vcpu) {
                registers.gpr[..4].copy_from_slice(&args);
            }
            let exit = match kind {
                0 => Exit::Memory { address: a, syndrome: Syndrome(b) },
                1 => Exit::Memory { address: GICD.base + a % 0x20_0000, syndrome: Syndrome(b | 1 << 24) },
                2 => Exit::Memory { address: UART.base + a % 0x2000, syndrome: Syndrome(b | 1 << 24) },
                3 => Exit::Trap(Syndrome(b)),
                4 => Exit::Trap(Syndrome(0x18 << 26 | b & 0x1ff_ffff)),
                5 => {
                    if let Some(registers) = machine.hv.registers.get_mut(vcpu) {
                        registers.gpr[0] = 0x8400_0000 | a & 0x4000_001f;
                    }
                    Exit::Hypercall
                }
                6 => {
                    machine.place(vcpu, ENTRY + a % 0x1000, b as u32 & !0x0600_0000 | 0x0800_0000);
                    Exit::Memory { address: UART.base + a % 0x1000, syndrome: Syndrome(b & !(1 << 24)) }
                }
                7 => Exit::Maintenance { ended: (b & 1 != 0).then_some(a as usize) },
                _ => Exit::PrivateInterrupt(a as u32),
            };
            let _ = machine.exit(vcpu, exit);
        }
    }
}

#[test]
fn exits_are_counted_by_reason() {
    let memory: &'static [Block] = Vec::leak(std::iter::repeat_with(Block::new).take(64).collect());
    let mut machine = Machine::new(Version::V3, 1);
    let mut table = Table::over(Shared::over(memory));
    let statistics = Statistics::new(&mut table);
    machine.guest = machine.guest.with_statistics(statistics, &mut table);
    (0..3).for_each(|_| _ = machine.call(0, [0x8400_0000, 0, 0, 0]));
    machine.store(GICD.base, 1);
    machine.load(GICD.base);
    machine.load(UART.base + 0x18);
    machine.store(0x1000, 0);
    machine.guest.notified(&mut machine.hv);
    assert_eq!(machine.exit(0, Exit::PrivateInterrupt(VIRTUAL_TIMER)), Next::Resume);
    let counted: Vec<_> = Reader::over(Shared::over(memory)).counters().filter(|&(_, value)| value > 0).collect();
    let counted: Vec<_> = counted.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let expected = [("exits", 8), ("signals", 1), ("calls", 3), ("gic", 2), ("timer", 1), ("aborts", 1), ("pl011", 1)];
    assert_eq!(counted, expected);
}
