//! The walk against tables that a model of the architecture builds.

use super::*;
use crate::machine::Region;
use proptest::prelude::*;
use std::{cell::RefCell, vec, vec::Vec};

const RAM: Region = Region { base: 0x4000_0000, size: 1 << 20 };

/// Memory in which tables are made one behind the other.
struct Tables {
    bytes: RefCell<Vec<u8>>,
    next: u64,
}

impl Memory for Tables {
    fn region(&self) -> Region {
        RAM
    }

    fn read(&self, address: u64, bytes: &mut [u8]) {
        let start = RAM.offset_of(address).expect("in memory") as usize;
        bytes.copy_from_slice(&self.bytes.borrow()[start..start + bytes.len()]);
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        let start = RAM.offset_of(address).expect("in memory") as usize;
        self.bytes.borrow_mut()[start..start + bytes.len()].copy_from_slice(bytes);
    }

    fn clear(&mut self) {
        self.bytes.borrow_mut().fill(0);
    }
}

/// A granule: its size and the lowest address bit of each level, the lowest level last.
#[derive(Clone, Copy, Debug)]
struct Granule {
    bits: u32,
    shifts: &'static [u32],
    /// The largest blocks, without and with 52-bit addresses.
    largest: [u32; 2],
    /// TG0 and TG1.
    fields: [u64; 2],
}

const GRANULES: [Granule; 3] = [
    Granule { bits: 12, shifts: &[48, 39, 30, 21, 12], largest: [30, 39], fields: [0b00, 0b10] },
    Granule { bits: 14, shifts: &[47, 36, 25, 14], largest: [25, 36], fields: [0b10, 0b01] },
    Granule { bits: 16, shifts: &[42, 29, 16], largest: [29, 42], fields: [0b01, 0b11] },
];

/// One mapping in a half of the address space.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    granule: Granule,
    wide: bool,
    half: usize,
    va_bits: u32,
    /// The levels above the last one that the leaf is at, as far as it may be.
    above: usize,
    va: u64,
    pa: u64,
    /// What is in bits that have no meaning here.
    noise: u64,
}

impl Mapping {
    /// Levels that there are, as their lowest bits.
    fn levels(&self) -> &'static [u32] {
        let first = self.granule.shifts.iter().position(|&shift| shift < self.va_bits).expect("one level at least");
        &self.granule.shifts[first..]
    }

    /// The leaf's lowest bit.
    fn leaf(&self) -> u32 {
        let levels = self.levels();
        let mut leaves = levels.iter().rev().filter(|&&shift| shift <= self.granule.largest[usize::from(self.wide)]);
        let all: Vec<u32> = leaves.by_ref().copied().collect();
        all[self.above.min(all.len() - 1)]
    }

    /// The virtual address, within its half.
    fn address(&self) -> u64 {
        let low = self.va & (u64::MAX >> (64 - self.va_bits));
        if self.half == 0 { low } else { low | u64::MAX << self.va_bits }
    }

    /// The physical address of the leaf.
    fn frame(&self) -> u64 {
        let bits = if self.wide { 52 } else { 48 };
        self.pa & (u64::MAX >> (64 - bits)) & (u64::MAX << self.leaf())
    }

    /// An address as a descriptor has it.
    fn in_descriptor(&self, address: u64) -> u64 {
        match (self.wide, self.granule.bits) {
            (false, _) => address,
            (true, 16) => address & 0xffff_ffff_ffff | (address >> 48) << 12,
            (true, _) => address & 0x3_ffff_ffff_ffff | (address >> 50) << 8,
        }
    }

    /// Attributes: all but address and type. Bits 9 and 8 are a part of wide addresses.
    fn attributes(&self) -> u64 {
        let low = if self.wide && self.granule.bits != 16 { 0xcfc } else { 0xffc };
        self.noise & (0xfff0_0000_0000_0000 | low)
    }

    fn build(&self) -> (Tables, Regime) {
        let mut tables = Tables { bytes: RefCell::new(vec![0; RAM.size as usize]), next: RAM.base };
        let levels = self.levels();
        let entries = |level: usize| match level {
            0 => self.va_bits - levels[0],
            _ => self.granule.bits - 3,
        };
        let mut allocate = |level: usize| {
            let size = (8u64 << entries(level)).max(64);
            let address = tables.next.next_multiple_of(size);
            tables.next = address + size;
            address
        };
        let root = allocate(0);
        let mut writes = vec![];
        let mut table = root;
        for (level, &shift) in levels.iter().enumerate() {
            let index = self.address() >> shift & ((1 << entries(level)) - 1);
            if shift == self.leaf() {
                let kind = if shift == self.granule.bits { 3 } else { 1 };
                writes.push((table + 8 * index, self.in_descriptor(self.frame()) | self.attributes() | kind));
                break;
            }
            let next = allocate(level + 1);
            writes.push((table + 8 * index, self.in_descriptor(next) | self.attributes() | 3));
            table = next;
        }
        writes.iter().for_each(|(at, descriptor)| tables.write(*at, &descriptor.to_le_bytes()));
        (tables, self.regime(root))
    }

    fn regime(&self, root: u64) -> Regime {
        let size = u64::from(64 - self.va_bits);
        let tcr = match self.half {
            0 => size | self.granule.fields[0] << 14 | 1 << 23,
            _ => size << 16 | self.granule.fields[1] << 30 | 1 << 7,
        };
        let wide = if self.granule.bits == 16 { 6 << 32 } else { 1 << 59 };
        let mut ttbr = [0; 2];
        ttbr[self.half] = root | self.noise & (0xffff_0000_0000_0001);
        Regime { sctlr: 1, tcr: tcr | if self.wide { wide } else { 5 << 32 }, ttbr }
    }
}

fn mapping() -> impl Strategy<Value = Mapping> {
    let granule = prop::sample::select(&GRANULES[..]);
    (granule, any::<bool>(), 0..2usize, 17..53u32, 0..4usize, any::<[u64; 3]>()).prop_map(
        |(granule, wide, half, va_bits, above, [va, pa, noise])| {
            let most = if wide || granule.bits == 16 { 52 } else { 48 };
            Mapping { granule, wide, half, va_bits: va_bits.min(most), above, va, pa, noise }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_mapped_is_found_and_nothing_else(mapping in mapping(), other: u64, bit in 0..64u32) {
        let (tables, regime) = mapping.build();
        let low = (1 << mapping.leaf()) - 1;
        let va = mapping.address();
        prop_assert_eq!(translate(&tables, &regime, va), Some(mapping.frame() | va & low));
        for elsewhere in [other, va ^ 1 << bit] {
            let expected = (elsewhere & !low == va & !low).then(|| mapping.frame() | elsewhere & low);
            prop_assert_eq!(translate(&tables, &regime, elsewhere), expected);
        }
    }

    #[test]
    fn no_tables_are_too_strange(sctlr: u64, tcr: u64, ttbr: [u64; 2], va: u64, fill: u64) {
        let bytes = fill.to_le_bytes().repeat(RAM.size as usize / 8);
        let tables = Tables { bytes: RefCell::new(bytes), next: 0 };
        let ttbr = ttbr.map(|ttbr| RAM.base | ttbr & 0xf_ffff);
        let _ = translate(&tables, &Regime { sctlr: sctlr | 1, tcr, ttbr }, va);
    }
}

const SMALL: Mapping = Mapping {
    granule: GRANULES[0],
    wide: false,
    half: 0,
    va_bits: 39,
    above: 0,
    va: 0x12_3456_7890,
    pa: 0x4567_8000,
    noise: 0,
};

#[test]
fn without_translation_an_address_is_itself() {
    let (tables, regime) = SMALL.build();
    assert_eq!(translate(&tables, &Regime { sctlr: 0, ..regime }, 0x1234_5678), Some(0x1234_5678));
}

#[test]
fn a_half_that_is_switched_off_has_no_translation() {
    let (tables, regime) = SMALL.build();
    assert!(translate(&tables, &regime, SMALL.va).is_some());
    assert_eq!(translate(&tables, &Regime { tcr: regime.tcr | 1 << 7, ..regime }, SMALL.va), None);
    assert_eq!(translate(&tables, &Regime { tcr: regime.tcr | 3 << 14, ..regime }, SMALL.va), None, "no such granule");
    assert_eq!(translate(&tables, &Regime { sctlr: 1 | 1 << 25, ..regime }, SMALL.va), None, "big-endian");
}

#[test]
fn tables_outside_of_memory_have_no_translation() {
    let (tables, regime) = SMALL.build();
    for root in [0, RAM.end(), 0xffff_ffff_f000] {
        assert_eq!(translate(&tables, &Regime { ttbr: [root; 2], ..regime }, SMALL.va), None);
    }
    assert_eq!(load(&tables, RAM.end() - 1), Some(0));
    assert_eq!(load(&tables, RAM.end()), None);
}

#[test]
fn blocks_are_only_where_the_architecture_has_them() {
    // A descriptor of a block at level 0, which only 52-bit addresses have.
    let mapping = Mapping { va_bits: 48, above: 3, wide: true, ..SMALL };
    let (tables, regime) = mapping.build();
    assert_eq!(mapping.leaf(), 39);
    assert!(translate(&tables, &regime, mapping.va).is_some());
    assert_eq!(translate(&tables, &Regime { tcr: regime.tcr & !TCR_DS, ..regime }, mapping.va), None);
}

#[test]
fn the_first_table_is_where_its_register_says() {
    let shape = |va_bits, wide| Shape { va_bits, granule: 12, wide };
    // Address space identifier and CnP around it; a table of 512 entries, one of two.
    assert_eq!(shape(39, false).root(0x1234_0000_4567_8001), 0x4567_8000);
    assert_eq!(shape(40, true).root(0x1234_0000_4567_8029), 0xa_0000_4567_8000);
    assert_eq!(shape(31, false).root(0x4567_8011), 0x4567_8010);
}
