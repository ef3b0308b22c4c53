//! What the kernel tells the root task when it starts (seL4 manual, "System Bootstrapping").

use core::ops::{Deref, Range};
use core::slice;

use crate::abi::bootinfo::{BootInfoHeader, HEADER_FDT, HEADER_PADDING};
use crate::init_thread::SlotRegion;
use crate::{FrameObjectType, IpcBuffer, Word, cap_type, sys};

/// The address of a [`BootInfo`], which it dereferences to, and of the chunks that follow it.
#[repr(transparent)]
#[derive(Debug)]
pub struct BootInfoPtr {
    ptr: *const BootInfo,
}

impl BootInfoPtr {
    /// The chunks start one page after the boot info.
    const EXTRA_OFFSET: usize = FrameObjectType::GRANULE.bytes();

    /// # Safety
    ///
    /// `ptr` is the address that the kernel gave the root task, still mapped.
    ///
    /// # Panics
    ///
    /// When `ptr` is not aligned to a page.
    pub unsafe fn new(ptr: *const BootInfo) -> Self {
        assert!(ptr.addr().is_multiple_of(FrameObjectType::GRANULE.bytes()));
        Self { ptr }
    }

    /// The address.
    pub fn ptr(&self) -> *const BootInfo {
        self.ptr
    }

    fn extra_slice(&self) -> &[u8] {
        // SAFETY: the kernel mapped `extra_len` bytes there, initialised, and changes them no more.
        unsafe { slice::from_raw_parts(self.ptr.cast::<u8>().add(Self::EXTRA_OFFSET), self.extra_len()) }
    }

    /// The chunks of known kind.
    pub fn extra(&self) -> BootInfoExtraIter<'_> {
        BootInfoExtraIter { rest: self.extra_slice() }
    }

    /// Bytes that boot info and chunks take.
    pub fn footprint_size(&self) -> usize {
        Self::EXTRA_OFFSET + self.extra_len()
    }
}

impl Deref for BootInfoPtr {
    type Target = BootInfo;

    fn deref(&self) -> &BootInfo {
        // SAFETY: by the contract of `new`.
        unsafe { &*self.ptr }
    }
}

/// The boot info (`seL4_BootInfo`).
#[repr(transparent)]
#[derive(Debug)]
pub struct BootInfo(sys::seL4_BootInfo);

impl BootInfo {
    newtype_methods!(pub sys::seL4_BootInfo);

    fn extra_len(&self) -> usize {
        self.0.extraLen as usize
    }

    /// The root task's IPC buffer.
    pub fn ipc_buffer(&self) -> *mut IpcBuffer {
        self.0.ipcBuffer.cast()
    }

    /// Empty slots of the root CNode.
    pub fn empty(&self) -> SlotRegion<cap_type::Null> {
        SlotRegion::from_sys(self.0.empty)
    }

    /// Frames of the root task's image, by address.
    pub fn user_image_frames(&self) -> SlotRegion<cap_type::Granule> {
        SlotRegion::from_sys(self.0.userImageFrames)
    }

    /// Time of each core.
    pub fn sched_control(&self) -> SlotRegion<cap_type::SchedControl> {
        SlotRegion::from_sys(self.0.schedcontrol)
    }

    /// All other memory, described by [`untyped_list`](Self::untyped_list).
    pub fn untyped(&self) -> SlotRegion<cap_type::Untyped> {
        SlotRegion::from_sys(self.0.untyped)
    }

    /// A description of each untyped, in the order of [`untyped`](Self::untyped).
    pub fn untyped_list(&self) -> &[UntypedDesc] {
        let list = &self.0.untypedList[..self.untyped().len()];
        // SAFETY: `UntypedDesc` is transparent.
        unsafe { slice::from_raw_parts(list.as_ptr().cast(), list.len()) }
    }

    fn untyped_list_partition_point(&self) -> usize {
        self.untyped_list().partition_point(UntypedDesc::is_device)
    }

    /// The untypeds that are devices: they come first.
    pub fn device_untyped_range(&self) -> Range<usize> {
        0..self.untyped_list_partition_point()
    }

    /// The untypeds that are memory.
    pub fn kernel_untyped_range(&self) -> Range<usize> {
        self.untyped_list_partition_point()..self.untyped_list().len()
    }
}

/// Description of an untyped (`seL4_UntypedDesc`).
#[repr(transparent)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntypedDesc(sys::seL4_UntypedDesc);

impl UntypedDesc {
    newtype_methods!(pub sys::seL4_UntypedDesc);

    /// Physical address.
    pub const fn paddr(&self) -> usize {
        self.0.paddr as usize
    }

    /// log2 of its bytes.
    pub const fn size_bits(&self) -> usize {
        self.0.sizeBits as usize
    }

    /// Whether kernel objects cannot be made of it, only frames and untypeds.
    pub const fn is_device(&self) -> bool {
        self.0.isDevice != 0
    }
}

/// A chunk that follows the boot info.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootInfoExtra<'a> {
    /// What it is.
    pub id: BootInfoExtraId,
    /// Header and content.
    pub content_with_header: &'a [u8],
}

impl BootInfoExtra<'_> {
    /// Header and content.
    pub fn content_with_header(&self) -> &[u8] {
        self.content_with_header
    }

    /// The content.
    pub fn content(&self) -> &[u8] {
        &self.content_with_header[size_of::<BootInfoHeader>()..]
    }
}

/// What a chunk is (`seL4_BootInfoID`), as far as this architecture has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootInfoExtraId {
    /// Nothing.
    Padding,
    /// A flattened device tree.
    Fdt,
}

impl BootInfoExtraId {
    /// What chunks with this number are.
    pub const fn from_sys(id: sys::seL4_BootInfoID::Type) -> Option<Self> {
        match id {
            HEADER_PADDING => Some(Self::Padding),
            HEADER_FDT => Some(Self::Fdt),
            _ => None,
        }
    }
}

/// Iterator over the chunks of known kind. A chunk whose length makes no sense ends it.
#[derive(Clone, Debug)]
pub struct BootInfoExtraIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for BootInfoExtraIter<'a> {
    type Item = BootInfoExtra<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (id, after_id) = self.rest.split_first_chunk()?;
            let (len, _) = after_id.split_first_chunk()?;
            let len = Word::from_le_bytes(*len) as usize;
            if len < size_of::<BootInfoHeader>() || len > self.rest.len() {
                self.rest = &[];
                return None;
            }
            let (content_with_header, rest) = self.rest.split_at(len);
            self.rest = rest;
            if let Some(id) = BootInfoExtraId::from_sys(Word::from_le_bytes(*id)) {
                return Some(BootInfoExtra { id, content_with_header });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn chunk(id: Word, len: Word, content: &[u8]) -> Vec<u8> {
        [&id.to_le_bytes(), &len.to_le_bytes(), content].concat()
    }

    #[test]
    fn unknown_chunks_are_skipped() {
        let bytes = [chunk(77, 20, b"what"), chunk(HEADER_FDT, 19, b"fdt"), chunk(HEADER_PADDING, 16, b"")].concat();
        let chunks: Vec<_> = BootInfoExtraIter { rest: &bytes }.collect();
        assert_eq!(chunks.len(), 2);
        assert_eq!((chunks[0].id, chunks[0].content()), (BootInfoExtraId::Fdt, &b"fdt"[..]));
        assert_eq!((chunks[1].id, chunks[1].content()), (BootInfoExtraId::Padding, &b""[..]));
    }

    #[test]
    fn a_length_that_makes_no_sense_ends_the_list() {
        for len in [0, 15, 21, Word::MAX] {
            let bytes = chunk(HEADER_FDT, len, b"fdt!");
            assert_eq!(BootInfoExtraIter { rest: &bytes }.next(), None, "length {len}");
        }
        assert_eq!(BootInfoExtraIter { rest: &[6, 0, 0] }.next(), None);
    }
}
