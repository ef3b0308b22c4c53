//! The logic of the driver.

use ivc::console;

/// What the driver needs of a port.
pub trait Port {
    /// Bytes that the host has sent, as many as `buffer` takes; 0: none.
    fn receive(&mut self, buffer: &mut [u8]) -> usize;

    /// Gives bytes to the device, and returns how many it had room for.
    fn transmit(&mut self, bytes: &[u8]) -> usize;

    /// Forgets the interrupt that is pending, so that only what happens from now on raises one.
    fn clear_interrupt(&mut self);
}

/// Bytes that are moved at once.
const PIECE: usize = 256;

/// The driver's state between two interrupts or signals.
#[derive(Debug)]
pub struct Driver<'m, P> {
    port: P,
    line: console::Port<'m>,
    /// Bytes taken from the line that the device had no room for yet: `held[sent..taken]`.
    held: [u8; PIECE],
    sent: usize,
    taken: usize,
}

impl<'m, P: Port> Driver<'m, P> {
    /// A driver of `port` for the user at the other end of `line`. Begin with a [`run`](Self::run).
    pub fn new(port: P, line: console::Port<'m>) -> Self {
        Self { port, line, held: [0; PIECE], sent: 0, taken: 0 }
    }

    /// The port.
    pub fn port_mut(&mut self) -> &mut P {
        &mut self.port
    }

    /// Does all that can be done now, after an interrupt or a signal. Returns whether to signal the line's other end.
    #[must_use = "the line's other end may be waiting for this signal"]
    pub fn run(&mut self) -> bool {
        loop {
            // Cleared before looking: what comes after the look raises a new interrupt.
            self.port.clear_interrupt();
            let line_full = !self.receive();
            let port_full = !self.transmit();
            let line_is_quiet = port_full || self.line.await_input();
            let line_stays_full = !line_full || self.line.await_space();
            if line_is_quiet && line_stays_full {
                return self.line.owes_signal();
            }
        }
    }

    /// Moves what the host has sent into the line. Returns `false` if the line is full.
    fn receive(&mut self) -> bool {
        loop {
            let mut piece = [0; PIECE];
            let room = self.line.space().min(PIECE);
            if room == 0 {
                return false;
            }
            let length = self.port.receive(&mut piece[..room]);
            if length == 0 {
                return true;
            }
            // The room was there before, and nobody else takes it.
            self.line.write(&piece[..length]);
        }
    }

    /// Moves what is in the line to the device. Returns `false` if the device is full.
    fn transmit(&mut self) -> bool {
        loop {
            while self.sent < self.taken {
                let length = self.port.transmit(&self.held[self.sent..self.taken]);
                if length == 0 {
                    return false;
                }
                self.sent += length;
            }
            self.sent = 0;
            self.taken = self.line.read(&mut self.held);
            if self.taken == 0 {
                return true;
            }
        }
    }
}
