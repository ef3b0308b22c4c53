//! As much of the interrupt controller as the operations need, GICv2 or GICv3 (Arm IHI 0048 and IHI 0069).

use crate::machine::{read_register, read32, write_register, write32};

const GICD: usize = 0x0800_0000;
const GICC: usize = 0x0801_0000;
const GICR_SGI: usize = 0x080b_0000;

const CTLR: usize = 0x000;
/// What the controller is made of; reading it has no effect.
pub const GICD_TYPER: usize = GICD + 0x004;
const IGROUPR: usize = 0x080;
const ISENABLER: usize = 0x100;
/// Enables interrupts 32 to 63.
pub const GICD_ISENABLER1: usize = GICD + ISENABLER + 4;
/// Makes interrupts 32 to 63 pending.
pub const GICD_ISPENDR1: usize = GICD + 0x204;
const IROUTER: usize = 0x6000;
const ITARGETSR: usize = 0x800;
const SGIR: usize = 0xf00;

const GICC_PMR: usize = GICC + 0x004;
const GICC_IAR: usize = GICC + 0x00c;
const GICC_EOIR: usize = GICC + 0x010;

/// How the controller is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Gic {
    /// Memory-mapped CPU interface.
    V2,
    /// System-register CPU interface.
    V3,
}

impl Gic {
    /// Finds out which one it is and lets interrupts 1, `ppi` and `spi` come.
    pub fn set_up(ppi: u32, spi: u32) -> Self {
        let spi_offset = spi as usize;
        if (read_register!("id_aa64pfr0_el1") >> 24) & 0xf == 0 {
            write32(GICD + ISENABLER, 1 << ppi | 1 << 1);
            // Four targets of one byte to a register: all to this core.
            write32(GICD + ITARGETSR + spi_offset / 4 * 4, 0x0101_0101);
            write32(GICD_ISENABLER1, 1 << (spi - 32));
            write32(GICD + CTLR, 1);
            write32(GICC_PMR, 0xff);
            write32(GICC + CTLR, 1);
            return Self::V2;
        }
        let (affinity_routing, group_1) = (1 << 4, 1 << 1);
        write32(GICD + CTLR, affinity_routing | group_1);
        write32(GICR_SGI + IGROUPR, u32::MAX);
        write32(GICD + IGROUPR + 4, u32::MAX);
        write32(GICR_SGI + ISENABLER, 1 << ppi | 1 << 1);
        write32(GICD + IROUTER + 8 * spi_offset, 0);
        write32(GICD + IROUTER + 8 * spi_offset + 4, 0);
        write32(GICD_ISENABLER1, 1 << (spi - 32));
        write_register!("icc_sre_el1", 1);
        write_register!("icc_pmr_el1", 0xff);
        write_register!("icc_igrpen1_el1", 1);
        Self::V3
    }

    /// Sends SGI 1 to this core.
    #[inline(always)]
    pub fn send_sgi(self) {
        match self {
            // To the requester itself.
            Self::V2 => write32(GICD + SGIR, 2 << 24 | 1),
            // Number 1, target list: the first core of affinity 0.0.0.
            Self::V3 => write_register!("icc_sgi1r_el1", 1 << 24 | 1),
        }
    }

    /// Acknowledges the interrupt that is due.
    pub fn acknowledge(self) -> u32 {
        match self {
            Self::V2 => read32(GICC_IAR),
            Self::V3 => read_register!("icc_iar1_el1") as u32,
        }
    }

    /// Ends it. `acknowledged` is what [`Gic::acknowledge`] gave.
    #[inline(always)]
    pub fn end(self, acknowledged: u32) {
        match self {
            Self::V2 => write32(GICC_EOIR, acknowledged),
            Self::V3 => write_register!("icc_eoir1_el1", u64::from(acknowledged)),
        }
    }
}
