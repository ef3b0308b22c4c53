//! The device itself: the queues of one port, and the control queues that open it.

use bitflags::bitflags;
use virtio_drivers::transport::Transport;
use virtio_drivers::{Error, Hal, PAGE_SIZE, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Port;
use crate::buffers::{BUFFERS, Buffers};

/// The port that is driven. Port 0 is a console, whose bytes QEMU does not keep.
const PORT: u16 = 1;

/// Queues (5.3.2): a pair for port 0, a pair for control, a pair for each further port. In each pair the driver receives on the first one.
const CONTROL: u16 = 2;
const DATA: u16 = 2 * (PORT + 1);

/// Bytes in a buffer of the port's queues, and of the control queues.
const DATA_SIZE: usize = 2 * PAGE_SIZE / BUFFERS;
const CONTROL_SIZE: usize = 64;

bitflags! {
    /// Features (5.3.3, 6).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Features: u64 {
        const MULTIPORT = 1 << 1;
        const VERSION_1 = 1 << 32;
    }
}

/// A message on the control queues (5.3.6.2).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
struct Control {
    port: u32,
    event: u16,
    value: u16,
}

impl Control {
    /// The driver has understood the device.
    const DEVICE_READY: u16 = 0;
    /// The device has a port.
    const PORT_ADD: u16 = 1;
    /// The driver has understood the port.
    const PORT_READY: u16 = 3;
    /// One side has opened the port (1) or closed it (0).
    const PORT_OPEN: u16 = 6;

    fn adds(self, port: u16) -> bool {
        self.port == port.into() && self.event == Self::PORT_ADD
    }

    fn yes(port: u16, event: u16) -> Self {
        Self { port: port.into(), event, value: 1 }
    }
}

/// Port 1 of a virtio serial device.
#[derive(Debug)]
pub struct Serial<H: Hal, T: Transport> {
    transport: T,
    control_in: Buffers<H>,
    control_out: Buffers<H>,
    data_in: Buffers<H>,
    data_out: Buffers<H>,
    /// What of the next buffer of `data_in` has been taken.
    taken: usize,
}

impl<H: Hal, T: Transport> Serial<H, T> {
    /// Sets the device up.
    ///
    /// # Errors
    /// It has no ports but a console, or there is too little shared memory.
    pub fn new(mut transport: T) -> Result<Self> {
        let features = transport.begin_init(Features::all());
        if !features.contains(Features::MULTIPORT) {
            return Err(Error::Unsupported);
        }
        let mut serial = Self {
            control_in: Buffers::new(&mut transport, CONTROL, CONTROL_SIZE)?,
            control_out: Buffers::new(&mut transport, CONTROL + 1, CONTROL_SIZE)?,
            data_in: Buffers::new(&mut transport, DATA, DATA_SIZE)?,
            data_out: Buffers::new(&mut transport, DATA + 1, DATA_SIZE)?,
            transport,
            taken: 0,
        };
        serial.transport.finish_init();
        serial.control_in.give_all(&mut serial.transport)?;
        serial.data_in.give_all(&mut serial.transport)?;
        serial.say(Control::yes(0, Control::DEVICE_READY))?;
        Ok(serial)
    }

    /// Sends a control message. There are more buffers than messages in any exchange.
    fn say(&mut self, message: Control) -> Result<()> {
        self.control_out.send(message.as_bytes(), &mut self.transport).map(drop)
    }

    /// Answers what the device says of its ports.
    fn answer(&mut self) -> Result<()> {
        while let Some(bytes) = self.control_in.filled()? {
            let added = Control::read_from_prefix(bytes).is_ok_and(|(message, _)| message.adds(PORT));
            self.control_in.take(&mut self.transport)?;
            if added {
                self.say(Control::yes(PORT, Control::PORT_READY))?;
                self.say(Control::yes(PORT, Control::PORT_OPEN))?;
            }
        }
        Ok(())
    }

    /// Moves what the host has sent into `buffer`, and returns how much of it that fills.
    fn collect(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.answer()?;
        let mut count = 0;
        while let Some(bytes) = self.data_in.filled()? {
            let rest = bytes.get(self.taken..).unwrap_or_default();
            let moved = rest.len().min(buffer.len() - count);
            buffer[count..count + moved].copy_from_slice(&rest[..moved]);
            count += moved;
            if moved < rest.len() {
                self.taken += moved;
                break;
            }
            self.taken = 0;
            self.data_in.take(&mut self.transport)?;
        }
        Ok(count)
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut count = 0;
        while count < bytes.len() {
            let length = self.data_out.send(&bytes[count..], &mut self.transport)?;
            if length == 0 {
                break;
            }
            count += length;
        }
        Ok(count)
    }
}

/// A device that breaks the rules of its queues has nothing to say, and takes nothing.
impl<H: Hal, T: Transport> Port for Serial<H, T> {
    fn receive(&mut self, buffer: &mut [u8]) -> usize {
        self.collect(buffer).unwrap_or(0)
    }

    fn transmit(&mut self, bytes: &[u8]) -> usize {
        self.pass(bytes).unwrap_or(0)
    }

    fn clear_interrupt(&mut self) {
        let _ = self.transport.ack_interrupt();
    }
}
