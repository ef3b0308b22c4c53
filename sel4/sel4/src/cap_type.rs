//! Markers for the types of capabilities, and for classes of them.

use crate::{
    CapType, CapTypeForObject, CapTypeForObjectOfFixedSize, CapTypeForObjectOfVariableSize, ObjectBlueprint,
    ObjectBlueprintArch, ObjectBlueprintSeL4Arch, ObjectType, ObjectTypeArch, ObjectTypeSeL4Arch,
};

macro_rules! marker {
    ($(#[$outer:meta])* $t:ident) => {
        $(#[$outer])*
        #[derive(Debug, Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
        pub struct $t;

        impl CapType for $t {
            const NAME: &'static str = stringify!($t);
        }
    };
}

macro_rules! markers {
    ($($(#[$outer:meta])* $t:ident,)*) => { $(marker! { $(#[$outer])* $t })* };
}

/// Markers of objects that `Untyped_Retype` makes, all of one size.
macro_rules! fixed_size {
    ($($(#[$outer:meta])* $t:ident ($ty:ident, $blueprint:ident),)*) => { $(
        marker! { $(#[$outer])* $t }

        impl CapTypeForObject for $t {
            fn object_type() -> ObjectType {
                $ty::$t.into()
            }
        }

        impl CapTypeForObjectOfFixedSize for $t {
            fn object_blueprint() -> ObjectBlueprint {
                $blueprint::$t.into()
            }
        }
    )* };
}

/// Markers of objects that `Untyped_Retype` makes in a size that the user chooses.
macro_rules! variable_size {
    ($($(#[$outer:meta])* $t:ident,)*) => { $(
        marker! { $(#[$outer])* $t }

        impl CapTypeForObject for $t {
            fn object_type() -> ObjectType {
                ObjectType::$t
            }
        }

        impl CapTypeForObjectOfVariableSize for $t {
            fn object_blueprint(size_bits: usize) -> ObjectBlueprint {
                ObjectBlueprint::$t { size_bits }
            }
        }
    )* };
}

variable_size! {
    /// Memory that objects are made of.
    Untyped,
    /// A table of capabilities.
    CNode,
    /// CPU time: budget and period.
    SchedContext,
}

fixed_size! {
    /// A rendezvous point of IPC.
    Endpoint (ObjectType, ObjectBlueprint),
    /// A word of binary semaphores.
    Notification (ObjectType, ObjectBlueprint),
    /// A thread.
    Tcb (ObjectType, ObjectBlueprint),
    /// The right to answer one caller.
    Reply (ObjectType, ObjectBlueprint),
    /// A virtual CPU.
    VCpu (ObjectTypeArch, ObjectBlueprintArch),
    /// A frame of 4 KiB.
    SmallPage (ObjectTypeArch, ObjectBlueprintArch),
    /// A frame of 2 MiB.
    LargePage (ObjectTypeArch, ObjectBlueprintArch),
    /// A frame of 1 GiB.
    HugePage (ObjectTypeSeL4Arch, ObjectBlueprintSeL4Arch),
    /// An intermediate translation table.
    PT (ObjectTypeArch, ObjectBlueprintArch),
    /// The top of an address space.
    VSpace (ObjectTypeSeL4Arch, ObjectBlueprintSeL4Arch),
}

markers! {
    /// The authority to make IRQ handlers.
    IrqControl,
    /// The authority over one interrupt.
    IrqHandler,
    /// The authority to make ASID pools.
    AsidControl,
    /// A pool of address space identifiers.
    AsidPool,
    /// The authority over scheduling domains.
    DomainSet,
    /// The authority to give scheduling contexts time on one core.
    SchedControl,
    /// The authority to call the firmware.
    Smc,
    /// The right to send one software-generated interrupt.
    SgiSignal,
    /// No capability.
    Null,
    /// Any capability.
    Unspecified,
    /// Any frame.
    UnspecifiedPage,
    /// Any translation table below a VSpace.
    UnspecifiedIntermediateTranslationTable,
}

/// The smallest frame.
pub type Granule = SmallPage;
