//! Against the true console server, on a line that loses and changes bytes.

use super::*;
use console::config::Config;
use console::{Client as Line, Console};
use ivc::console::Port;
use ivc::{Block, Region};
use proptest::collection::vec;
use proptest::prelude::*;

const HISTORY: usize = 4096;

fn line() -> &'static [Block] {
    std::iter::repeat_with(Block::new).take(2 * (2 + 16)).collect::<Vec<_>>().leak()
}

/// A generator of harm: every so many bytes one is lost or changed, at places that look random.
struct Noise {
    every: u64,
    state: u64,
}

impl Noise {
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut passed = Vec::new();
        for &byte in bytes {
            // Knuth's constants for a linear congruential generator of 64 bits.
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let roll = self.state >> 33;
            match (self.every > 0 && roll.is_multiple_of(self.every), roll & 0x100) {
                (false, _) => passed.push(byte),
                (true, 0) => {}
                (true, _) => passed.push(byte ^ 0x55),
            }
        }
        passed
    }
}

struct Rig {
    link: Link,
    console: Console<'static>,
    /// The other ends of the server's lines.
    remote: Port<'static>,
    client: Port<'static>,
    noise: Noise,
    now: Instant,
    output: Vec<u8>,
    lost: u64,
    server_restarts: usize,
    lines: [&'static [Block]; 3],
}

impl Rig {
    fn new(noise: Noise) -> Self {
        let lines = [line(), line(), line()];
        let now = Instant::now();
        let end = |line: usize| Port::server(Region::over(lines[line])).expect("large enough");
        Self {
            link: Link::new(1, now),
            console: Self::server(lines),
            remote: end(2),
            client: Port::client(Region::over(lines[1])).expect("large enough"),
            noise,
            now,
            output: Vec::new(),
            lost: 0,
            server_restarts: 0,
            lines,
        }
    }

    fn server(lines: [&'static [Block]; 3]) -> Console<'static> {
        let (mut config, mut problems) = Config::parse(b"1 only");
        let client = |channel: usize| Port::client(Region::over(lines[channel])).expect("large enough");
        let server = Port::server(Region::over(lines[1])).expect("large enough");
        let mut server = Some(server);
        let clients = config.connect(&mut problems, |_| server.take());
        let terminal = Line { channel: 0, port: client(0) };
        Console::new(terminal, clients, &config, &problems, HISTORY).with_remote(Line { channel: 2, port: client(2) })
    }

    /// A moment passes: everybody does what there is to do.
    fn step(&mut self, time: Duration) {
        self.now += time;
        self.link.tick(self.now);
        let out = self.noise.pass(&std::mem::take(self.link.out()));
        let mut rest = out.as_slice();
        loop {
            rest = &rest[self.remote.write(rest)..];
            let more = self.console.turn().more;
            let mut buffer = [0; 4096];
            let length = self.remote.read(&mut buffer);
            let heard = self.noise.pass(&buffer[..length]);
            for event in self.link.receive(&heard, self.now) {
                self.note(event);
            }
            if !more && rest.is_empty() && length == 0 {
                return;
            }
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Ready => self.link.show(0, self.output.len() as u64, self.now),
            Event::Showing { from, .. } => self.lost += from - self.output.len() as u64,
            Event::Output { bytes, .. } => self.output.extend(bytes),
            Event::ServerRestarted => {
                self.server_restarts += 1;
                self.output.clear();
            }
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn everything_arrives_on_a_bad_line(
        // A frame has at most 320 bytes: with more noise than this, hardly any arrives whole.
        every in prop_oneof![Just(0_u64), 400_u64..5000],
        seed in any::<u64>(),
        writes in vec(0_usize..3000, 1..20),
        keys in vec(0_usize..2000, 1..10),
    ) {
        let mut rig = Rig::new(Noise { every, state: seed });
        // What is written before the output is shown may fall out of the history.
        while rig.link.names().is_none() || !rig.link.is_shown(0) {
            rig.step(Duration::from_millis(500));
        }
        prop_assert_eq!(rig.link.names(), Some(vec!["only"]));
        let pattern = |count: usize, from: usize| (from..from + count).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect::<Vec<u8>>();
        let written = pattern(writes.iter().sum(), 0);
        let typed = pattern(keys.iter().sum(), 7);
        let (mut to_write, mut read) = (written.as_slice(), Vec::new());
        let mut to_type = typed.as_slice();
        let (mut writes, mut keys) = (writes.into_iter(), keys.into_iter());
        for _ in 0..4000 {
            let piece = writes.next().unwrap_or(500).min(to_write.len());
            to_write = &to_write[rig.client.write(&to_write[..piece])..];
            let piece = keys.next().unwrap_or(500).min(to_type.len());
            rig.link.type_bytes(0, &to_type[..piece], rig.now);
            to_type = &to_type[piece..];
            rig.step(Duration::from_millis(100));
            let mut buffer = [0; 700];
            let length = rig.client.read(&mut buffer);
            read.extend_from_slice(&buffer[..length]);
            if rig.output.len() == written.len() && read.len() == typed.len() && rig.link.typed_left(0) == 0 {
                break;
            }
        }
        prop_assert!(rig.output == written, "{} of {}", rig.output.len(), written.len());
        prop_assert!(read == typed, "{} of {}", read.len(), typed.len());
        prop_assert_eq!((rig.lost, rig.server_restarts), (0, 0));
    }

    #[test]
    fn nonsense_from_the_server_is_survived(bytes in vec(any::<u8>(), 0..2000)) {
        let mut rig = Rig::new(Noise { every: 0, state: 0 });
        rig.step(Duration::ZERO);
        rig.link.receive(&bytes, rig.now);
        rig.link.receive(&[0], rig.now);
        rig.client.write(b"abc");
        (0..40).for_each(|_| rig.step(Duration::from_millis(500)));
        prop_assert_eq!(&rig.output, b"abc");
    }
}

#[test]
fn what_nobody_was_shown_in_time_is_told_to_be_lost() {
    let mut rig = Rig::new(Noise { every: 0, state: 0 });
    let written: Vec<u8> = (0..HISTORY + 904).map(|n| n.to_le_bytes()[0]).collect();
    let mut rest = written.as_slice();
    while !rest.is_empty() {
        rest = &rest[rig.client.write(rest)..];
        while rig.console.turn().more {}
    }
    (0..10).for_each(|_| rig.step(Duration::from_millis(100)));
    assert_eq!(rig.lost, 904);
    assert!(rig.output == written[904..]);
}

#[test]
fn nothing_is_said_for_nothing() {
    let mut rig = Rig::new(Noise { every: 0, state: 0 });
    rig.client.write(b"abc");
    (0..10).for_each(|_| rig.step(Duration::from_millis(100)));
    assert_eq!(rig.output, b"abc");
    let mut said = 0;
    for _ in 0..600 {
        rig.now += Duration::from_secs(1);
        rig.link.tick(rig.now);
        said += usize::from(!std::mem::take(rig.link.out()).is_empty());
    }
    assert!(said < 30, "{said} messages in ten idle minutes");
}

#[test]
fn one_that_is_not_read_is_not_sent_for_ever() {
    let mut rig = Rig::new(Noise { every: 0, state: 0 });
    rig.step(Duration::ZERO);
    rig.link.set_open(0, false, rig.now);
    for _ in 0..100 {
        rig.client.write(&[b'x'; 1000]);
        rig.step(Duration::from_secs(1));
    }
    let stopped_at = rig.output.len();
    assert!(stopped_at as u64 <= WINDOW, "{stopped_at}");
    rig.link.set_open(0, true, rig.now);
    rig.step(Duration::ZERO);
    assert!(rig.output.len() > stopped_at);
}

#[test]
fn a_server_that_starts_anew_is_greeted_again() {
    let mut rig = Rig::new(Noise { every: 0, state: 0 });
    rig.client.write(b"before");
    (0..5).for_each(|_| rig.step(Duration::from_millis(100)));
    assert_eq!(rig.output, b"before");
    rig.console = Rig::server(rig.lines);
    rig.client.write(b"behind");
    (0..30).for_each(|_| rig.step(Duration::from_millis(100)));
    assert_eq!((rig.server_restarts, rig.output.as_slice()), (1, b"behind".as_slice()));
}

#[test]
fn another_version_is_told() {
    let mut link = Link::new(1, Instant::now());
    let welcome = Report::Welcome { version: VERSION + 1, nonce: 2, clients: 3 };
    let events = link.receive(Frame::of(&welcome).expect("short").bytes(), Instant::now());
    assert_eq!(events, [Event::OtherVersion(VERSION + 1)]);
    assert_eq!(link.tick(Instant::now()), None, "there is no more to say");
}
