//! What the guest shares with others, as the `microkit` tool tells it.

use alloc::vec::Vec;
use core::str;

use sel4_abi::quoll::guest_map::{BYTES, COUNT, NAME, WRITE};
use sel4_microkit::var;
use vmm::{
    machine::{Region, Shared},
    memory::Memory,
};

use crate::ram::GuestRam;

/// The guest's mappings but for its own memory.
pub fn regions(ram: &GuestRam) -> Vec<Shared<'static>> {
    let table: &'static [u8; COUNT * BYTES] = var!(guest_maps: [u8; COUNT * BYTES] = [0; COUNT * BYTES]);
    let (entries, _) = table.as_chunks::<BYTES>();
    let own = ram.region();
    let other = |shared: &Shared<'_>| shared.region.size != 0 && own.offset_of(shared.region.base).is_none();
    entries.iter().map(entry).filter(other).collect()
}

fn entry(bytes: &'static [u8; BYTES]) -> Shared<'static> {
    let (words, name) = bytes.split_at(BYTES - NAME);
    let mut words = words.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
    let mut next = || words.next().unwrap_or_default();
    let region = Region { base: next(), size: next() };
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    // The tool cuts names between characters.
    Shared { region, name: str::from_utf8(name).unwrap_or_default(), writable: next() & WRITE != 0 }
}
