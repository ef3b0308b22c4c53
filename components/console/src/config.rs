//! Who the clients are: a text that the system description puts into a memory region, so that a
//! client cannot choose its own name.
//!
//! One statement per line, `#` begins a comment:
//!
//! ```text
//! 1 linux focus          channel 1 is called "linux" and has the focus at first
//! 2 echo                 channel 2 is called "echo"
//! banner Ctrl-a x leaves QEMU.
//! labels plain           no bold labels (for logs)
//! ```

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use clients::{is_name, statements};
use ivc::console::Port;

use crate::Client;

pub use clients::MAX_NAME;

/// The text, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// In the order of the text, which is the order of their numbers on the terminal.
    pub clients: Vec<ClientConfig>,
    /// Channel of the client that has the focus at first.
    pub focus: Option<usize>,
    /// Lines to show at the start.
    pub banner: Vec<String>,
    /// Labels without terminal attributes.
    pub plain_labels: bool,
}

/// One client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Channel of the server that leads to it.
    pub channel: usize,
    /// Its label.
    pub name: String,
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
    /// Neither a channel nor a keyword at its start.
    UnknownStatement,
    /// No such channel id.
    BadChannel,
    /// The channel has a client already.
    ChannelTwice,
    /// Empty, too long, or with other characters than letters, digits, `-`, `_` and `.`.
    BadName,
    /// The name is another client's.
    NameTwice,
    /// Something behind the name that is not `focus`.
    UnknownFlag,
    /// Another client has the focus.
    FocusTwice,
    /// `labels` takes `bold` or `plain`.
    UnknownLabels,
    /// No usable region is shared with the client.
    NoRegion,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "not UTF-8",
            Self::UnknownStatement => "begins neither with a channel nor with `banner` or `labels`",
            Self::BadChannel => "channels are 0 to 15",
            Self::ChannelTwice => "this channel has a client already",
            Self::BadName => "a name has 1 to 16 letters, digits, `-`, `_` or `.`",
            Self::NameTwice => "this name is another client's",
            Self::UnknownFlag => "only `focus` may follow the name",
            Self::FocusTwice => "another client has the focus",
            Self::UnknownLabels => "`labels` takes `bold` or `plain`",
            Self::NoRegion => "no usable region is mapped for this channel (client_<channel>_vaddr)",
        })
    }
}

impl Config {
    /// Reads the text. Lines with a problem are left out and told, the others count.
    #[must_use]
    pub fn parse(text: &[u8]) -> (Self, Vec<Problem>) {
        let mut config = Self::default();
        let mut problems = Vec::new();
        for (line, statement) in statements(text) {
            let read = statement.ok_or(Reason::NotUtf8).and_then(|statement| config.statement(line, statement));
            if let Err(reason) = read {
                problems.push(Problem { line, reason });
            }
        }
        (config, problems)
    }

    /// Opens every client's port by `open`, from its channel. A client without one is left out and told
    /// in `problems`.
    pub fn connect<'m>(
        &mut self,
        problems: &mut Vec<Problem>,
        mut open: impl FnMut(usize) -> Option<Port<'m>>,
    ) -> Vec<Client<'m>> {
        let mut clients = Vec::new();
        self.clients.retain(|&ClientConfig { channel, line, .. }| {
            let port = open(channel);
            let connected = port.is_some();
            clients.extend(port.map(|port| Client { channel, port }));
            if !connected {
                problems.push(Problem { line, reason: Reason::NoRegion });
            }
            connected
        });
        clients
    }

    fn statement(&mut self, line: usize, statement: &str) -> Result<(), Reason> {
        let words = statement.split_once(char::is_whitespace);
        let (keyword, rest) = words.map_or((statement, ""), |(keyword, rest)| (keyword, rest.trim_start()));
        match keyword {
            "banner" => {
                self.banner.push(rest.into());
                Ok(())
            }
            "labels" => {
                self.plain_labels = match rest {
                    "plain" => true,
                    "bold" => false,
                    _ => return Err(Reason::UnknownLabels),
                };
                Ok(())
            }
            channel if channel.bytes().all(|byte| byte.is_ascii_digit()) => self.client(line, channel, rest),
            _ => Err(Reason::UnknownStatement),
        }
    }

    fn client(&mut self, line: usize, channel: &str, rest: &str) -> Result<(), Reason> {
        let channel = clients::channel(channel).ok_or(Reason::BadChannel)?;
        let mut words = rest.split_whitespace();
        let name = words.next().filter(|name| is_name(name)).ok_or(Reason::BadName)?;
        let focus = match (words.next(), words.next()) {
            (None, _) => false,
            (Some("focus"), None) => true,
            _ => return Err(Reason::UnknownFlag),
        };
        if self.clients.iter().any(|client| client.channel == channel) {
            return Err(Reason::ChannelTwice);
        }
        if self.clients.iter().any(|client| client.name == name) {
            return Err(Reason::NameTwice);
        }
        if focus && self.focus.is_some() {
            return Err(Reason::FocusTwice);
        }
        if focus {
            self.focus = Some(channel);
        }
        let name = name.into();
        self.clients.push(ClientConfig { channel, name, line });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_default_text_is_right() {
        let (config, problems) = Config::parse(include_bytes!("../../../system/console.txt"));
        assert_eq!(problems, []);
        let clients: Vec<_> = config.clients.iter().map(|c| (c.channel, c.name.as_str())).collect();
        assert_eq!(clients, [(1, "linux_a"), (2, "linux_b"), (3, "realtime"), (4, "echo"), (5, "top")]);
        assert_eq!(config.focus, Some(1));
        assert_eq!(config.banner, ["Ctrl-a x leaves QEMU."]);
        assert!(!config.plain_labels);
    }

    #[test]
    fn every_bad_line_is_told_and_left_out() {
        let cases: &[(&[u8], Reason)] = &[
            (b"\xff", Reason::NotUtf8),
            (b"x y", Reason::UnknownStatement),
            (b"16 a", Reason::BadChannel),
            (b"99999999999999999999999 a", Reason::BadChannel),
            (b"1 b", Reason::ChannelTwice),
            (b"2", Reason::BadName),
            (b"2 a]b", Reason::BadName),
            (b"2 abcdefghijklmnopq", Reason::BadName),
            (b"2 first", Reason::NameTwice),
            (b"2 a blue", Reason::UnknownFlag),
            (b"2 a focus x", Reason::UnknownFlag),
            (b"2 a focus", Reason::FocusTwice),
            (b"labels", Reason::UnknownLabels),
        ];
        for (line, reason) in cases {
            let text = [b"# who\r\n 1 first focus # here\r\n", *line, b"\n15 last"].concat();
            let (config, problems) = Config::parse(&text);
            assert_eq!(problems, vec![Problem { line: 3, reason: *reason }]);
            assert_eq!(config.clients.len(), 2);
            assert_eq!(config.focus, Some(1));
        }
    }

    #[test]
    fn a_client_without_a_region_is_told_and_left_out() {
        let (mut config, mut problems) = Config::parse(b"3 a focus\n\n4 b");
        let memory: Vec<_> = core::iter::repeat_with(ivc::Block::new).take(8).collect();
        let clients = config.connect(&mut problems, |channel| {
            (channel == 4).then(|| Port::server(ivc::Region::over(&memory)).expect("large enough"))
        });
        let reason = Reason::NoRegion;
        assert_eq!(problems, [Problem { line: 1, reason }]);
        assert_eq!(clients.len(), 1);
        assert_eq!((clients[0].channel, config.clients[0].channel), (4, 4));
    }
}
