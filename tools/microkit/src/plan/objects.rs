//! The kernel objects of a system, in runs of like ones, and the order in which they are created.

use sel4_abi::object::{ObjectType, TCB_BITS};
use std::cmp::Reverse;
use system_spec::{Cap, Frames, Kind, Mapping, ObjectId, Record, Thread, Trigger};

/// What a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// Objects made from untyped memory.
    Objects(Kind),
    /// An interrupt handler, bound to a notification.
    Irq {
        /// The interrupt.
        irq: u32,
        /// How it signals.
        trigger: Trigger,
        /// The core that takes it.
        core: u8,
        /// What it signals.
        notification: ObjectId,
        /// With which badge.
        badge: u64,
    },
}

/// A run of like objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What they are for.
    pub name: String,
    /// What they are.
    pub kind: RunKind,
    /// How many.
    pub count: u32,
    /// Physical address of the first.
    pub paddr: Option<u64>,
    first: ObjectId,
}

impl Run {
    /// log2 of the size of one object in bytes; nothing if it takes no memory.
    pub fn size_bits(&self, debug: bool) -> Option<u8> {
        match self.kind {
            RunKind::Objects(kind) => Some(size_bits(kind, debug)),
            RunKind::Irq { .. } => None,
        }
    }
}

/// log2 of an object's size in bytes, in a debug kernel or another.
fn size_bits(kind: Kind, debug: bool) -> u8 {
    let bits = match kind {
        Kind::Untyped { bits } | Kind::SchedContext { bits } => return bits,
        Kind::CNode { bits } => ObjectType::CNode.size_bits(bits.into()),
        // This tool is built once for all configurations, and a debug kernel's TCB is twice the size.
        Kind::Tcb => TCB_BITS + u32::from(debug),
        Kind::Endpoint => ObjectType::Endpoint.size_bits(0),
        Kind::Notification => ObjectType::Notification.size_bits(0),
        Kind::Reply => ObjectType::Reply.size_bits(0),
        Kind::VSpace => ObjectType::VSpace.size_bits(0),
        Kind::PageTable => ObjectType::PageTable.size_bits(0),
        Kind::SmallFrame => ObjectType::SmallPage.size_bits(0),
        Kind::LargeFrame => ObjectType::LargePage.size_bits(0),
        Kind::HugeFrame => ObjectType::HugePage.size_bits(0),
        Kind::VCpu => ObjectType::VCpu.size_bits(0),
    };
    bits as u8
}

/// All runs.
#[derive(Debug, Default)]
pub struct Runs {
    list: Vec<Run>,
    next: u32,
}

/// The final number of each object, by its preliminary one.
pub type Numbers = Vec<ObjectId>;

impl Runs {
    /// Adds a run; the number is preliminary.
    pub fn add(&mut self, name: String, kind: RunKind, count: u32, paddr: Option<u64>) -> ObjectId {
        let first = ObjectId(self.next);
        self.next += count;
        self.list.push(Run { name, kind, count, paddr, first });
        first
    }

    /// Adds one object.
    pub fn one(&mut self, name: String, kind: Kind) -> ObjectId {
        self.add(name, RunKind::Objects(kind), 1, None)
    }

    /// Adds several objects.
    pub fn many(&mut self, name: String, kind: Kind, count: u32) -> ObjectId {
        self.add(name, RunKind::Objects(kind), count, None)
    }

    /// The runs.
    pub fn iter(&self) -> impl Iterator<Item = &Run> {
        self.list.iter()
    }

    /// Puts the runs into the order of creation and numbers all objects: first those at given addresses, ascending,
    /// then by descending size, so that memory is filled without gaps; interrupt handlers take none.
    pub fn number(&mut self, debug: bool) -> Numbers {
        self.list.sort_by_key(|run| {
            let bits = run.size_bits(debug);
            (bits.is_none(), run.paddr.is_none(), run.paddr, Reverse(bits))
        });
        let mut numbers = vec![ObjectId(0); self.next as usize];
        let mut next = 0;
        for run in &mut self.list {
            for offset in 0..run.count {
                numbers[run.first.plus(offset).0 as usize] = ObjectId(next + offset);
            }
            run.first = ObjectId(next);
            next += run.count;
        }
        numbers
    }

    /// Gives what the runs themselves refer to its final number.
    pub fn renumber(&mut self, numbers: &Numbers) {
        for run in &mut self.list {
            if let RunKind::Irq { notification, .. } = &mut run.kind {
                *notification = numbers[notification.0 as usize];
            }
        }
    }

    /// The runs as records.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.list.iter().map(|run| match run.kind {
            RunKind::Objects(kind) => Record::Objects { name: &run.name, kind, count: run.count, paddr: run.paddr },
            RunKind::Irq { irq, trigger, core, notification, badge } => {
                Record::Irq { name: &run.name, irq, trigger, core, notification, badge }
            }
        })
    }
}

/// Replaces the preliminary numbers in a record.
pub fn renumber(record: &mut Record, numbers: &Numbers) {
    let number = |id: &mut ObjectId| *id = numbers[id.0 as usize];
    match record {
        Record::Objects { .. } | Record::Irq { .. } => unreachable!("runs are no steps"),
        Record::Domain(_) | Record::DomainStart { .. } => {}
        Record::Fill { frame, .. } => number(frame),
        Record::Schedule { sched_context, .. } => number(sched_context),
        Record::Table { table, vspace, .. } => [table, vspace].into_iter().for_each(number),
        Record::Map(Mapping { vspace, frames, .. }) => {
            number(vspace);
            if let Frames::Created { first, .. } = frames {
                number(first);
            }
        }
        Record::Slot { cnode, cap, .. } => {
            number(cnode);
            if let Cap::Object(object) = cap {
                number(object);
            }
        }
        Record::Thread(thread) => ids_of(thread).into_iter().flatten().for_each(number),
    }
}

fn ids_of<'t>(thread: &'t mut Thread) -> [Option<&'t mut ObjectId>; 8] {
    [
        Some(&mut thread.tcb),
        Some(&mut thread.cspace.cnode),
        Some(&mut thread.vspace),
        thread.ipc_buffer.as_mut().map(|(_, frame)| frame),
        thread.fault.as_mut().map(|fault| &mut fault.endpoint),
        thread.sched_context.as_mut(),
        thread.notification.as_mut(),
        thread.vcpu.as_mut(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_ones_first_then_by_size_then_interrupts() {
        let mut runs = Runs::default();
        let irq = RunKind::Irq { irq: 33, trigger: Trigger::Level, core: 0, notification: ObjectId(2), badge: 1 };
        runs.add("irq".into(), irq, 1, None);
        runs.one("endpoint".into(), Kind::Endpoint);
        runs.one("notification".into(), Kind::Notification);
        runs.many("frames".into(), Kind::LargeFrame, 3);
        runs.add("device".into(), RunKind::Objects(Kind::SmallFrame), 1, Some(0x900_0000));
        let numbers = runs.number(false);
        runs.renumber(&numbers);
        let order: Vec<_> = runs.iter().map(|run| run.name.as_str()).collect();
        assert_eq!(order, ["device", "frames", "notification", "endpoint", "irq"]);
        assert_eq!(numbers, [6, 5, 4, 1, 2, 3, 0].map(ObjectId));
        let Some(Record::Irq { notification, .. }) = runs.records().last() else { panic!("the last is the interrupt") };
        assert_eq!(notification, ObjectId(4));
    }

    #[test]
    fn sizes_are_the_kernels() {
        assert_eq!(size_bits(Kind::Tcb, true), size_bits(Kind::Tcb, false) + 1);
        assert_eq!(size_bits(Kind::CNode { bits: 9 }, false), 14);
        assert_eq!(size_bits(Kind::SchedContext { bits: 8 }, false), 8);
    }
}
