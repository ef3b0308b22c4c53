//! QEMU TCG plugin that counts executed instructions and notes the count at marker instructions.
//!
//! A marker is one of `hint #48` … `hint #111`, which every AArch64 core executes as a no-op at every exception level
//! (Arm ARM, C6.2 HINT: unallocated encodings). Programs put them around what they want measured; the log is read by
//! `cargo xtask bench`.
//!
//! ```text
//! qemu-system-aarch64 -plugin libmarker_plugin.so,out=FILE …
//! ```
//!
//! Each line of the log is `<marker> <count>`: the marker's number, 0 to 63, and the instructions that all cores had
//! executed when it was reached, itself included. The last line is `end <count>`.

use std::fmt;

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

/// One line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which marker, or nothing for the end of the run.
    pub marker: Option<u32>,
    /// Instructions executed so far.
    pub count: u64,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.marker {
            Some(marker) => write!(f, "{marker} {}", self.count),
            None => write!(f, "end {}", self.count),
        }
    }
}

/// Reads a log. A line that is not understood, such as one cut off by a crash, ends it.
pub fn parse_log(log: &str) -> Vec<Event> {
    log.lines().map_while(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Event> {
    let (marker, count) = line.split_once(' ')?;
    let marker = if marker == "end" { None } else { Some(marker.parse().ok()?) };
    Some(Event { marker, count: count.parse().ok()? })
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
        for other in
            [0xd503_201f, 0xd503_207f, 0xd503_25ff, 0xd503_2e1f, 0xd503_245f, 0xd503_3fdf, 0xd503_3f9f, 0xd503_261e]
        {
            assert_eq!(marker(other), None, "{other:#x}");
        }
    }

    #[test]
    fn the_log_is_read_back() {
        let events = [
            Event { marker: Some(0), count: 17 },
            Event { marker: Some(63), count: u64::MAX },
            Event { marker: None, count: 20 },
        ];
        let mut log: String = events.iter().map(|event| format!("{event}\n")).collect();
        log.push_str("1 2cut");
        assert_eq!(parse_log(&log), events);
    }
}
