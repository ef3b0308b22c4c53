//! A table of counters that one party publishes and others read: what happened how often, by name.
//!
//! The publisher maps the region with the right to write, its readers without. The table tells its names itself, so a reader
//! needs to know nothing of who publishes. Layout, in words of 8 bytes: [`MAGIC`], how many counters there are, then three words for each: name
//! (two words, filled with zeros) and value.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{Region, Words};

/// The first word of a table.
pub const MAGIC: u64 = u64::from_le_bytes(*b"counters");
/// Longest name of a counter.
pub const NAME: usize = 16;

/// Words in front of the counters.
const HEADER: usize = 2;
/// Words of a counter: its name, and its value.
const ENTRY: usize = NAME_WORDS + 1;
const NAME_WORDS: usize = NAME / size_of::<u64>();

/// A counter of a table, or of none: then it counts nothing. One thread at a time may add to it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter<'m>(Option<&'m AtomicU64>);

impl Counter<'_> {
    /// Counts so many more.
    #[inline]
    pub fn add(self, amount: u64) {
        // Nobody else writes it, so nothing is lost between the two.
        if let Some(value) = self.0 {
            value.store(value.load(Relaxed).wrapping_add(amount), Relaxed);
        }
    }
}

/// The publisher's view. Without a region ([`Default`]) it has no room for counters.
#[derive(Debug, Default)]
pub struct Table<'m> {
    words: Option<Words<'m>>,
    count: usize,
}

impl<'m> Table<'m> {
    /// An empty table in a region. What a previous life counted is forgotten.
    #[must_use]
    pub fn over(region: Region<'m>) -> Self {
        let words = Words::over(region);
        words.set(0, MAGIC);
        words.set(1, 0);
        Self { words: Some(words), count: 0 }
    }

    /// A new counter, at 0. Of its name the first [`NAME`] bytes are seen. If there is no room, what it counts is seen by nobody.
    pub fn counter(&mut self, name: &str) -> Counter<'m> {
        let Some(words) = self.words else { return Counter::default() };
        let place = HEADER + self.count * ENTRY;
        let Some(value) = words.word(place + NAME_WORDS) else { return Counter::default() };
        let mut bytes = [0; NAME];
        let length = name.len().min(NAME);
        bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
        // There is room: the value behind it has some.
        let _ = words.write(place * size_of::<u64>(), &bytes);
        value.store(0, Relaxed);
        self.count += 1;
        words.set(1, self.count as u64);
        Counter(Some(value))
    }
}

/// A counter's name as a reader sees it: only what can be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name([u8; NAME]);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(NAME);
        // It is ASCII.
        core::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

impl From<[u8; NAME]> for Name {
    fn from(bytes: [u8; NAME]) -> Self {
        Self(bytes.map(|byte| if byte == 0 || byte == b' ' || byte.is_ascii_graphic() { byte } else { b'?' }))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// A reader's view. The publisher may lie about what it counts, and no more.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'m>(Words<'m>);

impl<'m> Reader<'m> {
    /// The table in a region, which need not be there yet. Nothing is written.
    #[must_use]
    pub fn over(region: Region<'m>) -> Self {
        Self(Words::over(region))
    }

    /// The counters, each with its value now.
    pub fn counters(self) -> impl Iterator<Item = (Name, u64)> + use<'m> {
        let words = self.0;
        let room = (words.size() / size_of::<u64>()).saturating_sub(HEADER) / ENTRY;
        let told = if words.get(0) == MAGIC { words.get(1) } else { 0 };
        let count = usize::try_from(told).unwrap_or(usize::MAX).min(room);
        (0..count).map(move |index| {
            let place = HEADER + index * ENTRY;
            let mut name = [0; NAME];
            // All of it lies within the region.
            let _ = words.read(place * size_of::<u64>(), &mut name);
            (Name::from(name), words.get(place + NAME_WORDS))
        })
    }
}
