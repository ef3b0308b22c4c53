//! The derivation tree against a model: random retypes, copies, mints, moves, deletions and revocations by system call,
//! beside a plain tree of parents. After each step every slot must hold what the model says, and have children exactly
//! when the model says so.

mod common;

use common::{CNODE, FREE, Root, UNTYPED, check_list};
use proptest::prelude::*;
use quoll_kernel_core::cap::Cap;
use sel4_abi::error::ErrorCode;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::CapRights;
use sel4_abi::object::ObjectType;

/// Slots that take part.
const SLOTS: u64 = 12;
/// log2 of the size of untypeds that are made.
const SMALL_UNTYPED: u32 = 10;

/// What a slot holds, in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Endpoint { badge: u64 },
    Untyped,
}

/// A capability in the model. An original has what is derived from it as children; what is derived from a copy has the
/// copy's own parent.
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    original: bool,
    /// The slot of the parent; none is the untyped from which all memory comes.
    parent: Option<u64>,
}

#[derive(Debug, Default)]
struct Model {
    slots: [Option<Node>; SLOTS as usize],
}

impl Model {
    fn get(&self, slot: u64) -> Option<Node> {
        self.slots[slot as usize]
    }

    fn children(&self, parent: Option<u64>) -> Vec<u64> {
        (0..SLOTS).filter(|slot| self.get(*slot).is_some_and(|node| node.parent == parent)).collect()
    }

    fn put(&mut self, slot: u64, node: Node) {
        self.slots[slot as usize] = Some(node);
    }

    fn derived_from(&self, source: u64, kind: Kind, original: bool) -> Option<Node> {
        let node = self.get(source)?;
        let parent = if node.original { Some(source) } else { node.parent };
        Some(Node { kind, original, parent })
    }

    fn adopt(&mut self, old: Option<u64>, new: Option<u64>) {
        for child in self.children(old) {
            if let Some(node) = &mut self.slots[child as usize] {
                node.parent = new;
            }
        }
    }

    fn delete(&mut self, slot: u64) {
        if let Some(node) = self.slots[slot as usize].take() {
            self.adopt(Some(slot), node.parent);
        }
    }

    fn revoke(&mut self, parent: Option<u64>) {
        for child in self.children(parent) {
            self.revoke(Some(child));
            self.slots[child as usize] = None;
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    MakeEndpoint { from: Option<u64>, to: u64 },
    MakeUntyped { to: u64 },
    Copy { from: u64, to: u64 },
    Mint { from: u64, to: u64, badge: u64 },
    Move { from: u64, to: u64 },
    Delete { slot: u64 },
    Revoke { slot: Option<u64> },
}

fn any_step() -> impl Strategy<Value = Step> {
    let slot = || 0..SLOTS;
    prop_oneof![
        3 => (proptest::option::of(slot()), slot()).prop_map(|(from, to)| Step::MakeEndpoint { from, to }),
        1 => slot().prop_map(|to| Step::MakeUntyped { to }),
        5 => (slot(), slot()).prop_map(|(from, to)| Step::Copy { from, to }),
        5 => (slot(), slot(), 0u64..3).prop_map(|(from, to, badge)| Step::Mint { from, to, badge }),
        2 => (slot(), slot()).prop_map(|(from, to)| Step::Move { from, to }),
        2 => slot().prop_map(|slot| Step::Delete { slot }),
        1 => proptest::option::weighted(0.9, slot()).prop_map(|slot| Step::Revoke { slot }),
    ]
}

fn cptr(slot: u64) -> u64 {
    FREE + slot
}

/// Makes an object in the kernel and, if the kernel took it, in the model.
fn retype(root: &Root, model: &mut Model, from: Option<u64>, to: u64, object: ObjectType, size: u32, kind: Kind) {
    let untyped = from.map_or(UNTYPED, cptr);
    let words = [object as u64, u64::from(size), 0, 0, cptr(to), 1];
    let label = root.call(untyped, Label::UntypedRetype, &words, &[CNODE]).label;
    let possible = from.is_none_or(|slot| model.get(slot).is_some_and(|node| node.kind == Kind::Untyped));
    if model.get(to).is_some() || !possible {
        assert_ne!(label, 0, "made in a full slot, or of no memory");
    } else if label == 0 {
        model.put(to, Node { kind, original: true, parent: from });
    } else {
        assert_eq!(label, ErrorCode::NotEnoughMemory as u64);
    }
}

/// A copy or a mint: what the model says of it must be what the kernel does.
fn derive(root: &Root, model: &mut Model, from: u64, to: u64, badge: Option<u64>) {
    let rights = CapRights::ALL.to_word();
    let label = match badge {
        None => root.copy(cptr(from), cptr(to)).label,
        Some(badge) => {
            root.call(CNODE, Label::CNodeMint, &[cptr(to), 64, cptr(from), 64, rights, badge], &[CNODE]).label
        }
    };
    let new = match (model.get(from).map(|node| node.kind), badge) {
        (Some(Kind::Endpoint { badge: 0 }), Some(badge)) => {
            model.derived_from(from, Kind::Endpoint { badge }, badge != 0)
        }
        (Some(Kind::Endpoint { badge }), None) => model.derived_from(from, Kind::Endpoint { badge }, false),
        // A copied untyped is an original, and there is none of one that has children.
        (Some(Kind::Untyped), _) if model.children(Some(from)).is_empty() => {
            model.derived_from(from, Kind::Untyped, true)
        }
        _ => None,
    };
    match new.filter(|_| model.get(to).is_none()) {
        Some(node) => {
            assert_eq!(label, 0, "refused");
            model.put(to, node);
        }
        None => assert_ne!(label, 0, "allowed"),
    }
}

fn take_step(root: &Root, model: &mut Model, step: Step) {
    match step {
        // To call an endpoint is to wait for its receiver.
        Step::MakeEndpoint { from: Some(from), .. }
            if model.get(from).is_some_and(|node| node.kind != Kind::Untyped) => {}
        Step::MakeEndpoint { from, to } => {
            retype(root, model, from, to, ObjectType::Endpoint, 0, Kind::Endpoint { badge: 0 });
        }
        Step::MakeUntyped { to } => {
            retype(root, model, None, to, ObjectType::Untyped, SMALL_UNTYPED, Kind::Untyped);
        }
        Step::Copy { from, to } => derive(root, model, from, to, None),
        Step::Mint { from, to, badge } => derive(root, model, from, to, Some(badge)),
        Step::Move { from, to } => {
            let label = root.call(CNODE, Label::CNodeMove, &[cptr(to), 64, cptr(from), 64], &[CNODE]).label;
            match model.get(from) {
                Some(node) if model.get(to).is_none() => {
                    assert_eq!(label, 0);
                    model.slots[from as usize] = None;
                    model.adopt(Some(from), Some(to));
                    model.put(to, node);
                }
                _ => assert_ne!(label, 0),
            }
        }
        Step::Delete { slot } => {
            root.delete(cptr(slot));
            model.delete(slot);
        }
        Step::Revoke { slot } => {
            root.revoke(slot.map_or(UNTYPED, cptr));
            if slot.is_none_or(|slot| model.get(slot).is_some()) {
                model.revoke(slot);
            }
        }
    }
}

fn compare(root: &Root, model: &Model) -> Result<(), TestCaseError> {
    for slot in 0..SLOTS {
        let held = match root.cap(cptr(slot)) {
            Cap::Null => None,
            Cap::Endpoint { badge, .. } => Some(Kind::Endpoint { badge }),
            Cap::Untyped { .. } => Some(Kind::Untyped),
            other => return Err(TestCaseError::fail(format!("slot {slot} holds {other:?}"))),
        };
        prop_assert_eq!(held, model.get(slot).map(|node| node.kind), "slot {}", slot);
        let has_children = held.is_some() && root.slot(cptr(slot)).has_children();
        prop_assert_eq!(has_children, !model.children(Some(slot)).is_empty(), "children of slot {}", slot);
    }
    prop_assert_eq!(root.slot(UNTYPED).has_children(), model.slots.iter().any(Option::is_some));
    check_list(root.slot(UNTYPED));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_tree_is_the_models(steps in proptest::collection::vec(any_step(), 1..60)) {
        let root = Root::new();
        let mut model = Model::default();
        for step in steps {
            take_step(&root, &mut model, step);
            compare(&root, &model)?;
        }
    }
}
