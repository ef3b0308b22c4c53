//! Accesses whose instruction has to be looked at.

use super::*;
use crate::{devices::Device, machine::RTC};

/// Where the instructions are put.
const CODE: u64 = ENTRY + 0x1_0004;
/// `UARTPeriphID0` of the PL011.
const ID: u64 = UART.base + 0xfe0;
/// EL1 with `SP_EL1`.
const EL1H: u64 = 0x3c5;

const STR_W0_X1_POST_4: u32 = 0xb800_4420;
const STRB_W2_X2_PRE_MINUS_65: u32 = 0x381b_fc42;
const STRB_W3_SP_POST_1: u32 = 0x3800_17e3;
const LDP_W0_W1_X2: u32 = 0x2940_0440;
const LDP_W1_W2_X2: u32 = 0x2940_0841;
const LDPSW_X2_X1_X2_POST_8: u32 = 0x68c1_0442;
const STP_W0_W0_X1: u32 = 0x2900_0020;
const LDXR_W0_X1: u32 = 0x885f_7c20;
const NOP: u32 = 0xd503_201f;

/// A load or store that its syndrome says nothing about.
const fn abort(write: bool) -> Syndrome {
    Syndrome(0x25 << 26 | 1 << 25 | (write as u64) << 6 | 7)
}

/// A machine with one vCPU at EL1 in front of an instruction.
fn machine(instruction: u32) -> Machine {
    let mut machine = Machine::new(Version::V2, 1);
    machine.hv.set_system_register(0, SystemRegister::VbarEl1, 0xffff_0000);
    machine.hv.registers[0].pstate = EL1H;
    machine.place(0, CODE, instruction);
    machine
}

impl Machine {
    fn access(&mut self, address: u64, write: bool) {
        assert_eq!(self.exit(0, Exit::Memory { address, syndrome: abort(write) }), Next::Resume);
    }

    fn output(&self) -> Vec<u8> {
        self.terminal.0.borrow().0.clone()
    }

    fn gpr(&mut self, number: usize) -> &mut u64 {
        &mut self.hv.registers[0].gpr[number]
    }

    /// Whether the vCPU stands behind the instruction, and not in a vector.
    fn has_gone_on(&self) -> bool {
        self.hv.registers[0].pc == CODE + 4
    }
}

#[test]
fn a_post_indexed_store_is_output_and_moves_its_base() {
    let mut machine = machine(STR_W0_X1_POST_4);
    (*machine.gpr(0), *machine.gpr(1)) = (b'x'.into(), UART.base);
    machine.access(UART.base, true);
    assert_eq!((machine.output(), *machine.gpr(1)), (b"x".to_vec(), UART.base + 4));
    assert!(machine.has_gone_on() && machine.hv.reports.is_empty());
}

#[test]
fn a_base_that_is_stored_is_stored_as_it_was() {
    let mut machine = machine(STRB_W2_X2_PRE_MINUS_65);
    *machine.gpr(2) = UART.base + u64::from(b'A');
    machine.access(UART.base, true);
    assert_eq!((machine.output(), *machine.gpr(2)), (b"A".to_vec(), UART.base));
    assert!(machine.has_gone_on());
}

#[test]
fn the_stack_pointer_in_use_is_the_base() {
    for (pstate, el1) in [(EL1H, true), (EL1H & !1, false), (0, false)] {
        let mut machine = machine(STRB_W3_SP_POST_1);
        machine.hv.registers[0].pstate = pstate;
        *machine.gpr(3) = b'y'.into();
        if el1 {
            machine.hv.set_system_register(0, SystemRegister::SpEl1, UART.base);
        } else {
            machine.hv.registers[0].sp = UART.base;
        }
        machine.access(UART.base, true);
        let moved = [machine.hv.system_register(0, SystemRegister::SpEl1), machine.hv.registers[0].sp];
        assert_eq!(moved, if el1 { [UART.base + 1, 0] } else { [0, UART.base + 1] });
        assert_eq!(machine.output(), b"y");
    }
}

#[test]
fn a_pair_is_two_accesses_in_order() {
    let mut machine = machine(LDP_W0_W1_X2);
    *machine.gpr(2) = ID;
    // The exit may name the first or the second.
    for address in [ID, ID + 4] {
        machine.hv.registers[0].pc = CODE;
        machine.access(address, false);
        assert_eq!((*machine.gpr(0), *machine.gpr(1), *machine.gpr(2)), (0x11, 0x10, ID));
        assert!(machine.has_gone_on());
    }
    machine.place(0, CODE, STP_W0_W0_X1);
    (*machine.gpr(0), *machine.gpr(1)) = (b'z'.into(), UART.base);
    machine.access(UART.base, true);
    assert_eq!(machine.output(), b"z", "the second is a register that does not print");
}

#[test]
fn a_pair_may_load_its_base() {
    let mut machine = machine(LDP_W1_W2_X2);
    *machine.gpr(2) = ID;
    machine.access(ID, false);
    assert_eq!((*machine.gpr(1), *machine.gpr(2)), (0x11, 0x10));
    // With write-back, too: the architecture leaves open what is in it then.
    machine.place(0, CODE, LDPSW_X2_X1_X2_POST_8);
    *machine.gpr(2) = ID;
    machine.access(ID, false);
    assert_eq!((*machine.gpr(1), *machine.gpr(2)), (0x10, 0x11));
}

#[test]
fn what_does_not_lie_in_devices_as_a_whole_does_nothing() {
    let mut machine = machine(LDP_W0_W1_X2);
    let half = Region { base: RTC.base, size: 0x200 };
    machine.guest.bus.attach(half, FIRST_SPI, Box::new(Nothing));
    // Behind the first is the end of the device, and then of the page.
    for (address, report) in [(half.end() - 4, "0x9010200, where nothing is"), (UART.end() - 4, "is not emulated")] {
        machine.hv.registers[0].pc = CODE;
        (*machine.gpr(0), *machine.gpr(2)) = (7, address);
        machine.access(address, false);
        assert_eq!((*machine.gpr(0), machine.hv.registers[0].pc), (7, 0xffff_0200));
        machine.hv.registers[0].pstate = EL1H;
        assert!(machine.hv.reports.last().is_some_and(|last| last.contains(report)), "{:?}", machine.hv.reports);
    }
}

#[test]
fn an_instruction_that_it_cannot_be_is_tried_again_and_then_an_abort() {
    // None at all, a store for a load, another address, one that is not in memory.
    for (instruction, base, pc) in
        [(LDXR_W0_X1, UART.base, CODE), (STP_W0_W0_X1, UART.base, CODE), (LDP_W1_W2_X2, 0, CODE), (NOP, 0, NOWHERE)]
    {
        let mut machine = machine(instruction);
        (*machine.gpr(1), *machine.gpr(2)) = (base, base + 0x20);
        machine.hv.registers[0].pc = pc;
        let mut tries = 0;
        while machine.hv.registers[0].pc == pc {
            assert!(machine.hv.reports.is_empty());
            machine.access(UART.base, false);
            tries += 1;
        }
        assert_eq!((machine.hv.registers[0].pc, tries), (0xffff_0200, 17));
        assert!(machine.hv.reports[0].contains("0x9000000"));
        assert_eq!(machine.output(), b"");
    }
}

#[test]
fn an_instruction_that_comes_back_is_carried_out() {
    let mut machine = machine(NOP);
    *machine.gpr(2) = ID;
    for _ in 0..3 {
        machine.place(0, CODE, NOP);
        (0..10).for_each(|_| machine.access(ID, false));
        machine.place(0, CODE, LDP_W0_W1_X2);
        machine.access(ID, false);
        assert!(machine.has_gone_on() && machine.hv.reports.is_empty());
    }
}

#[test]
fn the_instruction_is_found_through_the_guests_tables() {
    let mut machine = machine(LDP_W0_W1_X2);
    // TTBR1, 64 KiB granule, 29 bits of address: one level, whose second page is the code's.
    let table = RAM.base + 0x2_0000;
    machine.ram.write(table + 8, &(CODE & !0xffff | 0x403).to_le_bytes());
    for (register, value) in [
        (SystemRegister::SctlrEl1, 1),
        (SystemRegister::TcrEl1, 35 << 16 | 3 << 30 | 1 << 7),
        (SystemRegister::Ttbr1El1, table),
    ] {
        machine.hv.set_system_register(0, register, value);
    }
    let pc = (u64::MAX << 29) + 0x1_0000 + CODE % 0x1_0000;
    machine.hv.registers[0].pc = pc;
    *machine.gpr(2) = 0xffff_8000_0000_0000 | ID & 0xfff;
    machine.access(ID, false);
    assert_eq!((*machine.gpr(0), *machine.gpr(1), machine.hv.registers[0].pc), (0x11, 0x10, pc + 4));
}

#[test]
fn big_endian_and_aarch32_are_left_alone() {
    for (pstate, sctlr) in [(EL1H, 1 << 25), (0, 1 << 24), (0x1d0, 0)] {
        let mut machine = machine(LDP_W0_W1_X2);
        *machine.gpr(2) = ID;
        machine.hv.registers[0].pstate = pstate;
        machine.hv.set_system_register(0, SystemRegister::SctlrEl1, sctlr);
        machine.access(ID, false);
        assert_eq!(machine.hv.reports.len(), 1);
        assert!(!machine.has_gone_on());
    }
}

#[test]
fn an_emulated_instruction_is_no_branch() {
    let mut machine = Machine::new(Version::V2, 1);
    for (pstate, after) in [(EL1H | 0b11 << 10, EL1H), (0x1d0 | 0b11 << 10, 0x1d0 | 0b11 << 10)] {
        machine.hv.registers[0].pstate = pstate;
        machine.store(UART.base + 0x38, 0);
        assert_eq!(machine.hv.registers[0].pstate, after);
    }
}

/// A device whose registers are nothing.
struct Nothing;

impl Device for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn read(&mut self, _: u64) -> u32 {
        0
    }

    fn write(&mut self, _: u64, _: u32) {}

    fn poll(&mut self) {}

    fn line(&self) -> bool {
        false
    }

    fn reset(&mut self) {}
}
