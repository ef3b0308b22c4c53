//! The derivation tree, as far as it can be decided from two capabilities. The tree itself is a doubly linked list of
//! slots in preorder: a slot is followed by its descendants. Whether a slot is an ancestor of one behind it follows from
//! the two capabilities and two flags, so no depth is stored (seL4 manual, section 3.1.4).

use crate::cap::Cap;

/// What a slot's derivation node says beside its neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// An original: capabilities derived from it are its children. A copy is no parent.
    pub revocable: bool,
    /// Badged itself, so that others of the same badge are its copies but a badge above it is not its own.
    pub first_badged: bool,
}

impl Flags {
    /// Of the capability that comes with a new object.
    pub const ORIGINAL: Self = Self { revocable: true, first_badged: true };
}

/// A range of physical addresses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Region {
    first: u64,
    last: u64,
}

impl Region {
    const fn sized(first: u64, bits: u32) -> Self {
        Self { first, last: first + ((1 << bits) - 1) }
    }

    const fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// The memory of the object that a capability names, as far as containment in an untyped is asked. Of objects whose size
/// their type fixes, the first byte is enough: objects lie in an untyped whole or not at all.
fn region(cap: &Cap) -> Option<Region> {
    let byte = |addr: crate::cap::Addr| Some(Region::sized(addr.get(), 0));
    match *cap {
        Cap::Untyped { addr, size_bits, .. } => Some(Region::sized(addr.get(), size_bits)),
        Cap::Frame { addr, size, .. } => Some(Region::sized(addr.get(), size.bits())),
        Cap::CNode { addr, .. }
        | Cap::Endpoint { addr, .. }
        | Cap::Notification { addr, .. }
        | Cap::Reply { addr, .. }
        | Cap::Thread { addr }
        | Cap::SchedContext { addr, .. }
        | Cap::AsidPool { addr, .. }
        | Cap::VSpace { addr, .. }
        | Cap::PageTable { addr, .. }
        | Cap::VCpu { addr, .. } => byte(addr),
        Cap::Zombie(zombie) => byte(zombie.slots),
        Cap::Null
        | Cap::SchedControl { .. }
        | Cap::IrqControl
        | Cap::IrqHandler { .. }
        | Cap::SgiSignal { .. }
        | Cap::Domain
        | Cap::AsidControl
        | Cap::Smc { .. } => None,
    }
}

/// Whether both capabilities name the same object, so that the object lives on while one of them is left.
pub fn same_object(a: &Cap, b: &Cap) -> bool {
    match (a, b) {
        (Cap::Untyped { .. } | Cap::Zombie(_), _) | (_, Cap::Untyped { .. } | Cap::Zombie(_)) => false,
        (Cap::IrqHandler { irq: a }, Cap::IrqHandler { irq: b }) => a == b,
        (Cap::SgiSignal { irq: a, target: on_a }, Cap::SgiSignal { irq: b, target: on_b }) => a == b && on_a == on_b,
        (Cap::SchedControl { core: a }, Cap::SchedControl { core: b }) => a == b,
        (Cap::Smc { .. }, Cap::Smc { .. })
        | (Cap::IrqControl, Cap::IrqControl)
        | (Cap::Domain, Cap::Domain)
        | (Cap::AsidControl, Cap::AsidControl) => true,
        _ => {
            let same_type = core::mem::discriminant(a) == core::mem::discriminant(b);
            let (a, b) = (region(a), region(b));
            same_type && a.is_some() && a == b
        }
    }
}

/// Whether `b` may be derived from `a` as far as the objects go: the same object, memory of the untyped, a handler of the
/// interrupt control.
fn covers(a: &Cap, b: &Cap) -> bool {
    match (a, b) {
        (Cap::Untyped { .. }, _) => matches!((region(a), region(b)), (Some(a), Some(b)) if a.contains(b)),
        (Cap::IrqControl, Cap::IrqHandler { .. } | Cap::SgiSignal { .. }) => true,
        _ => same_object(a, b),
    }
}

/// Whether slot `a` is an ancestor of slot `b`, which stands behind it in the list.
pub fn is_parent(a: &Cap, a_flags: Flags, b: &Cap, b_flags: Flags) -> bool {
    if !a_flags.revocable || !covers(a, b) {
        return false;
    }
    match (a, b) {
        (Cap::Endpoint { badge, .. }, Cap::Endpoint { badge: child, .. })
        | (Cap::Notification { badge, .. }, Cap::Notification { badge: child, .. })
        | (Cap::Smc { badge }, Cap::Smc { badge: child }) => *badge == 0 || (badge == child && !b_flags.first_badged),
        _ => true,
    }
}

/// The flags of `new`, derived from `source`: an original if it differs in a way that later allows it to be told from
/// its source (a fresh badge, an untyped, a handler made by the interrupt control), else a copy.
pub fn derived_flags(new: &Cap, source: &Cap) -> Flags {
    let original = match (new, source) {
        (Cap::Endpoint { badge: a, .. }, Cap::Endpoint { badge: b, .. })
        | (Cap::Notification { badge: a, .. }, Cap::Notification { badge: b, .. })
        | (Cap::Smc { badge: a }, Cap::Smc { badge: b }) => a != b,
        (Cap::IrqHandler { .. } | Cap::SgiSignal { .. }, Cap::IrqControl) | (Cap::Untyped { .. }, _) => true,
        _ => false,
    };
    Flags { revocable: original, first_badged: original }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cap::tests::any_cap;
    use crate::cap::{Addr, FrameSize};
    use proptest::prelude::*;
    use sel4_abi::message::CapRights;

    const COPY: Flags = Flags { revocable: false, first_badged: false };

    fn endpoint(badge: u64) -> Cap {
        Cap::Endpoint { addr: Addr::new(0x1000), badge, rights: CapRights::ALL }
    }

    fn untyped(addr: u64, size_bits: u32) -> Cap {
        Cap::Untyped { addr: Addr::new(addr), size_bits, device: false, free: 0, cleared: 0 }
    }

    proptest! {
        #[test]
        fn a_copy_is_nobodys_parent(a in any_cap(), b in any_cap()) {
            prop_assert!(!is_parent(&a, COPY, &b, COPY));
        }

        #[test]
        fn same_object_is_symmetric(a in any_cap(), b in any_cap()) {
            prop_assert_eq!(same_object(&a, &b), same_object(&b, &a));
        }

        #[test]
        fn untyped_covers_by_containment(base in 0u64..64, bits in 4u32..20, other in 0u64..64, other_bits in 4u32..20) {
            let (a, b) = (base << bits, other << other_bits);
            let inside = a <= b && b + (1 << other_bits) <= a + (1 << bits);
            let parent = is_parent(&untyped(a, bits), Flags::ORIGINAL, &untyped(b, other_bits), Flags::ORIGINAL);
            prop_assert_eq!(parent, inside);
        }
    }

    #[test]
    fn badges() {
        let parent = |a, a_flags, b, b_flags| is_parent(&endpoint(a), a_flags, &endpoint(b), b_flags);
        assert!(parent(0, Flags::ORIGINAL, 5, Flags::ORIGINAL));
        assert!(parent(5, Flags::ORIGINAL, 5, COPY), "a copy of a badged capability is its child");
        assert!(!parent(5, Flags::ORIGINAL, 5, Flags::ORIGINAL), "minted twice with one badge: siblings");
        assert!(!parent(5, Flags::ORIGINAL, 6, COPY));
        assert_eq!(derived_flags(&endpoint(7), &endpoint(0)), Flags::ORIGINAL);
        assert_eq!(derived_flags(&endpoint(7), &endpoint(7)), COPY);
    }

    #[test]
    fn frames_of_another_size_are_other_objects() {
        let frame =
            |size| Cap::Frame { addr: Addr::new(1 << 30), size, rights: CapRights::ALL, device: false, mapping: None };
        assert!(same_object(&frame(FrameSize::Small), &frame(FrameSize::Small)));
        assert!(!same_object(&frame(FrameSize::Small), &frame(FrameSize::Large)));
        assert!(is_parent(&untyped(1 << 30, 21), Flags::ORIGINAL, &frame(FrameSize::Large), Flags::ORIGINAL));
        assert!(!is_parent(&untyped(1 << 30, 20), Flags::ORIGINAL, &frame(FrameSize::Large), Flags::ORIGINAL));
    }

    #[test]
    fn interrupts() {
        let handler = Cap::IrqHandler { irq: 33 };
        assert!(is_parent(&Cap::IrqControl, Flags::ORIGINAL, &handler, Flags::ORIGINAL));
        assert!(!same_object(&Cap::IrqControl, &handler));
        assert_eq!(derived_flags(&handler, &Cap::IrqControl), Flags::ORIGINAL);
    }
}
