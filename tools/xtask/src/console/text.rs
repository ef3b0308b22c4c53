//! Plain text from a terminal's stream.

/// Removes carriage returns and escape sequences (ECMA-48, control sequences and two-byte escapes), across pieces.
#[derive(Default)]
pub struct Cleaner {
    state: State,
    /// The beginning of a character whose rest has not come yet.
    partial: Vec<u8>,
}

#[derive(Default, Clone, Copy)]
enum State {
    #[default]
    Plain,
    Escape,
    Sequence,
}

impl Cleaner {
    /// Appends the text of the next piece of the stream to `text`.
    pub fn clean(&mut self, bytes: &[u8], text: &mut String) {
        for &byte in bytes {
            self.state = match (self.state, byte) {
                (State::Plain, 0x1b) => State::Escape,
                (State::Escape, b'[') => State::Sequence,
                (State::Escape, _) | (State::Sequence, b'@'..=b'~') => State::Plain,
                (State::Sequence, _) => State::Sequence,
                (State::Plain, _) => {
                    self.plain(byte, text);
                    State::Plain
                }
            };
        }
    }

    fn plain(&mut self, byte: u8, text: &mut String) {
        match byte {
            b'\r' | 0 | 7 => {}
            byte if byte.is_ascii() => {
                self.flush(text);
                text.push(char::from(byte));
            }
            byte => {
                self.partial.push(byte);
                if let Ok(character) = str::from_utf8(&self.partial) {
                    text.push_str(character);
                    self.partial.clear();
                } else if self.partial.len() >= 4 {
                    self.flush(text);
                }
            }
        }
    }

    /// What never became a character is shown as such.
    fn flush(&mut self, text: &mut String) {
        text.push_str(&String::from_utf8_lossy(&self.partial));
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(pieces: &[&[u8]]) -> String {
        let mut cleaner = Cleaner::default();
        let mut text = String::new();
        for piece in pieces {
            cleaner.clean(piece, &mut text);
        }
        text
    }

    #[test]
    fn removes_terminal_control() {
        assert_eq!(cleaned(&[b"linux# \x1b[6n\r\n\x1b[1;31mred\x1b[0m\x1bM."]), "linux# \nred.");
    }

    #[test]
    fn characters_and_sequences_may_be_cut() {
        assert_eq!(cleaned(&[b"\x1b", b"[", b"6", b"nx \xc3", b"\xa4 \xff."]), "x ä \u{fffd}.");
    }

    proptest::proptest! {
        #[test]
        fn cutting_changes_nothing(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..60), at in 0usize..60) {
            let at = at.min(bytes.len());
            proptest::prop_assert_eq!(cleaned(&[&bytes]), cleaned(&[&bytes[..at], &bytes[at..]]));
        }
    }
}
