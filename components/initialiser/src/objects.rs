//! Objects out of untyped memory.

use sel4::init_thread::slot;
use sel4::{CPtr, ObjectBlueprint, ObjectBlueprintAArch64, ObjectBlueprintArm, cap, cap_type};
use system_spec::{Allocator, Kind, ObjectId, Placed, Untyped};

use crate::problem::Problem;
use crate::slots::Slots;

/// Untypeds at once: what the kernel hands over, and the gaps before fixed regions.
const MAX_UNTYPEDS: usize = 768;
/// Most objects that one invocation makes (`CONFIG_RETYPE_FAN_OUT_LIMIT`).
const FAN_OUT: u32 = sel4_abi::object::RETYPE_MAX_OBJECTS as u32;

/// The untyped memory that there is.
pub type Untypeds = Allocator<MAX_UNTYPEDS>;

/// Untyped memory, and the objects made of it so far.
pub struct Objects<'a> {
    untypeds: &'a mut Untypeds,
    made: u32,
}

impl<'a> Objects<'a> {
    /// With the untypeds that the kernel hands over, added to an empty list.
    pub fn new(boot_info: &sel4::BootInfo, untypeds: &'a mut Untypeds) -> Result<Self, Problem> {
        let first = boot_info.untyped().start();
        for (index, untyped) in boot_info.untyped_list().iter().enumerate() {
            let (base, bits) = (untyped.paddr() as u64, untyped.size_bits() as u8);
            untypeds.add(Untyped::new((first + index) as u64, base, bits, untyped.is_device()))?;
        }
        Ok(Self { untypeds, made: 0 })
    }

    /// Makes a run of objects, with the next numbers; returns the first.
    pub fn make(&mut self, slots: &mut Slots, kind: Kind, count: u32, paddr: Option<u64>) -> Result<ObjectId, Problem> {
        let first = ObjectId(self.made);
        let blueprint = blueprint(kind);
        let bits = blueprint.physical_size_bits() as u8;
        let mut next = paddr;
        let mut left = count;
        while left > 0 {
            let wanted = left.min(FAN_OUT);
            let placed = match next {
                Some(paddr) => self.untypeds.place_at(paddr, bits, wanted)?,
                None => self.untypeds.place(bits, wanted)?,
            };
            match placed {
                Placed::Gap { handle, bits, base, device } => {
                    let slot = slots.fresh()?;
                    retype(handle, &ObjectBlueprint::Untyped { size_bits: bits.into() }, slot, 1)?;
                    self.untypeds.add(Untyped::new(slot.bits(), base, bits, device))?;
                }
                Placed::Objects { handle, count } => {
                    retype(handle, &blueprint, slots.object(ObjectId(self.made))?, count)?;
                    self.made += count;
                    left -= count;
                    next = next.map(|paddr| paddr + (u64::from(count) << bits));
                }
            }
        }
        Ok(first)
    }

    /// Makes one page table for the root task itself.
    pub fn own_table(&mut self, slots: &mut Slots) -> Result<cap::PT, Problem> {
        let blueprint = blueprint(Kind::PageTable);
        let slot = slots.fresh()?;
        if let Placed::Objects { handle, .. } = self.untypeds.place(blueprint.physical_size_bits() as u8, 1)? {
            retype(handle, &blueprint, slot, 1)?;
        }
        Ok(slot.cast())
    }

    /// Makes the handler of an interrupt, with the next number.
    pub fn irq_number(&mut self) -> ObjectId {
        let object = ObjectId(self.made);
        self.made += 1;
        object
    }
}

fn retype(untyped: u64, blueprint: &ObjectBlueprint, first: CPtr, count: u32) -> Result<(), Problem> {
    let untyped = CPtr::from_bits(untyped).cast::<cap_type::Untyped>();
    let cnode = slot::CNODE.cap().absolute_cptr_for_self();
    untyped.untyped_retype(blueprint, &cnode, first.bits() as usize, count as usize)?;
    Ok(())
}

/// What the kernel is asked for.
fn blueprint(kind: Kind) -> ObjectBlueprint {
    match kind {
        Kind::Untyped { bits } => ObjectBlueprint::Untyped { size_bits: bits.into() },
        Kind::Tcb => ObjectBlueprint::Tcb,
        Kind::Endpoint => ObjectBlueprint::Endpoint,
        Kind::Notification => ObjectBlueprint::Notification,
        Kind::CNode { bits } => ObjectBlueprint::CNode { size_bits: bits.into() },
        Kind::SchedContext { bits } => ObjectBlueprint::SchedContext { size_bits: bits.into() },
        Kind::Reply => ObjectBlueprint::Reply,
        Kind::VSpace => ObjectBlueprintAArch64::VSpace.into(),
        Kind::PageTable => ObjectBlueprintArm::PT.into(),
        Kind::SmallFrame => ObjectBlueprintArm::SmallPage.into(),
        Kind::LargeFrame => ObjectBlueprintArm::LargePage.into(),
        Kind::HugeFrame => ObjectBlueprintAArch64::HugePage.into(),
        Kind::VCpu => ObjectBlueprintArm::VCpu.into(),
    }
}
