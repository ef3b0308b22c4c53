//! Boards as data: where memory, interrupt controller, timer and UART are, and where the parts of an image go. Kernel,
//! loader and tools read the one table in [`BOARDS`]; [`Board::check`] holds a board against itself, and the tests hold
//! every board against that.
//!
//! A board's difference from another is a row of data, never a `cfg`. What can be read from the hardware (the GIC's
//! version, the timer's frequency, the number of list registers) is not written here.
#![no_std]
#![forbid(unsafe_code)]

mod board;
mod boards;

pub use board::{Board, Fault, Gic, PrivateInterrupts, REDISTRIBUTOR_BYTES, Range, Uart};
pub use boards::BOARDS;

/// The board that this build is for: the one that the environment variable `QUOLL_BOARD` names when it is compiled, else
/// the first.
pub const SELECTED: &Board = match option_env!("QUOLL_BOARD") {
    None => &BOARDS[0],
    Some(name) => match Board::named(name) {
        Some(board) => board,
        None => panic!("QUOLL_BOARD names no board of kernel-config"),
    },
};
