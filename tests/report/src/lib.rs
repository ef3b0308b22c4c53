//! What programs share that test a system from inside (protection domains, guests without an operating system): how they
//! report, and random numbers.
//!
//! A test system prints `PASS <system>: <case>` or `FAIL <system>: <case>` for each case, and at its end
//! `DONE <system>: <n> passed, <m> failed`, on the UART, so that it can be tested without a debug kernel.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

pub mod random;
pub mod uart;

/// Counts and prints the cases of a system.
#[derive(Debug)]
pub struct Tally<W> {
    out: W,
    system: &'static str,
    passed: u32,
    failed: u32,
}

impl<W: fmt::Write> Tally<W> {
    /// No case yet.
    pub const fn new(system: &'static str, out: W) -> Self {
        Self { out, system, passed: 0, failed: 0 }
    }

    /// A case that passes when `result` is what is expected.
    pub fn check<T: PartialEq + fmt::Debug>(&mut self, case: impl fmt::Display, result: T, expected: T) {
        let system = self.system;
        if result == expected {
            self.passed += 1;
            self.line(format_args!("PASS {system}: {case}"));
        } else {
            self.failed += 1;
            self.line(format_args!("FAIL {system}: {case}: {result:x?}, expected {expected:x?}"));
        }
    }

    /// The last line.
    pub fn done(&mut self) {
        let Self { system, passed, failed, .. } = *self;
        self.line(format_args!("DONE {system}: {passed} passed, {failed} failed"));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // A case that cannot be told is one that is missed.
        writeln!(self.out, "{line}").unwrap_or_else(|_| panic!("cannot print"));
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;

    #[test]
    fn cases_are_counted_and_told() {
        let mut tally = Tally::new("self", String::new());
        tally.check("equal", 1, 1);
        tally.check("not equal", 1, 0x2a);
        tally.check("equal again", Some("a"), Some("a"));
        tally.done();
        let lines = [
            "PASS self: equal",
            "FAIL self: not equal: 1, expected 2a",
            "PASS self: equal again",
            "DONE self: 2 passed, 1 failed\n",
        ];
        assert_eq!(tally.out, lines.join("\n"));
    }
}
