//! The two ends of a byte ring with one producer and one consumer.
//!
//! Positions count bytes since the beginning, so `producer - consumer` is what the ring holds, and
//! a value above its capacity is a lie (or memory damage). An end that meets one treats the ring as
//! full (producer) or empty (consumer) until the peer says something sensible again.
//!
//! **Restart.** An end that attaches goes on from the position that its previous life published,
//! so nothing in the ring is lost. If that position makes no sense, it takes the peer's; and an end
//! that sees nonsense from a peer which has attached anew takes that one's. Either way the ring is
//! empty and works again.
//!
//! **Wake-ups.** Who wants to sleep sets its `wanted` flag and then looks again; who has changed
//! the ring looks at the flag afterwards. With a full fence between the two steps on both sides, at
//! least one of them sees the other's. The flag is cleared *before* the signal is sent, so a flag that is
//! set again meanwhile and thereby wiped is still followed by a signal.

#[cfg(not(loom))]
use core::sync::atomic::{
    AtomicU8,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};
#[cfg(loom)]
use loom::sync::atomic::{
    AtomicU8,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};

use crate::region::{Region, RegionError, Ring, Side};

/// The end that puts bytes in.
#[derive(Debug)]
pub struct Producer<'m>(End<'m, Producing>);

/// The end that takes bytes out.
#[derive(Debug)]
pub struct Consumer<'m>(End<'m, Consuming>);

impl<'m> Producer<'m> {
    /// Attaches to the ring in `region`. There must be no other producer.
    ///
    /// # Errors
    /// The region is too small.
    pub fn attach(region: Region<'m>) -> Result<Self, RegionError> {
        Ok(Self(End::attach(region.try_into()?)))
    }

    /// Attaches to a ring for a model test.
    #[cfg(loom)]
    pub fn attach_ring(ring: Ring<'m>) -> Self {
        Self(End::attach(ring))
    }

    /// Bytes that the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.ring.data.len()
    }

    /// Bytes that can be pushed now. 0 while the consumer's position makes no sense.
    pub fn space(&mut self) -> usize {
        self.0.used().map_or(0, |used| self.capacity() - used)
    }

    /// Puts in as much of `bytes` as there is room for, visible to the consumer at once, and
    /// returns how much that was. Then ask [`owes_signal`](Self::owes_signal), once for any number of pushes.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let taken = &bytes[..bytes.len().min(self.space())];
        let (first, second) = self.0.span(taken.len());
        let (bytes_first, bytes_second) = taken.split_at(first.len());
        for (cell, &byte) in first.iter().zip(bytes_first) {
            cell.store(byte, Relaxed);
        }
        for (cell, &byte) in second.iter().zip(bytes_second) {
            cell.store(byte, Relaxed);
        }
        self.0.advance(taken.len());
        taken.len()
    }

    /// After pushing: does the consumer wait for a signal? It counts as sent once this has
    /// returned `true`.
    #[must_use = "the consumer may be waiting for this signal"]
    pub fn owes_signal(&mut self) -> bool {
        self.0.owes_signal(true)
    }

    /// Asks the consumer for a signal when the ring has drained to half, if it is full. Returns
    /// whether it is: then one may sleep, else go on pushing.
    pub fn await_space(&mut self) -> bool {
        self.0.set_wanted();
        self.space() == 0
    }

    /// Whether the consumer has started anew since this was last asked (not: its first start).
    pub fn peer_restarted(&mut self) -> bool {
        self.0.peer_restarted()
    }

    /// Whether the consumer's position makes no sense, so that the ring is unusable until the consumer restarts.
    pub fn peer_is_corrupt(&mut self) -> bool {
        self.0.used().is_none()
    }
}

impl<'m> Consumer<'m> {
    /// Attaches to the ring in `region`. There must be no other consumer.
    ///
    /// # Errors
    /// The region is too small.
    pub fn attach(region: Region<'m>) -> Result<Self, RegionError> {
        Ok(Self(End::attach(region.try_into()?)))
    }

    /// Attaches to a ring for a model test.
    #[cfg(loom)]
    pub fn attach_ring(ring: Ring<'m>) -> Self {
        Self(End::attach(ring))
    }

    /// Bytes that the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.ring.data.len()
    }

    /// Bytes that can be popped now. 0 while the producer's position makes no sense.
    pub fn available(&mut self) -> usize {
        self.0.used().unwrap_or(0)
    }

    /// Takes bytes out into `buffer`, at once free for the producer, and returns how many. Then
    /// ask [`owes_signal`](Self::owes_signal), once for any number of pops.
    pub fn pop(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.available());
        let (first, second) = self.0.span(count);
        let (buffer_first, buffer_second) = buffer[..count].split_at_mut(first.len());
        for (byte, cell) in buffer_first.iter_mut().zip(first) {
            *byte = cell.load(Relaxed);
        }
        for (byte, cell) in buffer_second.iter_mut().zip(second) {
            *byte = cell.load(Relaxed);
        }
        self.0.advance(count);
        count
    }

    /// Throws away what is in the ring and returns how many bytes that was.
    pub fn discard(&mut self) -> usize {
        let count = self.available();
        self.0.advance(count);
        count
    }

    /// After popping: does the producer wait for a signal, and is the ring empty enough to be
    /// worth one? It counts as sent once this has returned `true`.
    #[must_use = "the producer may be waiting for this signal"]
    pub fn owes_signal(&mut self) -> bool {
        let half_empty = self.available() <= self.capacity() / 2;
        self.0.owes_signal(half_empty)
    }

    /// Asks the producer for a signal when there are bytes, if there are none. Returns whether
    /// there are none: then one may sleep, else go on popping.
    pub fn await_data(&mut self) -> bool {
        self.0.set_wanted();
        self.available() == 0
    }

    /// Whether the producer has started anew since this was last asked (not: its first start).
    pub fn peer_restarted(&mut self) -> bool {
        self.0.peer_restarted()
    }

    /// Whether the producer's position makes no sense, so that the ring is unusable until the producer restarts.
    pub fn peer_is_corrupt(&mut self) -> bool {
        self.0.used().is_none()
    }
}

/// Which side of the ring an end is.
trait Role {
    fn sides<'m>(ring: &Ring<'m>) -> Sides<'m>;
    /// Bytes in the ring, if the two positions are true.
    fn used(mine: u64, peers: u64) -> u64;
}

struct Sides<'m> {
    mine: &'m Side,
    peers: &'m Side,
}

#[derive(Debug)]
struct Producing;

impl Role for Producing {
    fn sides<'m>(ring: &Ring<'m>) -> Sides<'m> {
        Sides { mine: &ring.header.producer, peers: &ring.header.consumer }
    }

    fn used(mine: u64, peers: u64) -> u64 {
        mine.wrapping_sub(peers)
    }
}

#[derive(Debug)]
struct Consuming;

impl Role for Consuming {
    fn sides<'m>(ring: &Ring<'m>) -> Sides<'m> {
        Sides { mine: &ring.header.consumer, peers: &ring.header.producer }
    }

    fn used(mine: u64, peers: u64) -> u64 {
        peers.wrapping_sub(mine)
    }
}

/// What the two ends have in common: private state, the check of the peer, and the wake-up flags.
#[derive(Debug)]
struct End<'m, R> {
    ring: Ring<'m>,
    mine: &'m Side,
    peers: &'m Side,
    /// The truth about this end's position; the shared one is a copy for the peer.
    position: u64,
    /// The position has moved since the peer's flag was last looked at.
    moved: bool,
    /// The peer's life that its positions are believed to belong to.
    trusted_epoch: u32,
    /// The peer's life that `peer_restarted` last told of.
    reported_epoch: u32,
    role: core::marker::PhantomData<R>,
}

impl<'m, R: Role> End<'m, R> {
    fn attach(ring: Ring<'m>) -> Self {
        let Sides { mine, peers } = R::sides(&ring);
        let peer_epoch = peers.epoch.load(Acquire);
        let mut end = Self {
            ring,
            mine,
            peers,
            position: mine.position.load(Relaxed),
            // A previous life may have moved it and stopped before it gave the signal.
            moved: true,
            trusted_epoch: peer_epoch,
            reported_epoch: peer_epoch,
            role: core::marker::PhantomData,
        };
        if end.used().is_none() {
            end.move_to(peers.position.load(Acquire));
        }
        // 0 is "never attached" and therefore skipped when the count wraps.
        let epoch = mine.epoch.load(Relaxed).wrapping_add(1).max(1);
        mine.epoch.store(epoch, Release);
        end
    }

    /// Bytes in the ring by the peer's account; `None`: the peer's position makes no sense.
    fn used(&mut self) -> Option<usize> {
        // The life is read before the position, so that the position is at least as new.
        let epoch = self.peers.epoch.load(Acquire);
        let position = self.peers.position.load(Acquire);
        if epoch != self.trusted_epoch && self.check(position).is_none() {
            // A peer that lost its position starts from what it found; meet it there.
            self.move_to(position);
        }
        let used = self.check(position)?;
        self.trusted_epoch = epoch;
        Some(used)
    }

    fn check(&self, peers_position: u64) -> Option<usize> {
        usize::try_from(R::used(self.position, peers_position)).ok().filter(|&used| used <= self.ring.data.len())
    }

    /// The `count` cells from this end's position on: up to the ring's end, and from its start.
    /// `count` is at most the capacity.
    fn span(&self, count: usize) -> (&'m [AtomicU8], &'m [AtomicU8]) {
        let data = self.ring.data;
        // Lossless: the remainder is below a `usize`.
        let start = (self.position % data.len() as u64) as usize;
        let first = count.min(data.len() - start);
        (&data[start..start + first], &data[..count - first])
    }

    fn advance(&mut self, count: usize) {
        if count > 0 {
            self.move_to(self.position.wrapping_add(count as u64));
        }
    }

    fn move_to(&mut self, position: u64) {
        self.position = position;
        self.moved = true;
        self.mine.position.store(position, Release);
    }

    fn set_wanted(&mut self) {
        self.mine.wanted.store(1, Relaxed);
        fence(SeqCst);
    }

    fn owes_signal(&mut self, worth_it: bool) -> bool {
        // Who has changed nothing owes nothing: two idle parties would signal each other for ever.
        if !worth_it || !core::mem::take(&mut self.moved) {
            return false;
        }
        fence(SeqCst);
        let owes = self.peers.wanted.load(Relaxed) != 0;
        if owes {
            self.peers.wanted.store(0, Relaxed);
        }
        owes
    }

    fn peer_restarted(&mut self) -> bool {
        let epoch = self.peers.epoch.load(Acquire);
        let before = core::mem::replace(&mut self.reported_epoch, epoch);
        before != 0 && before != epoch
    }
}
