//! Packed queues: one ring of descriptors that driver and device write in turn (specification, 2.8). Two bits of each
//! descriptor tell whose it is; what they mean changes with each round.

use core::sync::atomic::{Ordering, fence};

use super::{Chain, DESCRIPTOR, Descriptor, Layout, Token, flag};
use crate::{
    memory::Memory,
    virtio::{Fault, feature},
};

/// Flags of a descriptor that differ from each other while it is the device's.
const AVAILABLE: u16 = 1 << 7;
const USED: u16 = 1 << 15;
/// Offset of a descriptor's length, and of its flags.
const LENGTH: u64 = 8;
const FLAGS: u64 = 14;
/// The driver's event suppression: a position, and what it means.
const EVENT: u64 = 4;
const EVENT_FLAGS: u64 = 2;
const EVENTS_ON: u16 = 0;
const EVENTS_AT_POSITION: u16 = 2;
/// In a position: the round that it belongs to.
const ROUND: u16 = 1 << 15;

/// A place in the ring, and whether the round there is an odd one (the first is).
#[derive(Clone, Copy, Debug)]
struct Position {
    index: u16,
    odd: bool,
}

impl Position {
    const START: Self = Self { index: 0, odd: true };

    /// `count` is at most `size`.
    fn advance(&mut self, count: u16, size: u16) {
        self.index += count;
        if self.index >= size {
            self.index -= size;
            self.odd = !self.odd;
        }
    }
}

#[derive(Debug)]
pub struct Packed {
    layout: Layout,
    indirect: bool,
    event_index: bool,
    taken: Position,
    given: Position,
    /// Descriptors that were given back since an interrupt was last considered, as far as they matter.
    unsignalled: u16,
}

impl Packed {
    pub fn new(memory: &impl Memory, layout: Layout, features: u64) -> Result<Self, Fault> {
        Layout::check(memory, layout.descriptors, DESCRIPTOR, DESCRIPTOR * u64::from(layout.size))?;
        Layout::check(memory, layout.driver, 4, EVENT)?;
        Layout::check(memory, layout.device, 4, EVENT)?;
        let has = |feature| features & feature != 0;
        let (indirect, event_index) = (has(feature::INDIRECT), has(feature::EVENT_INDEX));
        let start = Position::START;
        Ok(Self { layout, indirect, event_index, taken: start, given: start, unsignalled: 0 })
    }

    fn address(&self, index: u16) -> u64 {
        self.layout.descriptors + DESCRIPTOR * u64::from(index)
    }

    pub fn pop(&mut self, memory: &mut impl Memory) -> Result<Option<Chain>, Fault> {
        let flags = memory.load16(self.address(self.taken.index) + FLAGS);
        let (available, used) = (flags & AVAILABLE != 0, flags & USED != 0);
        if available != self.taken.odd || used == self.taken.odd {
            return Ok(None);
        }
        fence(Ordering::Acquire);
        let chain = self.walk(memory)?;
        self.taken.advance(chain.token.slots, self.layout.size);
        Ok(Some(chain))
    }

    fn walk(&self, memory: &impl Memory) -> Result<Chain, Fault> {
        let mut chain = Chain::new();
        let mut position = self.taken;
        for slots in 1..=self.layout.size {
            let descriptor = Descriptor::packed(memory, self.layout.descriptors, position.index);
            let more = descriptor.flags & flag::NEXT != 0;
            // The last one says which buffer it is.
            chain.token = Token { id: descriptor.link, slots };
            if descriptor.flags & flag::INDIRECT != 0 {
                if !self.indirect || more || slots > 1 {
                    return Err(Fault::Indirect);
                }
                // All of the table, in its order.
                let last = (descriptor.length / DESCRIPTOR as u32).wrapping_sub(1);
                chain.add_table(memory, &descriptor, |memory, table, index| {
                    let next = (u32::from(index) != last).then_some(index + 1);
                    (Descriptor::packed(memory, table, index), next)
                })?;
                return Ok(chain);
            }
            chain.add(memory, &descriptor)?;
            if !more {
                return Ok(chain);
            }
            position.advance(1, self.layout.size);
        }
        Err(Fault::Loop)
    }

    pub fn push(&mut self, memory: &mut impl Memory, token: Token, written: u32) {
        let address = self.address(self.given.index);
        let [l0, l1, l2, l3] = written.to_le_bytes();
        let [i0, i1] = token.id.to_le_bytes();
        memory.write(address + LENGTH, &[l0, l1, l2, l3, i0, i1]);
        fence(Ordering::Release);
        let round = if self.given.odd { AVAILABLE | USED } else { 0 };
        let write = if written != 0 { flag::WRITE } else { 0 };
        memory.store16(address + FLAGS, round | write);
        self.given.advance(token.slots, self.layout.size);
        self.unsignalled = self.unsignalled.saturating_add(token.slots);
    }

    pub fn wants_interrupt(&mut self, memory: &impl Memory) -> bool {
        let new = core::mem::take(&mut self.unsignalled);
        if new == 0 {
            return false;
        }
        match memory.load16(self.layout.driver + EVENT_FLAGS) {
            EVENTS_ON => true,
            EVENTS_AT_POSITION if self.event_index => {
                let event = memory.load16(self.layout.driver);
                let same_round = (event & ROUND != 0) == self.given.odd;
                let event = i32::from(event & !ROUND) - if same_round { 0 } else { i32::from(self.layout.size) };
                let given = i32::from(self.given.index);
                (given - i32::from(new)..given).contains(&event)
            }
            _ => false,
        }
    }
}
