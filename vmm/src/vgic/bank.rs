//! The state of 32 interrupts, one bit each, as the distributor's registers show it.
//!
//! Working on whole words makes a register access a handful of instructions, and no interrupt needs a lock-step copy of
//! its state: what is in a list register is folded back here before it matters.

/// Interrupts in one bank: those of one word of an enable register.
pub const BANK_SIZE: usize = 32;

/// 32 interrupts.
#[derive(Clone, Debug)]
pub struct Bank {
    /// Group 1 rather than group 0.
    pub group1: u32,
    /// Forwarded when pending.
    pub enabled: u32,
    /// Pending by an edge, by a software-generated interrupt or by `GICD_ISPENDR`.
    pub latch: u32,
    /// The level of the input line.
    pub line: u32,
    /// Acknowledged, not yet deactivated.
    pub active: u32,
    /// Edge-triggered rather than level-sensitive.
    pub edge: u32,
    /// Those whose line is a device's of the machine or the processor's own: nobody hears of its falling, so it counts as high until
    /// the guest has ended the interrupt, be it a level or an edge.
    pub hardware: u32,
    /// In a list register. What that register says of pending and active then counts, not the copy here.
    pub placed: u32,
    /// Priorities, lower is more urgent.
    pub priority: [u8; BANK_SIZE],
}

impl Bank {
    /// The state after reset; `edge` names the edge-triggered interrupts, `hardware` those of the machine.
    pub const fn new(edge: u32, hardware: u32) -> Self {
        let priority = [0; BANK_SIZE];
        Self { group1: 0, enabled: 0, latch: 0, line: 0, active: 0, edge, hardware, placed: 0, priority }
    }

    /// Interrupts that are pending for whatever reason.
    pub const fn pending(&self) -> u32 {
        self.latch | (self.line & (!self.edge | self.hardware))
    }

    /// Takes the new level of the input lines in `mask`.
    pub fn set_lines(&mut self, mask: u32, high: bool) {
        if high {
            self.latch |= mask & self.edge & !self.line & !self.hardware;
            self.line |= mask;
        } else {
            self.line &= !mask;
        }
    }

    /// Interrupts that should be in a list register and are not: active ones, and pending ones that may be signalled.
    /// `groups` masks the interrupts whose group is enabled.
    pub const fn unplaced(&self, groups: u32) -> u32 {
        (self.active | (self.pending() & self.enabled & groups)) & !self.placed
    }

    /// The interrupts whose group is switched on in the distributor.
    pub const fn groups(&self, group0: bool, group1: bool) -> u32 {
        (if group0 { !self.group1 } else { 0 }) | (if group1 { self.group1 } else { 0 })
    }
}

/// The positions of the bits that are set, lowest first.
pub fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        (mask != 0).then(|| {
            let bit = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            bit
        })
    })
}
