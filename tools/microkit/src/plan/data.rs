//! The data that goes with a specification: pages of the root task's image, which become frames as they are or are
//! copied into larger ones.

use super::Builder;
use super::objects::RunKind;
use crate::model::{PageSize, Place, Region};
use crate::program::Segment;
use system_spec::{Frames, Kind, ObjectId, PAGE_BYTES, Record};

/// Pages of data, in the order in which they stand in the image.
#[derive(Debug)]
pub struct Data {
    first_page: u32,
    bytes: Vec<u8>,
}

impl Data {
    /// No data yet; the first page will be this one of the image.
    pub fn new(first_page: u32) -> Self {
        Self { first_page, bytes: Vec::new() }
    }

    /// Appends bytes on a page of their own, `offset` into it; zeros fill the rest. Returns the first page's index in
    /// the image, and how many there are.
    pub fn add(&mut self, offset: u64, bytes: &[u8]) -> (u32, u32) {
        let page = self.first_page + (self.bytes.len() as u64 / PAGE_BYTES) as u32;
        self.bytes.resize(self.bytes.len() + offset as usize, 0);
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(PAGE_BYTES as usize), 0);
        let pages = (offset + bytes.len() as u64).div_ceil(PAGE_BYTES) as u32;
        (page, pages)
    }

    /// All pages.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Without the zeros at the end: fresh frames are zero anyway.
pub fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// What a memory region is made of.
pub struct RegionFrames {
    /// Runs of frames, in the order of their addresses.
    pub frames: Vec<Frames>,
    /// Their size.
    pub page: PageSize,
    /// The frames' own capabilities are in use by a mapping.
    pub mapped: bool,
}

impl Builder<'_> {
    /// Plans the frames of all regions.
    pub fn regions(&mut self) -> Vec<RegionFrames> {
        let system = self.system;
        let plan = |(index, region): (usize, &Region)| {
            let frames = self.region(region, system.has_uncached_readers(index));
            RegionFrames { frames, page: region.page, mapped: false }
        };
        system.regions.iter().enumerate().map(plan).collect()
    }

    fn region(&mut self, region: &Region, uncached_readers: bool) -> Vec<Frames> {
        let name = format!("region {}", region.name);
        let data = trimmed(&region.data);
        if region.place == Place::Anywhere && region.page == PageSize::Small {
            return self.small_frames(name, 0, data, (region.size / PAGE_BYTES) as u32);
        }
        let kind = match region.page {
            PageSize::Small => Kind::SmallFrame,
            PageSize::Large => Kind::LargeFrame,
        };
        let paddr = match region.place {
            Place::At(paddr) => Some(paddr),
            Place::Anywhere | Place::Picked => None,
        };
        let count = (region.size / region.page.bytes()) as u32;
        let first = self.runs.add(name, RunKind::Objects(kind), count, paddr);
        self.fill(first, region.page, data, uncached_readers);
        vec![Frames::Created { first, count }]
    }

    /// Has data copied into frames that can't be pages of the image.
    fn fill(&mut self, first: ObjectId, page: PageSize, data: &[u8], uncached_readers: bool) {
        let (image_page, _) = self.data.add(0, data);
        let image_pages_of_frame = (page.bytes() / PAGE_BYTES) as u32;
        for (index, chunk) in (0..).zip(data.chunks(page.bytes() as usize)) {
            self.steps.push(Record::Fill {
                frame: first.plus(index),
                frame_bits: page.bits(),
                page: image_page + index * image_pages_of_frame,
                length: chunk.len() as u32,
                uncached_readers,
            });
        }
    }

    /// `count` small frames that begin with `data`, `offset` into the first: pages of the image as far as there is
    /// data, fresh ones behind that.
    fn small_frames(&mut self, name: String, offset: u64, data: &[u8], count: u32) -> Vec<Frames> {
        let mut frames = Vec::new();
        let mut filled = 0;
        if !data.is_empty() {
            let (page, pages) = self.data.add(offset, data);
            frames.push(Frames::Image { page, count: pages });
            filled = pages;
        }
        if filled < count {
            let count = count - filled;
            let first = self.runs.many(name, Kind::SmallFrame, count);
            frames.push(Frames::Created { first, count });
        }
        frames
    }

    /// The frames of a program's segment.
    pub fn segment(&mut self, name: String, segment: &Segment) -> Vec<Frames> {
        let pages = segment.pages();
        let count = ((pages.end - pages.start) / PAGE_BYTES) as u32;
        self.small_frames(name, segment.vaddr - pages.start, trimmed(&segment.data), count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_stands_on_pages_of_its_own() {
        let mut data = Data::new(10);
        assert_eq!(data.add(0, &[1; 5000]), (10, 2));
        assert_eq!(data.add(4090, &[2; 10]), (12, 2));
        assert_eq!(data.add(0, &[3]), (14, 1));
        assert_eq!(data.bytes().len(), 5 * 4096);
        assert_eq!(&data.bytes()[2 * 4096 + 4089..2 * 4096 + 4092], [0, 2, 2]);
    }

    #[test]
    fn zeros_at_the_end_are_no_data() {
        assert_eq!(trimmed(&[1, 0, 2, 0, 0]), [1, 0, 2]);
        assert!(trimmed(&[0; 9]).is_empty());
    }
}
