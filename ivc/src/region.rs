//! The shared memory itself: its layout, and the one place where a raw address becomes atomics.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};

/// Alignment of a region, and the distance that keeps the two parties' words out of each other's
/// cache line.
const LINE: usize = 64;

/// Memory that two parties share, not yet divided into rings.
///
/// Both parties must see the same size; if they don't, they garble each other's data and no more.
#[derive(Clone, Copy)]
pub struct Region<'m> {
    base: NonNull<u8>,
    size: usize,
    memory: PhantomData<&'m [Block]>,
}

// SAFETY: a region is used through atomics only (see `Ring`), which any thread may do.
#[allow(unsafe_code)]
unsafe impl Send for Region<'_> {}

impl<'m> Region<'m> {
    /// The region of `size` bytes at `base`, as mapped from a memory region of the system
    /// description.
    ///
    /// # Errors
    /// `base` is not aligned to 64 bytes.
    ///
    /// # Safety
    /// `base..base + size` is mapped readable and writable (for [`statistics::Reader`](crate::statistics::Reader): readable) as
    /// normal cacheable memory for as long as `'m`, and this program touches it through `ivc` only.
    #[allow(unsafe_code)]
    pub unsafe fn from_raw(base: NonNull<u8>, size: usize) -> Result<Self, RegionError> {
        if !base.cast::<Block>().is_aligned() {
            return Err(RegionError::Misaligned);
        }
        Ok(Self { base, size, memory: PhantomData })
    }

    /// The region over memory of this program: for tests and models.
    #[must_use]
    pub fn over(memory: &'m [Block]) -> Self {
        Self { base: NonNull::from(memory).cast(), size: size_of_val(memory), memory: PhantomData }
    }

    /// In bytes.
    #[must_use]
    pub fn size(self) -> usize {
        self.size
    }

    /// Its first `size` bytes, or as many as there are, and the rest; `size` is rounded down to a multiple of 64.
    #[must_use]
    pub fn split(self, size: usize) -> (Self, Self) {
        let size = size.min(self.size) / LINE * LINE;
        // SAFETY: `size` is at most the region's size, so the result is inside it or one past its end.
        #[allow(unsafe_code)]
        let rest = unsafe { self.base.add(size) };
        (Self { size, ..self }, Self { base: rest, size: self.size - size, ..self })
    }

    /// Its two halves, each a region of the same size.
    #[must_use]
    pub fn halves(self) -> (Self, Self) {
        let (first, rest) = self.split(self.size / 2);
        (first, Self { size: first.size, ..rest })
    }
}

/// Why a region cannot hold a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionError {
    /// Its address is not aligned to 64 bytes.
    Misaligned,
    /// It has no room for a ring's header and one byte.
    TooSmall,
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Misaligned => "the shared region is not aligned to 64 bytes",
            Self::TooSmall => "the shared region is too small for its rings",
        })
    }
}

impl core::error::Error for RegionError {}

/// A unit of ordinary memory for [`Region::over`]: 64 bytes, aligned so.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Block([core::sync::atomic::AtomicU64; LINE / 8]);

impl Block {
    /// A block of zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self([const { core::sync::atomic::AtomicU64::new(0) }; LINE / 8])
    }

    /// Writes word `index` (modulo 8) behind the rings' back, as a misbehaving peer would.
    pub fn scribble(&self, index: usize, value: u64) {
        self.0[index % self.0.len()].store(value, core::sync::atomic::Ordering::Relaxed);
    }
}

/// What one party tells the other. Written by that party; `wanted` is cleared by the other.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Side {
    /// Units that this party has put in (producer) or taken out (consumer) since the beginning.
    /// 64 bits do not wrap in practice; wrapping would do no harm.
    pub(crate) position: AtomicU64,
    /// Not 0: this party waits and wants a signal.
    pub(crate) wanted: AtomicU32,
    /// How often this party has attached to the ring; 0: never.
    pub(crate) epoch: AtomicU32,
    /// The position from which on this party's present life has gone on.
    pub(crate) origin: AtomicU64,
    /// A word beside the bytes, whose meaning is the line's; 0: nothing was said.
    pub(crate) note: AtomicU32,
}

impl Side {
    fn new() -> Self {
        Self {
            position: AtomicU64::new(0),
            wanted: AtomicU32::new(0),
            epoch: AtomicU32::new(0),
            origin: AtomicU64::new(0),
            note: AtomicU32::new(0),
        }
    }
}

/// What precedes the bytes of a ring. Memory of zeros is an empty ring that nobody attached to.
#[repr(C)]
#[derive(Debug)]
pub struct Header {
    pub(crate) producer: Side,
    pub(crate) consumer: Side,
}

impl Header {
    /// An empty ring's.
    #[must_use]
    pub fn new() -> Self {
        Self { producer: Side::new(), consumer: Side::new() }
    }
}

impl Default for Header {
    fn default() -> Self {
        Self::new()
    }
}

/// A region seen as one ring.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'m> {
    pub(crate) header: &'m Header,
    pub(crate) data: &'m [AtomicU8],
}

impl<'m> Ring<'m> {
    /// A ring from its parts: where memory cannot be reinterpreted (loom's atomics are larger than
    /// the values that they stand for).
    #[cfg(loom)]
    pub fn from_parts(header: &'m Header, data: &'m [AtomicU8]) -> Self {
        Self { header, data }
    }
}

#[cfg(not(loom))]
impl<'m> TryFrom<Region<'m>> for Ring<'m> {
    type Error = RegionError;

    fn try_from(region: Region<'m>) -> Result<Self, RegionError> {
        let capacity = region
            .size
            .checked_sub(size_of::<Header>())
            .filter(|&capacity| capacity > 0)
            .ok_or(RegionError::TooSmall)?;
        // SAFETY: the region is mapped and aligned for `'m` (contract of `Region::from_raw`, or a
        // borrow of `Block`s), header and data are disjoint parts of it, every bit pattern is a
        // valid atomic, and all accesses to it are atomic.
        #[allow(unsafe_code)]
        unsafe {
            let data = region.base.add(size_of::<Header>()).cast();
            Ok(Self {
                header: region.base.cast().as_ref(),
                data: NonNull::slice_from_raw_parts(data, capacity).as_ref(),
            })
        }
    }
}

#[cfg(loom)]
impl<'m> TryFrom<Region<'m>> for Ring<'m> {
    type Error = RegionError;

    fn try_from(_: Region<'m>) -> Result<Self, RegionError> {
        unreachable!("under loom a ring is made from its parts")
    }
}

/// A region seen as words.
#[cfg(not(loom))]
impl<'m> From<Region<'m>> for &'m [AtomicU64] {
    fn from(region: Region<'m>) -> Self {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            NonNull::slice_from_raw_parts(region.base.cast(), region.size / size_of::<AtomicU64>()).as_ref()
        }
    }
}

#[cfg(loom)]
impl<'m> From<Region<'m>> for &'m [AtomicU64] {
    fn from(_: Region<'m>) -> Self {
        unreachable!("under loom a ring is made from its parts")
    }
}

#[cfg(loom)]
pub(crate) fn header_and_words(_: Region<'_>) -> Result<(&Header, &[AtomicU64]), RegionError> {
    unreachable!("under loom a ring is made from its parts")
}

/// What precedes the slots of a ring, and the rest of the region as words.
#[cfg(not(loom))]
pub(crate) fn header_and_words(region: Region<'_>) -> Result<(&Header, &[AtomicU64]), RegionError> {
    let (header, rest) = region.split(size_of::<Header>());
    if header.size < size_of::<Header>() {
        return Err(RegionError::TooSmall);
    }
    // SAFETY: as above; the header is a part of the region of its own.
    #[allow(unsafe_code)]
    let header = unsafe { header.base.cast().as_ref() };
    Ok((header, rest.into()))
}
