//! What every test of the root task needs: memory, slots, and a way to say what the interface's types cannot.

use core::ops::Range;

use sel4::abi::label::InvocationLabel;
use sel4::init_thread::{Slot, slot};
use sel4::{
    AbsoluteCPtr, BootInfoPtr, Cap, CapRights, CapType, CapTypeForObjectOfFixedSize, CapTypeForObjectOfVariableSize,
    Error, MessageInfo, ObjectBlueprint, Result, VmAttributes, Word, cap, cap_type, with_ipc_buffer_mut,
};
use test_pds::Tally;

/// Memory, slots and the count of the cases.
pub struct Kit {
    /// The cases.
    pub tally: Tally,
    /// The largest untyped.
    pub untyped: cap::Untyped,
    /// Time of the only core.
    pub sched_control: cap::SchedControl,
    slots: Range<usize>,
    pages: Range<usize>,
}

/// Where the tests map frames: nothing else is there.
const PAGES: Range<usize> = 0x10_0000_0000..0x20_0000_0000;
/// Bytes between two pages that are handed out, so that a large page fits.
const PAGE_STEP: usize = 0x20_0000;

impl Kit {
    /// All that the kernel gave.
    pub fn new(boot_info: &BootInfoPtr) -> Self {
        let list = boot_info.untyped_list();
        let largest = boot_info.kernel_untyped_range().max_by_key(|i| list[*i].size_bits());
        let largest = largest.unwrap_or_else(|| panic!("no untyped memory"));
        Self {
            tally: Tally::new("abi"),
            untyped: boot_info.untyped().index(largest).cap(),
            sched_control: boot_info.sched_control().index(0).cap(),
            slots: boot_info.empty().range(),
            pages: PAGES,
        }
    }

    /// `count` empty slots in a row; the first.
    pub fn slots(&mut self, count: usize) -> Slot {
        let first = self.slots.start;
        self.slots.start += count;
        assert!(self.slots.start <= self.slots.end, "out of slots");
        Slot::from_index(first)
    }

    /// An empty slot.
    pub fn slot<T: CapType>(&mut self) -> Slot<T> {
        self.slots(1).cast()
    }

    /// Makes an object.
    pub fn make_blueprint<T: CapType>(&mut self, blueprint: ObjectBlueprint) -> Slot<T> {
        let slot = self.slot();
        if let Err(error) = retype(self.untyped, blueprint, slot, 1) {
            panic!("cannot make {blueprint:?}: {error}");
        }
        slot
    }

    /// Makes an object of fixed size.
    pub fn make<T: CapTypeForObjectOfFixedSize>(&mut self) -> Slot<T> {
        self.make_blueprint(T::object_blueprint())
    }

    /// Makes an object of a size in bits.
    pub fn make_sized<T: CapTypeForObjectOfVariableSize>(&mut self, size_bits: usize) -> Slot<T> {
        self.make_blueprint(T::object_blueprint(size_bits))
    }

    /// An address where nothing is mapped, aligned to 2 MiB, that the tables of `vspace` cover down to the level
    /// of 2 MiB pages.
    pub fn address(&mut self) -> usize {
        let address = self.pages.start;
        self.pages.start += PAGE_STEP;
        assert!(self.pages.start <= self.pages.end, "out of addresses");
        address
    }

    /// Maps a frame into the root task, with the tables that it needs.
    pub fn map<T: sel4::CapTypeForFrameObject>(&mut self, frame: Cap<T>, rights: CapRights) -> usize {
        let address = self.address();
        self.map_at(slot::VSPACE.cap(), frame, address, rights);
        address
    }

    /// Maps a frame into an address space, with the tables that it needs.
    pub fn map_at<T: sel4::CapTypeForFrameObject>(
        &mut self,
        vspace: cap::VSpace,
        frame: Cap<T>,
        address: usize,
        rights: CapRights,
    ) {
        loop {
            match frame.frame_map(vspace, address, rights, VmAttributes::DEFAULT) {
                Ok(()) => return,
                Err(Error::FailedLookup) => {
                    let table = self.make::<cap_type::PT>().cap();
                    if let Err(error) = table.pt_map(vspace, address, VmAttributes::DEFAULT) {
                        panic!("cannot map a table for {address:#x}: {error}");
                    }
                }
                Err(error) => panic!("cannot map a frame at {address:#x}: {error}"),
            }
        }
    }
}

/// The slot as source or destination of a CNode invocation.
pub fn at<T: CapType>(slot: Slot<T>) -> AbsoluteCPtr {
    slot::CNODE.cap().absolute_cptr(slot.cptr())
}

/// Makes `count` objects in a row.
pub fn retype<T: CapType>(
    untyped: cap::Untyped,
    blueprint: ObjectBlueprint,
    first: Slot<T>,
    count: usize,
) -> Result<()> {
    untyped.untyped_retype(&blueprint, &slot::CNODE.cap().absolute_cptr_for_self(), first.index(), count)
}

/// An invocation as words: what the kernel answers.
pub fn invoke<T: CapType>(cap: Cap<T>, label: Word, caps: &[Word], words: &[Word]) -> Result<()> {
    with_ipc_buffer_mut(|buffer| {
        buffer.caps_or_badges_mut()[..caps.len()].copy_from_slice(caps);
        buffer.msg_regs_mut()[..words.len()].copy_from_slice(words);
    });
    let answer = cap.call(MessageInfo::new(label, 0, caps.len(), words.len()));
    match answer.label() {
        0 => Ok(()),
        label => Err(ERRORS.into_iter().find(|error| Word::from(error.into_sys()) == label).unwrap_or_else(|| {
            panic!("the kernel answers {label}, which is no error");
        })),
    }
}

const ERRORS: [Error; 10] = [
    Error::InvalidArgument,
    Error::InvalidCapability,
    Error::IllegalOperation,
    Error::RangeError,
    Error::AlignmentError,
    Error::FailedLookup,
    Error::TruncatedMessage,
    Error::DeleteFirst,
    Error::RevokeFirst,
    Error::NotEnoughMemory,
];

/// A label that no kernel knows.
pub const UNKNOWN_LABEL: Word = 0xffff;

/// Checks that an object refuses a label that it does not know and a message that is too short.
pub fn refuses<T: CapType>(kit: &mut Kit, case: &str, cap: Cap<T>, label: InvocationLabel) {
    kit.tally.check(case, invoke(cap, UNKNOWN_LABEL, &[], &[]), Err(Error::IllegalOperation));
    kit.tally.check(case, invoke(cap, label as Word, &[], &[]), Err(Error::TruncatedMessage));
}
