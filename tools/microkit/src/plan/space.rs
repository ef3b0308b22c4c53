//! Address spaces: which page tables a set of mappings needs.

use super::Builder;
use super::data::RegionFrames;
use crate::model::{Map, PageSize};
use sel4_abi::object::{LARGE_PAGE_BITS, PAGE_TABLE_INDEX_BITS};
use std::collections::BTreeSet;
use system_spec::{Frames, Kind, Mapping, ObjectId, Record, Rights};

/// log2 of what a table of the middle level covers: an entry of the root.
const MIDDLE_BITS: u32 = LARGE_PAGE_BITS + PAGE_TABLE_INDEX_BITS;
/// log2 of what a table of the last level covers.
const LAST_BITS: u32 = LARGE_PAGE_BITS;

/// An address space in the making.
pub struct Space {
    /// Its root.
    pub vspace: ObjectId,
    name: String,
    /// Tables that are needed: the level, 0 for the middle one, and the first address that is covered.
    tables: BTreeSet<(u8, u64)>,
    maps: Vec<Mapping>,
}

/// How memory may be used.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// Written.
    pub write: bool,
    /// Executed.
    pub execute: bool,
    /// Cached.
    pub cached: bool,
}

impl Access {
    /// That of data and stacks.
    pub const DATA: Self = Self { write: true, execute: false, cached: true };
}

impl Space {
    /// Maps frames from `vaddr` on. `copy` says that the frames' own capabilities are in use.
    pub fn map(&mut self, mut vaddr: u64, frames: &[Frames], page: PageSize, access: Access, copy: bool) {
        for run in frames {
            let bytes = u64::from(run.count()) << page.bits();
            self.add_tables(vaddr, vaddr + bytes, page);
            self.maps.push(Mapping {
                vspace: self.vspace,
                vaddr,
                frames: *run,
                frame_bits: page.bits(),
                // A page of the image is mapped in the root task already.
                copy: copy || matches!(run, Frames::Image { .. }),
                rights: Rights::mapping(true, access.write),
                execute: access.execute,
                cached: access.cached,
            });
            vaddr += bytes;
        }
    }

    fn add_tables(&mut self, from: u64, to: u64, page: PageSize) {
        let mut cover = |level, bits: u32| {
            let starts = (from >> bits..=(to - 1) >> bits).map(|index| (level, index << bits));
            self.tables.extend(starts);
        };
        cover(0, MIDDLE_BITS);
        if page == PageSize::Small {
            cover(1, LAST_BITS);
        }
    }
}

impl Builder<'_> {
    /// Starts an address space.
    pub fn space(&mut self, name: &str) -> Space {
        let vspace = self.runs.one(format!("{name}: address space"), Kind::VSpace);
        Space { vspace, name: name.to_owned(), tables: BTreeSet::new(), maps: Vec::new() }
    }

    /// Maps regions as a description says.
    pub fn map_regions(&mut self, space: &mut Space, maps: &[Map], regions: &mut [RegionFrames]) {
        for map in maps {
            let region = &mut regions[map.region];
            let access = Access { write: map.write, execute: map.execute, cached: map.cached };
            space.map(map.vaddr, &region.frames, region.page, access, region.mapped);
            region.mapped = true;
        }
    }

    /// Finishes an address space: tables first, from the root downwards.
    pub fn finish(&mut self, space: Space) {
        let count = space.tables.len() as u32;
        if count > 0 {
            let first = self.runs.many(format!("{}: page tables", space.name), Kind::PageTable, count);
            for (index, (_, vaddr)) in (0..).zip(&space.tables) {
                let vspace = space.vspace;
                self.steps.push(Record::Table { table: first.plus(index), vspace, vaddr: *vaddr });
            }
        }
        self.steps.extend(space.maps.into_iter().map(Record::Map));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        Space { vspace: ObjectId(0), name: String::new(), tables: BTreeSet::new(), maps: Vec::new() }
    }

    #[test]
    fn large_pages_need_no_last_level() {
        let mut space = space();
        let frames = Frames::Created { first: ObjectId(1), count: 4 };
        space.map(0x4000_0000, &[frames], PageSize::Large, Access::DATA, false);
        assert_eq!(Vec::from_iter(space.tables), [(0, 0x4000_0000)]);
    }

    #[test]
    fn runs_follow_each_other_and_share_tables() {
        let mut space = space();
        let image = Frames::Image { page: 7, count: 3 };
        let fresh = Frames::Created { first: ObjectId(1), count: 2 };
        space.map(0x20_0000 - 0x3000, &[image, fresh], PageSize::Small, Access::DATA, false);
        assert_eq!(space.maps[1].vaddr, 0x20_0000);
        assert!(space.maps[0].copy && !space.maps[1].copy);
        assert_eq!(Vec::from_iter(space.tables), [(0, 0), (1, 0), (1, 0x20_0000)]);
    }
}
