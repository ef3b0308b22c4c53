//! One end of a ring, whatever its units are: private state, the check of the peer, and the wake-up flags.
//!
//! Positions count units (bytes, or slots) since the beginning, so `producer - consumer` is what the ring holds, and
//! a value above its capacity is a lie (or memory damage). An end that meets one treats the ring as
//! full (producer) or empty (consumer) until the peer says something sensible again.
//!
//! **Restart.** An end that attaches goes on from the position that its previous life published,
//! so nothing in the ring is lost. If that position makes no sense, it takes the peer's; and an end
//! that sees nonsense from a peer which has attached anew takes that one's. Either way the ring is
//! empty and works again.
//!
//! Each life tells the position from which it goes on, its *origin*. Where units are requests, both sides need it: what a dead requester
//! has sent must not be done for its next life, and what a dead server has taken must be sent again ([`crate::block`]).
//!
//! **Wake-ups.** Who wants to sleep sets its `wanted` flag and then looks again; who has changed
//! the ring looks at the flag afterwards. With a full fence between the two steps on both sides, at
//! least one of them sees the other's. The flag is cleared *before* the signal is sent, so a flag that is
//! set again meanwhile and thereby wiped is still followed by a signal. An end that dies between the two steps owes that signal: its next
//! life begins with one.

#[cfg(not(loom))]
use core::sync::atomic::{
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};
#[cfg(loom)]
use loom::sync::atomic::{
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};

use crate::region::{Header, Side};

/// Which side of the ring an end is.
pub trait Role {
    /// The words of this side and of its peer.
    fn sides(header: &Header) -> Sides<'_>;
    /// Units in the ring, if the two positions are true.
    fn used(mine: u64, peers: u64) -> u64;
}

/// What one side and what the other side tells.
pub struct Sides<'m> {
    mine: &'m Side,
    peers: &'m Side,
}

/// The side that puts something in.
#[derive(Debug)]
pub struct Producing;

impl Role for Producing {
    fn sides(header: &Header) -> Sides<'_> {
        Sides { mine: &header.producer, peers: &header.consumer }
    }

    fn used(mine: u64, peers: u64) -> u64 {
        mine.wrapping_sub(peers)
    }
}

/// The side that takes it out.
#[derive(Debug)]
pub struct Consuming;

impl Role for Consuming {
    fn sides(header: &Header) -> Sides<'_> {
        Sides { mine: &header.consumer, peers: &header.producer }
    }

    fn used(mine: u64, peers: u64) -> u64 {
        peers.wrapping_sub(mine)
    }
}

/// An end.
#[derive(Debug)]
pub struct End<'m, R> {
    /// Units that the ring can hold.
    capacity: usize,
    mine: &'m Side,
    peers: &'m Side,
    /// The truth about this end's position; the shared one is a copy for the peer.
    position: u64,
    /// The position, or the note, has changed since the peer's flag was last looked at.
    moved: bool,
    /// A former life may have cleared the peer's flag without giving the signal.
    owing: bool,
    /// The peer's life that its positions are believed to belong to.
    trusted_epoch: u32,
    /// The peer's life that `peer_restarted` last told of.
    reported_epoch: u32,
    role: core::marker::PhantomData<R>,
}

/// Where an end that attaches anew goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Where its former life stopped.
    Before,
    /// Where the peer is: what was in the ring is lost.
    Peer,
}

impl<'m, R: Role> End<'m, R> {
    /// Takes this side of the ring with `header`, which holds `capacity` units.
    pub fn attach(header: &'m Header, capacity: usize, from: From) -> Self {
        let Sides { mine, peers } = R::sides(header);
        let peer_epoch = peers.epoch.load(Acquire);
        let lives = mine.epoch.load(Relaxed);
        let mut end = Self {
            capacity,
            mine,
            peers,
            position: mine.position.load(Relaxed),
            // A previous life may have moved it and stopped before it gave the signal.
            moved: true,
            owing: lives != 0,
            trusted_epoch: peer_epoch,
            reported_epoch: peer_epoch,
            role: core::marker::PhantomData,
        };
        if end.used().is_none() || lives != 0 && from == From::Peer {
            end.move_to(peers.position.load(Acquire));
        }
        mine.origin.store(end.position, Relaxed);
        // 0 is "never attached" and therefore skipped when the count wraps.
        mine.epoch.store(lives.wrapping_add(1).max(1), Release);
        end
    }

    /// Units in the ring by the peer's account; `None`: the peer's position makes no sense.
    pub fn used(&mut self) -> Option<usize> {
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
        usize::try_from(R::used(self.position, peers_position)).ok().filter(|&used| used <= self.capacity)
    }

    /// Units that the ring can hold.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How often this end has attached to the ring, in all its lives.
    pub fn life(&self) -> u32 {
        self.mine.epoch.load(Relaxed)
    }

    /// How often the peer has attached to the ring; 0: never.
    pub fn peer_life(&self) -> u32 {
        self.peers.epoch.load(Acquire)
    }

    /// The position from which the peer's life goes on that [`peer_life`](Self::peer_life) or
    /// [`peer_restarted`](Self::peer_restarted) has told of.
    pub fn peer_origin(&self) -> u64 {
        self.peers.origin.load(Relaxed)
    }

    /// The position of the next unit that is put in or taken out.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The place of this end's position in the ring.
    pub fn place(&self) -> usize {
        // Lossless: the remainder is below a `usize`.
        (self.position % self.capacity as u64) as usize
    }

    /// Moves on by so many units: what was put in, or the room that was made, is the peer's from now on.
    pub fn advance(&mut self, count: usize) {
        if count > 0 {
            self.move_to(self.position.wrapping_add(count as u64));
        }
    }

    fn move_to(&mut self, position: u64) {
        self.position = position;
        self.moved = true;
        self.mine.position.store(position, Release);
    }

    /// Leaves a word beside the units, in place of the one before.
    pub fn set_note(&mut self, note: u32) {
        self.mine.note.store(note, Release);
        self.moved = true;
    }

    /// The peer's word beside the units; 0: none.
    pub fn note(&self) -> u32 {
        self.peers.note.load(Acquire)
    }

    /// Whether the peer's position makes no sense.
    pub fn peer_is_corrupt(&mut self) -> bool {
        self.used().is_none()
    }

    /// Asks the peer for a signal. Look again afterwards.
    fn set_wanted(&mut self) {
        self.mine.wanted.store(1, Relaxed);
        fence(SeqCst);
    }

    /// After moving on: whether the peer waits for a signal, if the change is worth one.
    fn owes_signal_if(&mut self, worth_it: bool) -> bool {
        if core::mem::take(&mut self.owing) {
            self.moved = false;
            self.peers.wanted.store(0, Relaxed);
            fence(SeqCst);
            return true;
        }
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

    /// Whether the peer has started anew since this was last asked (not: its first start).
    pub fn peer_restarted(&mut self) -> bool {
        let epoch = self.peers.epoch.load(Acquire);
        let before = core::mem::replace(&mut self.reported_epoch, epoch);
        before != 0 && before != epoch
    }
}

impl End<'_, Producing> {
    /// Units that can be put in now. 0 while the consumer's position makes no sense.
    pub fn space(&mut self) -> usize {
        self.used().map_or(0, |used| self.capacity - used)
    }

    /// After putting in: whether the consumer waits for a signal. It counts as sent once this has returned `true`.
    pub fn owes_signal(&mut self) -> bool {
        self.owes_signal_if(true)
    }

    /// Asks for a signal when there is room. Returns whether there is none.
    pub fn await_space(&mut self) -> bool {
        self.set_wanted();
        self.space() == 0
    }
}

impl End<'_, Consuming> {
    /// Units that can be taken out now. 0 while the producer's position makes no sense.
    pub fn available(&mut self) -> usize {
        self.used().unwrap_or(0)
    }

    /// Throws away what is in the ring and returns how many units that was.
    pub fn discard(&mut self) -> usize {
        let count = self.available();
        self.advance(count);
        count
    }

    /// After taking out: whether the producer waits for a signal, and the ring is empty enough to be worth one. It counts as sent once
    /// this has returned `true`.
    pub fn owes_signal(&mut self) -> bool {
        let half_empty = self.available() <= self.capacity / 2;
        self.owes_signal_if(half_empty)
    }

    /// Asks for a signal when there is something. Returns whether there is nothing.
    pub fn await_data(&mut self) -> bool {
        self.set_wanted();
        self.available() == 0
    }
}
