//! The server's line to terminals elsewhere: what comes whole, what is held back, and what a peer can do that breaks the rules.

use console::config::Config;
use console::{Client, Console};
use ivc::console::Port;
use ivc::frame::{Deframer, Frame};
use ivc::remote::{Ask, PIECE, Report, Request, Size, Tell, VERSION};
use ivc::{Block, Region};
use proptest::collection::vec;
use proptest::prelude::*;

const HISTORY: usize = 1024;
const CLIENTS: usize = 2;
/// Lines: the terminal's, the clients', and the one to other terminals.
const TERMINAL: usize = 0;
const REMOTE: usize = CLIENTS + 1;

fn line(blocks: usize) -> &'static [Block] {
    std::iter::repeat_with(Block::new).take(2 * (2 + blocks)).collect::<Vec<_>>().leak()
}

struct Rig {
    console: Console<'static>,
    terminal: Port<'static>,
    clients: Vec<Port<'static>>,
    remote: Port<'static>,
    deframer: Deframer,
    signals: u64,
}

/// What the server said, with its parts owned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Started,
    Welcome(u32, u8),
    Is(u8, String),
    Showing(u8, u64, u64),
    Output(u8, u64, Vec<u8>),
    Room(u8, u64, u64),
    Restarted(u8),
}

impl From<Report<'_>> for Said {
    fn from(report: Report<'_>) -> Self {
        match report {
            Report::Started => Self::Started,
            Report::Welcome { nonce, clients, .. } => Self::Welcome(nonce, clients),
            Report::Of(client, tell) => match tell {
                Tell::Is { name } => Self::Is(client, name.to_owned()),
                Tell::Showing { from, end } => Self::Showing(client, from, end),
                Tell::Output { position, bytes } => Self::Output(client, position, bytes.to_vec()),
                Tell::Room { taken, until } => Self::Room(client, taken, until),
                Tell::Restarted => Self::Restarted(client),
            },
        }
    }
}

impl Rig {
    fn new() -> Self {
        let (mut config, mut problems) = Config::parse(b"labels plain\n1 one focus\n2 two");
        let lines: Vec<_> = (0..=REMOTE).map(|_| line(8)).collect();
        let region = |channel: usize| Region::over(lines[channel]);
        let server = |channel| Port::server(region(channel)).expect("large enough");
        let client = |channel| Port::client(region(channel)).expect("large enough");
        let clients = config.connect(&mut problems, |channel| Some(server(channel)));
        let terminal = Client { channel: TERMINAL, port: client(TERMINAL) };
        let remote = Client { channel: REMOTE, port: client(REMOTE) };
        let console = Console::new(terminal, clients, &config, &problems, HISTORY).with_remote(remote);
        let mut rig = Self {
            console,
            terminal: server(TERMINAL),
            clients: (1..=CLIENTS).map(client).collect(),
            remote: server(REMOTE),
            deframer: Deframer::default(),
            signals: 0,
        };
        rig.run();
        rig
    }

    /// One that was greeted, and whose answers were heard.
    fn greeted() -> Self {
        let mut rig = Self::new();
        rig.request(&Request::Hello { version: VERSION, nonce: 1 });
        rig.hear();
        rig
    }

    fn run(&mut self) {
        for _ in 0..1000 {
            let turn = self.console.turn();
            self.signals |= turn.signals.channels().fold(0, |signals, channel| signals | 1 << channel);
            if !turn.more {
                return;
            }
        }
        panic!("the server does not come to rest");
    }

    /// The terminal here shows all that there is.
    fn drain_terminal(&mut self) {
        let mut buffer = [0; 1000];
        while self.terminal.read(&mut buffer) > 0 {
            self.terminal.await_input();
            if self.terminal.owes_signal() {
                self.run();
            }
        }
    }

    fn request(&mut self, request: &Request<'_>) {
        self.bytes(Frame::of(request).expect("short").bytes());
    }

    fn ask(&mut self, client: u8, ask: Ask<'_>) {
        self.request(&Request::Of(client, ask));
    }

    /// Sends bytes on the line, which has room for them.
    fn bytes(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(64) {
            assert_eq!(self.remote.write(piece), piece.len(), "the server always reads");
            if self.remote.owes_signal() {
                self.run();
            }
        }
    }

    /// What the server says, until it has nothing more to say.
    fn hear(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        loop {
            let mut buffer = [0; 100];
            let length = self.remote.read(&mut buffer);
            for &byte in &buffer[..length] {
                self.deframer.feed(byte, |report: Report<'_>| said.push(Said::from(report)));
            }
            let idle = self.remote.await_input();
            if self.remote.owes_signal() {
                self.run();
            } else if idle && length == 0 {
                assert_eq!(self.deframer.damaged(), 0);
                return said;
            }
        }
    }

    fn write(&mut self, client: usize, bytes: &[u8]) -> usize {
        let length = self.clients[client].write(bytes);
        if self.clients[client].owes_signal() {
            self.run();
        }
        length
    }

    fn write_all(&mut self, client: usize, bytes: &[u8]) {
        assert_eq!(bytes.chunks(100).map(|piece| self.write(client, piece)).sum::<usize>(), bytes.len());
    }
}

/// The bytes that were sent for a client, if they are in one piece from `from` on.
fn output(said: &[Said], client: u8, from: u64) -> Vec<u8> {
    let mut all = Vec::new();
    for said in said {
        if let Said::Output(who, position, bytes) = said
            && *who == client
        {
            assert_eq!(*position, from + all.len() as u64);
            all.extend_from_slice(bytes);
        }
    }
    all
}

#[test]
fn it_says_who_the_clients_are() {
    let mut rig = Rig::new();
    assert_eq!(rig.hear(), [Said::Started]);
    rig.ask(0, Ask::Show { from: 0, until: 9 });
    assert_eq!(rig.hear(), [Said::Started], "not before it was greeted");
    rig.request(&Request::Hello { version: VERSION, nonce: 9 });
    let one = |client, name: &str| [Said::Is(client, name.to_owned()), Said::Room(client, 0, 2048)];
    let said = rig.hear();
    assert_eq!(said[0], Said::Welcome(9, 2));
    assert_eq!(said[1..], [one(0, "one"), one(1, "two")].concat());
    rig.request(&Request::Hello { version: VERSION + 1, nonce: 10 });
    assert_eq!(rig.hear(), [Said::Welcome(10, 2)], "to one that would not understand the rest");
}

#[test]
fn output_comes_from_where_it_was_asked_for() {
    let mut rig = Rig::greeted();
    rig.write_all(1, &[b'a'; 2000]);
    rig.ask(1, Ask::Show { from: 500, until: 5000 });
    let said = rig.hear();
    assert_eq!(said[0], Said::Showing(1, 976, 2000), "older output is gone");
    assert_eq!(output(&said, 1, 976), [b'a'; HISTORY]);
    rig.ask(1, Ask::Show { from: 1990, until: 1995 });
    assert_eq!(output(&rig.hear(), 1, 1990), *b"aaaaa", "no more than was wanted");
    rig.ask(1, Ask::Got { position: 1995, until: 3000 });
    rig.write_all(1, b"bc");
    assert_eq!(output(&rig.hear(), 1, 1995), *b"aaaaabc");
    rig.ask(1, Ask::Got { position: 1998, until: 3000 });
    assert_eq!(rig.hear(), []);
    rig.ask(1, Ask::Got { position: 1998, until: 3000 });
    assert_eq!(output(&rig.hear(), 1, 1998), *b"aabc", "the same again: nothing has arrived since");
    rig.ask(1, Ask::Hide);
    rig.write_all(1, b"d");
    assert_eq!(rig.hear(), []);
}

#[test]
fn who_is_shown_loses_nothing_and_others_are_not_held_back() {
    let mut rig = Rig::greeted();
    rig.ask(1, Ask::Show { from: 0, until: 100 });
    let flood: Vec<u8> = (0..10_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut written = rig.write(1, &flood);
    while let more @ 1.. = rig.write(1, &flood[written..]) {
        written += more;
    }
    assert!(written < 2000, "it is held back: {written}");
    // Meanwhile the other one writes as if nothing were, to the terminal here.
    for _ in 0..20 {
        rig.write_all(0, &[b'x'; 400]);
        rig.drain_terminal();
    }
    let mut shown = output(&rig.hear(), 1, 0);
    while shown.len() < flood.len() {
        let position = shown.len() as u64;
        rig.ask(1, Ask::Got { position, until: position + 100 });
        written += rig.write(1, &flood[written..]);
        shown.extend(output(&rig.hear(), 1, position));
    }
    assert!(shown == flood, "every byte is what it was");
}

#[test]
fn one_that_floods_leaves_the_line_to_others_too() {
    let mut rig = Rig::greeted();
    rig.ask(0, Ask::Show { from: 0, until: 1 << 20 });
    rig.ask(1, Ask::Show { from: 0, until: 1 << 20 });
    rig.write(0, &[b'x'; 400]);
    rig.write(0, &[b'x'; 400]);
    rig.write(1, b"hello");
    let said = rig.hear();
    let place = said.iter().position(|said| matches!(said, Said::Output(1, ..))).expect("its output");
    let before: usize = output(&said[..place], 0, 0).len();
    assert!(before <= 800 && place <= 8, "{said:?}");
    assert_eq!(output(&said, 1, 0), *b"hello");
}

#[test]
fn what_is_typed_arrives_once() {
    let mut rig = Rig::greeted();
    let keys = |rig: &mut Rig| {
        let mut buffer = [0; 4096];
        let length = rig.clients[1].read(&mut buffer);
        rig.clients[1].await_input();
        if rig.clients[1].owes_signal() {
            rig.run();
        }
        buffer[..length].to_vec()
    };
    rig.ask(1, Ask::Type { position: 0, bytes: b"abc" });
    assert_eq!(rig.hear(), [Said::Room(1, 3, 2051)]);
    rig.ask(1, Ask::Type { position: 1, bytes: b"bcd" });
    rig.ask(1, Ask::Type { position: 7, bytes: b"h" });
    assert_eq!(rig.hear().last(), Some(&Said::Room(1, 4, 2052)), "what is behind a gap is not taken");
    assert_eq!(keys(&mut rig), *b"abcd");
    // More than client and server have room for.
    for position in (4..8000).step_by(PIECE) {
        rig.ask(1, Ask::Type { position, bytes: &[b'k'; PIECE] });
    }
    let room = rig.hear();
    let Some(&Said::Room(1, taken, until)) = room.last() else { panic!("{room:?}") };
    assert_eq!(taken, until, "nothing fits any more");
    let mut read = 4;
    while let more @ 1.. = keys(&mut rig).len() as u64 {
        read += more;
    }
    assert_eq!(read, taken, "all that was taken");
    assert_eq!(rig.hear().last(), Some(&Said::Room(1, taken, taken + 2048)));
}

#[test]
fn a_client_learns_the_size_of_its_terminal() {
    let mut rig = Rig::greeted();
    assert_eq!(rig.clients[1].size(), None);
    rig.clients[1].await_input();
    rig.signals = 0;
    let size = Size { columns: 132, rows: 50 };
    rig.ask(1, Ask::Resize(size));
    assert_eq!(rig.clients[1].size(), Some(size));
    assert_eq!(rig.clients[0].size(), None);
    assert_eq!(rig.signals, 1 << 2, "it is signalled");
}

fn any_request() -> impl Strategy<Value = Vec<u8>> {
    let position = prop_oneof![0_u64..3000, Just(u64::MAX), Just(u64::MAX - 5), any::<u64>()];
    let frame = |request: &Request<'_>| Frame::of(request).expect("short").bytes().to_vec();
    let client = prop_oneof![0_u8..3, any::<u8>()];
    prop_oneof![
        (VERSION..VERSION + 2, any::<u32>())
            .prop_map(move |(version, nonce)| frame(&Request::Hello { version, nonce })),
        (client, 0..5, position.clone(), position, vec(any::<u8>(), 0..PIECE)).prop_map(
            move |(client, kind, one, other, bytes)| {
                let ask = match kind {
                    0 => Ask::Show { from: one, until: other },
                    1 => Ask::Got { position: one, until: other },
                    2 => Ask::Hide,
                    3 => Ask::Type { position: one, bytes: &bytes },
                    _ => Ask::Resize(Size { columns: one.to_le_bytes()[0].into(), rows: 3 }),
                };
                frame(&Request::Of(client, ask))
            }
        ),
        vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn a_hostile_peer_harms_nobody(requests in vec((any_request(), 0_usize..600), 1..60)) {
        let mut rig = Rig::greeted();
        for (bytes, written) in requests {
            rig.bytes(&bytes);
            rig.write(1, &vec![b'x'; written]);
            rig.hear();
        }
        // A zero ends what was begun; then the conversation begins anew, and the client in focus never noticed.
        rig.bytes(&[0]);
        rig.request(&Request::Hello { version: VERSION, nonce: 77 });
        prop_assert!(rig.hear().contains(&Said::Welcome(77, 2)));
        rig.drain_terminal();
        rig.write_all(0, b"still here");
        let mut buffer = [0; 4096];
        let length = rig.terminal.read(&mut buffer);
        prop_assert!(buffer[..length].ends_with(b"still here"));
    }
}
