//! Kinds of kernel objects and descriptions of those to make: arguments of `Untyped_Retype`.

use crate::abi::object::{self, ObjectType as Number};
use crate::{CapType, Word};

/// Smallest size of a scheduling context, log2 of bytes.
#[cfg(not(sel4_plain))]
pub const MIN_SCHED_CONTEXT_BITS: usize = object::MIN_SCHED_CONTEXT_BITS as usize;

/// Kind of a kernel object (`seL4_ObjectType`).
#[derive(Debug, Clone, Eq, PartialEq)]
#[cfg_attr(not(sel4_plain), derive(Copy))]
pub enum ObjectType {
    /// Memory.
    Untyped,
    /// Endpoint.
    Endpoint,
    /// Notification.
    Notification,
    /// Table of capabilities.
    CNode,
    /// Thread.
    Tcb,
    /// Scheduling context.
    SchedContext,
    /// Reply object.
    Reply,
    /// An object of this architecture.
    Arch(ObjectTypeArch),
}

/// Objects of Arm machines.
pub type ObjectTypeArch = ObjectTypeArm;
/// Objects of the 64-bit ones among them.
pub type ObjectTypeSeL4Arch = ObjectTypeAArch64;

/// Kind of a kernel object that Arm machines have.
#[derive(Debug, Clone, Eq, PartialEq)]
#[cfg_attr(not(sel4_plain), derive(Copy))]
pub enum ObjectTypeArm {
    /// 4 KiB frame.
    SmallPage,
    /// 2 MiB frame.
    LargePage,
    /// Translation table.
    PT,
    /// Virtual CPU.
    VCpu,
    /// An object of AArch64.
    SeL4Arch(ObjectTypeSeL4Arch),
}

/// Kind of a kernel object that AArch64 has.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum ObjectTypeAArch64 {
    /// 1 GiB frame.
    HugePage,
    /// Top of an address space.
    VSpace,
}

impl ObjectType {
    const fn number(self) -> Number {
        match self {
            Self::Untyped => Number::Untyped,
            Self::Endpoint => Number::Endpoint,
            Self::Notification => Number::Notification,
            Self::CNode => Number::CNode,
            Self::Tcb => Number::Tcb,
            Self::SchedContext => Number::SchedContext,
            Self::Reply => Number::Reply,
            Self::Arch(ObjectTypeArm::SmallPage) => Number::SmallPage,
            Self::Arch(ObjectTypeArm::LargePage) => Number::LargePage,
            Self::Arch(ObjectTypeArm::PT) => Number::PageTable,
            Self::Arch(ObjectTypeArm::VCpu) => Number::VCpu,
            Self::Arch(ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::HugePage)) => Number::HugePage,
            Self::Arch(ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::VSpace)) => Number::VSpace,
        }
    }

    /// The number that the kernel takes.
    pub const fn into_sys(self) -> Word {
        self.number() as Word
    }
}

impl From<ObjectTypeArch> for ObjectType {
    fn from(ty: ObjectTypeArch) -> Self {
        Self::Arch(ty)
    }
}

impl From<ObjectTypeSeL4Arch> for ObjectTypeArch {
    fn from(ty: ObjectTypeSeL4Arch) -> Self {
        Self::SeL4Arch(ty)
    }
}

impl From<ObjectTypeSeL4Arch> for ObjectType {
    fn from(ty: ObjectTypeSeL4Arch) -> Self {
        Self::Arch(ty.into())
    }
}

/// An object to make: its kind and, where it can be chosen, its size.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectBlueprint {
    /// Memory of `2^size_bits` bytes.
    Untyped {
        /// log2 of bytes.
        size_bits: usize,
    },
    /// Endpoint.
    Endpoint,
    /// Notification.
    Notification,
    /// Table of `2^size_bits` capabilities.
    CNode {
        /// log2 of slots.
        size_bits: usize,
    },
    /// Thread.
    Tcb,
    /// Scheduling context of `2^size_bits` bytes.
    SchedContext {
        /// log2 of bytes, at least `MIN_SCHED_CONTEXT_BITS`.
        size_bits: usize,
    },
    /// Reply object.
    Reply,
    /// An object of this architecture.
    Arch(ObjectBlueprintArch),
}

/// Objects of Arm machines.
pub type ObjectBlueprintArch = ObjectBlueprintArm;
/// Objects of the 64-bit ones among them.
pub type ObjectBlueprintSeL4Arch = ObjectBlueprintAArch64;

/// An object to make that Arm machines have.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectBlueprintArm {
    /// 4 KiB frame.
    SmallPage,
    /// 2 MiB frame.
    LargePage,
    /// Translation table.
    PT,
    /// Virtual CPU.
    VCpu,
    /// An object of AArch64.
    SeL4Arch(ObjectBlueprintSeL4Arch),
}

/// An object to make that AArch64 has.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectBlueprintAArch64 {
    /// 1 GiB frame.
    HugePage,
    /// Top of an address space.
    VSpace,
}

impl ObjectBlueprint {
    /// Its kind.
    pub const fn ty(self) -> ObjectType {
        match self {
            Self::Untyped { .. } => ObjectType::Untyped,
            Self::Endpoint => ObjectType::Endpoint,
            Self::Notification => ObjectType::Notification,
            Self::CNode { .. } => ObjectType::CNode,
            Self::Tcb => ObjectType::Tcb,
            Self::SchedContext { .. } => ObjectType::SchedContext,
            Self::Reply => ObjectType::Reply,
            Self::Arch(arch) => ObjectType::Arch(arch.ty()),
        }
    }

    /// The size argument of `Untyped_Retype`, if the kind has one.
    pub const fn api_size_bits(self) -> Option<usize> {
        match self {
            Self::Untyped { size_bits } | Self::CNode { size_bits } | Self::SchedContext { size_bits } => {
                Some(size_bits)
            }
            _ => None,
        }
    }

    /// log2 of the bytes of memory that the object takes.
    pub const fn physical_size_bits(self) -> usize {
        let size_bits = match self.api_size_bits() {
            Some(size_bits) => size_bits as u32,
            None => 0,
        };
        self.ty().number().size_bits(size_bits) as usize
    }

    /// The untyped that `ASIDControl_MakePool` takes.
    pub const fn asid_pool() -> Self {
        Self::Untyped { size_bits: object::ASID_POOL_BITS as usize }
    }
}

impl ObjectBlueprintArm {
    const fn ty(self) -> ObjectTypeArch {
        match self {
            Self::SmallPage => ObjectTypeArm::SmallPage,
            Self::LargePage => ObjectTypeArm::LargePage,
            Self::PT => ObjectTypeArm::PT,
            Self::VCpu => ObjectTypeArm::VCpu,
            Self::SeL4Arch(ObjectBlueprintAArch64::HugePage) => ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::HugePage),
            Self::SeL4Arch(ObjectBlueprintAArch64::VSpace) => ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::VSpace),
        }
    }
}

impl From<ObjectBlueprintArch> for ObjectBlueprint {
    fn from(blueprint: ObjectBlueprintArch) -> Self {
        Self::Arch(blueprint)
    }
}

impl From<ObjectBlueprintSeL4Arch> for ObjectBlueprintArch {
    fn from(blueprint: ObjectBlueprintSeL4Arch) -> Self {
        Self::SeL4Arch(blueprint)
    }
}

impl From<ObjectBlueprintSeL4Arch> for ObjectBlueprint {
    fn from(blueprint: ObjectBlueprintSeL4Arch) -> Self {
        Self::Arch(blueprint.into())
    }
}

/// A capability type that is one to an object which `Untyped_Retype` makes.
pub trait CapTypeForObject: CapType {
    /// The object's kind.
    fn object_type() -> ObjectType;
}

/// Such a type whose objects have one size.
pub trait CapTypeForObjectOfFixedSize: CapTypeForObject {
    /// The object to make.
    fn object_blueprint() -> ObjectBlueprint;
}

/// Such a type whose objects have a size that is chosen.
pub trait CapTypeForObjectOfVariableSize: CapTypeForObject {
    /// The object to make, in this size (see [`ObjectBlueprint`]).
    fn object_blueprint(size_bits: usize) -> ObjectBlueprint;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cap_type;

    #[test]
    fn sizes_in_memory() {
        assert_eq!(ObjectBlueprint::CNode { size_bits: 9 }.physical_size_bits(), 14);
        assert_eq!(ObjectBlueprint::SchedContext { size_bits: 8 }.physical_size_bits(), 8);
        assert_eq!(cap_type::HugePage::object_blueprint().physical_size_bits(), 30);
        assert_eq!(cap_type::VSpace::object_blueprint().physical_size_bits(), 13);
        assert_eq!(ObjectBlueprint::asid_pool().api_size_bits(), Some(12));
    }

    #[test]
    fn markers_and_blueprints_agree() {
        assert_eq!(cap_type::PT::object_blueprint().ty(), cap_type::PT::object_type());
        assert_eq!(cap_type::VCpu::object_blueprint().ty(), cap_type::VCpu::object_type());
        assert_eq!(cap_type::Tcb::object_blueprint().api_size_bits(), None);
        assert_eq!(cap_type::CNode::object_blueprint(4).api_size_bits(), Some(4));
    }
}
