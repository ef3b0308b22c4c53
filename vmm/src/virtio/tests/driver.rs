//! A driver's side of a queue, of either kind.

use std::{collections::VecDeque, vec::Vec};

use super::Ram;
use crate::{
    memory::Memory,
    virtio::{
        feature,
        queue::{Layout, Segment},
    },
};

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

/// The driver of one queue.
pub struct Driver {
    pub ram: Ram,
    pub layout: Layout,
    packed: bool,
    event_index: bool,
    /// Where tables of descriptors go, one for each buffer number.
    tables: u64,
    /// Split: free descriptors. Packed: free buffer numbers.
    free: VecDeque<u16>,
    /// Descriptors that each buffer in use takes.
    in_use: Vec<Option<Vec<u16>>>,
    /// Split: available and used so far. Packed: place and round of both.
    available: (u16, bool),
    used: (u16, bool),
    /// Packed: descriptors of the ring that are free.
    room: u16,
}

/// Longest table of descriptors.
const TABLE: u64 = 16;

impl Driver {
    /// A queue at `base`, which takes some kilobytes.
    pub fn new(ram: &Ram, base: u64, size: u16, features: u64) -> Self {
        let wide = u64::from(size);
        let layout = Layout {
            size,
            descriptors: base,
            driver: base + 16 * wide,
            device: (base + 16 * wide + 6 + 2 * wide).next_multiple_of(4),
        };
        let tables = (layout.device + 6 + 8 * wide).next_multiple_of(16);
        Self {
            ram: ram.clone(),
            layout,
            packed: features & feature::PACKED != 0,
            event_index: features & feature::EVENT_INDEX != 0,
            tables,
            free: (0..size).collect(),
            in_use: (0..size).map(|_| None).collect(),
            available: (0, true),
            used: (0, true),
            room: size,
        }
    }

    fn put(&mut self, table: u64, index: u16, segment: Segment, a: u16, b: u16) {
        let word =
            u128::from(segment.address) | u128::from(segment.length) << 64 | u128::from(a) << 96 | u128::from(b) << 112;
        self.ram.write(table + 16 * u64::from(index), &word.to_le_bytes());
    }

    /// Makes a chain available and returns its number; `None` if there is no room.
    pub fn add(&mut self, readable: &[Segment], writable: &[Segment], indirect: bool) -> Option<u16> {
        let flags = |n: usize| if n < readable.len() { 0 } else { WRITE };
        let mut all: Vec<(Segment, u16)> =
            readable.iter().chain(writable).enumerate().map(|(n, &segment)| (segment, flags(n))).collect();
        assert!(!all.is_empty() && all.len() as u64 <= TABLE);
        let id = *self.free.front()?;
        if indirect {
            let table = self.tables + 16 * TABLE * u64::from(id);
            let last = all.len() - 1;
            for (n, &(segment, flags)) in all.iter().enumerate() {
                let (flags, next) = match (self.packed, n == last) {
                    (true, _) => (0, flags),
                    (false, true) => (flags, 0),
                    (false, false) => (flags | NEXT, n as u16 + 1),
                };
                self.put(table, n as u16, segment, flags, next);
            }
            let length = 16 * all.len() as u32;
            all = [(Segment { address: table, length }, INDIRECT)].into();
        }
        if self.packed { self.add_packed(&all) } else { self.add_split(&all) }
    }

    fn add_split(&mut self, all: &[(Segment, u16)]) -> Option<u16> {
        if self.free.len() < all.len() {
            return None;
        }
        let taken: Vec<u16> = self.free.drain(..all.len()).collect();
        for (n, &(segment, flags)) in all.iter().enumerate() {
            let next = taken.get(n + 1).copied();
            let flags = flags | if next.is_some() { NEXT } else { 0 };
            self.put(self.layout.descriptors, taken[n], segment, flags, next.unwrap_or(0));
        }
        let (id, position) = (taken[0], self.available.0);
        self.ram.store16(self.layout.driver + 4 + 2 * u64::from(position % self.layout.size), id);
        self.available.0 = position.wrapping_add(1);
        self.ram.store16(self.layout.driver + 2, self.available.0);
        self.in_use[usize::from(id)] = Some(taken);
        Some(id)
    }

    fn add_packed(&mut self, all: &[(Segment, u16)]) -> Option<u16> {
        if usize::from(self.room) < all.len() {
            return None;
        }
        let id = self.free.pop_front()?;
        let mut first = None;
        for (n, &(segment, flags)) in all.iter().enumerate() {
            let (index, odd) = self.available;
            let more = if n + 1 < all.len() { NEXT } else { 0 };
            let round = if odd { 1 << 7 } else { 1 << 15 };
            // The device must not see the first one before the others are there.
            let now = if n == 0 { round ^ (1 << 7 | 1 << 15) } else { round };
            self.put(self.layout.descriptors, index, segment, id, flags | more | now);
            first.get_or_insert((index, flags | more | round));
            self.available = self.next((index, odd), 1);
        }
        let (index, flags) = first?;
        self.ram.store16(self.layout.descriptors + 16 * u64::from(index) + 14, flags);
        self.room -= all.len() as u16;
        self.in_use[usize::from(id)] = Some((0..all.len() as u16).collect());
        Some(id)
    }

    fn next(&self, (index, odd): (u16, bool), count: u16) -> (u16, bool) {
        let next = index + count;
        if next >= self.layout.size { (next - self.layout.size, !odd) } else { (next, odd) }
    }

    /// Takes back a chain that the device has used: its number, and the bytes that were written.
    pub fn used(&mut self) -> Option<(u16, u32)> {
        let (id, written) = if self.packed { self.used_packed()? } else { self.used_split()? };
        let taken = self.in_use[usize::from(id)].take().expect("a chain that the device has");
        if self.packed {
            self.used = self.next(self.used, taken.len() as u16);
            self.room += taken.len() as u16;
            self.free.push_back(id);
        } else {
            self.used.0 = self.used.0.wrapping_add(1);
            self.free.extend(taken);
        }
        Some((id, written))
    }

    fn used_split(&self) -> Option<(u16, u32)> {
        if self.ram.load16(self.layout.device + 2) == self.used.0 {
            return None;
        }
        let place = self.layout.device + 4 + 8 * u64::from(self.used.0 % self.layout.size);
        let entry = u64::from_le_bytes(self.ram.bytes(place, 8).try_into().unwrap());
        Some((entry as u16, (entry >> 32) as u32))
    }

    fn used_packed(&self) -> Option<(u16, u32)> {
        let (index, odd) = self.used;
        let place = self.layout.descriptors + 16 * u64::from(index);
        let flags = self.ram.load16(place + 14);
        let (available, used) = (flags & 1 << 7 != 0, flags & 1 << 15 != 0);
        if available != odd || used != odd {
            return None;
        }
        let length = u32::from_le_bytes(self.ram.bytes(place + 8, 4).try_into().unwrap());
        Some((self.ram.load16(place + 12), length))
    }

    /// Wants an interrupt for the next chain that is used, or none at all.
    pub fn want_interrupts(&mut self, wanted: bool) {
        if self.packed {
            let flags = match (wanted, self.event_index) {
                (true, true) => {
                    let round = if self.used.1 { 1 << 15 } else { 0 };
                    self.ram.store16(self.layout.driver, self.used.0 | round);
                    2
                }
                (true, false) => 0,
                (false, _) => 1,
            };
            self.ram.store16(self.layout.driver + 2, flags);
        } else if self.event_index {
            let event = if wanted { self.used.0 } else { self.used.0.wrapping_sub(1) };
            self.ram.store16(self.layout.driver + 4 + 2 * u64::from(self.layout.size), event);
        } else {
            self.ram.store16(self.layout.driver, u16::from(!wanted));
        }
    }

    /// Whether a split queue's driver has to tell the device of what it has made available since `before`.
    pub fn must_notify(&self, before: u16) -> bool {
        let event = self.ram.load16(self.layout.device + 4 + 8 * u64::from(self.layout.size));
        self.available.0.wrapping_sub(event).wrapping_sub(1) < self.available.0.wrapping_sub(before)
    }

    /// How much a split queue's driver has made available.
    pub fn position(&self) -> u16 {
        self.available.0
    }
}
