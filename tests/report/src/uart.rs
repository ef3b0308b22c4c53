//! Output on a PL011 (Arm DDI 0183), without waiting for anything but room.

use core::fmt;

use safe_mmio::fields::{ReadPure, ReadPureWrite, WriteOnly};
use safe_mmio::{UniqueMmioPointer, field, field_shared};

/// The device's registers, as far as output needs them.
#[repr(C)]
pub struct Registers {
    data: WriteOnly<u32>,
    _status: [u32; 5],
    flags: ReadPure<u32>,
    _lines: [u32; 5],
    control: ReadPureWrite<u32>,
}

/// In the flags: no room for another byte.
const TRANSMIT_FULL: u32 = 1 << 5;
/// In the control register: the UART, and its transmitter.
const ENABLE: u32 = 1 | 1 << 8;

/// The device.
pub struct Uart(UniqueMmioPointer<'static, Registers>);

impl Uart {
    /// Enables output; all else stays as it is.
    pub fn new(mut registers: UniqueMmioPointer<'static, Registers>) -> Self {
        let control = field_shared!(registers, control).read();
        field!(registers, control).write(control | ENABLE);
        Self(registers)
    }

    fn write_byte(&mut self, byte: u8) {
        while field_shared!(self.0, flags).read() & TRANSMIT_FULL != 0 {}
        field!(self.0, data).write(byte.into());
    }
}

impl fmt::Write for Uart {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        s.bytes().for_each(|byte| self.write_byte(byte));
        Ok(())
    }
}
