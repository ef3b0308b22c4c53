//! How a specification is written to bytes and read again: a header, then records one after the other.

use crate::{ObjectId, Record};
use serde::{Deserialize, Serialize};

/// Marks the start of a specification ("qspc").
const MAGIC: u32 = u32::from_le_bytes(*b"qspc");
/// Grows with each change of the records, so that a tool and an initialiser of different ages don't talk past each other.
const VERSION: u32 = 2;

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    magic: u32,
    version: u32,
    /// How many records follow.
    pub records: u32,
    /// How many objects they create.
    pub objects: u32,
}

/// Why a specification can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes are no specification.
    BadMagic,
    /// It is for another version of the initialiser.
    BadVersion(u32),
    /// The record with this number can't be decoded.
    BadRecord(u32),
    /// It ends too early.
    Truncated,
}

/// A specification in memory: an iterator over its records. A clone starts over at the same place.
#[derive(Debug, Clone)]
pub struct Spec<'a> {
    header: Header,
    rest: &'a [u8],
    next: u32,
}

impl<'a> Spec<'a> {
    /// Reads the header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (header, rest) = postcard::take_from_bytes::<Header>(bytes).map_err(|_| DecodeError::Truncated)?;
        if header.magic != MAGIC {
            return Err(DecodeError::BadMagic);
        }
        if header.version != VERSION {
            return Err(DecodeError::BadVersion(header.version));
        }
        Ok(Self { header, rest, next: 0 })
    }

    /// What the header says.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The name of the run that creates `object`, for messages.
    pub fn name_of(&self, object: ObjectId) -> Option<&'a str> {
        let mut next = 0;
        for record in self.clone() {
            let (name, count) = match record.ok()? {
                Record::Objects { name, count, .. } => (name, count),
                Record::Irq { name, .. } => (name, 1),
                _ => continue,
            };
            next += count;
            if object.0 < next {
                return Some(name);
            }
        }
        None
    }
}

impl<'a> Iterator for Spec<'a> {
    type Item = Result<Record<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.header.records {
            return None;
        }
        match postcard::take_from_bytes(self.rest) {
            Ok((record, rest)) => {
                self.rest = rest;
                self.next += 1;
                Some(Ok(record))
            }
            Err(_) => {
                let bad = self.next;
                self.next = self.header.records;
                Some(Err(DecodeError::BadRecord(bad)))
            }
        }
    }
}

/// Writes records as a specification.
#[cfg(any(feature = "encode", test))]
pub fn encode(records: &[Record<'_>]) -> Result<alloc::vec::Vec<u8>, postcard::Error> {
    let objects = records
        .iter()
        .map(|record| match record {
            Record::Objects { count, .. } => *count,
            Record::Irq { .. } => 1,
            _ => 0,
        })
        .sum();
    let header = Header { magic: MAGIC, version: VERSION, records: records.len() as u32, objects };
    records.iter().try_fold(postcard::to_allocvec(&header)?, |bytes, record| postcard::to_extend(record, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use proptest::prelude::*;

    fn run(name: &str, count: u32) -> Record<'_> {
        Record::Objects { name, kind: Kind::SmallFrame, count, paddr: None }
    }

    #[test]
    fn records_come_back_in_order() {
        let records = [run("a", 3), run("b", 1), Record::DomainStart { index: 7 }];
        let bytes = encode(&records).unwrap();
        let spec = Spec::new(&bytes).unwrap();
        assert_eq!(spec.header().objects, 4);
        let read: alloc::vec::Vec<_> = spec.map(|record| record.unwrap()).collect();
        assert_eq!(read, records);
    }

    #[test]
    fn an_object_is_named_by_its_run() {
        let bytes = encode(&[run("a", 3), run("b", 1)]).unwrap();
        let spec = Spec::new(&bytes).unwrap();
        assert_eq!(spec.name_of(ObjectId(2)), Some("a"));
        assert_eq!(spec.name_of(ObjectId(3)), Some("b"));
        assert_eq!(spec.name_of(ObjectId(4)), None);
    }

    #[test]
    fn other_bytes_are_refused() {
        assert_eq!(Spec::new(&[]).unwrap_err(), DecodeError::Truncated);
        assert_eq!(Spec::new(&[0; 64]).unwrap_err(), DecodeError::BadMagic);
        let mut bytes = encode(&[run("a", 3)]).unwrap();
        bytes.pop();
        let last = Spec::new(&bytes).unwrap().last().unwrap();
        assert_eq!(last.unwrap_err(), DecodeError::BadRecord(0));
    }

    proptest! {
        /// Whatever the bytes, reading ends, without a panic.
        #[test]
        fn damaged_bytes_never_panic(flips in proptest::collection::vec((0usize..64, any::<u8>()), 1..8)) {
            let mut bytes = encode(&[run("first", 3), run("second", 1), run("third", 70_000)]).unwrap();
            for (at, value) in flips {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            if let Ok(spec) = Spec::new(&bytes) {
                prop_assert!(spec.count() <= bytes.len() + 1);
            }
        }
    }
}
