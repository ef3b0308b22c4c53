//! The guest's own address translation (VMSAv8-64 stage 1, Arm ARM D8), for the few times that the monitor has to find what
//! a virtual address of the guest means.
//!
//! Only addresses are translated: whether the guest may use them is not looked at, as the processor has done so already. A
//! guest that has others change its tables meanwhile gets the old translation, the new one, or none.

use crate::memory::Memory;

/// The system registers that say how EL1 and EL0 translate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regime {
    /// `SCTLR_EL1`.
    pub sctlr: u64,
    /// `TCR_EL1`. Its features (DS, 52-bit addresses) are believed: a guest that sets what its processor does not have
    /// misleads itself only.
    pub tcr: u64,
    /// `TTBR0_EL1` and `TTBR1_EL1`.
    pub ttbr: [u64; 2],
}

/// `SCTLR_EL1.M`: there is a translation.
const SCTLR_MMU: u64 = 1 << 0;
/// `SCTLR_EL1.EE`: tables are big-endian.
const SCTLR_BIG_ENDIAN: u64 = 1 << 25;
/// `TCR_EL1.IPS`, and its value for 52 bits.
const TCR_IPS: (u32, u64) = (32, 0b110);
/// `TCR_EL1.DS`: descriptors of the 4 KiB and 16 KiB granules have 52-bit addresses.
const TCR_DS: u64 = 1 << 59;
/// The bit of a virtual address that chooses between the two tables.
const HALF: u32 = 55;

/// Where the fields of one half of the address space are in `TCR_EL1`, and its granules (as powers of two) by TG.
struct Half {
    size: u32,
    disabled: u32,
    granule: u32,
    granules: [Option<u32>; 4],
}

const HALVES: [Half; 2] = [
    Half { size: 0, disabled: 7, granule: 14, granules: [Some(12), Some(16), Some(14), None] },
    Half { size: 16, disabled: 23, granule: 30, granules: [None, Some(14), Some(12), Some(16)] },
];

/// The shape of a half's tables.
#[derive(Clone, Copy)]
struct Shape {
    /// Bits of a virtual address that are translated.
    va_bits: u32,
    /// Bits of an offset in a page.
    granule: u32,
    /// Addresses have 52 bits.
    wide: bool,
}

impl Shape {
    /// The shape of half `half` of the address space; `None` if it is switched off, or none that the architecture has.
    fn of(regime: &Regime, half: usize) -> Option<Self> {
        let fields = &HALVES[half];
        let field = |shift: u32, mask: u64| regime.tcr >> shift & mask;
        let granule = fields.granules[field(fields.granule, 3) as usize]?;
        let wide = if granule == 16 { field(TCR_IPS.0, 7) == TCR_IPS.1 } else { regime.tcr & TCR_DS != 0 };
        let least = if wide || granule == 16 { 12 } else { 16 };
        let most = if granule == 16 { 47 } else { 48 };
        let size = field(fields.size, 0x3f) as u32;
        let enabled = field(fields.disabled, 1) == 0;
        (enabled && (least..=most).contains(&size)).then_some(Self { va_bits: 64 - size, granule, wide })
    }

    /// Address bits that one level translates.
    const fn stride(self) -> u32 {
        self.granule - 3
    }

    /// The lowest address bit that the first level translates.
    const fn first_shift(self) -> u32 {
        let levels = (self.va_bits - self.granule).div_ceil(self.stride());
        self.granule + self.stride() * (levels - 1)
    }

    /// The address of the first table.
    const fn root(self, ttbr: u64) -> u64 {
        let size = 8 << (self.va_bits - self.first_shift());
        if self.wide {
            // Bits 51 to 48 stand where a table that is aligned to 64 bytes has zeros.
            let size = if size < 64 { 64 } else { size };
            ttbr & 0xffff_ffff_ffc0 & !(size - 1) | (ttbr >> 2 & 0xf) << 48
        } else {
            ttbr & 0xffff_ffff_fffe & !(size - 1)
        }
    }

    /// The address in a descriptor of something as large as `1 << shift`.
    const fn output(self, descriptor: u64, shift: u32) -> u64 {
        let (bits, high) = match (self.wide, self.granule) {
            (false, _) => (48, 0),
            (true, 16) => (48, (descriptor >> 12 & 0xf) << 48),
            (true, _) => (50, (descriptor >> 8 & 3) << 50),
        };
        descriptor & ((1 << bits) - 1) & !((1 << shift) - 1) | high
    }

    /// Whether a level whose lowest translated bit is `shift` may have blocks.
    const fn has_blocks(self, shift: u32) -> bool {
        // Of the levels above the last one: those of 2 MiB and 1 GiB, 32 MiB, or 512 MiB, and with wide addresses one more.
        let levels = if self.granule == 12 { 2 } else { 1 } + self.wide as u32;
        shift > self.granule && shift <= self.granule + levels * self.stride()
    }
}

/// Whether addresses are translated at all, by `SCTLR_EL1`. If not, no other register counts.
pub const fn is_on(sctlr: u64) -> bool {
    sctlr & SCTLR_MMU != 0
}

/// Which half of the address space an address is in: 0 or 1, as `TTBR0_EL1` and `TTBR1_EL1`.
pub const fn half(address: u64) -> usize {
    (address >> HALF & 1) as usize
}

/// The guest-physical address of virtual address `address`, as far as the tables in `memory` say.
pub fn translate(memory: &impl Memory, regime: &Regime, address: u64) -> Option<u64> {
    if !is_on(regime.sctlr) {
        return Some(address);
    }
    if regime.sctlr & SCTLR_BIG_ENDIAN != 0 {
        return None;
    }
    let half = half(address);
    let shape = Shape::of(regime, half)?;
    let outside = if half == 0 { 0 } else { u64::MAX >> shape.va_bits };
    if address >> shape.va_bits != outside {
        return None;
    }
    let mut shift = shape.first_shift();
    let mut index = (address & (u64::MAX >> (64 - shape.va_bits))) >> shift;
    let mut table = shape.root(regime.ttbr[half]);
    loop {
        let descriptor = load(memory, table + 8 * index)?;
        match descriptor & 3 {
            3 if shift > shape.granule => table = shape.output(descriptor, shape.granule),
            kind if kind == 3 || kind == 1 && shape.has_blocks(shift) => {
                return Some(shape.output(descriptor, shift) | address & ((1 << shift) - 1));
            }
            _ => return None,
        }
        shift -= shape.stride();
        index = address >> shift & ((1 << shape.stride()) - 1);
    }
}

/// The 64 bits around a guest-physical address that are aligned, read by one access; `None` where there is no memory.
pub fn load(memory: &impl Memory, address: u64) -> Option<u64> {
    let address = address & !7;
    memory.has(address, 8).then(|| {
        let mut bytes = [0; 8];
        memory.read(address, &mut bytes);
        u64::from_le_bytes(bytes)
    })
}

#[cfg(test)]
mod tests;
