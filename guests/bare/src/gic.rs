//! As much of the interrupt controller as the operations need, GICv2 or GICv3 (Arm IHI 0048 and IHI 0069).

use core::sync::atomic::{AtomicBool, Ordering};

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
/// Disables interrupts 0 to 31 (of a GICv3: in the redistributor's frame).
const ICENABLER: usize = 0x180;
const ISPENDR: usize = 0x200;
/// Makes interrupts 32 to 63 pending.
pub const GICD_ISPENDR1: usize = GICD + ISPENDR + 4;
const IROUTER: usize = 0x6000;
const ITARGETSR: usize = 0x800;
const SGIR: usize = 0xf00;

const GICC_PMR: usize = GICC + 0x004;
const GICC_IAR: usize = GICC + 0x00c;
const GICC_EOIR: usize = GICC + 0x010;

/// Interrupt of the virtual timer.
pub const TIMER_PPI: u32 = 27;
/// Interrupt that tells of messages.
pub const MESSAGES_PPI: u32 = 20;
/// The SGI that [`Gic::send_sgi`] sends.
pub const SGI: u32 = 1;
/// An interrupt that no device of the machine uses.
pub const FREE_SPI: u32 = 41;
/// Interrupt of the machine's second UART, where the guest has that.
pub const UART_2_SPI: u32 = 40;
const FIRST_SPI: u32 = 32;

/// Whether the controller is a GICv3, since it was set up.
static IS_V3: AtomicBool = AtomicBool::new(false);

/// How the controller is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Gic {
    /// Memory-mapped CPU interface.
    V2,
    /// System-register CPU interface.
    V3,
}

impl Gic {
    /// Finds out which one it is and lets interrupts come that are [enabled](Self::enable).
    pub fn set_up() -> Self {
        if (read_register!("id_aa64pfr0_el1") >> 24) & 0xf == 0 {
            write32(GICD + CTLR, 1);
            write32(GICC_PMR, 0xff);
            write32(GICC + CTLR, 1);
            return Self::V2;
        }
        let (affinity_routing, group_1) = (1 << 4, 1 << 1);
        write32(GICD + CTLR, affinity_routing | group_1);
        write32(GICR_SGI + IGROUPR, u32::MAX);
        write32(GICD + IGROUPR + 4, u32::MAX);
        write_register!("icc_sre_el1", 1);
        write_register!("icc_pmr_el1", 0xff);
        write_register!("icc_igrpen1_el1", 1);
        IS_V3.store(true, Ordering::Relaxed);
        Self::V3
    }

    /// The one that was set up, for handlers.
    pub fn current() -> Self {
        if IS_V3.load(Ordering::Relaxed) { Self::V3 } else { Self::V2 }
    }

    /// The frame that has the bits of private interrupts.
    fn private(self) -> usize {
        match self {
            Self::V2 => GICD,
            Self::V3 => GICR_SGI,
        }
    }

    /// Lets an interrupt below 64 come, to this core.
    pub fn enable(self, intid: u32) {
        let number = intid as usize;
        if intid < FIRST_SPI {
            write32(self.private() + ISENABLER, 1 << intid);
            return;
        }
        match self {
            // Four targets of one byte to a register: all to this core.
            Self::V2 => write32(GICD + ITARGETSR + number / 4 * 4, 0x0101_0101),
            Self::V3 => {
                write32(GICD + IROUTER + 8 * number, 0);
                write32(GICD + IROUTER + 8 * number + 4, 0);
            }
        }
        write32(GICD_ISENABLER1, 1 << (intid - FIRST_SPI));
    }

    /// Keeps a private interrupt away.
    pub fn disable_private(self, intid: u32) {
        write32(self.private() + ICENABLER, 1 << intid);
    }

    /// Whether a private interrupt is pending.
    pub fn is_private_pending(self, intid: u32) -> bool {
        read32(self.private() + ISPENDR) & 1 << intid != 0
    }

    /// Sends [`SGI`] to this core.
    #[inline(always)]
    pub fn send_sgi(self) {
        match self {
            // To the requester itself.
            Self::V2 => write32(GICD + SGIR, 2 << 24 | SGI),
            // Target list: the first core of affinity 0.0.0.
            Self::V3 => write_register!("icc_sgi1r_el1", u64::from(SGI) << 24 | 1),
        }
    }

    /// Acknowledges the interrupt that is due. [`number_of`] tells which one it is.
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

/// The number in what [`Gic::acknowledge`] gives.
pub const fn number_of(acknowledged: u32) -> u32 {
    acknowledged & 0xff_ffff
}
