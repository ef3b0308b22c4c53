//! Memory, slots and addresses for the tests, from what the kernel gave.

use core::ops::Range;
use core::ptr::{self, NonNull};

use safe_mmio::UniqueMmioPointer;
use sel4::init_thread::{Slot, slot};
use sel4::{
    AbsoluteCPtr, BootInfoPtr, Cap, CapRights, CapType, CapTypeForFrameObject, CapTypeForObjectOfFixedSize,
    CapTypeForObjectOfVariableSize, Error, FrameObjectType, ObjectBlueprint, Result, VmAttributes, cap, cap_type,
};
use test_report::uart;

/// What objects are made of and where they go.
pub struct Memory {
    /// The largest untyped.
    pub untyped: cap::Untyped,
    slots: Range<usize>,
    pages: Range<usize>,
}

/// Where the tests map frames: nothing else is there.
const PAGES: Range<usize> = 0x10_0000_0000..0x20_0000_0000;
/// Bytes between two pages that are handed out, so that a large page fits.
const PAGE_STEP: usize = 0x20_0000;
/// Physical address of QEMU's first UART.
const UART: usize = 0x900_0000;

impl Memory {
    /// All that the kernel gave.
    pub fn new(boot_info: &BootInfoPtr) -> Self {
        let list = boot_info.untyped_list();
        let largest = boot_info.kernel_untyped_range().max_by_key(|i| list[*i].size_bits());
        let largest = largest.unwrap_or_else(|| panic!("no untyped memory"));
        Self { untyped: boot_info.untyped().index(largest).cap(), slots: boot_info.empty().range(), pages: PAGES }
    }

    /// Maps the UART.
    pub fn map_uart(&mut self, boot_info: &BootInfoPtr) -> UniqueMmioPointer<'static, uart::Registers> {
        let list = boot_info.untyped_list();
        let holds_uart = |i: &usize| list[*i].paddr() <= UART && UART - list[*i].paddr() < 1 << list[*i].size_bits();
        let device = boot_info.device_untyped_range().find(holds_uart).unwrap_or_else(|| panic!("no UART"));
        let untyped = boot_info.untyped().index(device).cap();
        let frame = self.carve(untyped, list[device].size_bits(), UART - list[device].paddr());
        let address = self.address();
        self.map_with(slot::VSPACE.cap(), frame, address, CapRights::read_write(), VmAttributes::NONE);
        let registers = NonNull::new(ptr::with_exposed_provenance_mut(address));
        // SAFETY: the device was just mapped there; nobody unmaps it, and nobody else of this task uses it.
        unsafe { UniqueMmioPointer::new(registers.unwrap_or_else(|| panic!("a page at address 0"))) }
    }

    /// The page at an offset in an untyped of which nothing is used yet: halves it until a page is left.
    fn carve(&mut self, mut untyped: cap::Untyped, size_bits: usize, offset: usize) -> cap::Granule {
        for size_bits in (FrameObjectType::SMALL_PAGE_BITS..size_bits).rev() {
            let halves = self.slots(2);
            let made = retype(untyped, ObjectBlueprint::Untyped { size_bits }, halves, 2);
            assert_eq!(made, Ok(()), "halve a device");
            untyped = Slot::from_index(halves.index() + (offset >> size_bits & 1)).cap();
        }
        let frame = self.slot();
        assert_eq!(retype(untyped, FrameObjectType::GRANULE.blueprint(), frame, 1), Ok(()), "make a device's frame");
        frame.cap()
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
    pub fn map<T: CapTypeForFrameObject>(&mut self, frame: Cap<T>, rights: CapRights) -> usize {
        let address = self.address();
        self.map_at(slot::VSPACE.cap(), frame, address, rights);
        address
    }

    /// Maps a frame into an address space as memory, with the tables that it needs.
    pub fn map_at<T: CapTypeForFrameObject>(
        &mut self,
        vspace: cap::VSpace,
        frame: Cap<T>,
        address: usize,
        rights: CapRights,
    ) {
        self.map_with(vspace, frame, address, rights, VmAttributes::DEFAULT);
    }

    fn map_with<T: CapTypeForFrameObject>(
        &mut self,
        vspace: cap::VSpace,
        frame: Cap<T>,
        address: usize,
        rights: CapRights,
        attributes: VmAttributes,
    ) {
        loop {
            match frame.frame_map(vspace, address, rights, attributes) {
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
