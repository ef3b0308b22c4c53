//! Queues as a device sees them (specification, 2.6 to 2.8).

mod packed;
mod split;

use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};

use ivc::Aligned;

use super::{Fault, feature};
use crate::memory::Memory;
use packed::Packed;
use split::Split;

/// The largest queue that a device here has.
pub const MAX_SIZE: u16 = 256;
/// Bytes of a descriptor, of either kind.
const DESCRIPTOR: u64 = 16;

/// Flags of a descriptor.
mod flag {
    pub const NEXT: u16 = 1 << 0;
    pub const WRITE: u16 = 1 << 1;
    pub const INDIRECT: u16 = 1 << 2;
}

/// Where a driver has put a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Descriptors.
    pub size: u16,
    /// Address of the descriptors.
    pub descriptors: u64,
    /// Address of what the driver tells: the available ring, or its event suppression.
    pub driver: u64,
    /// Address of what the device tells: the used ring, or its event suppression.
    pub device: u64,
}

impl Layout {
    /// Checks that a part of the queue is in memory.
    fn check(memory: &impl Memory, address: u64, alignment: u64, length: u64) -> Result<(), Fault> {
        let right = address.is_multiple_of(alignment) && memory.has(address, length);
        right.then_some(()).ok_or(Fault::QueueAddress)
    }
}

/// A buffer in the guest's memory, all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Guest-physical address.
    pub address: u64,
    /// In bytes.
    pub length: u32,
}

/// What is needed to give a chain back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    id: u16,
    /// Packed: descriptors of the ring that it takes.
    slots: u16,
}

/// A request: buffers that the device reads, then buffers that it writes. Whatever the guest does with its descriptors from
/// now on, this stays as it was checked.
#[derive(Clone, Debug)]
pub struct Chain {
    token: Token,
    segments: Vec<Segment>,
    /// The first so many are to be read.
    readable: usize,
    read_length: u32,
    write_length: u32,
}

impl Chain {
    fn new() -> Self {
        let token = Token { id: 0, slots: 0 };
        Self { token, segments: Vec::new(), readable: 0, read_length: 0, write_length: 0 }
    }

    /// Adds a descriptor's buffer.
    fn add(&mut self, memory: &impl Memory, descriptor: &Descriptor) -> Result<(), Fault> {
        let Descriptor { address, length, flags, .. } = *descriptor;
        let writable = flags & flag::WRITE != 0;
        if !writable && self.readable < self.segments.len() {
            return Err(Fault::Order);
        }
        if length == 0 {
            return Ok(());
        }
        if !memory.has(address, length.into()) {
            return Err(Fault::Outside);
        }
        let total = if writable { &mut self.write_length } else { &mut self.read_length };
        *total = total.checked_add(length).ok_or(Fault::TooLong)?;
        self.segments.push(Segment { address, length });
        if !writable {
            self.readable += 1;
        }
        Ok(())
    }

    /// Adds the buffers of a table of descriptors, each of which `read` brings with the one that follows.
    fn add_table<M: Memory>(
        &mut self,
        memory: &M,
        table: &Descriptor,
        read: impl Fn(&M, u64, u16) -> (Descriptor, Option<u16>),
    ) -> Result<(), Fault> {
        let size = u64::from(table.length) / DESCRIPTOR;
        let whole = u64::from(table.length).is_multiple_of(DESCRIPTOR) && (1..=u64::from(MAX_SIZE)).contains(&size);
        if !whole || !memory.has(table.address, table.length.into()) {
            return Err(Fault::Indirect);
        }
        let (mut index, size) = (0, size as u16);
        for _ in 0..size {
            let (descriptor, next) = read(memory, table.address, index);
            if descriptor.flags & flag::INDIRECT != 0 {
                return Err(Fault::Indirect);
            }
            self.add(memory, &descriptor)?;
            match next {
                Some(next) if next < size => index = next,
                Some(_) => return Err(Fault::NoSuchDescriptor),
                None => return Ok(()),
            }
        }
        Err(Fault::Loop)
    }

    /// What gives it back.
    pub fn token(&self) -> Token {
        self.token
    }

    /// Bytes to read.
    pub fn read_length(&self) -> u32 {
        self.read_length
    }

    /// Bytes of room to write.
    pub fn write_length(&self) -> u32 {
        self.write_length
    }

    /// Reads from `offset` on; returns how many bytes there were.
    pub fn read(&self, memory: &impl Memory, offset: u32, bytes: &mut [u8]) -> usize {
        let mut done = 0;
        pieces(&self.segments[..self.readable], offset, bytes.len(), |address, length| {
            memory.read(address, &mut bytes[done..done + length]);
            done += length;
        });
        done
    }

    /// Writes from `offset` on; returns for how many bytes there was room.
    pub fn write(&self, memory: &mut impl Memory, offset: u32, bytes: &[u8]) -> usize {
        let mut done = 0;
        pieces(&self.segments[self.readable..], offset, bytes.len(), |address, length| {
            memory.write(address, &bytes[done..done + length]);
            done += length;
        });
        done
    }
}

/// Calls `each` with address and length of the pieces that `length` bytes at `offset` of the segments are made of.
fn pieces(segments: &[Segment], offset: u32, length: usize, mut each: impl FnMut(u64, usize)) {
    let (mut skip, mut left) = (u64::from(offset), length as u64);
    for segment in segments {
        let size = u64::from(segment.length);
        if skip < size && left != 0 {
            let now = left.min(size - skip);
            each(segment.address + skip, now as usize);
            left -= now;
        }
        skip = skip.saturating_sub(size);
    }
}

/// A descriptor, read once.
#[derive(Clone, Copy)]
struct Descriptor {
    address: u64,
    length: u32,
    flags: u16,
    /// Split: the descriptor that follows. Packed: the buffer's number.
    link: u16,
}

impl Descriptor {
    /// Descriptor `index` of a split queue or its table.
    fn split(memory: &impl Memory, table: u64, index: u16) -> Self {
        let (address, length, flags, link) = Self::words(memory, table, index);
        Self { address, length, flags, link }
    }

    /// Descriptor `index` of a packed queue or its table, where link and flags are the other way around.
    fn packed(memory: &impl Memory, table: u64, index: u16) -> Self {
        let (address, length, link, flags) = Self::words(memory, table, index);
        Self { address, length, flags, link }
    }

    fn words(memory: &impl Memory, table: u64, index: u16) -> (u64, u32, u16, u16) {
        let mut bytes = Aligned([0; DESCRIPTOR as usize]);
        memory.read(table + DESCRIPTOR * u64::from(index), &mut bytes.0);
        let word = u128::from_le_bytes(bytes.0);
        (word as u64, (word >> 64) as u32, (word >> 96) as u16, (word >> 112) as u16)
    }
}

/// A queue that a driver has set up.
#[derive(Debug)]
pub struct Queue(Kind);

#[derive(Debug)]
enum Kind {
    Split(Split),
    Packed(Packed),
}

impl Queue {
    /// The queue at `layout`, at its beginning.
    ///
    /// # Errors
    /// It is not in memory, or has no possible size.
    pub fn new(memory: &impl Memory, layout: Layout, features: u64, max_size: u16) -> Result<Self, Fault> {
        if layout.size == 0 || layout.size > max_size {
            return Err(Fault::QueueSize);
        }
        if features & feature::PACKED != 0 {
            Packed::new(memory, layout, features).map(|queue| Self(Kind::Packed(queue)))
        } else {
            Split::new(memory, layout, features).map(|queue| Self(Kind::Split(queue)))
        }
    }

    /// Takes the next chain that the driver has made available.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn pop(&mut self, memory: &mut impl Memory) -> Result<Option<Chain>, Fault> {
        match &mut self.0 {
            Kind::Split(queue) => queue.pop(memory),
            Kind::Packed(queue) => queue.pop(memory),
        }
    }

    /// Gives a chain back, of which `written` bytes were written.
    pub fn push(&mut self, memory: &mut impl Memory, token: Token, written: u32) {
        match &mut self.0 {
            Kind::Split(queue) => queue.push(memory, token, written),
            Kind::Packed(queue) => queue.push(memory, token, written),
        }
    }

    /// Whether the driver wants an interrupt for what was given back since this was last asked.
    pub fn wants_interrupt(&mut self, memory: &impl Memory) -> bool {
        // What was given back is seen before what the driver then wants is looked at.
        fence(Ordering::SeqCst);
        match &mut self.0 {
            Kind::Split(queue) => queue.wants_interrupt(memory),
            Kind::Packed(queue) => queue.wants_interrupt(memory),
        }
    }
}
