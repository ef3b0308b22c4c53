//! QEMU TCG plugin that counts executed instructions and notes the count at marker instructions.
//!
//! A marker is one of `hint #48` … `hint #111`, which every AArch64 core executes as a no-op at every exception level
//! (Arm ARM, C6.2 HINT: unallocated encodings). Programs put them around what they want measured; the log is read by
//! `cargo xtask bench`.
//!
//! ```text
//! qemu-system-aarch64 -plugin libmarker_plugin.so,out=FILE[,host=0xSTART+0xSIZE]... …
//! ```
//!
//! Each line of the log is `<what> <count> <guest>`: what happened, the instructions that all cores had executed by then, and
//! how many of these a guest executed. What happened is a marker's number, 0 to 63, reached (it is counted itself); `wait`, a
//! WFI executed (likewise), which is where a core without work stands; `guest`, its first instruction; `end`.
//!
//! `host` gives the virtual addresses that a hypervisor and its programs execute at. What is executed anywhere else is a
//! guest's. Without any, nothing is counted as a guest's.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

#[cfg(feature = "plugin")]
mod plugin;

/// How many markers there are.
pub const MARKERS: u32 = 64;
const FIRST_HINT: u32 = 48;
/// `HINT #0`, that is NOP.
const HINT: u32 = 0xd503_201f;
/// CRm and op2: the hint's number.
const HINT_NUMBER: u32 = 0x0000_0fe0;
const HINT_NUMBER_SHIFT: u32 = 5;

/// The instruction WFI, which is a hint as well.
pub const WFI: u32 = HINT | 3 << HINT_NUMBER_SHIFT;

/// The marker's number if `instruction` is a marker.
pub fn marker(instruction: u32) -> Option<u32> {
    if instruction & !HINT_NUMBER != HINT {
        return None;
    }
    let number = (instruction & HINT_NUMBER) >> HINT_NUMBER_SHIFT;
    number.checked_sub(FIRST_HINT).filter(|&marker| marker < MARKERS)
}

/// The instruction that is marker `number`, if there is one.
pub fn instruction(number: u32) -> Option<u32> {
    (number < MARKERS).then(|| HINT | ((FIRST_HINT + number) << HINT_NUMBER_SHIFT))
}

/// What a line of the log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// This marker was reached.
    Marker(u32),
    /// A core waits for an interrupt.
    Wait,
    /// The guest is about to execute its first instruction.
    Guest,
    /// The run is over.
    End,
}

/// One line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub what: What,
    /// Instructions executed so far.
    pub count: u64,
    /// How many of these the guest executed.
    pub guest: u64,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marker(number) => number.fmt(f),
            Self::Wait => f.write_str("wait"),
            Self::Guest => f.write_str("guest"),
            Self::End => f.write_str("end"),
        }
    }
}

impl FromStr for What {
    type Err = ParseIntError;

    fn from_str(word: &str) -> Result<Self, ParseIntError> {
        Ok(match word {
            "wait" => Self::Wait,
            "guest" => Self::Guest,
            "end" => Self::End,
            number => Self::Marker(number.parse()?),
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.what, self.count, self.guest)
    }
}

/// Reads a log. A line that is not understood, such as one cut off by a crash, ends it.
pub fn parse_log(log: &str) -> Vec<Event> {
    log.lines().map_while(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Event> {
    let mut words = line.split(' ');
    let mut word = || words.next();
    let event = Event { what: word()?.parse().ok()?, count: word()?.parse().ok()?, guest: word()?.parse().ok()? };
    words.next().is_none().then_some(event)
}

/// Addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub start: u64,
    /// How many.
    pub size: u64,
}

impl Range {
    /// Whether it has `address`.
    pub fn contains(self, address: u64) -> bool {
        address.checked_sub(self.start).is_some_and(|offset| offset < self.size)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}+{:#x}", self.start, self.size)
    }
}

/// Reads what [`Range`]'s `Display` writes.
pub fn parse_range(text: &str) -> Option<Range> {
    let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let (start, size) = text.split_once('+')?;
    Some(Range { start: number(start)?, size: number(size)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_the_hints_from_48_to_111() {
        // HINT #48 has CRm = 6 and op2 = 0, HINT #111 has CRm = 13 and op2 = 7.
        assert_eq!(instruction(0), Some(0xd503_261f));
        assert_eq!(instruction(63), Some(0xd503_2dff));
        for number in 0..MARKERS {
            assert_eq!(instruction(number).and_then(marker), Some(number));
        }
        assert_eq!(instruction(MARKERS), None);
    }

    #[test]
    fn other_instructions_are_not_markers() {
        // NOP, WFI, HINT #47, HINT #112, BTI c, ISB, DSB SY, NOP with a wrong fixed bit.
        assert_eq!(WFI, 0xd503_207f);
        for other in
            [0xd503_201f, 0xd503_207f, 0xd503_25ff, 0xd503_2e1f, 0xd503_245f, 0xd503_3fdf, 0xd503_3f9f, 0xd503_261e]
        {
            assert_eq!(marker(other), None, "{other:#x}");
        }
    }

    #[test]
    fn the_log_is_read_back() {
        let all = [What::Marker(0), What::Marker(63), What::Wait, What::Guest, What::End];
        let events: Vec<Event> = all.into_iter().map(|what| Event { what, count: u64::MAX, guest: 17 }).collect();
        let mut log: String = events.iter().map(|event| format!("{event}\n")).collect();
        log.push_str("1 2 3cut");
        assert_eq!(parse_log(&log), events);
        for cut in ["1 2", "wait", "1 2 3 4", "sleep 1 2"] {
            assert_eq!(parse_log(cut), []);
        }
    }

    #[test]
    fn ranges_are_read_back() {
        let range = Range { start: 0x4000_0000, size: 0x1000 };
        assert_eq!(parse_range(&range.to_string()), Some(range));
        assert_eq!([parse_range("0x1"), parse_range("1+0x2"), parse_range("0x1+0xg")], [None; 3]);
        let has = [0x4000_0fff, 0x4000_1000, 0x3fff_ffff].map(|address| range.contains(address));
        assert_eq!(has, [true, false, false]);
    }
}
