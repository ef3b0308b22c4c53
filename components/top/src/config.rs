//! Who is shown: a text that the system description puts into a memory region.
//!
//! One statement per line, `#` begins a comment:
//!
//! ```text
//! linux-a 0 1 2      "linux-a" counts in table 0 (client_0_vaddr), and runs on the scheduling contexts in slots 1 and 2
//! echo - 3           "echo" counts nothing
//! switch 1           "switch" counts in table 1; how much time it uses is not to be seen
//! ```

use alloc::{string::String, vec::Vec};
use core::fmt;

use clients::{is_name, statements};

/// Slots for capabilities are below this (`cspace` of a system description).
const SLOTS: u64 = 64;

/// One of those that are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// What it is called.
    pub name: String,
    /// The number of its table.
    pub table: Option<usize>,
    /// The slots of the scheduling contexts that it runs on.
    pub slots: Vec<u64>,
    /// Number of the line that says so.
    pub line: usize,
}

/// A line that is left out.
pub type Problem = clients::Problem<Reason>;

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not text.
    NotUtf8,
    /// Not a name and a table.
    Incomplete,
    /// Empty, too long, or with other characters than letters, digits, `-`, `_` and `.`.
    BadName,
    /// No such table.
    BadTable,
    /// No such slot.
    BadSlot,
    /// The slot was named before: time is told once.
    SlotTwice,
    /// No usable region is mapped for the table.
    NoRegion,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "not UTF-8",
            Self::Incomplete => "is not a name and the number of a table (or `-`)",
            Self::BadName => "a name has 1 to 16 letters, digits, `-`, `_` or `.`",
            Self::BadTable => "tables are 0 to 15, or `-` for none",
            Self::BadSlot => "slots are 1 to 63",
            Self::SlotTwice => "this slot was named before, and the time of its scheduling context is told once",
            Self::NoRegion => "no usable region is mapped for this table (client_<number>_vaddr)",
        })
    }
}

/// Reads the text. Lines with a problem are left out and told, the others count.
#[must_use]
pub fn parse(text: &[u8]) -> (Vec<Party>, Vec<Problem>) {
    let (mut parties, mut problems) = (Vec::new(), Vec::new());
    for (line, statement) in statements(text) {
        match statement.ok_or(Reason::NotUtf8).and_then(|statement| party(&parties, line, statement)) {
            Ok(party) => parties.push(party),
            Err(reason) => problems.push(Problem { line, reason }),
        }
    }
    (parties, problems)
}

fn party(before: &[Party], line: usize, statement: &str) -> Result<Party, Reason> {
    let mut words = statement.split_whitespace();
    let mut word = || words.next().ok_or(Reason::Incomplete);
    let (name, table) = (word()?, word()?);
    if !is_name(name) {
        return Err(Reason::BadName);
    }
    let table = if table == "-" { None } else { Some(clients::channel(table).ok_or(Reason::BadTable)?) };
    let mut slots = Vec::new();
    for word in words {
        let slot = word.parse().ok().filter(|slot| (1..SLOTS).contains(slot)).ok_or(Reason::BadSlot)?;
        if slots.contains(&slot) || before.iter().any(|party| party.slots.contains(&slot)) {
            return Err(Reason::SlotTwice);
        }
        slots.push(slot);
    }
    Ok(Party { name: name.into(), table, slots, line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_are_read() {
        let (parties, problems) = parse(b"# who\na 0 1 2\n\nb - 63 # idle\nc 15");
        assert_eq!(problems, []);
        let all: Vec<_> = parties.iter().map(|p| (p.name.as_str(), p.table, p.slots.as_slice(), p.line)).collect();
        assert_eq!(all, [("a", Some(0), &[1, 2][..], 2), ("b", None, &[63][..], 4), ("c", Some(15), &[][..], 5)]);
    }

    #[test]
    fn every_bad_line_is_told_and_left_out() {
        let cases: &[(&[u8], Reason)] = &[
            (b"\xff", Reason::NotUtf8),
            (b"b", Reason::Incomplete),
            (b"b]c 0", Reason::BadName),
            (b"b 16", Reason::BadTable),
            (b"b x", Reason::BadTable),
            (b"b - 0", Reason::BadSlot),
            (b"b - 64", Reason::BadSlot),
            (b"b - x", Reason::BadSlot),
            (b"b - 1", Reason::SlotTwice),
            (b"b - 2 2", Reason::SlotTwice),
        ];
        for (line, reason) in cases {
            let text = [b"a 0 1\n", *line, b"\nlast 1"].concat();
            let (parties, problems) = parse(&text);
            assert_eq!(problems, [Problem { line: 2, reason: *reason }]);
            assert_eq!(parties.len(), 2);
        }
    }
}
