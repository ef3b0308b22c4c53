//! Split queues: a table of descriptors, a ring of heads that the driver makes available, a ring of those that the device
//! has used (specification, 2.7).

use core::sync::atomic::{Ordering, fence};

use super::{Chain, DESCRIPTOR, Descriptor, Layout, Token, flag};
use crate::{
    memory::Memory,
    virtio::{Fault, feature},
};

/// The driver wants no interrupts (`VIRTQ_AVAIL_F_NO_INTERRUPT`).
const NO_INTERRUPT: u16 = 1;
/// Offsets in both rings.
const FLAGS: u64 = 0;
const INDEX: u64 = 2;
const RING: u64 = 4;
/// Bytes of an entry of the used ring.
const USED: u64 = 8;

#[derive(Debug)]
pub struct Split {
    layout: Layout,
    indirect: bool,
    event_index: bool,
    /// Chains taken, and chains given back, since the beginning.
    taken: u16,
    given: u16,
    /// `given` when an interrupt was last considered.
    signalled: u16,
}

impl Split {
    pub fn new(memory: &impl Memory, layout: Layout, features: u64) -> Result<Self, Fault> {
        let size = u64::from(layout.size);
        if !size.is_power_of_two() {
            return Err(Fault::QueueSize);
        }
        // Both rings end with the position of the event index.
        Layout::check(memory, layout.descriptors, DESCRIPTOR, DESCRIPTOR * size)?;
        Layout::check(memory, layout.driver, 2, RING + 2 * size + 2)?;
        Layout::check(memory, layout.device, 4, RING + USED * size + 2)?;
        let has = |feature| features & feature != 0;
        let (indirect, event_index) = (has(feature::INDIRECT), has(feature::EVENT_INDEX));
        Ok(Self { layout, indirect, event_index, taken: 0, given: 0, signalled: 0 })
    }

    fn place(&self, position: u16) -> u64 {
        u64::from(position % self.layout.size)
    }

    pub fn pop(&mut self, memory: &mut impl Memory) -> Result<Option<Chain>, Fault> {
        if self.available(memory)? == 0 {
            if !self.event_index {
                return Ok(None);
            }
            // Asks to be told of the next one, and looks again: it may have come meanwhile.
            memory.store16(self.layout.device + RING + USED * u64::from(self.layout.size), self.taken);
            fence(Ordering::SeqCst);
            if self.available(memory)? == 0 {
                return Ok(None);
            }
        }
        fence(Ordering::Acquire);
        let head = memory.load16(self.layout.driver + RING + 2 * self.place(self.taken));
        let chain = self.walk(memory, head)?;
        self.taken = self.taken.wrapping_add(1);
        Ok(Some(chain))
    }

    fn available(&self, memory: &impl Memory) -> Result<u16, Fault> {
        let available = memory.load16(self.layout.driver + INDEX).wrapping_sub(self.taken);
        if available > self.layout.size { Err(Fault::AvailableIndex) } else { Ok(available) }
    }

    fn walk(&self, memory: &impl Memory, head: u16) -> Result<Chain, Fault> {
        let mut chain = Chain::new();
        chain.token = Token { id: head, slots: 1 };
        let mut index = head;
        for _ in 0..self.layout.size {
            if index >= self.layout.size {
                return Err(Fault::NoSuchDescriptor);
            }
            let descriptor = Descriptor::split(memory, self.layout.descriptors, index);
            let more = descriptor.flags & flag::NEXT != 0;
            if descriptor.flags & flag::INDIRECT != 0 {
                if !self.indirect || more {
                    return Err(Fault::Indirect);
                }
                chain.add_table(memory, &descriptor, |memory, table, index| {
                    let one = Descriptor::split(memory, table, index);
                    (one, (one.flags & flag::NEXT != 0).then_some(one.link))
                })?;
                return Ok(chain);
            }
            chain.add(memory, &descriptor)?;
            if !more {
                return Ok(chain);
            }
            index = descriptor.link;
        }
        Err(Fault::Loop)
    }

    pub fn push(&mut self, memory: &mut impl Memory, token: Token, written: u32) {
        let entry = u64::from(token.id) | u64::from(written) << 32;
        memory.write(self.layout.device + RING + USED * self.place(self.given), &entry.to_le_bytes());
        self.given = self.given.wrapping_add(1);
        fence(Ordering::Release);
        memory.store16(self.layout.device + INDEX, self.given);
    }

    pub fn wants_interrupt(&mut self, memory: &impl Memory) -> bool {
        let new = self.given.wrapping_sub(self.signalled);
        self.signalled = self.given;
        if new == 0 {
            return false;
        }
        if !self.event_index {
            return memory.load16(self.layout.driver + FLAGS) & NO_INTERRUPT == 0;
        }
        // The driver wants to be told once this position has been used.
        let event = memory.load16(self.layout.driver + RING + 2 * u64::from(self.layout.size));
        self.given.wrapping_sub(event).wrapping_sub(1) < new
    }
}
