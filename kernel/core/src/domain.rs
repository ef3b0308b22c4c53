//! The domain schedule: which domain runs for how long, one entry after the other (seL4 manual, section 6.3).

use core::cell::Cell;
use sel4_abi::config::NUM_DOMAIN_SCHEDULES;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The domain that runs.
    pub domain: u8,
    /// For how many ticks; 0 marks the end of the schedule.
    pub duration: u64,
}

impl Entry {
    const END: Self = Self { domain: 0, duration: 0 };
    /// What runs after boot.
    const BOOT: Self = Self { domain: 0, duration: MAX_DURATION };
}

/// Bits of a duration, which seL4 keeps in a word with the domain.
pub const DURATION_BITS: u32 = 56;
const MAX_DURATION: u64 = (1 << DURATION_BITS) - 1;

/// The schedule and the place in it.
#[derive(Debug)]
pub struct Schedule {
    entries: [Cell<Entry>; NUM_DOMAIN_SCHEDULES],
    start: Cell<usize>,
    current: Cell<usize>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self::new()
    }
}

impl Schedule {
    /// The boot schedule: entry 0 is domain 0 for the longest duration, all others are ends.
    pub const fn new() -> Self {
        let mut entries = [const { Cell::new(Entry::END) }; NUM_DOMAIN_SCHEDULES];
        entries[0] = Cell::new(Entry::BOOT);
        Self { entries, start: Cell::new(0), current: Cell::new(0) }
    }

    /// The entry that runs now.
    pub fn current(&self) -> Entry {
        self.entries[self.current.get()].get()
    }

    /// Sets an entry. False when there is no such index.
    pub fn configure(&self, index: usize, entry: Entry) -> bool {
        match self.entries.get(index) {
            Some(cell) => {
                cell.set(entry);
                true
            }
            None => false,
        }
    }

    /// Whether a schedule can start at this index: it names an entry that is no end.
    pub fn can_start(&self, index: usize) -> bool {
        self.entries.get(index).is_some_and(|entry| entry.get().duration != 0)
    }

    /// Whether the schedule starts at this index.
    pub fn is_start(&self, index: usize) -> bool {
        self.start.get() == index
    }

    /// Starts over at `index`.
    pub fn set_start(&self, index: usize) {
        self.start.set(index);
        self.current.set(index);
    }

    /// Goes on to the next entry; behind the last, back to the start.
    pub fn advance(&self) -> Entry {
        let next = self.current.get() + 1;
        let ended = self.entries.get(next).is_none_or(|entry| entry.get().duration == 0);
        self.current.set(if ended { self.start.get() } else { next });
        self.current()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_an_end_marker() {
        let schedule = Schedule::new();
        assert_eq!(schedule.current(), Entry { domain: 0, duration: (1 << 56) - 1 });
        assert!(schedule.can_start(0), "the entry that runs after boot is no end");
        for (index, domain) in [(3, 1), (4, 2)] {
            assert!(schedule.configure(index, Entry { domain, duration: 10 }));
        }
        assert!(!schedule.can_start(5));
        assert!(schedule.can_start(3));
        schedule.set_start(3);
        assert_eq!(schedule.current().domain, 1);
        assert_eq!(schedule.advance().domain, 2);
        assert_eq!(schedule.advance().domain, 1);
        assert!(!schedule.configure(NUM_DOMAIN_SCHEDULES, Entry::END));
        assert!(!schedule.can_start(NUM_DOMAIN_SCHEDULES));
    }

    #[test]
    fn wraps_at_the_last_entry() {
        let schedule = Schedule::new();
        let last = NUM_DOMAIN_SCHEDULES - 1;
        schedule.configure(last, Entry { domain: 1, duration: 5 });
        schedule.set_start(last);
        assert_eq!(schedule.advance().domain, 1);
    }
}
