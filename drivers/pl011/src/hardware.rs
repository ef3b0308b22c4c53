//! The device itself, by Arm's driver crate.

use arm_pl011_uart::{
    DataBits, FifoLevel, Interrupts, LineConfig, PL011Registers, Parity, StopBits, UniqueMmioPointer,
};

use crate::{ReceiveError, Uart};

/// Clock of the UART on Arm's platforms and on QEMU's `virt`, in hertz.
pub const CLOCK: u32 = 24_000_000;

/// Bits per second.
pub const BAUD_RATE: u32 = 115_200;

/// What a byte in the receive FIFO raises: the FIFO is half full, or bytes have waited a while.
const RECEIVE: Interrupts = Interrupts::RXI.union(Interrupts::RTI);

/// A PL011 that is set up: 115,200 baud, 8 data bits, no parity, one stop bit, FIFOs on.
///
/// The set-up empties the FIFOs: what was typed before is lost.
pub struct Pl011<'r>(arm_pl011_uart::Uart<'r>);

impl<'r> Pl011<'r> {
    /// Sets the device up, with all interrupts off.
    ///
    /// # Errors
    /// The baud rate cannot be made from the clock (`InvalidParameter`).
    pub fn new(registers: UniqueMmioPointer<'r, PL011Registers>) -> Result<Self, ReceiveError> {
        let mut uart = arm_pl011_uart::Uart::new(registers);
        let line = LineConfig { data_bits: DataBits::Bits8, parity: Parity::None, stop_bits: StopBits::One };
        uart.set_interrupt_masks(Interrupts::empty());
        uart.enable(line, BAUD_RATE, CLOCK)?;
        uart.set_interrupt_fifo_levels(FifoLevel::Bytes16, FifoLevel::Bytes16);
        Ok(Self(uart))
    }
}

impl Uart for Pl011<'_> {
    fn receive(&mut self) -> Result<Option<u8>, ReceiveError> {
        self.0.read_word()
    }

    fn transmit(&mut self, byte: u8) -> bool {
        let room = !self.0.is_tx_fifo_full();
        if room {
            self.0.write_word(byte);
        }
        room
    }

    fn clear_interrupts(&mut self) {
        self.0.clear_interrupts(RECEIVE | Interrupts::TXI);
    }

    fn enable_interrupts(&mut self, receive: bool, transmit: bool) {
        let mut enabled = Interrupts::empty();
        enabled.set(RECEIVE, receive);
        enabled.set(Interrupts::TXI, transmit);
        self.0.set_interrupt_masks(enabled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::transmute_mut;

    const DR: usize = 0x00;
    const FR: usize = 0x18;
    const IBRD: usize = 0x24;
    const FBRD: usize = 0x28;
    const LCR_H: usize = 0x2c;
    const CR: usize = 0x30;
    const IFLS: usize = 0x34;
    const IMSC: usize = 0x38;
    const ICR: usize = 0x44;

    /// Runs `test` on a device whose registers are plain memory, and returns what it left there.
    fn on_fake(before: &[(usize, u32)], test: impl FnOnce(&mut Pl011<'_>)) -> [u32; 1024] {
        let mut registers = [0_u32; 1024];
        for &(offset, value) in before {
            registers[offset / 4] = value;
        }
        let fake: &mut PL011Registers = transmute_mut!(&mut registers);
        let mut uart = Pl011::new(UniqueMmioPointer::from(fake)).expect("a possible baud rate");
        test(&mut uart);
        registers
    }

    #[test]
    fn it_is_set_up_for_115200_8n1_with_fifos_and_without_interrupts() {
        let registers = on_fake(&[(IMSC, 0x7ff)], |_| {});
        // 24 MHz / (16 * 115,200) = 13 + 1/64 (rounded).
        assert_eq!((registers[IBRD / 4], registers[FBRD / 4]), (13, 1));
        assert_eq!(registers[LCR_H / 4], 0x70);
        assert_eq!(registers[CR / 4], 0x301);
        assert_eq!(registers[IFLS / 4], 0x12);
        assert_eq!(registers[IMSC / 4], 0);
    }

    #[test]
    fn bytes_pass_when_the_flags_allow() {
        on_fake(&[(DR, 0x41)], |uart| assert_eq!(uart.receive(), Ok(Some(0x41))));
        on_fake(&[(FR, 1 << 4), (DR, 0x41)], |uart| assert_eq!(uart.receive(), Ok(None)));
        on_fake(&[(DR, 0x141)], |uart| assert_eq!(uart.receive(), Err(ReceiveError::Framing)));
        let registers = on_fake(&[], |uart| assert!(uart.transmit(0x42)));
        assert_eq!(registers[DR / 4], 0x42);
        let registers = on_fake(&[(FR, 1 << 5)], |uart| assert!(!uart.transmit(0x42)));
        assert_eq!(registers[DR / 4], 0);
    }

    #[test]
    fn interrupts_are_those_of_the_directions() {
        let masks = [(false, false, 0), (true, false, 0x50), (false, true, 0x20), (true, true, 0x70)];
        for (receive, transmit, mask) in masks {
            let registers = on_fake(&[], |uart| uart.enable_interrupts(receive, transmit));
            assert_eq!(registers[IMSC / 4], mask);
        }
        let registers = on_fake(&[], |uart| uart.clear_interrupts());
        assert_eq!(registers[ICR / 4], 0x70);
    }
}
