//! The guest's UART on its line to the console server.

use ivc::console::Port;
use sel4_microkit::Channel;
use vmm::devices::pl011::Line;

use super::region::SharedRegion;

/// A line to the console server, or to nobody: then what is sent is gone.
pub struct ConsoleLine(Option<(Port<'static>, Channel)>);

impl ConsoleLine {
    /// The line over a region, if there is one.
    pub fn new(region: SharedRegion) -> Self {
        Self(region.open("console", Port::client).map(|port| (port, region.channel())))
    }
}

impl Line for ConsoleLine {
    fn send(&mut self, bytes: &[u8]) -> usize {
        match &mut self.0 {
            Some((port, _)) if !bytes.is_empty() => port.write(bytes),
            _ => bytes.len(),
        }
    }

    fn receive(&mut self) -> Option<u8> {
        let mut byte = [0];
        let (port, _) = self.0.as_mut()?;
        (port.read(&mut byte) == 1).then_some(byte[0])
    }

    fn size(&self) -> Option<(u16, u16)> {
        let size = self.0.as_ref()?.0.size()?;
        Some((size.columns, size.rows))
    }

    fn settle(&mut self, blocked: bool, full: bool) -> bool {
        let Some((port, channel)) = &mut self.0 else { return false };
        let input = !full && !port.await_input();
        let space = blocked && !port.await_space();
        if port.owes_signal() {
            channel.notify();
        }
        input || space
    }
}
