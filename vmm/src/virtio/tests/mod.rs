//! Devices and queues against drivers, honest and hostile ones.

mod blk;
mod console;
mod driver;
mod mmio;
mod net;
mod queue;

use core::cell::RefCell;
use std::{rc::Rc, vec, vec::Vec};

use crate::{machine::Region, memory::Memory};

/// A guest's memory, of which everybody has a handle.
#[derive(Clone, Debug)]
pub struct Ram(Rc<RefCell<Vec<u8>>>);

pub const RAM: Region = Region { base: 0x4000_0000, size: 0x10_0000 };

impl Ram {
    pub fn new() -> Self {
        Self(Rc::new(RefCell::new(vec![0; RAM.size as usize])))
    }

    pub fn bytes(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.read(address, &mut bytes);
        bytes
    }

    pub fn put(&self, address: u64, bytes: &[u8]) {
        self.clone().write(address, bytes);
    }
}

impl Memory for Ram {
    fn region(&self) -> Region {
        RAM
    }

    fn read(&self, address: u64, bytes: &mut [u8]) {
        let start = RAM.offset_of(address).expect("in memory") as usize;
        bytes.copy_from_slice(&self.0.borrow()[start..start + bytes.len()]);
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        let start = RAM.offset_of(address).expect("in memory") as usize;
        self.0.borrow_mut()[start..start + bytes.len()].copy_from_slice(bytes);
    }

    fn clear(&mut self) {
        self.0.borrow_mut().fill(0);
    }
}
