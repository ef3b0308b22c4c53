//! The root task's CNode: where objects, pages of the image and everything else are.

use sel4::cap_type::Granule;
use sel4::init_thread::{self, SlotRegion};
use sel4::{AbsoluteCPtr, CPtr, Cap, CapType};
use system_spec::{Cap as SpecCap, ObjectId};

use crate::problem::Problem;

/// Slots of the root task's CNode. The first free ones are for objects, by their numbers; the others are handed out
/// one after the other.
pub struct Slots {
    image: SlotRegion<Granule>,
    objects: u64,
    object_count: u32,
    next: u64,
    end: u64,
}

impl Slots {
    /// Divides the free slots.
    pub fn new(empty: core::ops::Range<usize>, image: SlotRegion<Granule>, object_count: u32) -> Result<Self, Problem> {
        let (start, end) = (empty.start as u64, empty.end as u64);
        let next = start + u64::from(object_count);
        if next > end {
            return Err(Problem::NoSlots);
        }
        Ok(Self { image, objects: start, object_count, next, end })
    }

    /// The slot of an object.
    pub fn object(&self, object: ObjectId) -> Result<CPtr, Problem> {
        if object.0 >= self.object_count {
            return Err(Problem::BadReference);
        }
        Ok(CPtr::from_bits(self.objects + u64::from(object.0)))
    }

    /// The capability of an object.
    pub fn cap<T: CapType>(&self, object: ObjectId) -> Result<Cap<T>, Problem> {
        Ok(self.object(object)?.cast())
    }

    /// The slot of a page of the image.
    pub fn image_page(&self, page: u32) -> Result<CPtr, Problem> {
        let page = page as usize;
        if page >= self.image.len() {
            return Err(Problem::BadReference);
        }
        Ok(self.image.index(page).cptr())
    }

    /// The slot that a specification's capability names.
    pub fn source(&self, cap: SpecCap) -> Result<CPtr, Problem> {
        match cap {
            SpecCap::Object(object) => self.object(object),
            SpecCap::ImagePage(page) => self.image_page(page),
            SpecCap::Smc => Ok(init_thread::slot::SMC.cptr()),
        }
    }

    /// A fresh slot.
    pub fn fresh(&mut self) -> Result<CPtr, Problem> {
        if self.next == self.end {
            return Err(Problem::NoSlots);
        }
        let slot = CPtr::from_bits(self.next);
        self.next += 1;
        Ok(slot)
    }
}

/// A slot of the root task's CNode as source or destination of a copy.
pub fn absolute(slot: CPtr) -> AbsoluteCPtr {
    init_thread::slot::CNODE.cap().absolute_cptr(slot)
}
