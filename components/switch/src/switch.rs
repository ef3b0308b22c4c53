//! The switch: from which station a frame comes decides where it may go.

use alloc::{string::String, vec::Vec};

use clients::Signals;
use ivc::Aligned;
use ivc::net::{MAX_FRAME, Port};
use ivc::statistics::{Counter, Table};

use crate::config::{Address, Config, StationConfig};

/// Frames that are taken from a station in a row.
const BURST: usize = 16;
/// Addresses that are remembered of those behind a station: a flood of addresses costs that station's own.
const LEARNED: usize = 32;

/// A station and its cable.
#[derive(Debug)]
pub struct Station<'m> {
    /// Who it is.
    pub config: StationConfig,
    /// The cable.
    pub port: Port<'m>,
}

#[derive(Debug)]
struct State<'m> {
    station: Station<'m>,
    /// The stations that it may talk to: bit `n` is number `n`.
    peers: u32,
    /// The address that it has; `None`: others are behind it.
    own: Option<Number>,
    /// The addresses behind it, if it has not one of its own, and the place of the next.
    learned: Vec<Number>,
    oldest: usize,
    /// It has sent under an address that it has not, and that was told.
    told: bool,
}

/// What is to be done after a turn.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    /// Whom to signal.
    pub signals: Signals,
    /// Whether there is more to do at once. If not, sleep until a signal comes.
    pub more: bool,
    /// Stations that have sent under an address that is not theirs, each told once.
    pub impostors: Vec<String>,
}

/// What is counted.
#[derive(Debug, Default)]
struct Counters<'m> {
    /// Frames that came.
    frames: Counter<'m>,
    /// Their bytes.
    bytes: Counter<'m>,
    /// Frames for a station that did not keep up.
    lost: Counter<'m>,
    /// Frames that nobody may hear, or that are for nobody.
    unheard: Counter<'m>,
    /// Frames under an address that their sender has not.
    impostors: Counter<'m>,
}

/// The switch.
#[derive(Debug)]
pub struct Switch<'m> {
    counters: Counters<'m>,
    stations: Vec<State<'m>>,
    next: usize,
    /// The frame that is passed on.
    frame: Aligned<[u8; MAX_FRAME]>,
}

/// An address as a number: they are compared for each station and frame.
type Number = u64;

fn number([a, b, c, d, e, f]: Address) -> Number {
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}

/// Whether the address is that of a group, by its first byte.
fn is_group(address: Number) -> bool {
    address & 1 != 0
}

impl<'m> Switch<'m> {
    /// A switch between these stations, under the rules of `config`. Begin with a [`turn`](Self::turn).
    #[must_use]
    pub fn new(stations: Vec<Station<'m>>, config: &Config) -> Self {
        let bit = |channel| stations.iter().position(|station| station.config.channel == channel).map(|n| 1 << n);
        let peers_of = |station: &Station<'_>| {
            let channel = station.config.channel;
            let others = config.pairs.iter().filter_map(|&(a, b)| match channel {
                _ if channel == a => bit(b),
                _ if channel == b => bit(a),
                _ => None,
            });
            others.fold(0, |peers, bit: u32| peers | bit)
        };
        let peers: Vec<u32> = stations.iter().map(peers_of).collect();
        let state = |(station, peers): (Station<'m>, u32)| {
            if let Some(address) = station.config.address {
                station.port.set_address(address);
            }
            let own = station.config.address.map(number);
            State { station, peers, own, learned: Vec::new(), oldest: 0, told: false }
        };
        let stations = stations.into_iter().zip(peers).map(state).collect();
        Self { counters: Counters::default(), stations, next: 0, frame: Aligned([0; MAX_FRAME]) }
    }

    /// Counts in this table, too.
    #[must_use]
    pub fn counted(mut self, table: &mut Table<'m>) -> Self {
        self.counters = Counters {
            frames: table.counter("frames"),
            bytes: table.counter("bytes"),
            lost: table.counter("lost"),
            unheard: table.counter("unheard"),
            impostors: table.counter("impostors"),
        };
        self
    }

    /// Takes some frames from each station.
    pub fn turn(&mut self) -> Turn {
        let count = self.stations.len();
        let mut impostors = Vec::new();
        for offset in 0..count {
            self.take(self.next.wrapping_add(offset) % count, &mut impostors);
        }
        self.next = (self.next + 1) % count.max(1);
        // All of them are asked, so that each gives a signal.
        let busy =
            self.stations.iter_mut().filter_map(|state| (!state.station.port.await_input()).then_some(())).count();
        let mut signals = Signals::default();
        for state in &mut self.stations {
            signals.add(state.station.config.channel, state.station.port.owes_signal());
        }
        Turn { signals, more: busy != 0, impostors }
    }

    fn take(&mut self, from: usize, impostors: &mut Vec<String>) {
        let Self { counters, stations, frame: Aligned(buffer), .. } = self;
        for _ in 0..BURST {
            let Some(length) = stations[from].station.port.receive(buffer) else { return };
            let frame = &buffer[..length];
            counters.frames.add(1);
            counters.bytes.add(length as u64);
            let (Some(&to), Some(&source)) = (frame.first_chunk(), frame[6..].first_chunk()) else { continue };
            if stations[from].accept(number(source)) {
                deliver(stations, counters, from, number(to), frame);
                continue;
            }
            counters.impostors.add(1);
            if !core::mem::replace(&mut stations[from].told, true) {
                impostors.push(stations[from].station.config.name.clone());
            }
        }
    }
}

/// Sends a frame to whom it is for, as far as they may hear from its sender.
fn deliver(stations: &mut [State<'_>], counters: &mut Counters<'_>, from: usize, to: Number, frame: &[u8]) {
    let wanted = match those(stations, |state| state.is_at(to)) {
        _ if is_group(to) => u32::MAX,
        0 => those(stations, |state| state.own.is_none()),
        there => there,
    };
    let hearers = wanted & stations[from].peers & !(1 << from);
    counters.unheard.add(u64::from(hearers == 0));
    for (_, state) in stations.iter_mut().enumerate().filter(|(number, _)| hearers & 1 << number != 0) {
        // One that does not keep up loses it.
        counters.lost.add(u64::from(!state.station.port.send(frame)));
    }
}

/// The stations of which this is true: bit `n` is number `n`.
fn those(stations: &[State<'_>], is_so: impl Fn(&State<'_>) -> bool) -> u32 {
    stations.iter().enumerate().fold(0, |bits, (number, state)| bits | u32::from(is_so(state)) << number)
}

impl State<'_> {
    /// Whether an address is this station's, or of one behind it.
    fn is_at(&self, address: Number) -> bool {
        match self.own {
            Some(own) => own == address,
            None => self.learned.contains(&address),
        }
    }

    /// Whether the station may send under this address; one of those behind it is remembered.
    fn accept(&mut self, source: Number) -> bool {
        if is_group(source) {
            return false;
        }
        match self.own {
            Some(own) => own == source,
            None => {
                if self.learned.len() < LEARNED && !self.learned.contains(&source) {
                    self.learned.push(source);
                } else if !self.learned.contains(&source) {
                    self.learned[self.oldest] = source;
                    self.oldest = (self.oldest + 1) % LEARNED;
                }
                true
            }
        }
    }
}
