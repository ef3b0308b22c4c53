//! The PL031's alarm: the interrupt of the test (Arm DDI 0224).

use core::ptr::NonNull;

use safe_mmio::fields::{ReadPure, ReadPureWrite, WriteOnly};
use safe_mmio::{UniqueMmioPointer, field, field_shared};

/// The device's registers.
#[repr(C)]
pub struct Registers {
    /// Seconds.
    data: ReadPure<u32>,
    /// Seconds at which the alarm comes.
    match_: ReadPureWrite<u32>,
    load: ReadPureWrite<u32>,
    control: ReadPureWrite<u32>,
    /// Bit 0: the alarm interrupts.
    interrupt_mask: ReadPureWrite<u32>,
    raw_interrupt_status: ReadPure<u32>,
    masked_interrupt_status: ReadPure<u32>,
    interrupt_clear: WriteOnly<u32>,
}

const ALARM: u32 = 1;

/// The device.
pub struct Rtc(UniqueMmioPointer<'static, Registers>);

impl Rtc {
    /// # Safety
    ///
    /// The device is mapped there, as device memory, for good and for the caller alone.
    pub unsafe fn new(registers: NonNull<Registers>) -> Self {
        // SAFETY: by the contract of this function.
        Self(unsafe { UniqueMmioPointer::new(registers) })
    }

    /// Interrupts when the next second begins.
    pub fn set_alarm(&mut self) {
        let now = field_shared!(self.0, data).read();
        field!(self.0, match_).write(now.wrapping_add(1));
        field!(self.0, interrupt_mask).write(ALARM);
    }

    /// Takes the alarm back; whether it had come.
    pub fn clear_alarm(&mut self) -> bool {
        let alarm = field_shared!(self.0, masked_interrupt_status).read() & ALARM != 0;
        field!(self.0, interrupt_mask).write(0);
        field!(self.0, interrupt_clear).write(ALARM);
        alarm
    }
}
