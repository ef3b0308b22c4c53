//! The partitions of a disk, which are read before anybody is served for whom one is named.

use alloc::{vec, vec::Vec};

use ivc::block::{Client, Operation, Request, Status};

use crate::config::{Part, Place, Problem, Reason};
use crate::gpt::{self, Copy, Damage, Partition};

/// The tag of the requests; those of clients are small.
pub const TAG: u32 = u32::MAX;

/// How far reading the two tables has come.
#[derive(Debug, Default)]
pub struct Survey {
    /// A request is under way.
    asked: bool,
    /// What was found of [`Copy::ALL`].
    found: Vec<Result<Vec<Partition>, Damage>>,
}

impl Survey {
    /// Asks for the next table, if nothing is under way. Returns whether both were read.
    pub fn advance(&mut self, driver: &mut Client<'_>, disk: u64) -> bool {
        while let (false, Some(copy)) = (self.asked, Copy::ALL.get(self.found.len())) {
            let request = copy.first(disk).map(|sector| Request {
                tag: TAG,
                operation: Operation::Read,
                sector,
                offset: 0,
                length: gpt::BYTES,
            });
            self.asked = request.is_some_and(|request| driver.send(request));
            if !self.asked {
                self.found.push(Err(Damage::Unread));
            }
        }
        self.found.len() == Copy::ALL.len()
    }

    /// The driver has lost what was under way: it is to be asked again.
    pub fn repeat(&mut self) {
        self.asked = false;
    }

    /// Takes the driver's answer to the request under way.
    pub fn answer(&mut self, driver: &Client<'_>, disk: u64, status: Status) {
        let Some(&copy) = Copy::ALL.get(self.found.len()).filter(|_| self.asked) else { return };
        self.asked = false;
        let mut bytes = vec![0; gpt::BYTES];
        let read = status == Status::Done && driver.data().read(0, &mut bytes);
        self.found.push(if read { gpt::read(&mut bytes, copy, disk) } else { Err(Damage::Unread) });
    }

    /// Says where the parts are that are named by their partitions. What is wrong is told with the line of the first part that it
    /// concerns.
    pub fn resolve<'p>(&self, parts: impl Iterator<Item = &'p mut Part>, problems: &mut Vec<Problem>) {
        let mut parts = parts.filter(|part| matches!(part.place, Place::Partition(_))).peekable();
        let Some(line) = parts.peek().map(|part| part.line) else { return };
        for (copy, found) in Copy::ALL.iter().zip(&self.found) {
            problems.extend(found.as_ref().err().map(|&damage| Problem { line, reason: Reason::Table(*copy, damage) }));
        }
        let mut tables = self.found.iter().flatten();
        let Some(table) = tables.next() else { return };
        if tables.next().is_some_and(|other| other != table) {
            problems.push(Problem { line, reason: Reason::TablesDiffer });
        }
        for part in parts {
            if let Err(reason) = find(part, table) {
                problems.push(Problem { line: part.line, reason });
            }
        }
    }
}

fn find(part: &mut Part, table: &[Partition]) -> Result<(), Reason> {
    let Place::Partition(name) = &part.place else { return Ok(()) };
    let mut called = table.iter().filter(|partition| partition.is_called(name));
    match (called.next(), called.next()) {
        (Some(&Partition { first, sectors, .. }), None) => part.place = Place::At { first, sectors },
        (None, _) => return Err(Reason::NoPartition(name.clone())),
        _ => return Err(Reason::SeveralPartitions(name.clone())),
    }
    Ok(())
}
