//! The two ends of a byte ring with one producer and one consumer.

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::end::{Consuming, End, From, Producing};
use crate::region::{Region, RegionError, Ring};

/// The end that puts bytes in.
#[derive(Debug)]
pub struct Producer<'m> {
    end: End<'m, Producing>,
    data: &'m [AtomicU8],
}

/// The end that takes bytes out.
#[derive(Debug)]
pub struct Consumer<'m> {
    end: End<'m, Consuming>,
    data: &'m [AtomicU8],
}

impl<'m> Producer<'m> {
    /// Attaches to the ring in `region`. There must be no other producer.
    ///
    /// # Errors
    /// The region is too small.
    pub fn attach(region: Region<'m>) -> Result<Self, RegionError> {
        let Ring { header, data } = region.try_into()?;
        Ok(Self { end: End::attach(header, data.len(), From::Before), data })
    }

    /// Attaches to a ring for a model test.
    #[cfg(loom)]
    pub fn attach_ring(ring: Ring<'m>) -> Self {
        Self { end: End::attach(ring.header, ring.data.len(), From::Before), data: ring.data }
    }

    /// Bytes that the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.data.len()
    }

    /// Bytes that can be pushed now. 0 while the consumer's position makes no sense.
    pub fn space(&mut self) -> usize {
        self.end.space()
    }

    /// Puts in as much of `bytes` as there is room for, visible to the consumer at once, and
    /// returns how much that was. Then ask [`owes_signal`](Self::owes_signal), once for any number of pushes.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let taken = &bytes[..bytes.len().min(self.space())];
        let (first, second) = span(self.data, self.end.place(), taken.len());
        let (bytes_first, bytes_second) = taken.split_at(first.len());
        for (cell, &byte) in first.iter().zip(bytes_first) {
            cell.store(byte, Relaxed);
        }
        for (cell, &byte) in second.iter().zip(bytes_second) {
            cell.store(byte, Relaxed);
        }
        self.end.advance(taken.len());
        taken.len()
    }

    /// Leaves a word beside the bytes, in place of the one before. The consumer is signalled as for bytes.
    pub fn set_note(&mut self, note: u32) {
        self.end.set_note(note);
    }

    /// After pushing: does the consumer wait for a signal? It counts as sent once this has
    /// returned `true`.
    #[must_use = "the consumer may be waiting for this signal"]
    pub fn owes_signal(&mut self) -> bool {
        self.end.owes_signal()
    }

    /// Asks the consumer for a signal when the ring has drained to half, if it is full. Returns
    /// whether it is: then one may sleep, else go on pushing.
    pub fn await_space(&mut self) -> bool {
        self.end.await_space()
    }

    /// Whether the consumer has started anew since this was last asked (not: its first start).
    pub fn peer_restarted(&mut self) -> bool {
        self.end.peer_restarted()
    }

    /// Whether the consumer's position makes no sense, so that the ring is unusable until the consumer restarts.
    pub fn peer_is_corrupt(&mut self) -> bool {
        self.end.peer_is_corrupt()
    }
}

impl<'m> Consumer<'m> {
    /// Attaches to the ring in `region`. There must be no other consumer.
    ///
    /// # Errors
    /// The region is too small.
    pub fn attach(region: Region<'m>) -> Result<Self, RegionError> {
        let Ring { header, data } = region.try_into()?;
        Ok(Self { end: End::attach(header, data.len(), From::Before), data })
    }

    /// Attaches to a ring for a model test.
    #[cfg(loom)]
    pub fn attach_ring(ring: Ring<'m>) -> Self {
        Self { end: End::attach(ring.header, ring.data.len(), From::Before), data: ring.data }
    }

    /// Bytes that the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.data.len()
    }

    /// Bytes that can be popped now. 0 while the producer's position makes no sense.
    pub fn available(&mut self) -> usize {
        self.end.available()
    }

    /// Takes bytes out into `buffer`, at once free for the producer, and returns how many. Then
    /// ask [`owes_signal`](Self::owes_signal), once for any number of pops.
    pub fn pop(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.available());
        let (first, second) = span(self.data, self.end.place(), count);
        let (buffer_first, buffer_second) = buffer[..count].split_at_mut(first.len());
        for (byte, cell) in buffer_first.iter_mut().zip(first) {
            *byte = cell.load(Relaxed);
        }
        for (byte, cell) in buffer_second.iter_mut().zip(second) {
            *byte = cell.load(Relaxed);
        }
        self.end.advance(count);
        count
    }

    /// Throws away what is in the ring and returns how many bytes that was.
    pub fn discard(&mut self) -> usize {
        self.end.discard()
    }

    /// The word that the producer has left beside the bytes; 0: none.
    #[must_use]
    pub fn note(&self) -> u32 {
        self.end.note()
    }

    /// After popping: does the producer wait for a signal, and is the ring empty enough to be
    /// worth one? It counts as sent once this has returned `true`.
    #[must_use = "the producer may be waiting for this signal"]
    pub fn owes_signal(&mut self) -> bool {
        self.end.owes_signal()
    }

    /// Asks the producer for a signal when there are bytes, if there are none. Returns whether
    /// there are none: then one may sleep, else go on popping.
    pub fn await_data(&mut self) -> bool {
        self.end.await_data()
    }

    /// Whether the producer has started anew since this was last asked (not: its first start).
    pub fn peer_restarted(&mut self) -> bool {
        self.end.peer_restarted()
    }

    /// Whether the producer's position makes no sense, so that the ring is unusable until the producer restarts.
    pub fn peer_is_corrupt(&mut self) -> bool {
        self.end.peer_is_corrupt()
    }
}

/// The `count` cells from `place` on: up to the ring's end, and from its start. `count` is at most the capacity.
fn span(data: &[AtomicU8], place: usize, count: usize) -> (&[AtomicU8], &[AtomicU8]) {
    let first = count.min(data.len() - place);
    (&data[place..place + first], &data[..count - first])
}
