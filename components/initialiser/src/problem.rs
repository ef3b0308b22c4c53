//! What can go wrong while the system is built, and how that is said.

use core::fmt;

use sel4_root_task::debug_println;
use system_spec::{AllocateError, DecodeError, Mapping, ObjectId, Record, Spec, Thread};

/// Why the system can't be built.
#[derive(Debug, Clone, Copy)]
pub enum Problem {
    /// The orders can't be read.
    Spec(DecodeError),
    /// There is no memory for an object.
    Memory(AllocateError),
    /// The root task's CNode is full.
    NoSlots,
    /// The kernel refuses.
    Kernel(sel4::Error),
    /// The orders name something that isn't there.
    BadReference,
}

impl From<sel4::Error> for Problem {
    fn from(error: sel4::Error) -> Self {
        Self::Kernel(error)
    }
}

impl From<AllocateError> for Problem {
    fn from(error: AllocateError) -> Self {
        Self::Memory(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(error) => write!(f, "the system's specification can't be read: {error:?}"),
            Self::Memory(AllocateError::OutOfMemory { bits }) => write!(f, "no memory for an object of 2^{bits} bytes"),
            Self::Memory(AllocateError::NotThere { paddr }) => write!(f, "there is no free memory at {paddr:#x}"),
            Self::Memory(AllocateError::Taken { paddr }) => write!(f, "the memory at {paddr:#x} is taken"),
            Self::Memory(AllocateError::TooMany) => write!(f, "memory is in too many pieces"),
            Self::NoSlots => write!(f, "no capability slots are left"),
            Self::Kernel(error) => write!(f, "the kernel refuses: {error:?}"),
            Self::BadReference => write!(f, "the specification names what isn't there"),
        }
    }
}

impl Problem {
    /// Says what is wrong with which record.
    pub fn tell(self, spec: &Spec, number: usize) {
        debug_println!("initialiser: step {number}: {self}");
        let Some(Ok(record)) = spec.clone().nth(number) else { return };
        debug_println!("initialiser: {record:x?}");
        for object in objects_of(&record).into_iter().flatten() {
            debug_println!("initialiser: object {:#x} is {}", object.0, spec.name_of(object).unwrap_or("unknown"));
        }
    }
}

/// The objects by which a person knows a record.
fn objects_of(record: &Record) -> [Option<ObjectId>; 2] {
    match *record {
        Record::Objects { .. } | Record::Domain(_) | Record::DomainStart { .. } => [None, None],
        Record::Irq { notification, .. } => [Some(notification), None],
        Record::Fill { frame, .. } => [Some(frame), None],
        Record::Table { table, vspace, .. } => [Some(table), Some(vspace)],
        Record::Map(Mapping { vspace, frames, .. }) => match frames {
            system_spec::Frames::Created { first, .. } => [Some(vspace), Some(first)],
            system_spec::Frames::Image { .. } => [Some(vspace), None],
        },
        Record::Slot { cnode, cap, .. } => match cap {
            system_spec::Cap::Object(object) => [Some(cnode), Some(object)],
            _ => [Some(cnode), None],
        },
        Record::Schedule { sched_context, .. } => [Some(sched_context), None],
        Record::Thread(Thread { tcb, vspace, .. }) => [Some(tcb), Some(vspace)],
    }
}
