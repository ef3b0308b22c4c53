//! List registers: how an interrupt is handed to the virtual CPU interface of the hardware.
//!
//! The layout is that of `ICH_LR<n>_EL2` (Arm IHI 0069, 12.4.12) on both GIC versions; whoever drives a GICv2 translates
//! to `GICH_LR<n>`, whose fields are the same in other positions.

use bitflags::bitflags;

/// Most list registers that the architecture allows.
pub const MAX_LIST_REGISTERS: usize = 16;

const VINTID_MASK: u64 = 0xffff_ffff;
const SOURCE_SHIFT: u32 = 32;
const SOURCE_MASK: u64 = 0b111 << SOURCE_SHIFT;
const EOI: u64 = 1 << 41;
const PRIORITY_SHIFT: u32 = 48;
const GROUP1: u64 = 1 << 60;
const HARDWARE: u64 = 1 << 61;
const PENDING: u64 = 1 << 62;
const ACTIVE: u64 = 1 << 63;

/// One list register. The default value is an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListRegister(u64);

impl ListRegister {
    /// An empty list register, as after reset.
    pub const EMPTY: Self = Self(0);

    /// A list register that holds interrupt `intid` at `priority` (0 is the highest), neither pending nor active yet.
    pub const fn new(intid: u32, priority: u8) -> Self {
        Self(intid as u64 | (priority as u64) << PRIORITY_SHIFT)
    }

    /// From the hardware's value (`ICH_LR<n>_EL2`).
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The hardware's value (`ICH_LR<n>_EL2`).
    pub const fn bits(self) -> u64 {
        self.0
    }

    const fn with(self, mask: u64, on: bool) -> Self {
        if on { Self(self.0 | mask) } else { Self(self.0 & !mask) }
    }

    /// Sets or clears the pending state.
    pub const fn with_pending(self, on: bool) -> Self {
        self.with(PENDING, on)
    }

    /// Sets or clears the active state.
    pub const fn with_active(self, on: bool) -> Self {
        self.with(ACTIVE, on)
    }

    /// Puts the interrupt into group 1 or group 0.
    pub const fn with_group1(self, on: bool) -> Self {
        self.with(GROUP1, on)
    }

    /// Asks for a maintenance interrupt when the guest ends the interrupt.
    pub const fn with_eoi(self, on: bool) -> Self {
        self.with(EOI, on)
    }

    /// Links it to the physical interrupt of the same number, which ends with it.
    pub const fn linked(self) -> Self {
        Self(self.0 | HARDWARE | (self.intid() as u64) << SOURCE_SHIFT)
    }

    /// The physical interrupt that it is linked to.
    pub const fn physical(self) -> Option<u32> {
        if self.0 & HARDWARE == 0 { None } else { Some((self.0 >> SOURCE_SHIFT & 0x1fff) as u32) }
    }

    /// Names the CPU that sent a GICv2 SGI (0 to 7).
    pub const fn with_source(self, cpu: u8) -> Self {
        Self(self.0 & !SOURCE_MASK | ((cpu as u64) << SOURCE_SHIFT & SOURCE_MASK))
    }

    /// The interrupt's number as the guest sees it.
    pub const fn intid(self) -> u32 {
        (self.0 & VINTID_MASK) as u32
    }

    /// Priority; lower values are more urgent.
    pub const fn priority(self) -> u8 {
        (self.0 >> PRIORITY_SHIFT) as u8
    }

    /// Waiting to be acknowledged.
    pub const fn is_pending(self) -> bool {
        self.0 & PENDING != 0
    }

    /// Acknowledged and not yet deactivated.
    pub const fn is_active(self) -> bool {
        self.0 & ACTIVE != 0
    }

    /// Neither pending nor active: the register is free.
    pub const fn is_empty(self) -> bool {
        self.0 & (PENDING | ACTIVE) == 0
    }

    /// Whether the end of this interrupt raises a maintenance interrupt.
    pub const fn wants_eoi(self) -> bool {
        self.0 & EOI != 0
    }

    /// Group 1 (signalled as IRQ) rather than group 0.
    pub const fn is_group1(self) -> bool {
        self.0 & GROUP1 != 0
    }

    /// The CPU that sent a GICv2 SGI.
    pub const fn source(self) -> u8 {
        ((self.0 & SOURCE_MASK) >> SOURCE_SHIFT) as u8
    }

    /// The order in which interrupts deserve a list register, smallest first: by priority, and at the same priority
    /// the active one, which the guest will end, before the pending one, which cannot preempt it.
    pub const fn rank(self) -> (u8, bool) {
        (self.priority(), !self.is_active())
    }
}

bitflags! {
    /// The reasons for a maintenance interrupt that the vGIC enables (positions as in `ICH_HCR_EL2`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Maintenance: u64 {
        /// At most one list register is in use.
        const UNDERFLOW = 1 << 1;
        /// The guest ended an interrupt that is in no list register.
        const NOT_PRESENT = 1 << 2;
        /// No list register holds a pending interrupt.
        const NO_PENDING = 1 << 3;
    }
}

/// How a hardware interrupt is told to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The vCPU that gets it.
    pub vcpu: usize,
    /// The list register.
    pub index: usize,
    /// Its content but for the state.
    pub interrupt: ListRegister,
}

/// A hardware interrupt in the physical interrupt controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineState {
    /// It waits there; of a level, its line is high.
    pub pending: bool,
    /// It was delivered and has not ended.
    pub active: bool,
}

/// The virtual CPU interfaces of a machine's vCPUs, as the hypervisor's side sees them.
///
/// `vcpu` and `index` are below the numbers that the machine has; the vGIC passes no others.
pub trait ListRegisters {
    /// List registers of each vCPU, from 2 to [`MAX_LIST_REGISTERS`].
    fn count(&self) -> usize;

    /// The present state of a list register.
    fn read(&mut self, vcpu: usize, index: usize) -> ListRegister;

    /// Replaces a list register; a vCPU that waits for an interrupt wakes if it becomes pending.
    fn write(&mut self, vcpu: usize, index: usize, value: ListRegister);

    /// Bit mask of the list registers that are neither pending nor active (`ICH_ELRSR_EL2`).
    fn empty(&mut self, vcpu: usize) -> u16;

    /// Chooses the maintenance interrupts besides the one at the end of an interrupt.
    fn set_maintenance(&mut self, vcpu: usize, enabled: Maintenance);

    /// Reads and clears the number of interrupts that the guest ended though they were in no list register
    /// (`ICH_HCR_EL2.EOIcount`).
    fn take_eoi_count(&mut self, vcpu: usize) -> u32;

    /// Has `interrupt` become pending in list register `index` whenever a message comes; `None`: it waits for
    /// [`take_message`](Self::take_message) or the next order. A hypervisor without messages has none to tell.
    fn tell_messages(&mut self, _vcpu: usize, _told: Option<(usize, ListRegister)>) {}

    /// Whether a message has come since nothing was told. It is asked once.
    fn take_message(&mut self, _vcpu: usize) -> bool {
        false
    }

    /// Forgets all messages, and what was told.
    fn forget_messages(&mut self, _vcpu: usize) {}

    /// Has the shared hardware interrupt `intid` become pending on a vCPU, in a list register if that is empty (else the monitor is
    /// told), as `interrupt`, whenever it comes; `None`: it stays in the physical controller.
    fn tell_line(&mut self, _intid: u32, _told: Option<Told>) {}

    /// What the physical controller has of a shared hardware interrupt, if the hypervisor lets that be seen.
    fn line_state(&mut self, _intid: u32) -> Option<LineState> {
        None
    }

    /// Changes that. False: it cannot be changed.
    fn set_line_state(&mut self, _intid: u32, _state: LineState) -> bool {
        false
    }
}
