//! The driver of a network device, as one station at a switch: it sends what the switch has for the world outside, and the
//! other way around.

use ivc::{
    Aligned,
    net::{MAX_FRAME, Port},
};

/// What the driver needs of a network device.
pub trait Nic {
    /// Sends a frame. False if there is no room for one now; the device says when there is.
    fn send(&mut self, frame: &[u8]) -> bool;

    /// Receives a frame into `buffer`; its length.
    fn receive(&mut self, buffer: &mut [u8; MAX_FRAME]) -> Option<usize>;
}

/// Frames that are moved in a row in one direction.
const MOST: usize = 64;

/// The driver's state between two interrupts or signals.
pub struct Uplink<'m, D> {
    device: D,
    port: Port<'m>,
    /// A frame that the device had no room for.
    held: Option<usize>,
    frame: Aligned<[u8; MAX_FRAME]>,
    received: Aligned<[u8; MAX_FRAME]>,
}

impl<'m, D: Nic> Uplink<'m, D> {
    /// A driver of `device` at the switch behind `port`. Begin with a [`run`](Self::run).
    pub fn new(device: D, port: Port<'m>) -> Self {
        Self { device, port, held: None, frame: Aligned([0; MAX_FRAME]), received: Aligned([0; MAX_FRAME]) }
    }

    /// The device.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// Does all that can be done now, after an interrupt or a signal. Returns whether to signal the switch.
    #[must_use = "the switch may be waiting for this signal"]
    pub fn run(&mut self) -> bool {
        loop {
            for _ in 0..MOST {
                let Some(length) = self.device.receive(&mut self.received.0) else { break };
                // A switch that does not keep up loses frames, as any network does.
                self.port.send(&self.received.0[..length]);
            }
            let blocked = !self.transmit();
            if blocked || self.port.await_input() {
                return self.port.owes_signal();
            }
        }
    }

    /// Sends what the switch has. False if the device has no room.
    fn transmit(&mut self) -> bool {
        loop {
            let length = match self.held.take() {
                Some(length) => length,
                None => match self.port.receive(&mut self.frame.0) {
                    Some(length) => length,
                    None => return true,
                },
            };
            if !self.device.send(&self.frame.0[..length]) {
                self.held = Some(length);
                return false;
            }
        }
    }
}
