//! The registers of the distributor and the redistributors: one table says for each where it is, how wide an access may
//! be, and what reading and writing do. What is not in the table, or is accessed in another width, reads as zero and
//! ignores writes.

use bitflags::bitflags;

use super::{BANK_SIZE, FIRST_SPI, ListRegisters, SGIS, Version, Vgic, affinity_of_vcpu, bank::Bank, bits};

bitflags! {
    /// A group of registers.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Block: u8 {
        /// The distributor of a GICv2.
        const GICD_V2 = 1 << 0;
        /// The distributor of a GICv3.
        const GICD_V3 = 1 << 1;
        /// The first frame of a redistributor.
        const GICR = 1 << 2;
        /// The second frame of a redistributor: its SGIs and PPIs.
        const GICR_SGI = 1 << 3;

        /// The distributor of either version.
        const GICD = Self::GICD_V2.bits() | Self::GICD_V3.bits();
        /// Wherever the state of single interrupts is.
        const BANKED = Self::GICD.bits() | Self::GICR_SGI.bits();
    }

    /// Widths of accesses, in bytes.
    #[derive(Clone, Copy)]
    struct Widths: u8 {
        const W8 = 1;
        const W16 = 2;
        const W32 = 4;
        const W64 = 8;
        /// One byte for each interrupt.
        const BYTES = 1 | 2 | 4;
        const DOUBLE = 4 | 8;
    }
}

/// An access to a register.
struct Access<'a> {
    gic: &'a mut Vgic,
    hw: &'a mut dyn ListRegisters,
    block: Block,
    /// The vCPU whose private interrupts are meant.
    cpu: usize,
    /// From the register's (or array's) start, in bytes.
    offset: usize,
    /// In bytes.
    width: usize,
}

type Read = fn(&mut Access) -> u64;
type Write = fn(&mut Access, u64);

struct Register {
    blocks: Block,
    offset: usize,
    /// In bytes; more than the width for an array.
    length: usize,
    widths: Widths,
    read: Read,
    write: Write,
}

const fn register(blocks: Block, offset: usize, length: usize, widths: Widths, read: Read, write: Write) -> Register {
    Register { blocks, offset, length, widths, read, write }
}

/// In the order of the offsets. Names and offsets: Arm IHI 0069, 12.8 to 12.11; IHI 0048, 4.3.
static REGISTERS: [Register; 24] = [
    register(Block::GICD, 0x0000, 4, Widths::W32, read_ctlr, write_ctlr),
    register(Block::GICR, 0x0000, 4, Widths::W32, zero, ignore), // GICR_CTLR
    register(Block::GICD, 0x0004, 4, Widths::W32, read_typer, ignore),
    register(Block::GICR, 0x0004, 4, Widths::W32, read_iidr, ignore),
    register(Block::GICD, 0x0008, 4, Widths::W32, read_iidr, ignore),
    register(Block::GICR, 0x0008, 8, Widths::DOUBLE, read_gicr_typer, ignore),
    register(Block::GICR, 0x0014, 4, Widths::W32, read_waker, write_waker),
    register(Block::BANKED, 0x0080, 0x80, Widths::W32, read_group, write_group),
    register(Block::BANKED, 0x0100, 0x80, Widths::W32, read_enabled, set_enabled),
    register(Block::BANKED, 0x0180, 0x80, Widths::W32, read_enabled, clear_enabled),
    register(Block::BANKED, 0x0200, 0x80, Widths::W32, read_pending, set_pending),
    register(Block::BANKED, 0x0280, 0x80, Widths::W32, read_pending, clear_pending),
    register(Block::BANKED, 0x0300, 0x80, Widths::W32, read_active, set_active),
    register(Block::BANKED, 0x0380, 0x80, Widths::W32, read_active, clear_active),
    register(Block::BANKED, 0x0400, 0x400, Widths::BYTES, read_priorities, write_priorities),
    register(Block::GICD_V2, 0x0800, 0x400, Widths::BYTES, read_targets, write_targets),
    register(Block::BANKED, 0x0c00, 0x100, Widths::W32, read_icfgr, write_icfgr),
    register(Block::GICD_V2, 0x0f00, 4, Widths::W32, zero, |a, v| a.gic.write_sgir(a.cpu, v as u32, a.hw)),
    register(Block::GICD_V2, 0x0f10, 0x10, Widths::BYTES, read_sgi_sources, |a, v| a.change_sgis(v, Vgic::clear_sgi)),
    register(Block::GICD_V2, 0x0f20, 0x10, Widths::BYTES, read_sgi_sources, |a, v| a.change_sgis(v, Vgic::raise_sgi)),
    register(Block::GICD_V2, 0x0fd0, 0x30, Widths::W32, |a| a.id(&GICV2_IDS), ignore),
    register(Block::GICD_V3, 0x6100, 0x1ee0, Widths::DOUBLE, read_route, write_route),
    register(Block::GICD_V3, 0xffd0, 0x30, Widths::W32, |a| a.id(&GICV3_IDS), ignore),
    register(Block::GICR, 0xffd0, 0x30, Widths::W32, |a| a.id(&GICV3_IDS), ignore),
];

/// The identification registers from PIDR4 on, as an Arm GIC of each version has them: `PIDR2[7:4]` is the version.
const GICV2_IDS: [u8; 12] = [0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1];
const GICV3_IDS: [u8; 12] = [0x44, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1];
/// Implementer Arm (0x43b), no product or revision of its own.
const IIDR: u64 = 0x43b;

/// `GICD_CTLR` of a GICv3 with one security state: affinity routing on, `DS` set; neither can be changed.
const CTLR_V3_FIXED: u64 = 1 << 4 | 1 << 6;
/// `GICD_TYPER` of a GICv3: ten bits of interrupt numbers, affinity level 3 valid, no routing to any one of the CPUs.
const TYPER_V3: u64 = 9 << 19 | 1 << 24 | 1 << 25;
const GICR_TYPER_LAST: u64 = 1 << 4;
const WAKER_PROCESSOR_SLEEP: u64 = 1 << 1;
const WAKER_CHILDREN_ASLEEP: u64 = 1 << 2;

impl Vgic {
    /// Reads `width` bytes at `offset` of a block; `cpu` is the vCPU whose redistributor it is or, for the distributor,
    /// the one that reads.
    pub fn read(&mut self, block: Block, cpu: usize, offset: u64, width: usize, hw: &mut dyn ListRegisters) -> u64 {
        let Some((register, offset)) = self.locate(block, cpu, offset, width) else { return 0 };
        (register.read)(&mut Access { gic: self, hw, block, cpu, offset, width })
    }

    /// Writes `width` bytes at `offset` of a block.
    pub fn write(
        &mut self,
        block: Block,
        cpu: usize,
        offset: u64,
        width: usize,
        value: u64,
        hw: &mut dyn ListRegisters,
    ) {
        let Some((register, offset)) = self.locate(block, cpu, offset, width) else { return };
        (register.write)(&mut Access { gic: self, hw, block, cpu, offset, width }, value);
        self.settle(hw);
    }

    /// The register that such an access is to, and the offset in it.
    fn locate(&self, block: Block, cpu: usize, offset: u64, width: usize) -> Option<(&'static Register, usize)> {
        let offset = usize::try_from(offset).ok()?;
        let register = find(block, offset)?;
        let widths = Widths::from_bits(width as u8).filter(|_| width.is_power_of_two())?;
        let known = cpu < self.config.vcpus && register.widths.contains(widths) && offset.is_multiple_of(width);
        known.then_some((register, offset - register.offset))
    }
}

/// The register at `offset` of a block.
fn find(block: Block, offset: usize) -> Option<&'static Register> {
    let after = REGISTERS.partition_point(|register| register.offset <= offset);
    // Blocks share offsets: at most two entries have the same one, and a third block's may lie between.
    REGISTERS[..after]
        .iter()
        .rev()
        .take(3)
        .find(|register| register.blocks.intersects(block) && offset < register.offset + register.length)
}

impl Access<'_> {
    /// The bank that holds interrupt `intid`, if this block shows it: private interrupts of a GICv3 are in the
    /// redistributor, all others in the distributor.
    fn bank_of(&self, intid: usize) -> Option<usize> {
        let number = intid / BANK_SIZE;
        let private = number == 0;
        let here = match self.block {
            Block::GICD_V3 => !private,
            Block::GICR_SGI => private,
            _ => true,
        };
        (here && self.gic.bank(self.cpu, number).is_some()).then_some(number)
    }

    /// The bank of a register with one bit for each interrupt.
    fn word_bank(&self) -> Option<usize> {
        self.bank_of(self.offset * 8)
    }

    fn word(&self, read: fn(&Bank) -> u32) -> u64 {
        let bank = self.word_bank().and_then(|number| self.gic.bank(self.cpu, number));
        bank.map_or(0, read).into()
    }

    /// Reads what the hardware changes while an interrupt is in a list register.
    fn live_word(&mut self, read: fn(&Bank) -> u32) -> u64 {
        if let Some(number) = self.word_bank() {
            self.gic.fold(self.cpu, number, u32::MAX, self.hw);
        }
        self.word(read)
    }

    /// Changes the interrupts whose bit is set in `value`.
    fn set(&mut self, value: u64, change: fn(&mut Bank, u32)) {
        let mask = value as u32;
        let Some(number) = self.word_bank().filter(|_| mask != 0) else { return };
        self.gic.change(self.cpu, number, mask, self.hw, |bank| change(bank, mask));
    }

    /// The interrupts among those whose bit is set in `value` that are devices' of the machine.
    fn lines(&self, value: u64) -> u32 {
        self.word_bank().filter(|&number| number != 0).map_or(0, |number| self.gic.hardware(number, value as u32))
    }

    fn set_lines_pending(&mut self, lines: u32, pending: bool) {
        let Some(number) = self.word_bank().filter(|_| lines != 0) else { return };
        self.gic.change(self.cpu, number, lines, self.hw, |_| ());
        self.gic.set_lines_pending(number, lines, pending, self.hw);
    }

    fn id(&self, ids: &[u8; 12]) -> u64 {
        ids.get(self.offset / 4).copied().unwrap_or(0).into()
    }

    /// Collects a byte for each interrupt from the first that the access touches.
    fn gather(&self, byte: impl Fn(usize) -> u8) -> u64 {
        (0..self.width).rev().fold(0, |value, n| value << 8 | u64::from(byte(self.offset + n)))
    }

    fn change_sgis(&mut self, value: u64, change: fn(&mut Vgic, usize, usize, u8, &mut dyn ListRegisters)) {
        for n in 0..self.width {
            change(self.gic, self.cpu, self.offset + n, (value >> (8 * n)) as u8, self.hw);
        }
    }
}

fn zero(_: &mut Access) -> u64 {
    0
}

fn ignore(_: &mut Access, _: u64) {}

fn read_ctlr(a: &mut Access) -> u64 {
    let [group0, group1] = a.gic.group_enabled.map(u64::from);
    let fixed = if a.gic.version() == Version::V3 { CTLR_V3_FIXED } else { 0 };
    group0 | group1 << 1 | fixed
}

fn write_ctlr(a: &mut Access, value: u64) {
    a.gic.set_groups([value & 1 != 0, value & 2 != 0], a.hw);
}

fn read_typer(a: &mut Access) -> u64 {
    let lines = a.gic.shared.len() as u64;
    match a.gic.version() {
        Version::V2 => lines | (a.gic.config.vcpus as u64 - 1) << 5,
        Version::V3 => lines | TYPER_V3,
    }
}

fn read_iidr(_: &mut Access) -> u64 {
    IIDR
}

fn read_gicr_typer(a: &mut Access) -> u64 {
    let last = if a.cpu + 1 == a.gic.config.vcpus { GICR_TYPER_LAST } else { 0 };
    let affinity = affinity_of_vcpu(a.cpu);
    // Aff3 stands beside the others here, unlike in MPIDR_EL1.
    let affinity = affinity & 0xff_ffff | affinity >> 32 << 24;
    let typer = affinity << 32 | (a.cpu as u64) << 8 | last;
    if a.width == 8 { typer } else { typer >> (8 * a.offset) & 0xffff_ffff }
}

fn read_waker(a: &mut Access) -> u64 {
    if a.gic.cpus[a.cpu].asleep { WAKER_PROCESSOR_SLEEP | WAKER_CHILDREN_ASLEEP } else { 0 }
}

fn write_waker(a: &mut Access, value: u64) {
    a.gic.cpus[a.cpu].asleep = value & WAKER_PROCESSOR_SLEEP != 0;
}

fn read_group(a: &mut Access) -> u64 {
    a.word(|bank| bank.group1)
}

fn write_group(a: &mut Access, value: u64) {
    let Some(number) = a.word_bank() else { return };
    let changed = a.gic.bank(a.cpu, number).map_or(0, |bank| bank.group1 ^ value as u32);
    a.gic.change(a.cpu, number, changed, a.hw, |bank| bank.group1 = value as u32);
}

fn read_enabled(a: &mut Access) -> u64 {
    a.word(|bank| bank.enabled)
}

fn set_enabled(a: &mut Access, value: u64) {
    a.set(value, |bank, mask| bank.enabled |= mask);
}

fn clear_enabled(a: &mut Access, value: u64) {
    a.set(value, |bank, mask| bank.enabled &= !mask);
}

/// The SGIs of a GICv2 have one pending state for each sender, in registers of their own.
fn pending_mask(a: &Access, value: u64) -> u64 {
    let sgis = a.gic.version() == Version::V2 && a.word_bank() == Some(0);
    if sgis { value & !((1 << SGIS) - 1) } else { value }
}

fn read_pending(a: &mut Access) -> u64 {
    let pending = a.live_word(Bank::pending) as u32;
    a.word_bank().map_or(0, |number| a.gic.pending_lines(number, pending, a.hw)).into()
}

fn set_pending(a: &mut Access, value: u64) {
    let value = pending_mask(a, value);
    let lines = a.lines(value);
    a.set(value & !u64::from(lines), |bank, mask| bank.latch |= mask);
    a.set_lines_pending(lines, true);
}

fn clear_pending(a: &mut Access, value: u64) {
    let value = pending_mask(a, value);
    a.set(value, |bank, mask| bank.latch &= !mask);
    a.set_lines_pending(a.lines(value), false);
}

fn read_active(a: &mut Access) -> u64 {
    a.live_word(|bank| bank.active)
}

fn set_active(a: &mut Access, value: u64) {
    a.set(value, |bank, mask| bank.active |= mask);
    if let Some(number) = a.word_bank() {
        a.gic.set_lines_active(number, value as u32, a.hw);
    }
}

fn clear_active(a: &mut Access, value: u64) {
    let mask = value as u32;
    let Some(number) = a.word_bank().filter(|_| mask != 0) else { return };
    let mut ended = 0;
    a.gic.change(a.cpu, number, mask, a.hw, |bank| {
        ended = bank.active & mask;
        bank.active &= !mask;
    });
    // This ends the guest's interrupt, but no physical one.
    let hardware = a.gic.hardware(number, if number == 0 { mask } else { ended });
    a.gic.hardware_ended(a.cpu, number, hardware, false);
}

fn read_priorities(a: &mut Access) -> u64 {
    let Some(number) = a.bank_of(a.offset) else { return 0 };
    let Some(bank) = a.gic.bank(a.cpu, number) else { return 0 };
    a.gather(|intid| bank.priority[intid % BANK_SIZE])
}

fn write_priorities(a: &mut Access, value: u64) {
    let Some(number) = a.bank_of(a.offset) else { return };
    let implemented = !(0xff_u8.checked_shr(a.gic.config.priority_bits).unwrap_or(0));
    let first = a.offset % BANK_SIZE;
    let mask = ((1u64 << a.width) - 1) << first;
    let width = a.width;
    a.gic.change(a.cpu, number, mask as u32, a.hw, |bank| {
        for n in 0..width {
            bank.priority[first + n] = (value >> (8 * n)) as u8 & implemented;
        }
    });
}

fn read_targets(a: &mut Access) -> u64 {
    let own = 1u8 << a.cpu;
    a.gather(|intid| match a.gic.shared.get((intid / BANK_SIZE).wrapping_sub(1)) {
        Some(shared) => shared.targets[intid % BANK_SIZE],
        None if intid < BANK_SIZE => own,
        None => 0,
    })
}

fn write_targets(a: &mut Access, value: u64) {
    // The targets of private interrupts and of a machine with one CPU are fixed.
    let Some(number) = a.bank_of(a.offset).filter(|&number| number != 0 && a.gic.config.vcpus > 1) else { return };
    for n in 0..a.width {
        let bit = a.offset % BANK_SIZE + n;
        a.gic.change(a.cpu, number, 1 << bit, a.hw, |_| ());
        a.gic.shared[number - 1].targets[bit] = (value >> (8 * n)) as u8 & a.gic.all_cpus() as u8;
        a.gic.retarget(number, bit);
    }
}

/// The first interrupt of `GICD_ICFGR<n>` with two bits for each, and its bank.
fn icfgr_bank(a: &Access) -> Option<(usize, usize)> {
    let first = a.offset * 4;
    Some((a.bank_of(first)?, first % BANK_SIZE))
}

fn read_icfgr(a: &mut Access) -> u64 {
    let Some((number, first)) = icfgr_bank(a) else { return 0 };
    let edge = a.gic.bank(a.cpu, number).map_or(0, |bank| bank.edge >> first & 0xffff);
    bits(edge).fold(0, |value, bit| value | 2 << (2 * bit))
}

fn write_icfgr(a: &mut Access, value: u64) {
    let Some((number, first)) = icfgr_bank(a) else { return };
    if number == 0 && first < SGIS {
        return; // SGIs are edge-triggered always.
    }
    let edge = (0..16).fold(0u32, |edge, n| edge | ((value >> (2 * n + 1) & 1) as u32) << n) << first;
    // Of a device of the machine, the description says it.
    let lines = if number == 0 { 0 } else { a.gic.hardware(number, u32::MAX) };
    let all = (0xffff << first) & !a.gic.messages(number, u32::MAX) & !lines;
    let changed = a.gic.bank(a.cpu, number).map_or(0, |bank| (bank.edge ^ edge) & all);
    a.gic.change(a.cpu, number, changed, a.hw, |bank| bank.edge = bank.edge & !all | edge & all);
}

fn read_sgi_sources(a: &mut Access) -> u64 {
    a.gic.fold(a.cpu, 0, (1 << SGIS) - 1, a.hw);
    let sources = a.gic.cpus[a.cpu].sgi_sources;
    a.gather(|sgi| sources[sgi])
}

/// The shared interrupt whose route is accessed.
fn routed(a: &Access) -> Option<(usize, usize)> {
    let intid = FIRST_SPI as usize + a.offset / 8;
    Some((a.bank_of(intid)?, intid % BANK_SIZE))
}

fn read_route(a: &mut Access) -> u64 {
    let Some((number, bit)) = routed(a) else { return 0 };
    let route = a.gic.shared[number - 1].routes[bit];
    if a.width == 8 { route } else { route >> (8 * (a.offset % 8)) & 0xffff_ffff }
}

fn write_route(a: &mut Access, value: u64) {
    const AFFINITY: u64 = 0xff_00ff_ffff;
    let Some((number, bit)) = routed(a) else { return };
    a.gic.change(a.cpu, number, 1 << bit, a.hw, |_| ());
    let route = &mut a.gic.shared[number - 1].routes[bit];
    *route = AFFINITY
        & match (a.width, a.offset % 8) {
            (8, _) => value,
            (_, 0) => *route & !0xffff_ffff | value & 0xffff_ffff,
            _ => *route & 0xffff_ffff | value << 32,
        };
    a.gic.retarget(number, bit);
}
