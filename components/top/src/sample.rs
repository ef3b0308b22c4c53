//! What there is to show: counters and time, now and since the last look.

use alloc::{string::String, vec::Vec};

use ivc::statistics::{Name, Reader};

/// The machine's time, and that of scheduling contexts.
pub trait Clock {
    /// The counter.
    fn now(&self) -> u64;

    /// Counts of the counter in a second.
    fn frequency(&self) -> u64;

    /// Microseconds that the scheduling context in a slot has used since this was last asked; 0 if there is none.
    fn consumed(&mut self, slot: u64) -> u64;
}

/// One of those that are shown, with what was seen of it.
#[derive(Debug)]
pub struct Meter<'m> {
    pub(crate) name: String,
    reader: Option<Reader<'m>>,
    slots: Vec<u64>,
    pub(crate) time: Value,
    /// The first one is the one that counts most: all exits of a guest, all requests of a server.
    pub(crate) counters: Vec<(Name, Value)>,
}

/// What something came to, and how much of it since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// In all.
    pub total: u64,
    /// Since the last look.
    pub recent: u64,
}

impl Value {
    fn advance(&mut self, total: u64) {
        // One that has become less has begun anew.
        self.recent = total.checked_sub(self.total).unwrap_or(total);
        self.total = total;
    }
}

impl<'m> Meter<'m> {
    /// Somebody who counts in the table that `reader` reads, if any, and runs on the scheduling contexts in these slots.
    #[must_use]
    pub fn new(name: &str, reader: Option<Reader<'m>>, slots: Vec<u64>) -> Self {
        Self { name: name.into(), reader, slots, time: Value::default(), counters: Vec::new() }
    }

    /// Looks.
    pub(crate) fn look(&mut self, clock: &mut impl Clock) {
        let used: u64 = self.slots.iter().map(|&slot| clock.consumed(slot)).sum();
        self.time.advance(self.time.total.wrapping_add(used));
        let Some(reader) = self.reader else { return };
        let mut count = 0;
        for (index, (name, total)) in reader.counters().enumerate() {
            count = index + 1;
            match self.counters.get_mut(index) {
                Some((known, value)) if *known == name => value.advance(total),
                Some(other) => *other = (name, Value { total, recent: total }),
                None => self.counters.push((name, Value { total, recent: total })),
            }
        }
        self.counters.truncate(count);
    }

    /// Whether its time is told.
    pub(crate) fn is_timed(&self) -> bool {
        !self.slots.is_empty()
    }

    /// The counter that counts most.
    pub(crate) fn first(&self) -> Option<&(Name, Value)> {
        self.counters.first()
    }
}
