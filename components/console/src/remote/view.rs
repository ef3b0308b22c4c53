//! What is agreed about one client on the line to other terminals.

use alloc::collections::VecDeque;

use ivc::remote::{PIECE, Tell};

use crate::history::History;
use crate::screen::Stream;

/// What may be typed for a client before it reads.
const TYPED: usize = 2 * 1024;

/// One client's output on its way there, and what is typed there on its way to the client.
#[derive(Debug, Default)]
pub struct View {
    shown: Option<Shown>,
    /// Typed bytes that wait for room in the client's ring.
    waiting: VecDeque<u8>,
    /// All that was typed before this position was taken.
    taken: u64,
    introduce: bool,
    tell_room: bool,
    /// The room that was last told of.
    told_until: u64,
    tell_restarted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Shown {
    /// All before this has arrived.
    arrived: u64,
    /// Position of the next byte to send.
    next: u64,
    /// Nothing is to be sent from here on.
    until: u64,
    answer: bool,
}

impl View {
    /// A conversation begins: nothing is shown, and who the client is has to be told.
    pub fn begin(&mut self, understood: bool) {
        self.shown = None;
        self.tell_restarted = false;
        self.introduce = understood;
        self.tell_room = understood;
    }

    /// Whether the client's output is shown.
    pub fn is_shown(&self) -> bool {
        self.shown.is_some()
    }

    /// How much may be added to the history without losing what has not arrived.
    pub fn room(&self, history: &History) -> usize {
        self.shown.map_or(usize::MAX, |shown| history.room_after(shown.arrived))
    }

    /// The client has started anew.
    pub fn restarted(&mut self) {
        self.tell_restarted = self.is_shown();
    }

    /// Output is wanted, from a position on.
    pub fn show(&mut self, from: u64, until: u64, history: &History) {
        let from = from.clamp(history.start(), history.end());
        self.shown = Some(Shown { arrived: from, next: from, until, answer: true });
    }

    /// No output is wanted.
    pub fn hide(&mut self) {
        self.shown = None;
    }

    /// Output has arrived. What cannot have arrived is no message of this conversation.
    pub fn got(&mut self, position: u64, until: u64) {
        let Some(shown) = &mut self.shown else { return };
        if !(shown.arrived..=shown.next).contains(&position) {
            return;
        }
        if (position, until) == (shown.arrived, shown.until) {
            shown.next = position;
        }
        (shown.arrived, shown.until) = (position, until);
    }

    /// Takes what was typed, as far as there is room, if nothing before it is missing.
    pub fn typed(&mut self, position: u64, bytes: &[u8]) {
        // Where it was taken already, or cannot be, saying so again is the answer.
        self.tell_room = true;
        let known = self.taken.checked_sub(position).and_then(|known| usize::try_from(known).ok());
        let Some(new) = known.and_then(|known| bytes.get(known..)) else { return };
        let room = TYPED - self.waiting.len();
        let new = &new[..new.len().min(room)];
        self.waiting.extend(new);
        self.taken += new.len() as u64;
    }

    /// Hands what was typed to `write`, which says how much it took. Returns whether something is left.
    pub fn pass_typed(&mut self, mut write: impl FnMut(&[u8]) -> usize) -> bool {
        while !self.waiting.is_empty() {
            let (first, _) = self.waiting.as_slices();
            let length = write(first).min(first.len());
            if length == 0 {
                return true;
            }
            self.waiting.drain(..length);
        }
        false
    }

    /// Up to where there is room for what is typed.
    fn until(&self) -> u64 {
        self.taken + (TYPED - self.waiting.len()) as u64
    }

    /// The next thing to say of the client.
    pub fn tell<'s>(&mut self, stream: &'s Stream) -> Option<Tell<'s>> {
        if core::mem::take(&mut self.introduce) {
            return Some(Tell::Is { name: &stream.name });
        }
        // Not for every byte that the client reads.
        let until = self.until();
        if core::mem::take(&mut self.tell_room) || until - self.told_until >= TYPED as u64 / 2 {
            self.told_until = until;
            return Some(Tell::Room { taken: self.taken, until });
        }
        let shown = self.shown.as_mut()?;
        if core::mem::take(&mut shown.answer) {
            return Some(Tell::Showing { from: shown.arrived, end: stream.history.end() });
        }
        if core::mem::take(&mut self.tell_restarted) {
            return Some(Tell::Restarted);
        }
        let position = shown.next;
        let wanted = usize::try_from(shown.until.saturating_sub(position)).unwrap_or(usize::MAX);
        let bytes = stream.history.from(position);
        let bytes = &bytes[..bytes.len().min(wanted).min(PIECE)];
        shown.next += bytes.len() as u64;
        (!bytes.is_empty()).then_some(Tell::Output { position, bytes })
    }
}
