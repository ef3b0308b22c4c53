//! The network device (specification, 5.1): one pair of queues, frames as they are, no offloads.

use alloc::{vec, vec::Vec};

use ivc::{
    Aligned,
    net::{ADDRESS, MAX_FRAME, Port},
};

use super::{Bell, Fault, Model, Queues, queue::Chain, queue::MAX_SIZE};
use crate::memory::Memory;

const RECEIVE: usize = 0;
const TRANSMIT: usize = 1;

/// The device has an address; it tells whether there is a link.
const FEATURE_MAC: u64 = 1 << 5;
const FEATURE_STATUS: u64 = 1 << 16;
const LINK_UP: u32 = 1;

/// What precedes each frame: twelve bytes, of which the last two count the buffers of a received frame.
const HEADER: usize = 12;
const RECEIVED: [u8; HEADER] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
/// Where a frame begins in the buffer, aligned as what it is copied from and to; its header ends there.
const START: usize = 16;
/// What comes in while more is sent is not waited for for ever.
const MOST_ROUNDS: usize = 4;

/// A network device on a cable to a switch.
pub struct Net<'a> {
    port: Port<'a>,
    bell: Bell<'a>,
    /// A buffer for the next frame.
    spare: Option<Chain>,
    /// A frame that the cable had no room for.
    unsent: Option<Chain>,
    /// A frame on its way, behind the header of one that comes in.
    buffer: Aligned<[u8; START + MAX_FRAME]>,
}

impl<'a> Net<'a> {
    /// A device; `bell` signals the switch.
    pub fn new(port: Port<'a>, bell: Bell<'a>) -> Self {
        let mut buffer = Aligned([0; START + MAX_FRAME]);
        buffer.0[START - HEADER..START].copy_from_slice(&RECEIVED);
        Self { port, bell, spare: None, unsent: None, buffer }
    }

    /// Sends what the driver has; a frame too long for any network is dropped.
    fn transmit<M: Memory>(&mut self, queues: &mut Queues<'_, M>) -> Result<(), Fault> {
        loop {
            let chain = match self.unsent.take() {
                Some(chain) => chain,
                None => match queues.pop(TRANSMIT)? {
                    Some(chain) => chain,
                    None => return Ok(()),
                },
            };
            let length = (chain.read_length() as usize).checked_sub(HEADER);
            let length = length.ok_or_else(|| queues.blame(TRANSMIT, Fault::Request))?;
            if let Some(frame) = self.buffer.0[START..].get_mut(..length) {
                chain.read(queues.memory(), HEADER as u32, frame);
                if !self.port.send(frame) {
                    self.unsent = Some(chain);
                    return Ok(());
                }
            }
            queues.push(TRANSMIT, chain.token(), 0);
        }
    }

    /// Passes on what has come, as long as the driver has buffers; a frame that its buffer has no room for is dropped.
    fn receive<M: Memory>(&mut self, queues: &mut Queues<'_, M>) -> Result<(), Fault> {
        loop {
            let chain = match self.spare.take() {
                Some(chain) => chain,
                None => match queues.pop(RECEIVE)? {
                    Some(chain) => chain,
                    None => return Ok(()),
                },
            };
            let room = (chain.write_length() as usize).checked_sub(HEADER);
            let room = room.ok_or_else(|| queues.blame(RECEIVE, Fault::Request))?;
            match self.port.receive(&mut self.buffer.0[START..]) {
                Some(length) if length <= room => {
                    chain.write(queues.memory(), 0, &self.buffer.0[START - HEADER..START + length]);
                    queues.push(RECEIVE, chain.token(), (HEADER + length) as u32);
                }
                Some(_) => self.spare = Some(chain),
                None => {
                    self.spare = Some(chain);
                    return Ok(());
                }
            }
        }
    }
}

impl Model for Net<'_> {
    const ID: u32 = 1;
    const NAME: &'static str = "network";

    fn features(&self) -> u64 {
        let address = if self.port.address().is_some() { FEATURE_MAC } else { 0 };
        FEATURE_STATUS | address
    }

    fn queues(&self) -> Vec<u16> {
        vec![MAX_SIZE; 2]
    }

    fn config(&self, offset: u64) -> u32 {
        let [a, b, c, d, e, f] = self.port.address().unwrap_or([0; ADDRESS]);
        match offset {
            0 => u32::from_le_bytes([a, b, c, d]),
            4 => u32::from_le_bytes([e, f, 0, 0]) | LINK_UP << 16,
            _ => 0,
        }
    }

    fn run<M: Memory>(&mut self, queues: &mut Queues<'_, M>) -> Result<(), Fault> {
        for _ in 0..MOST_ROUNDS {
            self.transmit(queues)?;
            self.receive(queues)?;
            let sent = self.unsent.is_none() || self.port.await_space();
            // Without a buffer nothing can be received: the driver says when it has one.
            let received = self.spare.is_none() || self.port.await_input();
            if self.port.owes_signal() {
                (self.bell)();
            }
            if sent && received {
                break;
            }
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.spare = None;
        self.unsent = None;
        self.port.discard_input();
    }
}
