//! Editing the line that is typed, as a terminal in cooked mode would.

use core::fmt::Write;

use heapless::String;

use crate::Output;

/// Longest line in bytes; what is typed beyond it is answered by a bell.
pub const MAX_LINE: usize = 128;

/// The line so far.
#[derive(Debug, Default)]
pub struct LineEditor {
    line: String<MAX_LINE>,
    escape: Escape,
}

/// Sequences of cursor and function keys are swallowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    Outside,
    Begun,
    Control,
}

const ESC: u8 = 0x1b;

/// What a typed byte has led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Edit {
    /// The line goes on.
    Editing,
    /// The line is complete.
    Done(String<MAX_LINE>),
    /// The line was given up (Ctrl-C).
    Cancelled,
}

impl LineEditor {
    /// Takes a typed byte and echoes what becomes of it, at most a line's length of bytes.
    pub fn feed(&mut self, byte: u8, echo: &mut Output) -> Edit {
        match (self.escape, byte) {
            (Escape::Outside, ESC) | (_, ESC) => self.escape = Escape::Begun,
            (Escape::Begun, b'[' | b'O') => self.escape = Escape::Control,
            (Escape::Begun, _) | (Escape::Control, 0x40..=0x7e) => self.escape = Escape::Outside,
            (Escape::Control, _) => {}
            (Escape::Outside, _) => return self.plain(byte, echo),
        }
        Edit::Editing
    }

    fn plain(&mut self, byte: u8, echo: &mut Output) -> Edit {
        match byte {
            b'\r' | b'\n' => {
                put(echo, "\r\n");
                return Edit::Done(core::mem::take(&mut self.line));
            }
            ctrl::C => {
                put(echo, "^C\r\n");
                self.line.clear();
                return Edit::Cancelled;
            }
            ctrl::BACKSPACE | ctrl::DELETE => self.erase(1, echo),
            ctrl::U => self.erase(self.line.len(), echo),
            ctrl::W => self.erase(self.last_word(), echo),
            b' '..=b'~' => match self.line.push(char::from(byte)) {
                Ok(()) => put(echo, &self.line[self.line.len() - 1..]),
                Err(_) => put(echo, "\x07"),
            },
            _ => {}
        }
        Edit::Editing
    }

    /// Length of the last word and the spaces behind it.
    fn last_word(&self) -> usize {
        let rest = self.line.trim_end_matches(' ');
        self.line.len() - rest.trim_end_matches(|char| char != ' ').len()
    }

    fn erase(&mut self, count: usize, echo: &mut Output) {
        for _ in 0..count {
            if self.line.pop().is_some() {
                put(echo, "\x08 \x08");
            }
        }
    }
}

/// Adds to output that has room for it by construction.
fn put(output: &mut Output, text: &str) {
    // Three bytes for every byte of a line fit into an empty output, and it was empty.
    let _ = output.write_str(text);
}

/// Control keys.
mod ctrl {
    pub const C: u8 = 0x03;
    pub const BACKSPACE: u8 = 0x08;
    pub const U: u8 = 0x15;
    pub const W: u8 = 0x17;
    pub const DELETE: u8 = 0x7f;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Types `keys` and returns the last edit and what was echoed.
    fn typed(keys: &[u8]) -> (Edit, Output) {
        let (mut editor, mut echo, mut last) = (LineEditor::default(), Output::new(), Edit::Editing);
        for &key in keys {
            last = editor.feed(key, &mut echo);
        }
        (last, echo)
    }

    fn line(keys: &[u8]) -> String<MAX_LINE> {
        match typed(keys).0 {
            Edit::Done(line) => line,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_edit_the_line() {
        assert_eq!(line(b"hello\r"), "hello");
        assert_eq!(line(b"hellp\x7fo\n"), "hello");
        assert_eq!(line(b"\x08\x7fx\r"), "x");
        assert_eq!(line(b"one two  \x17three\r"), "one three");
        assert_eq!(line(b"one\x15two\r"), "two");
        assert_eq!(line(b"a\x1b[Ab\x1bOPc\x1b[1;5Cd\x1bxe\r"), "abcde");
        assert_eq!(line(b"a\x00\x02\xffb\r"), "ab");
        assert_eq!(typed(b"abc\x03").0, Edit::Cancelled);
    }

    #[test]
    fn what_is_typed_is_echoed() {
        assert_eq!(typed(b"ab\x7f\r").1, "ab\x08 \x08\r\n");
        assert_eq!(typed(b"a\x03").1, "a^C\r\n");
        assert_eq!(typed(b"\x7f\x15\x17").1, "");
        assert!(typed(&[b'x'; MAX_LINE + 1]).1.ends_with("x\x07"));
    }

    proptest! {
        #[test]
        fn any_key_is_answered_within_the_room(keys in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut editor = LineEditor::default();
            for key in keys {
                let mut echo = Output::new();
                let length = editor.line.len();
                editor.feed(key, &mut echo);
                prop_assert!(echo.len() <= 3 * length.max(2));
            }
        }
    }
}
