//! The key chord: a prefix key, then one key that says what to do.
//!
//! The prefix is Ctrl-^ (0x1e; Ctrl-6 on many keyboards): neither QEMU (Ctrl-a), nor shells and their line
//! editing, nor the usual terminal multiplexers want it. Twice, it is typed to the client.

/// Ctrl-^.
pub const PREFIX: u8 = 0x1e;

/// How the prefix is called in messages.
pub const PREFIX_NAME: &str = "Ctrl-^";

/// What the typed bytes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// For the client in focus.
    Typed(u8),
    /// For the server.
    Command(Command),
}

/// What the chord can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Give the focus to the client of this number, from 1.
    Focus(usize),
    /// Give the focus to the next client in order.
    Next,
    /// Nobody has the focus: show all clients, labelled.
    All,
    /// List the clients.
    List,
    /// Explain the chord.
    Help,
    /// No such key.
    Unknown(u8),
}

/// Tells typed bytes from chords.
#[derive(Debug, Default)]
pub struct Keys {
    prefix_seen: bool,
}

impl Keys {
    /// Takes one byte from the terminal. `None`: the chord is not complete.
    pub fn feed(&mut self, byte: u8) -> Option<Key> {
        if !self.prefix_seen {
            self.prefix_seen = byte == PREFIX;
            return (!self.prefix_seen).then_some(Key::Typed(byte));
        }
        self.prefix_seen = false;
        Some(match byte {
            PREFIX => Key::Typed(PREFIX),
            b'1'..=b'9' => Key::Command(Command::Focus(usize::from(byte - b'0'))),
            b'n' => Key::Command(Command::Next),
            b'a' => Key::Command(Command::All),
            b'l' => Key::Command(Command::List),
            b'?' | b'h' => Key::Command(Command::Help),
            _ => Key::Command(Command::Unknown(byte)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut keys = Keys::default();
        bytes.iter().filter_map(|&byte| keys.feed(byte)).collect()
    }

    #[test]
    fn ordinary_bytes_pass() {
        let bytes: Vec<u8> = (0..=255).filter(|&byte| byte != PREFIX).collect();
        let typed: Vec<Key> = bytes.iter().copied().map(Key::Typed).collect();
        assert_eq!(keys(&bytes), typed);
    }

    #[test]
    fn the_prefix_makes_one_command() {
        assert_eq!(
            keys(b"a\x1e2b\x1en\x1ea\x1el\x1e?\x1e\x1e\x1e\x01x"),
            [
                Key::Typed(b'a'),
                Key::Command(Command::Focus(2)),
                Key::Typed(b'b'),
                Key::Command(Command::Next),
                Key::Command(Command::All),
                Key::Command(Command::List),
                Key::Command(Command::Help),
                Key::Typed(PREFIX),
                Key::Command(Command::Unknown(1)),
                Key::Typed(b'x'),
            ]
        );
    }
}
