//! The logic of the driver.

use ivc::console::Port;

use crate::ReceiveError;

/// What the driver needs of a UART with FIFOs.
pub trait Uart {
    /// Takes a byte out of the receive FIFO; `None` when it is empty.
    ///
    /// # Errors
    /// The byte was received badly, or bytes before it were lost.
    fn receive(&mut self) -> Result<Option<u8>, ReceiveError>;

    /// Puts a byte into the transmit FIFO. Returns whether there was room.
    fn transmit(&mut self, byte: u8) -> bool;

    /// Forgets the interrupts that are pending, so that only what happens from now on raises one.
    fn clear_interrupts(&mut self);

    /// Chooses what raises an interrupt: bytes in the receive FIFO, room in the transmit FIFO.
    fn enable_interrupts(&mut self, receive: bool, transmit: bool);
}

/// Bytes that are moved at once; as many as the FIFOs hold.
const PIECE: usize = 32;

/// The driver's state between two interrupts or signals.
#[derive(Debug)]
pub struct Driver<'m, U> {
    uart: U,
    line: Port<'m>,
    /// Bytes taken from the line that the transmit FIFO had no room for yet: `held[sent..taken]`.
    held: [u8; PIECE],
    sent: usize,
    taken: usize,
    receive_errors: u64,
}

impl<'m, U: Uart> Driver<'m, U> {
    /// A driver of `uart` for the user at the other end of `line`. Begin with a [`run`](Self::run).
    pub fn new(uart: U, line: Port<'m>) -> Self {
        Self { uart, line, held: [0; PIECE], sent: 0, taken: 0, receive_errors: 0 }
    }

    /// Bytes that were received badly and left out, since the start.
    pub fn receive_errors(&self) -> u64 {
        self.receive_errors
    }

    /// The device.
    pub fn uart_mut(&mut self) -> &mut U {
        &mut self.uart
    }

    /// Does all that can be done now, after an interrupt or a signal. Returns whether to signal the
    /// line's other end.
    #[must_use = "the line's other end may be waiting for this signal"]
    pub fn run(&mut self) -> bool {
        loop {
            // Cleared before looking: what comes after the look raises a new interrupt.
            self.uart.clear_interrupts();
            let line_full = !self.receive();
            let fifo_full = !self.transmit();
            let line_is_quiet = fifo_full || self.line.await_input();
            let line_stays_full = !line_full || self.line.await_space();
            if line_is_quiet && line_stays_full {
                self.uart.enable_interrupts(!line_full, fifo_full);
                return self.line.owes_signal();
            }
        }
    }

    /// Empties the receive FIFO into the line. Returns `false` if the line is full.
    fn receive(&mut self) -> bool {
        loop {
            let mut piece = [0; PIECE];
            let room = self.line.space().min(PIECE);
            if room == 0 {
                return false;
            }
            let mut length = 0;
            while length < room {
                match self.uart.receive() {
                    Ok(Some(byte)) => {
                        piece[length] = byte;
                        length += 1;
                    }
                    Ok(None) => break,
                    Err(_) => self.receive_errors += 1,
                }
            }
            // The room was there before, and nobody else takes it.
            self.line.write(&piece[..length]);
            if length < room {
                return true;
            }
        }
    }

    /// Empties the line into the transmit FIFO. Returns `false` if the FIFO is full.
    fn transmit(&mut self) -> bool {
        loop {
            while self.sent < self.taken {
                if !self.uart.transmit(self.held[self.sent]) {
                    return false;
                }
                self.sent += 1;
            }
            self.sent = 0;
            self.taken = self.line.read(&mut self.held);
            if self.taken == 0 {
                return true;
            }
        }
    }
}
