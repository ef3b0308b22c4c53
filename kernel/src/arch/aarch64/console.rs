//! Debug output: a PL011, polled. Its driver at user level has the device too; their characters mix.

use super::mmio::Registers;

const DATA: u64 = 0x00;
const FLAGS: u64 = 0x18;
const FLAG_TRANSMIT_FULL: u32 = 1 << 5;
const CONTROL: u64 = 0x30;
/// UART and transmitter enabled.
const CONTROL_TRANSMIT: u32 = 1 | 1 << 8;

fn uart() -> Registers {
    // SAFETY: the board's UART, mapped by `mmu` in debug builds, which alone print.
    unsafe { Registers::at(kernel_config::SELECTED.uart.registers.start) }
}

/// Prints a character.
pub fn put(character: u8) {
    let uart = uart();
    while uart.read(FLAGS) & FLAG_TRANSMIT_FULL != 0 {}
    uart.write(DATA, u32::from(character));
}

/// Enables the transmitter, if nobody has before.
pub(super) fn start() {
    let uart = uart();
    uart.write(CONTROL, uart.read(CONTROL) | CONTROL_TRANSMIT);
}
