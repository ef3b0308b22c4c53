//! What a parent needs to reload children: their writable memory, what that holds at first, and a table that tells of both
//! ([`sel4_abi::quoll::reload`]). Code and constants stay as they are: a child can't write them.

use super::Builder;
use super::data::{RegionFrames, trimmed};
use super::space::{Access, Space};
use super::symbols::padded;
use super::threads::PdObjects;
use crate::model::{PageSize, Place, System, stack};
use kernel_config::Range;
use sel4_abi::quoll::{reload, symbol};
use system_spec::{Frames, PAGE_BYTES};

/// The order in which address spaces are planned: who reloads children maps their frames, and comes behind them.
pub fn order(system: &System) -> Vec<usize> {
    let mut order = Vec::new();
    let roots = (0..system.pds.len()).filter(|&pd| system.pds[pd].parent.is_none());
    roots.for_each(|root| add(system, root, &mut order));
    order
}

fn add(system: &System, pd: usize, order: &mut Vec<usize>) {
    let reloads = system.reloaded_by(pd).next().is_some();
    if !reloads {
        order.push(pd);
    }
    let is_child = |&child: &usize| system.pds[child].parent.is_some_and(|(parent, _)| parent == pd);
    (pd + 1..system.pds.len()).filter(is_child).for_each(|child| add(system, child, order));
    if reloads {
        order.push(pd);
    }
}

/// A piece of a child's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// The segment of the program with this index.
    Segment(usize),
    Stack,
    IpcBuffer,
    /// The map with this index, of a region that is the child's alone.
    Map(usize),
}

/// The pieces of a child that are reloaded.
fn pieces(system: &System, ram: Range, child: usize) -> Vec<Piece> {
    let pd = &system.pds[child];
    let segments = pd.program.segments.iter().enumerate().filter(|(_, segment)| segment.write);
    let mut pieces: Vec<_> = segments.map(|(index, _)| Piece::Segment(index)).collect();
    pieces.extend([Piece::Stack, Piece::IpcBuffer]);
    let mut seen = Vec::new();
    for (index, map) in pd.maps.iter().enumerate() {
        if map.write && is_private(system, ram, child, map.region) && !seen.contains(&map.region) {
            seen.push(map.region);
            pieces.push(Piece::Map(index));
        }
    }
    pieces
}

/// Whether a region is memory that nobody but this protection domain has. What it shares with its guest is not: the guest's
/// monitor clears that.
fn is_private(system: &System, ram: Range, pd: usize, region: usize) -> bool {
    let has = |maps: &[crate::model::Map]| maps.iter().any(|map| map.region == region);
    let others = system.pds.iter().enumerate().filter(|&(index, _)| index != pd);
    let is_device = matches!(system.regions[region].place, Place::At(paddr) if !ram.contains(paddr));
    let guests = system.pds.iter().filter_map(|pd| pd.vm.as_ref()).any(|vm| has(&vm.maps));
    !is_device && !guests && !others.map(|(_, pd)| pd).any(|pd| has(&pd.maps))
}

/// Bytes of a parent's table. A word for each child's life is known only when all is laid out, but not how many there are.
pub fn table_bytes(system: &System, ram: Range, parent: usize) -> u64 {
    let children: Vec<_> = system.reloaded_by(parent).collect();
    let pieces: usize = children.iter().map(|&child| pieces(system, ram, child).len()).sum();
    ((reload::HEADER + children.len() * reload::CHILD + pieces * reload::PIECE) * size_of::<u64>()) as u64
}

impl Builder<'_> {
    /// Maps into a parent's address space what it reloads its children by.
    pub fn reload(&mut self, parent: usize, space: &mut Space, pds: &[PdObjects], regions: &mut [RegionFrames]) {
        let children: Vec<_> = self.system.reloaded_by(parent).collect();
        if children.is_empty() {
            return;
        }
        let bytes = table_bytes(self.system, self.ram, parent);
        let mut window = Window { space, next: reload::WINDOW.start + bytes.next_multiple_of(PAGE_BYTES) };
        let mut table = Vec::new();
        let mut pieces_table = Vec::new();
        for (place, &child) in children.iter().enumerate() {
            let mut life = 0;
            for piece in pieces(self.system, self.ram, child) {
                let mapped = self.map_piece(&mut window, child, piece, &pds[child], regions);
                life |= self.life(child, piece, mapped[0]);
                pieces_table.push(place as u64);
                pieces_table.extend(mapped);
            }
            let pd = &self.system.pds[child];
            let id = pd.parent.map_or(0, |(_, id)| id);
            table.extend([id, pd.program.entry, stack(pd.stack_size).start, life]);
            let name = padded::<{ sel4_abi::microkit::limit::NAME_LENGTH }>(&pd.name);
            table.extend(name.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes"))));
        }
        let header = [children.len(), pieces_table.len() / reload::PIECE].map(|count| count as u64);
        let words = [&header[..], &table, &pieces_table].concat();
        assert_eq!(words.len() * size_of::<u64>(), bytes as usize, "the program was told this size");
        let table: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.map_data(space, reload::WINDOW.start, 0, &table);
    }

    /// Maps a piece and what it holds at first; gives the words that tell of it, but for the first.
    fn map_piece(
        &mut self,
        window: &mut Window,
        child: usize,
        piece: Piece,
        objects: &PdObjects,
        regions: &mut [RegionFrames],
    ) -> [u64; reload::PIECE - 1] {
        let pd = &self.system.pds[child];
        let program = objects.program.as_ref().expect("children are planned before their parents");
        let (mut page, mut cached, mut copy) = (PageSize::Small, true, true);
        let (frames, offset, data): (&[Frames], u64, &[u8]) = match piece {
            Piece::Segment(index) => {
                let segment = &pd.program.segments[index];
                (&program.segments[index], segment.vaddr % PAGE_BYTES, &segment.data)
            }
            Piece::Stack => (core::slice::from_ref(&program.stack), 0, &[]),
            Piece::IpcBuffer => (&[Frames::Created { first: program.ipc_buffer, count: 1 }], 0, &[]),
            Piece::Map(index) => {
                let map = &pd.maps[index];
                let region = &mut regions[map.region];
                (page, cached, copy) = (region.page, map.cached, core::mem::replace(&mut region.mapped, true));
                (&region.frames, 0, &self.system.regions[map.region].data)
            }
        };
        let data = trimmed(data);
        let length = if data.is_empty() { 0 } else { offset + data.len() as u64 };
        let source = window.take(length, PageSize::Small);
        let size = frames.iter().map(|run| u64::from(run.count()) << page.bits()).sum();
        let target = window.take(size, page);
        window.space.map(target, frames, page, Access { cached, ..Access::DATA }, copy);
        if length > 0 {
            self.map_data(window.space, source, offset, data);
        }
        [target, size, source, length]
    }

    /// Maps bytes, `offset` into the first page, to be read.
    fn map_data(&mut self, space: &mut Space, vaddr: u64, offset: u64, bytes: &[u8]) {
        let (page, count) = self.data.add(offset, bytes);
        let access = Access { write: false, execute: false, cached: true };
        space.map(vaddr, &[Frames::Image { page, count }], PageSize::Small, access, true);
    }

    /// Where the parent finds a child's count of lives, if it is in this piece, which is mapped at `target`.
    fn life(&self, child: usize, piece: Piece, target: u64) -> u64 {
        let program = &self.system.pds[child].program;
        let Piece::Segment(index) = piece else { return 0 };
        let segment = &program.segments[index];
        let found = program.symbol(symbol::LIFE).filter(|found| program.covers(found.vaddr, 8));
        let inside = found.filter(|found| segment.range().contains(&found.vaddr));
        inside.map_or(0, |found| target + (found.vaddr - segment.pages().start))
    }
}

/// The part of a parent's address space that fills up.
struct Window<'a> {
    space: &'a mut Space,
    next: u64,
}

impl Window<'_> {
    /// Room for `size` bytes in pages of a size.
    fn take(&mut self, size: u64, page: PageSize) -> u64 {
        let start = self.next.next_multiple_of(page.bytes());
        self.next = (start + size).next_multiple_of(PAGE_BYTES);
        assert!(self.next <= reload::WINDOW.end, "all of memory fits");
        start
    }
}
