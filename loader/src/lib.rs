//! The head of a boot image: what the `microkit` tool writes behind the loader's code and the loader reads.
//!
//! An image is flat memory, loaded and entered at its board's loader base: the loader (code, data, stack), the
//! [`ImageHeader`] at the loader's symbol `image_header`, the kernel's segments, and from the next page on the root
//! task's image, which stays where it is.

#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Marks a header ("quollimg").
pub const MAGIC: u64 = u64::from_le_bytes(*b"quollimg");
/// Most segments that a kernel can have.
pub const MAX_SEGMENTS: usize = 8;
/// Addresses and lengths of [`Segment`] are multiples of this: the loader moves that much at a time.
pub const SEGMENT_ALIGN: u64 = 64;

/// A part of the kernel: `copied` bytes go from the image to `target`, `zeroed` bytes behind them become zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Segment {
    /// Physical address in the loaded image.
    pub source: u64,
    /// Physical address where the kernel is linked to have it.
    pub target: u64,
    /// Bytes to copy.
    pub copied: u64,
    /// Bytes to zero behind them.
    pub zeroed: u64,
}

/// What the loader has to do, and what it tells the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ImageHeader {
    /// [`MAGIC`].
    pub magic: u64,
    /// The kernel's entry point, physical.
    pub kernel_entry: u64,
    /// The root task's image, physical: first address, a page's.
    pub user_start: u64,
    /// The address behind the last, a page's.
    pub user_end: u64,
    /// Physical minus virtual address of the root task's image, modulo 2^64.
    pub pv_offset: u64,
    /// The root task's entry point, virtual.
    pub user_entry: u64,
    /// How many of `segments` are in use.
    pub segment_count: u64,
    /// The kernel's segments.
    pub segments: [Segment; MAX_SEGMENTS],
}

impl ImageHeader {
    /// The segments in use, or nothing if the header is none.
    pub fn segments(&self) -> Option<&[Segment]> {
        if self.magic != MAGIC {
            return None;
        }
        let count = usize::try_from(self.segment_count).ok()?;
        self.segments.get(..count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_image() {
        let mut header = ImageHeader { magic: MAGIC, segment_count: 1, ..Default::default() };
        header.segments[0].copied = 64;
        let read = ImageHeader::read_from_bytes(header.as_bytes()).unwrap();
        assert_eq!(read.segments(), Some(&header.segments[..1]));
    }

    #[test]
    fn a_header_that_is_none_has_no_segments() {
        assert_eq!(ImageHeader::default().segments(), None);
        let many = ImageHeader { magic: MAGIC, segment_count: 9, ..Default::default() };
        assert_eq!(many.segments(), None);
    }
}
