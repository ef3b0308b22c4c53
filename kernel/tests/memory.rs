//! Address spaces through system calls: ASIDs, tables, frames, and what their deletion leaves.

mod common;

use common::{CNODE, FREE, Root, UNTYPED, hardware};
use quoll_kernel::mem::Ref;
use quoll_kernel::object::cnode::slot_in;
use quoll_kernel::object::{asid, slot, vspace};
use quoll_kernel::trap;
use quoll_kernel_core::cap::{Cap, Mapping};
use quoll_kernel_core::stage2::{Kind, Level};
use sel4_abi::error::ErrorCode;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::message::CapRights;
use sel4_abi::object::{ObjectType, USER_TOP, vm_attributes};
use sel4_abi::syscall::Syscall;

const ASID_CONTROL: u64 = 10;
const POOL: u64 = 11;
const SPACE: u64 = 12;
const TABLE_2: u64 = 13;
const TABLE_3: u64 = 14;
const PAGE: u64 = 15;
const ALL: u64 = 3;
const VADDR: u64 = 0x4020_3000;

/// A machine with an empty address space that has an ASID.
fn machine() -> Root {
    let root = Root::new();
    slot::insert_root(slot_in(root.cnode, ASID_CONTROL), Cap::AsidControl);
    root.retype(ObjectType::Untyped, 12, FREE, 1);
    root.ok(ASID_CONTROL, Label::ARMASIDControlMakePool, &[POOL, 64], &[FREE, CNODE]);
    root.retype(ObjectType::VSpace, 0, SPACE, 1);
    root.ok(POOL, Label::ARMASIDPoolAssign, &[], &[SPACE]);
    root
}

/// The same with tables down to the last level at [`VADDR`], and a frame.
fn machine_with_tables() -> Root {
    let root = machine();
    root.retype(ObjectType::PageTable, 0, TABLE_2, 2);
    root.retype(ObjectType::SmallPage, 0, PAGE, 1);
    for table in [TABLE_2, TABLE_3] {
        root.ok(table, Label::ARMPageTableMap, &[VADDR, vm_attributes::DEFAULT], &[SPACE]);
    }
    root
}

fn map(root: &Root, page: u64, vaddr: u64) -> u64 {
    root.call(page, Label::ARMPageMap, &[vaddr, ALL, vm_attributes::DEFAULT], &[SPACE]).label
}

/// What the processor would find at an address.
fn translate(root: &Root, vaddr: u64) -> Option<(u64, Level)> {
    let Cap::VSpace { addr, .. } = root.cap(SPACE) else { panic!("no address space") };
    let place = vspace::walk(addr, vaddr);
    match place.entry.get().kind(place.level) {
        Kind::Leaf(frame) => Some((frame, place.level)),
        _ => None,
    }
}

fn frame_addr(root: &Root, cptr: u64) -> u64 {
    let Cap::Frame { addr, .. } = root.cap(cptr) else { panic!("no frame") };
    addr.get()
}

fn mapping(root: &Root, cptr: u64) -> Option<Mapping> {
    match root.cap(cptr) {
        Cap::Frame { mapping, .. } | Cap::PageTable { mapping, .. } => mapping,
        other => panic!("{other:?} is not mapped"),
    }
}

#[test]
fn a_page_is_mapped_where_it_was_asked_for_and_unmapped() {
    let root = machine_with_tables();
    assert_eq!(map(&root, PAGE, VADDR), 0);
    assert_eq!(translate(&root, VADDR), Some((frame_addr(&root, PAGE), Level::Three)));
    assert_eq!(translate(&root, VADDR + 0x1000), None);
    assert_eq!(root.ok(PAGE, Label::ARMPageGetAddress, &[], &[]), [frame_addr(&root, PAGE)]);
    root.ok(PAGE, Label::ARMPageUnmap, &[], &[]);
    assert_eq!(translate(&root, VADDR), None);
    assert_eq!(mapping(&root, PAGE), None);
    assert_eq!(map(&root, PAGE, VADDR + 0x1000), 0, "an unmapped frame can be mapped elsewhere");
}

#[test]
fn mapping_needs_the_tables_above() {
    let root = machine();
    root.retype(ObjectType::PageTable, 0, TABLE_2, 2);
    root.retype(ObjectType::SmallPage, 0, PAGE, 1);
    for missing_bits in [30, 21] {
        let answer = root.call(PAGE, Label::ARMPageMap, &[VADDR, ALL, 0], &[SPACE]);
        assert_eq!(answer.label, ErrorCode::FailedLookup as u64);
        assert_eq!(answer.words[2], missing_bits, "{answer:?}");
        let table = if missing_bits == 30 { TABLE_2 } else { TABLE_3 };
        root.ok(table, Label::ARMPageTableMap, &[VADDR, 0], &[SPACE]);
    }
    assert_eq!(map(&root, PAGE, VADDR), 0);
}

#[test]
fn errors_of_mapping_change_nothing() {
    let root = machine_with_tables();
    root.retype(ObjectType::SmallPage, 0, FREE + 1, 1);
    root.retype(ObjectType::VSpace, 0, FREE + 2, 1);
    assert_eq!(map(&root, PAGE, VADDR), 0);
    let error = |page, words: &[u64], space| root.call(page, Label::ARMPageMap, words, &[space]).label;
    let cases = [
        (FREE + 1, VADDR + 1, SPACE, ErrorCode::AlignmentError),
        (FREE + 1, USER_TOP + 1, SPACE, ErrorCode::InvalidArgument),
        (FREE + 1, VADDR, SPACE, ErrorCode::DeleteFirst),
        (PAGE, VADDR + 0x1000, SPACE, ErrorCode::InvalidArgument),
        (FREE + 1, VADDR + 0x1000, FREE + 2, ErrorCode::InvalidCapability),
        (FREE + 1, VADDR + 0x1000, PAGE, ErrorCode::InvalidCapability),
        (TABLE_2, VADDR, SPACE, ErrorCode::IllegalOperation),
    ];
    for (page, vaddr, space, code) in cases {
        assert_eq!(error(page, &[vaddr, ALL, 0], space), code as u64, "{page} at {vaddr:#x}");
    }
    assert_eq!(error(FREE + 1, &[VADDR, ALL], SPACE), ErrorCode::TruncatedMessage as u64);
    assert_eq!(translate(&root, VADDR), Some((frame_addr(&root, PAGE), Level::Three)));
    assert_eq!(mapping(&root, FREE + 1), None);
}

#[test]
fn mapping_again_changes_rights_and_never_exceeds_them() {
    let root = machine_with_tables();
    let read_only = CapRights { read: true, ..CapRights::NONE }.to_word();
    root.ok(CNODE, Label::CNodeCopy, &[FREE + 1, 64, PAGE, 64, read_only], &[CNODE]);
    let Cap::VSpace { addr, .. } = root.cap(SPACE) else { panic!() };
    let entry = || vspace::walk(addr, VADDR).entry.get().0;
    const WRITE: u64 = 1 << 7;
    assert_eq!(map(&root, FREE + 1, VADDR), 0);
    assert_eq!(entry() & WRITE, 0, "the capability has no right to write");
    root.ok(FREE + 1, Label::ARMPageUnmap, &[], &[]);
    assert_eq!(map(&root, PAGE, VADDR), 0);
    assert_ne!(entry() & WRITE, 0);
    root.ok(PAGE, Label::ARMPageMap, &[VADDR, read_only, vm_attributes::DEFAULT], &[SPACE]);
    assert_eq!(entry() & WRITE, 0, "mapped again with fewer rights");
}

#[test]
fn tables_map_once_and_where_there_is_none() {
    let root = machine_with_tables();
    root.retype(ObjectType::PageTable, 0, FREE + 1, 1);
    let again = root.call(TABLE_3, Label::ARMPageTableMap, &[VADDR, 0], &[SPACE]);
    assert_eq!((again.label, &again.words[..]), (ErrorCode::InvalidCapability as u64, &[0][..]));
    let full = root.call(FREE + 1, Label::ARMPageTableMap, &[VADDR, 0], &[SPACE]);
    assert_eq!(full.label, ErrorCode::DeleteFirst as u64, "all levels have tables there");
    let outside = root.call(FREE + 1, Label::ARMPageTableMap, &[USER_TOP + 1, 0], &[SPACE]);
    assert_eq!(outside.label, ErrorCode::InvalidArgument as u64);
    assert_eq!(mapping(&root, TABLE_2).map(|at| at.vaddr()), Some(VADDR & !((1 << 30) - 1)));
    assert_eq!(mapping(&root, TABLE_3).map(|at| at.vaddr()), Some(VADDR & !((1 << 21) - 1)));
}

#[test]
fn a_table_that_is_unmapped_takes_its_pages_along_and_is_empty() {
    let root = machine_with_tables();
    assert_eq!(map(&root, PAGE, VADDR), 0);
    root.ok(TABLE_3, Label::ARMPageTableUnmap, &[], &[]);
    assert_eq!(translate(&root, VADDR), None);
    root.ok(TABLE_3, Label::ARMPageTableMap, &[VADDR, 0], &[SPACE]);
    assert_eq!(translate(&root, VADDR), None, "the table was cleared");
    root.ok(PAGE, Label::ARMPageUnmap, &[], &[]);
    assert_eq!(map(&root, PAGE, VADDR), 0);
}

#[test]
fn a_large_page_covers_two_mebibytes_and_stale_small_ones_do_not_unmap_it() {
    let root = machine();
    root.retype(ObjectType::PageTable, 0, TABLE_2, 2);
    root.retype(ObjectType::SmallPage, 0, PAGE, 1);
    root.retype(ObjectType::LargePage, 0, FREE + 1, 1);
    for table in [TABLE_2, TABLE_3] {
        root.ok(table, Label::ARMPageTableMap, &[VADDR, 0], &[SPACE]);
    }
    assert_eq!(map(&root, PAGE, VADDR), 0);
    root.ok(TABLE_3, Label::ARMPageTableUnmap, &[], &[]);
    let large = VADDR & !((1 << 21) - 1);
    assert_eq!(map(&root, FREE + 1, large), 0);
    let expected = Some((frame_addr(&root, FREE + 1), Level::Two));
    assert_eq!(translate(&root, VADDR), expected);
    root.delete(PAGE);
    assert_eq!(translate(&root, VADDR), expected);
    root.delete(FREE + 1);
    assert_eq!(translate(&root, VADDR), None);
}

#[test]
fn copies_of_a_frame_are_mapped_one_by_one() {
    let root = machine_with_tables();
    assert_eq!(map(&root, PAGE, VADDR), 0);
    assert_eq!(root.copy(PAGE, FREE + 1).label, 0);
    assert_eq!(mapping(&root, FREE + 1), None);
    assert_eq!(map(&root, FREE + 1, VADDR + 0x5000), 0);
    assert_eq!(translate(&root, VADDR), translate(&root, VADDR + 0x5000));
    root.revoke(PAGE);
    assert_eq!(translate(&root, VADDR + 0x5000), None);
    assert!(translate(&root, VADDR).is_some());
}

#[test]
fn an_address_space_without_an_asid_is_of_no_use() {
    let root = machine();
    root.retype(ObjectType::VSpace, 0, FREE + 1, 1);
    root.retype(ObjectType::PageTable, 0, TABLE_2, 1);
    let answer = root.call(TABLE_2, Label::ARMPageTableMap, &[VADDR, 0], &[FREE + 1]);
    assert_eq!((answer.label, &answer.words[..]), (ErrorCode::InvalidCapability as u64, &[1][..]));
    assert_eq!(root.copy(FREE + 1, FREE + 2).label, ErrorCode::IllegalOperation as u64);
    let twice = root.call(POOL, Label::ARMASIDPoolAssign, &[], &[SPACE]);
    assert_eq!((twice.label, &twice.words[..]), (ErrorCode::InvalidCapability as u64, &[1][..]));
}

#[test]
fn a_pool_that_is_deleted_takes_its_asids_along() {
    let root = machine_with_tables();
    assert_eq!(map(&root, PAGE, VADDR), 0);
    let Cap::VSpace { asid: Some(asid), .. } = root.cap(SPACE) else { panic!() };
    assert!(asid::root(asid).is_some());
    root.delete(POOL);
    assert_eq!(asid::root(asid), None);
    root.delete(PAGE);
    root.retype(ObjectType::SmallPage, 0, PAGE, 1);
    let answer = root.call(PAGE, Label::ARMPageMap, &[VADDR, ALL, 0], &[SPACE]);
    assert_eq!((answer.label, answer.words[1]), (ErrorCode::FailedLookup as u64, 1), "an invalid root");
}

#[test]
fn a_pool_is_made_of_a_page_of_untouched_memory() {
    let root = machine();
    root.retype(ObjectType::Untyped, 13, FREE + 1, 1);
    root.retype(ObjectType::Untyped, 12, FREE + 2, 1);
    let make =
        |untyped, dest| root.call(ASID_CONTROL, Label::ARMASIDControlMakePool, &[dest, 64], &[untyped, CNODE]).label;
    assert_eq!(make(FREE + 1, FREE + 3), ErrorCode::InvalidCapability as u64, "the wrong size");
    assert_eq!(make(UNTYPED, FREE + 3), ErrorCode::InvalidCapability as u64);
    assert_eq!(make(FREE + 2, POOL), ErrorCode::DeleteFirst as u64, "the slot is in use");
    assert_eq!(make(FREE, FREE + 3), ErrorCode::RevokeFirst as u64, "it is a pool already");
    assert_eq!(make(FREE + 2, FREE + 3), 0);
    assert!(matches!(root.cap(FREE + 3), Cap::AsidPool { base: 512, .. }));
}

#[test]
fn the_pool_runs_out_of_asids() {
    let root = machine();
    // Roots need not be real memory for this: none is walked.
    let Cap::AsidPool { base, .. } = root.cap(POOL) else { panic!() };
    let slot = root.slot(FREE + 1);
    for number in 1..512u64 {
        slot::insert_root(slot, Cap::VSpace { addr: quoll_kernel_core::cap::Addr::new(number << 13), asid: None });
        asid::assign(base, slot).expect("room");
        assert_eq!(
            root.cap(FREE + 1),
            Cap::VSpace { addr: quoll_kernel_core::cap::Addr::new(number << 13), asid: Some(base + number as u16) }
        );
        slot::remove(slot);
    }
    root.retype(ObjectType::VSpace, 0, FREE + 1, 1);
    assert_eq!(root.call(POOL, Label::ARMASIDPoolAssign, &[], &[FREE + 1]).label, ErrorCode::DeleteFirst as u64);
}

#[test]
fn every_address_space_has_a_vmid_of_its_own_while_it_is_loaded() {
    let root = machine();
    let Cap::AsidPool { base, .. } = root.cap(POOL) else { panic!() };
    let spare: Vec<_> = (0..300u64).map(|number| root.slot(FREE + 10 + number)).collect();
    for (number, slot) in spare.iter().enumerate() {
        let addr = quoll_kernel_core::cap::Addr::new((number as u64 + 1) << 13);
        slot::insert_root(*slot, Cap::VSpace { addr, asid: None });
        asid::assign(base, *slot).expect("room");
    }
    let vmid = |slot: &Ref<slot::Slot>| asid::vttbr(slot).expect("it has an ASID") >> 48;
    let recent: Vec<u64> = spare[..255].iter().map(vmid).collect();
    let mut distinct = recent.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct, (1..=255).collect::<Vec<_>>(), "all VMIDs but that of the empty address space");
    assert_eq!(spare[..255].iter().map(vmid).collect::<Vec<_>>(), recent, "they stay");
    assert_eq!(vmid(&spare[255]), recent[0], "the one that was given out first goes to the next");
    assert_ne!(vmid(&spare[0]), recent[0]);
}

#[test]
fn cache_maintenance_stays_within_a_page() {
    let root = machine_with_tables();
    let unmapped = root.call(PAGE, Label::ARMPageClean_Data, &[0, 64], &[]);
    assert_eq!(unmapped.label, ErrorCode::IllegalOperation as u64);
    assert_eq!(map(&root, PAGE, VADDR), 0);
    let page = |start, end| root.call(PAGE, Label::ARMPageCleanInvalidate_Data, &[start, end], &[]).label;
    assert_eq!(page(0, 4096), 0);
    assert_eq!(page(64, 64), ErrorCode::InvalidArgument as u64);
    assert_eq!(page(0, 4097), ErrorCode::InvalidArgument as u64);
    let space = |start, end| root.call(SPACE, Label::ARMVSpaceUnify_Instruction, &[start, end], &[]);
    assert_eq!(space(VADDR, VADDR + 4096).label, 0);
    assert_eq!(space(VADDR + 1, VADDR).label, ErrorCode::InvalidArgument as u64);
    assert_eq!(space(VADDR, USER_TOP + 2).label, ErrorCode::IllegalOperation as u64);
    let crossing = space(VADDR + 16, VADDR + 4097);
    assert_eq!((crossing.label, &crossing.words[..]), (ErrorCode::RangeError as u64, &[VADDR + 16, VADDR + 4095][..]));
    assert_eq!(space(0, 64).label, 0, "nothing is mapped, nothing to do");
}

#[test]
fn cache_maintenance_goes_on_where_it_was_put_off() {
    const LARGE_PAGE: u64 = 1 << 21;
    const PIECE: u64 = 1 << 18;
    let root = machine();
    root.retype(ObjectType::PageTable, 0, TABLE_2, 1);
    root.retype(ObjectType::LargePage, 0, PAGE, 1);
    root.ok(TABLE_2, Label::ARMPageTableMap, &[VADDR, 0], &[SPACE]);
    let vaddr = VADDR & !(LARGE_PAGE - 1);
    assert_eq!(map(&root, PAGE, vaddr), 0);
    for (object, label, start) in
        [(PAGE, Label::ARMPageClean_Data, 0), (SPACE, Label::ARMVSpaceCleanInvalidate_Data, vaddr)]
    {
        hardware().awaited.set(true);
        let pc = root.tcb.regs.pc.get();
        let end = start + LARGE_PAGE;
        common::start(root.tcb, Syscall::Call, object, label as u64, &[start, end], &[]);
        for piece in 1..LARGE_PAGE / PIECE {
            assert_eq!(root.tcb.regs.pc.get(), pc, "it starts over");
            assert_eq!(root.tcb.fast_mr(0).get(), start + piece * PIECE);
            root.tcb.regs.pc.set(pc + 4);
            trap::syscall(root.tcb);
        }
        assert_eq!((root.tcb.regs.pc.get(), root.answer().label), (pc + 4, 0));
    }
}
