//! The protection domain around a driver of a device with an interrupt.
#![no_std]
#![forbid(unsafe_code)]

use sel4_microkit::{Channel, ChannelSet, Handler, Infallible};

/// A driver that serves once at the start, and after each interrupt and signal.
pub struct Pd<F> {
    interrupt: Channel,
    serve: F,
}

impl<F: FnMut()> Pd<F> {
    /// Serves for the first time. `serve` does all that can be done now, and signals who waits for that; `interrupt` is the device's.
    pub fn start(interrupt: Channel, mut serve: F) -> Self {
        serve();
        Self { interrupt, serve }
    }
}

impl<F: FnMut()> Handler for Pd<F> {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        (self.serve)();
        if channels.contains(self.interrupt) {
            // Fails only if the description gives this channel to something else than the interrupt.
            self.interrupt.irq_ack().expect("an interrupt's channel");
        }
        Ok(())
    }
}
