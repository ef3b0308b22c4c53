//! Virtio devices (OASIS Virtual I/O Device version 1.2), as their guest's driver sees them: the transport over memory-mapped
//! registers, the queues, and the devices.
//!
//! A driver is not believed: every field of a queue is read once and checked before it is used. What makes no sense puts the
//! device into the state that only a reset ends, and is told to the operator once; nobody else notices.

pub mod blk;
pub mod console;
pub mod entropy;
pub mod mmio;
pub mod net;
pub mod queue;
#[cfg(test)]
mod tests;

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use crate::memory::Memory;
use queue::{Chain, Queue, Token};

/// Feature bits of all devices.
pub mod feature {
    /// Descriptors may stand in a table of their own.
    pub const INDIRECT: u64 = 1 << 28;
    /// Each side says behind which position it wants to be told.
    pub const EVENT_INDEX: u64 = 1 << 29;
    /// The interface is that of version 1 and later.
    pub const VERSION_1: u64 = 1 << 32;
    /// Packed queues.
    pub const PACKED: u64 = 1 << 34;
    /// What the queues here can.
    pub const QUEUES: u64 = INDIRECT | EVENT_INDEX | VERSION_1 | PACKED;
}

/// What a driver has done that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A queue of a size that is zero, too large, or no power of two where it must be one.
    QueueSize,
    /// A part of a queue is not aligned as it must be, or not in memory.
    QueueAddress,
    /// More buffers were made available than the queue has room for.
    AvailableIndex,
    /// A descriptor that the queue does not have.
    NoSuchDescriptor,
    /// A chain of more descriptors than there are: it loops.
    Loop,
    /// A buffer that is not in memory.
    Outside,
    /// A chain of 4 GiB and more.
    TooLong,
    /// A buffer that the device reads behind one that it writes.
    Order,
    /// A table of descriptors where there must be none, or not of whole descriptors.
    Indirect,
    /// A request without room for what belongs to it.
    Request,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueSize => "a queue cannot have this size",
            Self::QueueAddress => "the queue is misaligned or not in memory",
            Self::AvailableIndex => "more buffers are available than the queue has room for",
            Self::NoSuchDescriptor => "a descriptor is not in the queue",
            Self::Loop => "a chain of descriptors loops",
            Self::Outside => "a buffer is not in memory",
            Self::TooLong => "a chain of descriptors has 4 GiB or more",
            Self::Order => "a buffer to read is behind one to write",
            Self::Indirect => "a table of descriptors is where none may be, or is broken",
            Self::Request => "a request is too short",
        })
    }
}

/// A fault, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The device's name.
    pub device: &'static str,
    /// The queue's number.
    pub queue: usize,
    /// What is wrong.
    pub fault: Fault,
}

/// Signals whoever is behind a device.
pub type Bell<'a> = Box<dyn FnMut() + 'a>;

/// The part of a virtio device that is not transport.
pub trait Model {
    /// The device's number in the specification.
    const ID: u32;

    /// For messages.
    const NAME: &'static str;

    /// What it offers, beside what queues and transport can.
    fn features(&self) -> u64;

    /// The largest size of each of its queues.
    fn queues(&self) -> Vec<u16>;

    /// The 32 bits of its configuration at `offset`, a multiple of 4.
    fn config(&self, offset: u64) -> u32;

    /// The driver has written 32 bits of the configuration.
    fn set_config(&mut self, _offset: u64, _value: u32) {}

    /// Whether the configuration has changed since this was last asked.
    fn config_changed(&mut self) -> bool {
        false
    }

    /// The driver is ready, and has accepted these of the features.
    fn activate(&mut self, _features: u64) {}

    /// Does all that can be done now, in both directions.
    ///
    /// # Errors
    /// What the driver did makes no sense.
    fn run<M: Memory>(&mut self, queues: &mut Queues<'_, M>) -> Result<(), Fault>;

    /// Forgets the driver and what it wanted.
    fn reset(&mut self);
}

/// Chains that one queue is asked for in one go: a guest with several vCPUs could otherwise keep its monitor busy for ever.
const MOST_CHAINS: usize = 1024;

/// The queues of a device, while it does something.
pub struct Queues<'a, M> {
    memory: &'a mut M,
    queues: &'a mut [Option<Queue>],
    /// The queue that was used last: the one that a fault is blamed on.
    last: usize,
    left: usize,
    /// Chains that were given back.
    done: u64,
}

impl<'a, M: Memory> Queues<'a, M> {
    fn new(memory: &'a mut M, queues: &'a mut [Option<Queue>]) -> Self {
        Self { memory, queues, last: 0, left: MOST_CHAINS, done: 0 }
    }

    /// The guest's memory.
    pub fn memory(&mut self) -> &mut M {
        self.memory
    }

    /// Takes the next chain of a queue. `None` if there is none, or the driver has not set the queue up.
    ///
    /// # Errors
    /// The driver has made a mistake.
    pub fn pop(&mut self, queue: usize) -> Result<Option<Chain>, Fault> {
        self.last = queue;
        let Some(Some(ring)) = self.queues.get_mut(queue) else { return Ok(None) };
        if self.left == 0 {
            return Ok(None);
        }
        let chain = ring.pop(self.memory)?;
        self.left -= usize::from(chain.is_some());
        Ok(chain)
    }

    /// Gives a chain back, of which `written` bytes were written.
    pub fn push(&mut self, queue: usize, token: Token, written: u32) {
        if let Some(Some(ring)) = self.queues.get_mut(queue) {
            ring.push(self.memory, token, written);
            self.done += 1;
        }
    }

    /// Blames `queue` for a fault.
    pub fn blame(&mut self, queue: usize, fault: Fault) -> Fault {
        self.last = queue;
        fault
    }

    /// Whether chains may be left that were not looked at.
    fn is_behind(&self) -> bool {
        self.left == 0
    }
}
