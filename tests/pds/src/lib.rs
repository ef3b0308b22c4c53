//! What the protection domains of the test systems share: how they report, and what they say to each other.
//!
//! A test system prints `PASS <system>: <case>` or `FAIL <system>: <case>` for each case, and at its end
//! `DONE <system>: <n> passed, <m> failed`, on the debug console.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

use sel4::debug_println;

/// Counts and prints the cases of a system.
#[derive(Debug)]
pub struct Tally {
    system: &'static str,
    passed: u32,
    failed: u32,
}

impl Tally {
    /// No case yet.
    pub const fn new(system: &'static str) -> Self {
        Self { system, passed: 0, failed: 0 }
    }

    /// A case that passes when `result` is what is expected.
    pub fn check<T: PartialEq + fmt::Debug>(&mut self, case: &str, result: T, expected: T) {
        if result == expected {
            self.passed += 1;
            debug_println!("PASS {}: {case}", self.system);
        } else {
            self.failed += 1;
            debug_println!("FAIL {}: {case}: {result:x?}, expected {expected:x?}", self.system);
        }
    }

    /// The last line.
    pub fn done(&self) {
        debug_println!("DONE {}: {} passed, {} failed", self.system, self.passed, self.failed);
    }
}

/// Labels of protected calls, in the system `native`.
pub mod label {
    /// To a server: answer with the label and all words one higher.
    pub const ECHO: u64 = 0x10;
    /// To the active server: pass the call on to the passive one, as [`ECHO`].
    pub const ECHO_FURTHER: u64 = 0x20;
    /// From the child to its parent: word 0 says how often it has started, word 1 is its entry point.
    pub const STARTED: u64 = 0x30;
}

/// Where the child faults when it is told to.
pub const CHILD_FAULT_ADDRESS: u64 = 0xdead_0000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_counted() {
        let mut tally = Tally::new("self");
        tally.check("equal", 1, 1);
        tally.check("not equal", 1, 2);
        tally.check("equal again", Some("a"), Some("a"));
        assert_eq!((tally.passed, tally.failed), (2, 1));
    }
}
