//! A console line between a client and the server that shows it: two byte rings in one region.
//!
//! The first half of the region carries bytes from the client to the server, the second half those
//! from the server to the client. Both parties signal each other over one channel.

use crate::remote::Size;
use crate::{Consumer, Producer, Region, RegionError};

/// One party's view of a console line.
///
/// The pattern of use, on every signal and once at the start: read, write, then
/// [`await_input`](Self::await_input) (and [`await_space`](Self::await_space) when output is left over) and start over if they return
/// `false`, finally signal the peer if [`owes_signal`](Self::owes_signal).
#[derive(Debug)]
pub struct Port<'m> {
    output: Producer<'m>,
    input: Consumer<'m>,
}

impl<'m> Port<'m> {
    /// The client's view: what it writes, the server reads.
    ///
    /// # Errors
    /// The region is too small for two rings.
    pub fn client(region: Region<'m>) -> Result<Self, RegionError> {
        let (to_server, to_client) = region.halves();
        Self::attach(to_server, to_client)
    }

    /// The server's view.
    ///
    /// # Errors
    /// The region is too small for two rings.
    pub fn server(region: Region<'m>) -> Result<Self, RegionError> {
        let (to_server, to_client) = region.halves();
        Self::attach(to_client, to_server)
    }

    fn attach(output: Region<'m>, input: Region<'m>) -> Result<Self, RegionError> {
        Ok(Self { output: Producer::attach(output)?, input: Consumer::attach(input)? })
    }

    /// Sends as much of `bytes` as there is room for and returns how much that was.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        self.output.push(bytes)
    }

    /// Bytes that can be written now.
    pub fn space(&mut self) -> usize {
        self.output.space()
    }

    /// Receives bytes into `buffer` and returns how many.
    pub fn read(&mut self, buffer: &mut [u8]) -> usize {
        self.input.pop(buffer)
    }

    /// Bytes that can be read now.
    pub fn available(&mut self) -> usize {
        self.input.available()
    }

    /// Throws away input that has not been read, for example what was typed for a client's previous life.
    pub fn discard_input(&mut self) -> usize {
        self.input.discard()
    }

    /// Tells the peer how large the terminal is.
    pub fn set_size(&mut self, size: Size) {
        self.output.set_note(u32::from(size.rows) << 16 | u32::from(size.columns));
    }

    /// How large the terminal is, if the peer has said so. It is signalled as input is: who awaits input looks here, too.
    #[must_use]
    pub fn size(&self) -> Option<Size> {
        let note = self.input.note();
        // Lossless: each is half of the word.
        let size = Size { columns: note as u16, rows: (note >> 16) as u16 };
        (size.columns > 0 && size.rows > 0).then_some(size)
    }

    /// Asks for a signal when there is input. Returns whether there is none: then one may sleep,
    /// else read on.
    pub fn await_input(&mut self) -> bool {
        self.input.await_data()
    }

    /// Asks for a signal when there is room to write (half of the ring). Returns whether there is
    /// none: then one may sleep, else write on.
    pub fn await_space(&mut self) -> bool {
        self.output.await_space()
    }

    /// After reading and writing: does the peer wait for a signal? It counts as sent once this has
    /// returned `true`.
    #[must_use = "the peer may be waiting for this signal"]
    pub fn owes_signal(&mut self) -> bool {
        let for_output = self.output.owes_signal();
        let for_space = self.input.owes_signal();
        for_output || for_space
    }

    /// Whether the peer has started anew since this was last asked (not: its first start).
    pub fn peer_restarted(&mut self) -> bool {
        let as_consumer = self.output.peer_restarted();
        let as_producer = self.input.peer_restarted();
        as_consumer || as_producer
    }

    /// Whether the peer has written nonsense into a ring, so that one direction is dead until it
    /// restarts.
    pub fn peer_is_corrupt(&mut self) -> bool {
        self.output.peer_is_corrupt() || self.input.peer_is_corrupt()
    }
}
