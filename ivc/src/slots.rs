//! The two ends of a ring of slots of one size: messages, or frames. What a slot holds is whole or not there.

#[cfg(not(loom))]
use core::sync::atomic::AtomicU64;
#[cfg(loom)]
use loom::sync::atomic::AtomicU64;

use crate::end::{Consuming, End, From, Producing, Role};
use crate::region::{Header, Region, RegionError, header_and_words};
use crate::words::Words;

/// The end that fills slots.
#[derive(Debug)]
pub struct Sender<'m>(Slots<'m, Producing>);

/// The end that empties them.
#[derive(Debug)]
pub struct Receiver<'m>(Slots<'m, Consuming>);

#[derive(Debug)]
struct Slots<'m, R> {
    end: End<'m, R>,
    words: &'m [AtomicU64],
    /// Words of a slot.
    size: usize,
}

impl<'m, R: Role> Slots<'m, R> {
    fn attach(region: Region<'m>, size: usize, from: From) -> Result<Self, RegionError> {
        let (header, words) = header_and_words(region)?;
        Self::over(header, words, size, from)
    }

    fn over(header: &'m Header, words: &'m [AtomicU64], size: usize, from: From) -> Result<Self, RegionError> {
        match words.len().checked_div(size) {
            Some(capacity @ 1..) => Ok(Self { end: End::attach(header, capacity, from), words, size }),
            _ => Err(RegionError::TooSmall),
        }
    }

    /// The slot that is `ahead` of this end's position.
    fn slot(&self, ahead: usize) -> Words<'m> {
        let place = (self.end.place() + ahead) % self.end.capacity();
        Words::of(&self.words[place * self.size..][..self.size])
    }
}

impl<'m> Sender<'m> {
    /// Attaches to the ring in `region`, with slots of `size` words. There must be no other sender.
    ///
    /// # Errors
    /// The region is too small for one slot.
    pub fn attach(region: Region<'m>, size: usize) -> Result<Self, RegionError> {
        Slots::attach(region, size, From::Before).map(Self)
    }

    /// Attaches to a ring for a model test.
    ///
    /// # Errors
    /// There is no room for a slot.
    #[cfg(loom)]
    pub fn attach_parts(header: &'m Header, words: &'m [AtomicU64], size: usize) -> Result<Self, RegionError> {
        Slots::over(header, words, size, From::Before).map(Self)
    }

    /// Slots of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.end.capacity()
    }

    /// How often this end has attached to the ring, in all its lives.
    #[must_use]
    pub fn life(&self) -> u32 {
        self.0.end.life()
    }

    /// The position of the next slot that is sent: slots are counted from the first life on.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.0.end.position()
    }

    /// The position from which on the receiver's life, of which [`peer_restarted`](Self::peer_restarted) has told, takes slots.
    #[must_use]
    pub fn peer_origin(&self) -> u64 {
        self.0.end.peer_origin()
    }

    /// Leaves a word beside the slots, in place of the one before. The receiver is signalled as for slots.
    pub fn set_note(&mut self, note: u32) {
        self.0.end.set_note(note);
    }

    /// Slots that can be filled now. 0 while the receiver's position makes no sense.
    pub fn space(&mut self) -> usize {
        self.0.end.space()
    }

    /// Has the next slot filled and sends it. False, without a call, if there is none.
    pub fn send(&mut self, fill: impl FnOnce(Words<'m>)) -> bool {
        if self.space() == 0 {
            return false;
        }
        fill(self.0.slot(0));
        self.0.end.advance(1);
        true
    }

    /// After sending: does the receiver wait for a signal? It counts as sent once this has returned `true`.
    #[must_use = "the receiver may be waiting for this signal"]
    pub fn owes_signal(&mut self) -> bool {
        self.0.end.owes_signal()
    }

    /// Asks for a signal when half of the slots are free, if none is. Returns whether none is: then one may sleep.
    pub fn await_space(&mut self) -> bool {
        self.0.end.await_space()
    }

    /// Whether the receiver has started anew since this was last asked (not: its first start).
    pub fn peer_restarted(&mut self) -> bool {
        self.0.end.peer_restarted()
    }

    /// Whether the receiver's position makes no sense.
    pub fn peer_is_corrupt(&mut self) -> bool {
        self.0.end.peer_is_corrupt()
    }
}

impl<'m> Receiver<'m> {
    /// Attaches to the ring in `region`, with slots of `size` words. There must be no other receiver.
    ///
    /// # Errors
    /// The region is too small for one slot.
    pub fn attach(region: Region<'m>, size: usize) -> Result<Self, RegionError> {
        Slots::attach(region, size, From::Before).map(Self)
    }

    /// The same, but if this is not its first life, what is in the ring is thrown away: the sender finds out and sends again what it
    /// wants.
    ///
    /// # Errors
    /// The region is too small for one slot.
    pub fn attach_empty(region: Region<'m>, size: usize) -> Result<Self, RegionError> {
        Slots::attach(region, size, From::Peer).map(Self)
    }

    /// How often the sender has attached to the ring; 0: never.
    #[must_use]
    pub fn peer_life(&self) -> u32 {
        self.0.end.peer_life()
    }

    /// Throws away what the sender's former lives have sent.
    pub fn discard_former(&mut self) {
        let former = self.0.end.peer_origin().wrapping_sub(self.0.end.position());
        if let Some(count) = usize::try_from(former).ok().filter(|&count| count <= self.available()) {
            self.0.end.advance(count);
        }
    }

    /// The word that the sender has left beside the slots; 0: none.
    #[must_use]
    pub fn note(&self) -> u32 {
        self.0.end.note()
    }

    /// Attaches to a ring for a model test.
    ///
    /// # Errors
    /// There is no room for a slot.
    #[cfg(loom)]
    pub fn attach_parts(header: &'m Header, words: &'m [AtomicU64], size: usize) -> Result<Self, RegionError> {
        Slots::over(header, words, size, From::Before).map(Self)
    }

    /// Slots that are full now. 0 while the sender's position makes no sense.
    pub fn available(&mut self) -> usize {
        self.0.end.available()
    }

    /// Has the oldest slot read, and frees it. `None`, without a call, if all are empty.
    pub fn receive<T>(&mut self, read: impl FnOnce(Words<'m>) -> T) -> Option<T> {
        if self.available() == 0 {
            return None;
        }
        let result = read(self.0.slot(0));
        self.0.end.advance(1);
        Some(result)
    }

    /// Has the oldest slot read, which stays. `None`, without a call, if all are empty.
    pub fn peek<T>(&mut self, read: impl FnOnce(Words<'m>) -> T) -> Option<T> {
        (self.available() != 0).then(|| read(self.0.slot(0)))
    }

    /// Throws away what has come and returns how many slots that was.
    pub fn discard(&mut self) -> usize {
        self.0.end.discard()
    }

    /// After receiving: does the sender wait for a signal, and is the ring empty enough to be worth one? It counts as sent
    /// once this has returned `true`.
    #[must_use = "the sender may be waiting for this signal"]
    pub fn owes_signal(&mut self) -> bool {
        self.0.end.owes_signal()
    }

    /// Asks for a signal when something has come, if nothing has. Returns whether nothing has: then one may sleep.
    pub fn await_data(&mut self) -> bool {
        self.0.end.await_data()
    }

    /// Whether the sender has started anew since this was last asked (not: its first start).
    pub fn peer_restarted(&mut self) -> bool {
        self.0.end.peer_restarted()
    }

    /// Whether the sender's position makes no sense.
    pub fn peer_is_corrupt(&mut self) -> bool {
        self.0.end.peer_is_corrupt()
    }
}
