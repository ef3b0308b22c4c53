//! What is left of a client's output where the terminal is not the client's own: text and line
//! structure. Cursor movement, titles, queries that the terminal would answer (into another client's
//! input), characters that reorder or hide others: none of them gets through, so none can imitate a label.

/// A piece of harmless output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A printable character.
    Char(char),
    /// The end of a line: `\n`, with any `\r` before it.
    Newline,
    /// A `\r` on its own: the line begins anew.
    Return,
    /// Another control character.
    Control(u8),
    /// A complete sequence that sets colours and attributes ("select graphic rendition"). Who shows it must
    /// reset them.
    Attributes(&'a [u8]),
}

impl Piece<'_> {
    /// What a terminal shows of a piece that was written before the terminal was its client's: with colours, but without
    /// sequences that move the cursor or that the terminal would answer.
    pub fn replay(self, mut put: impl FnMut(&[u8])) {
        match self {
            Self::Char(char) => put(char.encode_utf8(&mut [0; 4]).as_bytes()),
            Self::Newline => put(b"\r\n"),
            Self::Return => put(b"\r"),
            Self::Control(control @ (b'\t' | 0x08)) => put(&[control]),
            Self::Control(_) => {}
            Self::Attributes(sequence) => put(sequence),
        }
    }
}

/// Where the filter is in an escape sequence (ECMA-48).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    Outside,
    /// After ESC and any intermediate bytes.
    Begun,
    /// After CSI: parameters and intermediate bytes until a final one.
    Control,
    /// After OSC, DCS, SOS, PM or APC: anything until ST or BEL.
    String,
}

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const CANCEL: u8 = 0x18;
const SUBSTITUTE: u8 = 0x1a;

/// Longest attribute sequence that is passed on.
const MAX_SEQUENCE: usize = 32;

/// The filter's state between two bytes.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    escape: Escape,
    sequence: Sequence,
    utf8: Utf8,
    return_pending: bool,
}

impl Filter {
    /// Takes one byte and hands what it completes to `emit`.
    pub fn feed(&mut self, byte: u8, mut emit: impl FnMut(Piece<'_>)) {
        // A newline ends whatever was begun: nobody can hide his later lines in a sequence.
        if byte == b'\n' {
            self.utf8.abandon(&mut emit);
            *self = Self::default();
            return emit(Piece::Newline);
        }
        match self.escape {
            Escape::Outside => self.outside(byte, &mut emit),
            _ => self.inside(byte, &mut emit),
        }
    }

    /// Whether the next byte begins something new.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.escape == Escape::Outside && self.utf8.is_empty()
    }

    /// Hands out what was held back, to continue without the filter.
    pub fn finish(&mut self, mut emit: impl FnMut(Piece<'_>)) {
        if core::mem::take(self).return_pending {
            emit(Piece::Return);
        }
    }

    fn outside(&mut self, byte: u8, emit: &mut impl FnMut(Piece<'_>)) {
        if byte == b'\r' {
            self.utf8.abandon(emit);
            self.return_pending = true;
            return;
        }
        if core::mem::take(&mut self.return_pending) {
            emit(Piece::Return);
        }
        match byte {
            ESC => {
                self.utf8.abandon(emit);
                self.begin();
            }
            0..=0x1f | 0x7f => {
                self.utf8.abandon(emit);
                emit(Piece::Control(byte));
            }
            _ => self.utf8.feed(byte, emit),
        }
    }

    fn inside(&mut self, byte: u8, emit: &mut impl FnMut(Piece<'_>)) {
        self.sequence.push(byte);
        self.escape = match (self.escape, byte) {
            (_, ESC) => return self.begin(),
            (_, CANCEL | SUBSTITUTE) | (Escape::String, BEL) => Escape::Outside,
            (Escape::Begun, b'[') if self.sequence.len == 2 => Escape::Control,
            (Escape::Begun, b']' | b'P' | b'X' | b'^' | b'_') if self.sequence.len == 2 => Escape::String,
            (Escape::Begun, 0x30..=0x7e) => Escape::Outside,
            (Escape::Control, 0x40..=0x7e) => {
                if let Some(attributes) = self.sequence.attributes() {
                    emit(Piece::Attributes(attributes));
                }
                Escape::Outside
            }
            (state, _) => state,
        };
    }

    fn begin(&mut self) {
        self.escape = Escape::Begun;
        self.sequence.len = 0;
        self.sequence.push(ESC);
    }
}

/// The bytes of a sequence so far.
#[derive(Clone, Debug, Default)]
struct Sequence {
    bytes: [u8; MAX_SEQUENCE],
    /// Its true length, which may be more than was kept.
    len: usize,
}

impl Sequence {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
        }
        self.len = self.len.saturating_add(1);
    }

    /// The sequence if all it does is set attributes: `ESC [ digits and separators m`.
    fn attributes(&self) -> Option<&[u8]> {
        let sequence = self.bytes.get(..self.len)?;
        let parameters = sequence.strip_prefix(b"\x1b[")?.strip_suffix(b"m")?;
        let harmless = |&byte: &u8| byte.is_ascii_digit() || byte == b';' || byte == b':';
        parameters.iter().all(harmless).then_some(sequence)
    }
}

/// A character whose bytes have not all come yet.
#[derive(Clone, Debug, Default)]
struct Utf8 {
    bytes: [u8; 4],
    len: usize,
}

impl Utf8 {
    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn feed(&mut self, byte: u8, emit: &mut impl FnMut(Piece<'_>)) {
        self.bytes[self.len] = byte;
        self.len += 1;
        match core::str::from_utf8(&self.bytes[..self.len]) {
            Ok(text) => {
                text.chars().for_each(|char| emit(Piece::Char(harmless(char))));
                self.len = 0;
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => {
                // The last byte doesn't belong to the character that was begun; it may begin one.
                let begun = self.len > 1;
                self.len = 0;
                emit(Piece::Char(char::REPLACEMENT_CHARACTER));
                if begun {
                    self.feed(byte, emit);
                }
            }
        }
    }

    fn abandon(&mut self, emit: &mut impl FnMut(Piece<'_>)) {
        if core::mem::take(&mut self.len) > 0 {
            emit(Piece::Char(char::REPLACEMENT_CHARACTER));
        }
    }
}

/// The character itself, or a replacement for one that controls how others are shown.
fn harmless(char: char) -> char {
    let controls = char.is_control()
        || matches!(char,
            '\u{61c}' // Arabic letter mark
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // line and paragraph separators, direction embedding
            | '\u{2060}'..='\u{206f}' // invisible operators, direction isolates
            | '\u{feff}' // byte order mark
            | '\u{fff9}'..='\u{fffb}' // annotations
            | '\u{e0000}'..='\u{e007f}' // tags
        );
    if controls { char::REPLACEMENT_CHARACTER } else { char }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn filtered(bytes: &[u8]) -> String {
        let mut filter = Filter::default();
        let mut text = String::new();
        for &byte in bytes {
            filter.feed(byte, |piece| match piece {
                Piece::Char(char) => text.push(char),
                Piece::Newline => text.push('\n'),
                Piece::Return => text.push_str("<return>"),
                Piece::Control(control) => text.push_str(&format!("<{control}>")),
                Piece::Attributes(sequence) => {
                    text.push_str(&format!("<attributes {}>", sequence.len()));
                }
            });
        }
        text
    }

    #[test]
    fn sequences_vanish_except_attributes() {
        let cases: &[(&[u8], &str)] = &[
            (b"a\x1b[2Jb", "ab"),
            (b"a\x1b[6nb", "ab"),
            (b"a\x1b[?25;1$hb", "ab"),
            (b"a\x1b]0;title\x07b", "ab"),
            (b"a\x1b]0;title\x1b\\b", "ab"),
            (b"a\x1bP1$r0m\x1b\\b", "ab"),
            (b"a\x1b(Bb", "ab"),
            (b"a\x1bcb", "ab"),
            (b"a\x1b[1\x182mb", "a2mb"),
            (b"a\x1b[1;31mb\x1b[mc", "a<attributes 7>b<attributes 3>c"),
            (b"a\x1b[>4;1mb\x1b[0 mc", "abc"),
            (b"a\x1b]0;unfinished\nb", "a\nb"),
            (b"a\x1b\x1b[Kb", "ab"),
        ];
        for (bytes, text) in cases {
            assert_eq!(filtered(bytes), *text, "{bytes:?}");
        }
        let long = [b"\x1b[".as_slice(), &[b'1'; MAX_SEQUENCE], b"mx"].concat();
        assert_eq!(filtered(&long), "x");
    }

    #[test]
    fn line_ends_are_one_thing() {
        assert_eq!(filtered(b"a\nb\r\nc\r\r\nd"), "a\nb\nc\nd");
        assert_eq!(filtered(b"10%\r20%\rdone\n"), "10%<return>20%<return>done\n");
    }

    #[test]
    fn characters_must_be_whole_and_harmless() {
        assert_eq!(filtered("gr\u{fc}n \u{1f99d}".as_bytes()), "gr\u{fc}n \u{1f99d}");
        assert_eq!(filtered(b"\xc3A\xff\xe2\x82\xe2\x82\xac"), "\u{fffd}A\u{fffd}\u{fffd}\u{20ac}");
        assert_eq!(filtered("\u{9b}2J\u{202e}x".as_bytes()), "\u{fffd}2J\u{fffd}x");
        assert_eq!(filtered(b"a\x07\x7fb\xc3\n"), "a<7><127>b\u{fffd}\n");
    }

    proptest! {
        #[test]
        fn no_control_character_gets_through(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), proptest::sample::select(b"\x1b[]m;1\r\n\\".to_vec())],
                0..200,
            )
        ) {
            let mut filter = Filter::default();
            let mut newlines = 0;
            for &byte in &bytes {
                filter.feed(byte, |piece| match piece {
                    Piece::Char(char) => assert!(!char.is_control()),
                    Piece::Control(byte) => assert!(byte.is_ascii_control() && byte != b'\n' && byte != ESC),
                    Piece::Attributes(sequence) => assert!(sequence.len() <= MAX_SEQUENCE),
                    Piece::Newline => newlines += 1,
                    Piece::Return => {}
                });
            }
            prop_assert_eq!(newlines, bytes.iter().filter(|&&byte| byte == b'\n').count());
        }

        #[test]
        fn text_is_left_alone(text in "[ -~]{0,60}(\n[ -~]{0,60}){0,4}") {
            let mut filter = Filter::default();
            let mut out = Vec::new();
            for &byte in text.as_bytes() {
                filter.feed(byte, |piece| out.push(match piece {
                    Piece::Char(char) => char,
                    Piece::Newline => '\n',
                    _ => panic!("{piece:?}"),
                }));
            }
            prop_assert!(filter.is_between());
            prop_assert!(out.into_iter().eq(text.chars()));
        }
    }
}
