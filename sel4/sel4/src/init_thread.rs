//! The root task's own CSpace: one CNode whose slot number is the capability pointer.

use core::marker::PhantomData;
use core::ops::Range;

use crate::{CPtr, CPtrBits, Cap, CapType, cap_type, sys};

/// A slot of the root task's CNode.
#[derive(Debug, Copy, Clone, Ord, PartialOrd, Eq, PartialEq, Hash)]
pub struct Slot<T: CapType = cap_type::Unspecified> {
    index: usize,
    _phantom: PhantomData<T>,
}

impl<T: CapType> Slot<T> {
    /// The slot with this number.
    pub const fn from_index(index: usize) -> Self {
        Self { index, _phantom: PhantomData }
    }

    /// Its number.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The pointer to it.
    pub const fn cptr_bits(&self) -> CPtrBits {
        self.index as CPtrBits
    }

    /// The pointer to it.
    pub const fn cptr(&self) -> CPtr {
        CPtr::from_bits(self.cptr_bits())
    }

    /// The capability in it.
    pub const fn cap(&self) -> Cap<T> {
        self.cptr().cast()
    }

    /// The same slot, taken to hold a `T1`.
    pub const fn cast<T1: CapType>(&self) -> Slot<T1> {
        Slot::from_index(self.index)
    }

    /// The same slot, of unspecified type.
    pub const fn upcast(&self) -> Slot {
        self.cast()
    }
}

impl Slot {
    /// The same slot, taken to hold a `T`.
    pub const fn downcast<T: CapType>(&self) -> Slot<T> {
        self.cast()
    }
}

/// Slots in a row (`seL4_SlotRegion`).
#[derive(Debug, Clone, Eq, PartialEq)]
pub struct SlotRegion<T: CapType> {
    range: Range<usize>,
    _phantom: PhantomData<T>,
}

impl<T: CapType> SlotRegion<T> {
    pub(crate) const fn from_sys(region: sys::seL4_SlotRegion) -> Self {
        Self { range: region.start as usize..region.end as usize, _phantom: PhantomData }
    }

    /// Number of the first slot.
    pub const fn start(&self) -> usize {
        self.range.start
    }

    /// Number after that of the last slot.
    pub const fn end(&self) -> usize {
        self.range.end
    }

    /// The slots' numbers.
    pub const fn range(&self) -> Range<usize> {
        self.start()..self.end()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there is none.
    #[cfg(not(sel4_plain))]
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The `i`th slot.
    ///
    /// # Panics
    ///
    /// When there are not that many.
    pub fn index(&self, i: usize) -> Slot<T> {
        assert!(i < self.len());
        Slot::from_index(self.range.start + i)
    }
}

/// Slots that the kernel fills (`seL4_RootCNodeCapSlots`).
pub mod slot {
    use super::Slot;
    use crate::abi::bootinfo::InitialCap;
    use crate::cap_type;

    macro_rules! slots {
        ($($(#[$outer:meta])* $name:ident: $ty:ident = $abi:ident,)*) => { $(
            $(#[$outer])*
            pub const $name: Slot<cap_type::$ty> = Slot::from_index(InitialCap::$abi as usize);
        )* };
    }

    slots! {
        /// Nothing.
        NULL: Null = Null,
        /// The root task's thread.
        TCB: Tcb = InitThreadTcb,
        /// The root task's CNode.
        CNODE: CNode = InitThreadCNode,
        /// The root task's address space.
        VSPACE: VSpace = InitThreadVSpace,
        /// Interrupts.
        IRQ_CONTROL: IrqControl = IrqControl,
        /// ASID pools.
        ASID_CONTROL: AsidControl = AsidControl,
        /// The root task's ASID pool.
        ASID_POOL: AsidPool = InitThreadAsidPool,
        /// Not on Arm.
        IO_PORT_CONTROL: Null = IoPortControl,
        /// The frame of the boot info.
        BOOT_INFO_FRAME: Granule = BootInfoFrame,
        /// The frame of the root task's IPC buffer.
        IPC_BUFFER: Granule = InitThreadIpcBuffer,
        /// Scheduling domains.
        DOMAIN_SET: DomainSet = Domain,
        /// The root task's scheduling context.
        SC: SchedContext = InitThreadSc,
        /// Calls of the firmware.
        SMC: Smc = Smc,
    }
}

/// Suspends the root task.
///
/// # Panics
///
/// When the kernel refuses, or another thread resumes it.
pub fn suspend_self<T>() -> T {
    let result = slot::TCB.cap().tcb_suspend();
    unreachable!("the suspended initial thread runs: {result:?}")
}
