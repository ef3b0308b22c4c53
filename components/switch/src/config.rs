//! Who the stations are and who may talk to whom: a text that the system description puts into a memory region.
//!
//! One statement per line, `#` begins a comment:
//!
//! ```text
//! 1 linux-a 52:54:00:00:00:01    channel 1 is called "linux-a" and has this address
//! 2 linux-b 52:54:00:00:00:02
//! 3 uplink any                   behind channel 3 are others, with any addresses
//! talk linux-a linux-b           they may send each other frames
//! talk linux-a uplink
//! ```

use alloc::{string::String, vec::Vec};
use core::fmt;

use clients::{is_name, statements, words};
use ivc::net::ADDRESS;

/// A hardware address.
pub type Address = [u8; ADDRESS];

/// A station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationConfig {
    /// Channel of the switch that leads to it.
    pub channel: usize,
    /// What it is called.
    pub name: String,
    /// The only address that it sends under; `None`: others are behind it.
    pub address: Option<Address>,
    /// Number of the line that says so.
    pub line: usize,
}

/// The text, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// At most [`clients::MOST`].
    pub stations: Vec<StationConfig>,
    /// Channels of stations that may talk to each other.
    pub pairs: Vec<(usize, usize)>,
}

/// A line that is left out.
pub type Problem = clients::Problem<Reason>;

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not text.
    NotUtf8,
    /// Neither a station nor a pair.
    UnknownStatement,
    /// No such channel.
    BadChannel,
    /// The channel has a station already.
    ChannelTwice,
    /// Empty, too long, or with other characters than letters, digits, `-`, `_` and `.`.
    BadName,
    /// The name is another station's.
    NameTwice,
    /// Not six bytes, or the address of a group.
    BadAddress,
    /// The address is another station's.
    AddressTwice,
    /// No station above is called so.
    NoSuchStation(String),
    /// A station talks to itself without our help.
    Itself,
    /// No usable region is shared with the station.
    NoRegion,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "not UTF-8",
            Self::UnknownStatement => "is neither a channel, a name and an address or `any`, nor `talk` and two names",
            Self::BadChannel => "channels are 0 to 15",
            Self::ChannelTwice => "this channel has a station already",
            Self::BadName => "a name has 1 to 16 letters, digits, `-`, `_` or `.`",
            Self::NameTwice => "this name is another station's",
            Self::BadAddress => "a station's address is like 52:54:00:00:00:01, with an even first byte",
            Self::AddressTwice => "this address is another station's",
            Self::NoSuchStation(name) => return write!(f, "no station above is called {name}"),
            Self::Itself => "a station does not talk to itself",
            Self::NoRegion => "no usable region is mapped for this channel (client_<channel>_vaddr)",
        })
    }
}

impl Config {
    /// Reads the text. Lines with a problem are left out and told, the others count.
    #[must_use]
    pub fn parse(text: &[u8]) -> (Self, Vec<Problem>) {
        let (mut config, mut problems) = (Self::default(), Vec::new());
        for (line, statement) in statements(text) {
            let result = statement.ok_or(Reason::NotUtf8).and_then(|statement| config.statement(line, statement));
            problems.extend(result.err().map(|reason| Problem { line, reason }));
        }
        (config, problems)
    }

    fn statement(&mut self, line: usize, statement: &str) -> Result<(), Reason> {
        let [first, second, third] = words(statement).ok_or(Reason::UnknownStatement)?;
        if first == "talk" {
            let pair = (self.find(second)?, self.find(third)?);
            if pair.0 == pair.1 {
                return Err(Reason::Itself);
            }
            self.pairs.push(pair);
            return Ok(());
        }
        if !first.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Reason::UnknownStatement);
        }
        let station = self.station(line, first, second, third)?;
        self.stations.push(station);
        Ok(())
    }

    /// The channel of a station.
    fn find(&self, name: &str) -> Result<usize, Reason> {
        let station = self.stations.iter().find(|station| station.name == name);
        station.map(|station| station.channel).ok_or_else(|| Reason::NoSuchStation(name.into()))
    }

    fn station(&self, line: usize, channel: &str, name: &str, address: &str) -> Result<StationConfig, Reason> {
        let channel = clients::channel(channel).ok_or(Reason::BadChannel)?;
        if !is_name(name) {
            return Err(Reason::BadName);
        }
        let address = match address {
            "any" => None,
            address => Some(parse_address(address).ok_or(Reason::BadAddress)?),
        };
        let is_taken = |test: &dyn Fn(&StationConfig) -> bool| self.stations.iter().any(test);
        if is_taken(&|other| other.channel == channel) {
            return Err(Reason::ChannelTwice);
        }
        if is_taken(&|other| other.name == name) {
            return Err(Reason::NameTwice);
        }
        if address.is_some() && is_taken(&|other| other.address == address) {
            return Err(Reason::AddressTwice);
        }
        Ok(StationConfig { channel, name: name.into(), address, line })
    }
}

/// One station's address, as people write it.
fn parse_address(text: &str) -> Option<Address> {
    let mut address = [0; ADDRESS];
    let mut parts = text.split(':');
    for byte in &mut address {
        let part = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    // The lowest bit of the first byte marks groups.
    (parts.next().is_none() && address[0] & 1 == 0 && address != [0; ADDRESS]).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_and_rules_are_read() {
        let text = b"1 a 52:54:00:00:00:0a # first\n\n2 b 52:54:00:00:00:0b\n15 up any\ntalk a b\n talk up a";
        let (config, problems) = Config::parse(text);
        assert_eq!(problems, []);
        let all: Vec<_> = config.stations.iter().map(|s| (s.channel, s.name.as_str(), s.address)).collect();
        let address = |last| Some([0x52, 0x54, 0, 0, 0, last]);
        assert_eq!(all, [(1, "a", address(10)), (2, "b", address(11)), (15, "up", None)]);
        assert_eq!(config.pairs, [(1, 2), (15, 1)]);
    }

    #[test]
    fn every_bad_line_is_told_and_left_out() {
        let cases: &[(&[u8], Reason)] = &[
            (b"\xff", Reason::NotUtf8),
            (b"talk a", Reason::UnknownStatement),
            (b"shout a b", Reason::UnknownStatement),
            (b"16 b any", Reason::BadChannel),
            (b"1 b any", Reason::ChannelTwice),
            (b"2 b] any", Reason::BadName),
            (b"2 a any", Reason::NameTwice),
            (b"2 b 52:54:00:00:00", Reason::BadAddress),
            (b"2 b 52:54:00:00:00:0a:00", Reason::BadAddress),
            (b"2 b 53:54:00:00:00:0a", Reason::BadAddress),
            (b"2 b 00:00:00:00:00:00", Reason::BadAddress),
            (b"2 b 52:54:00:00:00:+a", Reason::BadAddress),
            (b"2 b 52:54:00:00:00:0a", Reason::AddressTwice),
            (b"talk a c", Reason::NoSuchStation("c".into())),
            (b"talk a a", Reason::Itself),
        ];
        for (line, reason) in cases {
            let text = [b"1 a 52:54:00:00:00:0a\n", *line, b"\n9 last any\ntalk a last"].concat();
            let (config, problems) = Config::parse(&text);
            assert_eq!(problems, [Problem { line: 2, reason: reason.clone() }]);
            assert_eq!((config.stations.len(), config.pairs.len()), (2, 1));
        }
    }
}
