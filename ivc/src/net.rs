//! Ethernet between a station (a guest's network device, a driver) and a switch: two rings of frames in one region.
//!
//! The first line of the region is the switch's: it tells the station its address. The first half of the rest carries
//! frames from the station to the switch, the second those to the station. A slot is a word with the frame's length in
//! bytes and then the frame, without preamble and checksum. Both parties signal each other over one channel.

use crate::{Receiver, Region, RegionError, Sender, Words};

/// Bytes of a hardware address.
pub const ADDRESS: usize = 6;
/// Bytes of the longest frame: 1,500 of payload, header and one VLAN tag.
pub const MAX_FRAME: usize = 1518;
/// Bytes of the shortest: a header.
pub const MIN_FRAME: usize = 14;

/// A slot's words: the length, and room for a frame.
const SLOT: usize = 1 + MAX_FRAME.div_ceil(8);
/// Bytes of what the switch tells.
const INFO: usize = 64;
/// The marker in front of the station's address: it makes sense.
const VALID: u64 = 1 << 63;

/// One party's view of a network cable.
#[derive(Debug)]
pub struct Port<'m> {
    info: Words<'m>,
    output: Sender<'m>,
    input: Receiver<'m>,
}

impl<'m> Port<'m> {
    /// The station's view.
    ///
    /// # Errors
    /// The region is too small: a frame each way needs 3,392 bytes.
    pub fn station(region: Region<'m>) -> Result<Self, RegionError> {
        let (info, rest) = region.split(INFO);
        let (up, down) = rest.halves();
        Self::attach(info, up, down)
    }

    /// The switch's view.
    ///
    /// # Errors
    /// As [`Self::station`].
    pub fn switch(region: Region<'m>) -> Result<Self, RegionError> {
        let (info, rest) = region.split(INFO);
        let (up, down) = rest.halves();
        Self::attach(info, down, up)
    }

    fn attach(info: Region<'m>, output: Region<'m>, input: Region<'m>) -> Result<Self, RegionError> {
        let info = Words::over(info);
        Ok(Self { info, output: Sender::attach(output, SLOT)?, input: Receiver::attach(input, SLOT)? })
    }

    /// The address that the switch has given the station, if it has.
    #[must_use]
    pub fn address(&self) -> Option<[u8; ADDRESS]> {
        let word = self.info.get(0);
        let bytes = word.to_le_bytes();
        (word & VALID != 0).then(|| core::array::from_fn(|n| bytes[n]))
    }

    /// Gives the station an address: for the switch.
    pub fn set_address(&self, address: [u8; ADDRESS]) {
        let mut bytes = [0; 8];
        bytes[..ADDRESS].copy_from_slice(&address);
        self.info.set(0, u64::from_le_bytes(bytes) | VALID);
    }

    /// Frames that can be sent now.
    pub fn space(&mut self) -> usize {
        self.output.space()
    }

    /// Sends a frame. False if there is no room. One that is no frame by its length is not sent either: it counts as lost.
    pub fn send(&mut self, frame: &[u8]) -> bool {
        if !(MIN_FRAME..=MAX_FRAME).contains(&frame.len()) {
            return true;
        }
        self.output.send(|slot| {
            slot.set(0, frame.len() as u64);
            // It fits, by the check above.
            let _ = slot.write(8, frame);
        })
    }

    /// Receives a frame into `buffer` and returns its length. One whose length is none of a frame's counts as lost, as does one that the
    /// buffer has no room for: it should have [`MAX_FRAME`] bytes.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            let frame = self.input.receive(|slot| {
                let length = usize::try_from(slot.get(0)).ok()?;
                let frame = buffer.get_mut(..length)?;
                (length >= MIN_FRAME && slot.read(8, frame)).then_some(length)
            })?;
            if frame.is_some() {
                return frame;
            }
        }
    }

    /// Throws away what has come.
    pub fn discard_input(&mut self) -> usize {
        self.input.discard()
    }

    /// Asks for a signal when a frame comes. Returns whether there is none: then one may sleep.
    pub fn await_input(&mut self) -> bool {
        self.input.await_data()
    }

    /// Asks for a signal when there is room. Returns whether there is none: then one may sleep.
    pub fn await_space(&mut self) -> bool {
        self.output.await_space()
    }

    /// After sending and receiving: does the peer wait for a signal? It counts as sent once this has returned `true`.
    #[must_use = "the peer may be waiting for this signal"]
    pub fn owes_signal(&mut self) -> bool {
        let for_output = self.output.owes_signal();
        let for_space = self.input.owes_signal();
        for_output || for_space
    }

    /// Whether the peer has written nonsense into a ring.
    pub fn peer_is_corrupt(&mut self) -> bool {
        self.output.peer_is_corrupt() || self.input.peer_is_corrupt()
    }
}
