//! From a checked system to kernel objects: what the initialiser is to build, and the pages of data that go with it.

mod cspace;
mod data;
mod objects;
mod place;
mod reload;
mod space;
mod symbols;
mod threads;

pub use data::Data;
pub use objects::{Run, RunKind, Runs};
pub use place::{Memory, kernel_memory, pick_addresses};
pub use symbols::{MonitorSymbols, patch};
pub use threads::MAX_VCPUS;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::System;
use crate::program::Program;
use crate::target::Target;
use kernel_config::Range;
use sel4_abi::config::ROOT_CNODE_SIZE_BITS;
use system_spec::{PAGE_BYTES, Record};

/// What the image is made from.
pub struct Plan<'a> {
    /// Objects, in the order in which they are created.
    pub runs: Runs,
    /// What is done with them.
    pub steps: Vec<Record<'a>>,
    /// Pages that hold programs and regions' data.
    pub data: Data,
}

impl Plan<'_> {
    /// The whole specification.
    pub fn records(&self) -> Vec<Record<'_>> {
        self.runs.records().chain(self.steps.iter().copied()).collect()
    }

    /// Reports if the root task's CNode has too few slots: one for each page of its image, each object, each further
    /// mapping of a frame, and some for untypeds and what is done on the way.
    pub fn check_slots(&self, root_task: Range, diagnostics: &mut Diagnostics) {
        const SLOTS: u64 = 1 << ROOT_CNODE_SIZE_BITS;
        const OTHERS: u64 = 2048;
        let pages = root_task.len() / PAGE_BYTES;
        let objects: u64 = self.runs.iter().map(|run| u64::from(run.count)).sum();
        let copies: u64 = self.steps.iter().map(copies).sum();
        let needed = pages + objects + copies + OTHERS;
        if needed > SLOTS {
            let message = format!("the system needs {needed} capability slots to be built, there are {SLOTS}");
            let error = Diagnostic::general(Code::OutOfSlots, message);
            diagnostics.push(error.help("use larger pages: make sizes and addresses multiples of 0x200000"));
        }
    }
}

/// Capabilities that a step leaves in the root task's CNode.
fn copies(step: &Record) -> u64 {
    match step {
        Record::Map(map) if map.copy => map.frames.count().into(),
        _ => 0,
    }
}

/// Plans a system. Symbols have been written into the programs, and all regions that programs are told of have their
/// address. `first_page` is the place of the data in the root task's image.
pub fn plan<'a>(system: &'a System, monitor: &'a Program, target: &Target, first_page: u32) -> Plan<'a> {
    let mut builder = Builder {
        system,
        benchmark: target.config.benchmark,
        ram: target.board.ram,
        runs: Runs::default(),
        steps: Vec::new(),
        data: Data::new(first_page),
    };
    let regions = builder.regions();
    builder.threads(monitor, regions);
    builder.domain_schedule();
    let Builder { mut runs, mut steps, data, .. } = builder;
    let numbers = runs.number(target.config.debug);
    for step in &mut steps {
        objects::renumber(step, &numbers);
    }
    runs.renumber(&numbers);
    Plan { runs, steps, data }
}

/// A plan in the making. Objects have preliminary numbers until all are known.
struct Builder<'a> {
    system: &'a System,
    benchmark: bool,
    ram: Range,
    runs: Runs,
    steps: Vec<Record<'a>>,
    data: Data,
}

impl Builder<'_> {
    fn domain_schedule(&mut self) {
        if let Some(schedule) = &self.system.schedule {
            self.steps.extend(schedule.slots.iter().map(|slot| Record::Domain(*slot)));
            self.steps.push(Record::DomainStart { index: schedule.start });
        }
    }
}
