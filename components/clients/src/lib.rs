//! What servers with several clients have in common: the text that says who they are, and the regions that are shared with
//! them.
//!
//! A client is known by its channel, so that it cannot choose who it is. The text is a file that the system description puts
//! into a memory region: one statement per line, `#` begins a comment.
#![no_std]
#![deny(unsafe_code)]

#[cfg(target_os = "none")]
pub mod pd;

use core::fmt;

/// Longest name of a client.
pub const MAX_NAME: usize = 16;
/// Channel ids are below this (Microkit manual, limits).
pub const CHANNELS: usize = 62;
/// Clients are on channels below this: the description has symbols for so many.
pub const MOST: usize = 16;

/// A line that is left out, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem<R> {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: R,
}

impl<R: fmt::Display> fmt::Display for Problem<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clients, line {}: {}", self.line, self.reason)
    }
}

/// The statements of a text with the numbers of their lines; `None` for a line that is no text.
pub fn statements(text: &[u8]) -> impl Iterator<Item = (usize, Option<&str>)> {
    text.split(|&byte| byte == b'\n').enumerate().filter_map(|(index, line)| {
        let Ok(line) = core::str::from_utf8(line) else { return Some((index + 1, None)) };
        let statement = line.split('#').next().unwrap_or_default().trim();
        (!statement.is_empty()).then_some((index + 1, Some(statement)))
    })
}

/// The words of a statement, exactly so many.
#[must_use]
pub fn words<const N: usize>(statement: &str) -> Option<[&str; N]> {
    let mut words = statement.split_whitespace();
    let mut all = [""; N];
    for word in &mut all {
        *word = words.next()?;
    }
    words.next().is_none().then_some(all)
}

/// Whether this may be a client's name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The channel of a client.
#[must_use]
pub fn channel(word: &str) -> Option<usize> {
    word.parse().ok().filter(|&channel| channel < MOST)
}

/// Channels to signal: bit `n` stands for channel `n`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "somebody waits for these signals"]
pub struct Signals(u64);

impl Signals {
    /// Adds a channel, if its client is owed a signal.
    pub fn add(&mut self, channel: usize, owed: bool) {
        debug_assert!(channel < CHANNELS);
        self.0 |= u64::from(owed) << channel;
    }

    /// The channels, each once.
    pub fn channels(self) -> impl Iterator<Item = usize> {
        (0..CHANNELS).filter(move |channel| self.0 >> channel & 1 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_their_lines() {
        let mut all = statements(b"# who\n 1 a # b\r\n\n\xff\n2 c");
        assert_eq!(all.next(), Some((2, Some("1 a"))));
        assert_eq!(all.next(), Some((4, None)));
        assert_eq!(all.next(), Some((5, Some("2 c"))));
        assert_eq!(all.next(), None);
    }

    #[test]
    fn words_are_counted() {
        assert_eq!(words(" a  b "), Some(["a", "b"]));
        assert_eq!(words::<2>("a"), None);
        assert_eq!(words::<2>("a b c"), None);
    }

    #[test]
    fn names_and_channels_have_limits() {
        assert!(is_name("a-b_c.9") && is_name("abcdefghijklmnop"));
        assert!(!is_name("") && !is_name("abcdefghijklmnopq") && !is_name("a b"));
        assert_eq!((channel("0"), channel("15"), channel("16"), channel("x")), (Some(0), Some(15), None, None));
    }

    #[test]
    fn each_signal_is_given_once() {
        let mut signals = Signals::default();
        signals.add(3, true);
        signals.add(3, true);
        signals.add(61, true);
        signals.add(0, false);
        assert!(signals.channels().eq([3, 61]));
    }
}
