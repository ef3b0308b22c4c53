//! A model of the kernel that does what a specification says, and insists on what the real one insists on.

use std::collections::{BTreeMap, HashMap, HashSet};
use system_spec::{Cap, Frames, Kind, Mapping, Record, Spec, Thread};

const PAGE: u64 = 0x1000;

/// The model.
#[derive(Default)]
struct Kernel {
    kinds: Vec<Option<Kind>>,
    slots: HashSet<(u32, u32)>,
    /// By address space: the addresses that its tables cover, by level.
    tables: HashMap<u32, HashSet<(u8, u64)>>,
    mapped: HashMap<u32, BTreeMap<u64, u64>>,
    /// Frames whose own capability is mapped.
    frames_in_use: HashSet<u32>,
    pages_given: HashSet<u32>,
    threads: HashSet<u32>,
    handlers: HashSet<u32>,
}

/// Runs the specification in an image; `data` are the image's pages that hold data.
pub fn run(spec: &[u8], data_pages: std::ops::Range<u32>) {
    let spec = Spec::new(spec).expect("a specification");
    let objects = spec.header().objects;
    let mut kernel = Kernel::default();
    let mut last_paddr = 0;
    for record in spec {
        let record = record.expect("a record");
        if let Record::Objects { paddr: Some(paddr), .. } = record {
            assert!(paddr >= last_paddr, "fixed runs ascend");
            last_paddr = paddr;
        }
        kernel.step(&record, &data_pages);
    }
    assert_eq!(kernel.kinds.len() as u32, objects);
    assert!(!kernel.threads.is_empty());
}

impl Kernel {
    fn is(&self, object: system_spec::ObjectId, wanted: impl Fn(Kind) -> bool) {
        let kind = self.kinds.get(object.0 as usize).copied().flatten();
        assert!(kind.is_some_and(wanted), "object {object:?} is {kind:?}");
    }

    fn step(&mut self, record: &Record, data: &std::ops::Range<u32>) {
        match *record {
            Record::Objects { kind, count, .. } => {
                assert!(self.handlers.is_empty(), "handlers come after objects");
                self.kinds.extend((0..count).map(|_| Some(kind)));
            }
            Record::Irq { irq, notification, .. } => {
                self.is(notification, |kind| kind == Kind::Notification);
                assert!(self.handlers.insert(irq), "interrupt {irq} twice");
                self.kinds.push(None);
            }
            Record::Fill { frame, frame_bits, page, length, .. } => {
                self.is(frame, |kind| bits(kind) == Some(frame_bits));
                let pages = u64::from(length).div_ceil(PAGE) as u32;
                assert!(length > 0 && length <= 1 << frame_bits);
                assert!(page >= data.start && page + pages <= data.end);
                assert!(!self.frames_in_use.contains(&frame.0), "a frame is filled before it is mapped");
            }
            Record::Table { table, vspace, vaddr } => {
                self.is(table, |kind| kind == Kind::PageTable);
                self.is(vspace, |kind| kind == Kind::VSpace);
                let tables = self.tables.entry(vspace.0).or_default();
                // The kernel puts a table into the highest level that lacks one.
                let level = if tables.insert((0, vaddr >> 30)) { 0 } else { 1 };
                assert!(level == 0 || tables.insert((1, vaddr >> 21)), "a table too many at {vaddr:#x}");
            }
            Record::Map(mapping) => self.map(&mapping, data),
            Record::Slot { cnode, cnode_bits, index, cap, .. } => {
                self.is(cnode, |kind| kind == Kind::CNode { bits: cnode_bits });
                assert!(index < 1 << cnode_bits && self.slots.insert((cnode.0, index)), "slot {index} twice");
                if let Cap::Object(object) = cap {
                    assert!((object.0 as usize) < self.kinds.len());
                }
            }
            Record::Schedule { sched_context, budget_us, period_us, .. } => {
                self.is(sched_context, |kind| matches!(kind, Kind::SchedContext { .. }));
                assert!(budget_us <= period_us);
            }
            Record::Thread(thread) => self.thread(&thread),
            Record::Domain(_) | Record::DomainStart { .. } => {}
        }
    }

    fn map(&mut self, mapping: &Mapping, data: &std::ops::Range<u32>) {
        let size = 1u64 << mapping.frame_bits;
        for index in 0..mapping.frames.count() {
            match mapping.frames {
                Frames::Created { first, .. } => {
                    self.is(first.plus(index), |kind| bits(kind) == Some(mapping.frame_bits));
                    let fresh = mapping.copy || self.frames_in_use.insert(first.plus(index).0);
                    assert!(fresh, "a capability is mapped twice");
                }
                Frames::Image { page, .. } => {
                    assert!(mapping.copy && data.contains(&(page + index)) && mapping.frame_bits == 12);
                    self.pages_given.insert(page + index);
                }
            }
            let vaddr = mapping.vaddr + u64::from(index) * size;
            assert!(vaddr.is_multiple_of(size), "{vaddr:#x}");
            let tables = &self.tables[&mapping.vspace.0];
            assert!(tables.contains(&(0, vaddr >> 30)), "no table for {vaddr:#x}");
            assert!(mapping.frame_bits == 21 || tables.contains(&(1, vaddr >> 21)), "no last table for {vaddr:#x}");
            let space = self.mapped.entry(mapping.vspace.0).or_default();
            let before = space.range(..vaddr + size).next_back();
            assert!(before.is_none_or(|(start, size)| start + size <= vaddr), "two mappings at {vaddr:#x}");
            space.insert(vaddr, size);
        }
    }

    fn thread(&mut self, thread: &Thread) {
        self.is(thread.tcb, |kind| kind == Kind::Tcb);
        assert!(self.threads.insert(thread.tcb.0), "a thread twice");
        self.is(thread.cspace.cnode, |kind| matches!(kind, Kind::CNode { .. }));
        self.is(thread.vspace, |kind| kind == Kind::VSpace);
        assert!(thread.priority <= thread.max_priority);
        if let Some(fault) = thread.fault {
            self.is(fault.endpoint, |kind| kind == Kind::Endpoint);
            assert_ne!(fault.badge, 0, "badge 0 is none");
        }
        if let Some((address, frame)) = thread.ipc_buffer {
            self.is(frame, |kind| kind == Kind::SmallFrame);
            assert!(self.mapped[&thread.vspace.0].contains_key(&address));
        }
        if thread.resume {
            let (space, pc) = (&self.mapped[&thread.vspace.0], thread.pc);
            assert!(
                space.range(..=pc).next_back().is_some_and(|(start, size)| pc < start + size),
                "no code at {pc:#x}"
            );
            assert!(space.contains_key(&(thread.sp - PAGE)), "no stack");
            assert!(!space.contains_key(&thread.sp), "no guard page above the stack");
        }
    }
}

fn bits(kind: Kind) -> Option<u8> {
    match kind {
        Kind::SmallFrame => Some(12),
        Kind::LargeFrame => Some(21),
        _ => None,
    }
}

/// The specification and the data's pages, found in an image as the root task would find them.
pub fn spec_of(image: &[u8]) -> (Vec<u8>, std::ops::Range<u32>) {
    use quoll_loader::ImageHeader;
    use zerocopy::FromBytes;
    const BASE: u64 = 0x7000_0000;
    let magic = quoll_loader::MAGIC.to_le_bytes();
    let at = image.windows(8).position(|window| window == magic).expect("a header");
    let header = ImageHeader::read_from_prefix(&image[at..]).expect("a header").0;
    let root_task = &image[(header.user_start - BASE) as usize..(header.user_end - BASE) as usize];
    // The test's initialiser: code on its first page, its three words at the start of the second.
    let word = |index: usize| u64::from_le_bytes(root_task[0x1000 + 8 * index..][..8].try_into().unwrap());
    let [image_start, spec_start, spec_size] = [0, 1, 2].map(word);
    assert_eq!(image_start, header.user_start.wrapping_sub(header.pv_offset));
    let spec_at = (spec_start - image_start) as usize;
    let spec = root_task[spec_at..spec_at + spec_size as usize].to_vec();
    (spec, 2..(spec_at as u64 / PAGE) as u32)
}
