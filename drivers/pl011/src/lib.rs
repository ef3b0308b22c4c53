//! Driver of a PL011 UART: moves bytes between the device's FIFOs and a console line to whoever
//! uses the terminal (the console server).
//!
//! Both directions are driven by interrupts and hold back the sender instead of losing bytes: when
//! the line is full, bytes stay in the receive FIFO, whose interrupt is masked until there is
//! room; when the transmit FIFO is full, bytes stay in the line until the FIFO's interrupt.
//!
//! [`Driver`] is the logic over the [`Uart`] that it needs; [`hardware`] makes one of the real
//! device.
#![no_std]
#![forbid(unsafe_code)]

mod driver;
pub mod hardware;

pub use arm_pl011_uart::Error as ReceiveError;
pub use driver::{Driver, Uart};
