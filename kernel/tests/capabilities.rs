//! Capabilities through system calls: retype, copy, mint, move, delete, revoke, and the containers of containers.

mod common;

use common::{CNODE, FREE, Root, TCB, UNTYPED, UNTYPED_BITS, check_list};
use proptest::prelude::*;
use quoll_kernel_core::cap::Cap;
use sel4_abi::error::ErrorCode;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::CapRights;
use sel4_abi::object::ObjectType;

#[test]
fn retype_gives_empty_objects_and_their_capabilities() {
    let root = Root::new();
    root.retype(ObjectType::Endpoint, 0, FREE, 3);
    for index in 0..3 {
        assert!(matches!(root.cap(FREE + index), Cap::Endpoint { badge: 0, rights: CapRights::ALL, .. }));
    }
    let Cap::Untyped { free, .. } = root.cap(UNTYPED) else { panic!() };
    assert_eq!(free, 3 * 16);
}

#[test]
fn retype_errors_change_nothing() {
    let root = Root::new();
    root.retype(ObjectType::Endpoint, 0, FREE, 1);
    let before = root.cap(UNTYPED);
    let cases: [(&[u64], ErrorCode, &[u64]); 8] = [
        (&[99, 0, 0, 0, FREE + 1, 1], ErrorCode::InvalidArgument, &[0]),
        (&[4, 0, 0, 0, FREE + 1, 1], ErrorCode::InvalidArgument, &[1]),
        (&[0, 48, 0, 0, FREE + 1, 1], ErrorCode::RangeError, &[0, 47]),
        (&[2, 0, 0, 0, FREE + 1, 0], ErrorCode::RangeError, &[1, 256]),
        (&[2, 0, 0, 0, FREE + 1, 257], ErrorCode::RangeError, &[1, 256]),
        (&[2, 0, 0, 0, 4096, 1], ErrorCode::RangeError, &[0, 4095]),
        (&[2, 0, 0, 0, FREE, 1], ErrorCode::DeleteFirst, &[]),
        (&[0, 30, 0, 0, FREE + 1, 1], ErrorCode::NotEnoughMemory, &[(1 << UNTYPED_BITS) - 16]),
    ];
    for (words, code, details) in cases {
        let answer = root.call(UNTYPED, Label::UntypedRetype, words, &[CNODE]);
        assert_eq!((answer.label, &answer.words[..]), (code as u64, details), "{words:?}");
        assert_eq!(root.cap(UNTYPED), before);
    }
    let short = root.call(UNTYPED, Label::UntypedRetype, &[2, 0, 0], &[CNODE]);
    assert_eq!(short.label, ErrorCode::TruncatedMessage as u64);
    let no_cap = root.call(UNTYPED, Label::UntypedRetype, &[2, 0, 0, 0, FREE + 1, 1], &[]);
    assert_eq!(no_cap.label, ErrorCode::TruncatedMessage as u64);
    let wrong = root.call(UNTYPED, Label::TCBSuspend, &[], &[]);
    assert_eq!(wrong.label, ErrorCode::IllegalOperation as u64);
    let empty = root.call(FREE + 9, Label::TCBSuspend, &[], &[]);
    assert_eq!((empty.label, &empty.words[..]), (ErrorCode::InvalidCapability as u64, &[0][..]));
}

#[test]
fn memory_is_used_again_after_revocation_only() {
    let root = Root::new();
    root.retype(ObjectType::Untyped, UNTYPED_BITS - 1, FREE, 2);
    let full = root.call(UNTYPED, Label::UntypedRetype, &[2, 0, 0, 0, FREE + 5, 1], &[CNODE]);
    assert_eq!((full.label, &full.words[..]), (ErrorCode::NotEnoughMemory as u64, &[0][..]));
    root.delete(FREE);
    let full = root.call(UNTYPED, Label::UntypedRetype, &[2, 0, 0, 0, FREE + 5, 1], &[CNODE]);
    assert_eq!(full.label, ErrorCode::NotEnoughMemory as u64);
    root.revoke(UNTYPED);
    assert_eq!(root.cap(FREE + 1), Cap::Null);
    root.retype(ObjectType::Endpoint, 0, FREE + 5, 1);
}

#[test]
fn badges_are_siblings_and_are_revoked_with_their_original() {
    let root = Root::new();
    root.retype(ObjectType::Endpoint, 0, FREE, 1);
    root.mint(FREE, FREE + 1, 7);
    root.mint(FREE, FREE + 2, 8);
    assert_eq!(root.copy(FREE + 1, FREE + 3).label, 0);
    let again = root.call(CNODE, Label::CNodeMint, &[FREE + 4, 64, FREE + 1, 64, 15, 9], &[CNODE]);
    assert_eq!(again.label, ErrorCode::IllegalOperation as u64, "a badge is set once");
    root.revoke(FREE + 1);
    assert_eq!(root.cap(FREE + 3), Cap::Null, "the copy of a badged capability is its child");
    assert_ne!(root.cap(FREE + 2), Cap::Null, "the other badge is not");
    root.revoke(FREE);
    assert_eq!(root.cap(FREE + 1), Cap::Null);
    assert_ne!(root.cap(FREE), Cap::Null);
}

#[test]
fn lookup_errors_say_why() {
    let root = Root::new();
    root.retype(ObjectType::Endpoint, 0, FREE, 1);
    let missing = root.call(CNODE, Label::CNodeCopy, &[FREE + 1, 64, FREE + 2, 64, 15], &[CNODE]);
    assert_eq!((missing.label, &missing.words[..]), (ErrorCode::FailedLookup as u64, &[1, 2, 64][..]));
    let occupied = root.call(CNODE, Label::CNodeCopy, &[FREE, 64, FREE, 64, 15], &[CNODE]);
    assert_eq!(occupied.label, ErrorCode::DeleteFirst as u64);
    let depth = root.call(CNODE, Label::CNodeDelete, &[FREE, 65], &[]);
    assert_eq!((depth.label, &depth.words[..]), (ErrorCode::RangeError as u64, &[1, 64][..]));
    let guard = root.call(CNODE, Label::CNodeDelete, &[FREE, 20], &[]);
    assert_eq!((guard.label, &guard.words[..]), (ErrorCode::FailedLookup as u64, &[0, 4, 20, 0, 52][..]));
    let no_cnode = root.call(CNODE, Label::CNodeCopy, &[FREE + 1, 64, FREE, 64, 15], &[TCB]);
    assert_eq!((no_cnode.label, &no_cnode.words[..]), (ErrorCode::FailedLookup as u64, &[1, 1][..]));
}

#[test]
fn rights_only_shrink() {
    let root = Root::new();
    root.retype(ObjectType::Notification, 0, FREE, 1);
    root.ok(CNODE, Label::CNodeCopy, &[FREE + 1, 64, FREE, 64, 1], &[CNODE]);
    root.ok(CNODE, Label::CNodeCopy, &[FREE + 2, 64, FREE + 1, 64, 15], &[CNODE]);
    let Cap::Notification { rights, .. } = root.cap(FREE + 2) else { panic!() };
    assert_eq!(rights.to_word(), 1);
}

#[test]
fn rotate_moves_two_and_swaps() {
    let root = Root::new();
    root.retype(ObjectType::CNode, 2, FREE, 2);
    let (a, b) = (root.cap(FREE), root.cap(FREE + 1));
    root.ok(CNODE, Label::CNodeRotate, &[FREE + 2, 64, 0, FREE + 1, 64, 0, FREE, 64], &[CNODE, CNODE]);
    assert_eq!([root.cap(FREE), root.cap(FREE + 1), root.cap(FREE + 2)], [Cap::Null, a, b]);
    root.ok(CNODE, Label::CNodeRotate, &[FREE + 2, 64, 0, FREE + 1, 64, 0, FREE + 2, 64], &[CNODE, CNODE]);
    assert_eq!([root.cap(FREE + 1), root.cap(FREE + 2)], [b, a]);
    let same = root.call(CNODE, Label::CNodeRotate, &[FREE, 64, 0, FREE + 1, 64, 0, FREE + 1, 64], &[CNODE, CNODE]);
    assert_eq!(same.label, ErrorCode::IllegalOperation as u64);
    check_list(root.slot(UNTYPED));
}

/// CNodes that hold each other's last capability, and their own: revoking the untyped frees them all.
#[test]
fn cycles_of_cnodes_are_revoked() {
    let root = Root::new();
    root.retype(ObjectType::CNode, 2, FREE, 3);
    let addrs: Vec<_> =
        (0..3).map(|i| if let Cap::CNode { addr, .. } = root.cap(FREE + i) { addr } else { panic!() }).collect();
    for index in 0..3u64 {
        let dest = quoll_kernel::object::cnode::slot_in(addrs[(index as usize + 1) % 3], 3);
        let source = root.slot(FREE + index);
        quoll_kernel::object::slot::relocate(source, dest, source.cap());
    }
    root.revoke(UNTYPED);
    assert!(!root.slot(UNTYPED).has_children());
    root.retype(ObjectType::Untyped, UNTYPED_BITS, FREE, 1);
}

#[test]
fn a_thread_that_holds_its_own_cspace_is_deleted() {
    let root = Root::new();
    let thread = root.thread(FREE, 10, None);
    root.delete(FREE);
    assert_eq!(root.cap(FREE), Cap::Null);
    assert!(thread.tcb.slots.cspace.is_empty() && thread.tcb.slots.vspace.is_empty());
    check_list(root.slot(UNTYPED));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// CNodes whose capabilities are thrown into each other at random: everything comes back at revocation, and no slot
    /// of what is left points into freed memory.
    #[test]
    fn any_tangle_of_cnodes_is_revoked(moves in proptest::collection::vec((0u64..8, 0usize..8, 0u64..4), 1..40)) {
        let root = Root::new();
        root.retype(ObjectType::CNode, 2, FREE, 8);
        let addrs: Vec<_> = (0..8)
            .map(|i| if let Cap::CNode { addr, .. } = root.cap(FREE + i) { addr } else { panic!() })
            .collect();
        for (from, to, at) in moves {
            let dest = quoll_kernel::object::cnode::slot_in(addrs[to], at);
            let source = root.slot(FREE + from);
            if dest.is_empty() && !source.is_empty() {
                quoll_kernel::object::slot::relocate(source, dest, source.cap());
            }
        }
        for index in 0..8 {
            root.delete(FREE + index);
        }
        root.revoke(UNTYPED);
        prop_assert!(!root.slot(UNTYPED).has_children());
        for addr in addrs {
            for index in 0..4 {
                prop_assert!(quoll_kernel::object::cnode::slot_in(addr, index).is_empty());
            }
        }
    }
}
