//! The broker of a running system: one process between the line to the console server and any number of terminals. It ends
//! with the line, that is with QEMU.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ivc::frame::{Deframer, Frame};
use ivc::remote::{PIECE, Size};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use super::link::{Event, Link};
use super::message::{FromTerminal, ToTerminal};
use super::peer::Peer;
use super::tail::Tail;

/// A terminal with so much to read is full: its client is held back.
const FULL: usize = 256 * 1024;
/// One that stays full for so long holds nobody back any longer. What it misses is counted.
const PATIENCE: Duration = Duration::from_secs(5);
/// So much may be typed ahead of a client that does not read; the terminal is not asked for more.
const TYPED_AHEAD: usize = 64 * 1024;

/// The broker's state.
#[derive(Debug)]
pub struct Broker {
    line: Peer,
    link: Link,
    listener: UnixListener,
    clients: Vec<Client>,
    terminals: Vec<Terminal>,
    /// Where each client's output is logged, if it is.
    logs: Option<PathBuf>,
}

/// What is kept of a client.
#[derive(Debug)]
struct Client {
    name: String,
    tail: Tail,
    /// All before this position was on a terminal.
    seen: u64,
    log: Option<File>,
}

/// A connection of a terminal.
#[derive(Debug)]
struct Terminal {
    peer: Peer,
    deframer: Deframer,
    size: Option<Size>,
    /// Whom it asked for, until that is known to be there.
    wants: Option<(String, bool)>,
    shows: Option<Shows>,
    /// It has typed all that it will, and is to be told when that has arrived.
    at_end: bool,
    leaves: bool,
}

/// A terminal's view of a client.
#[derive(Debug)]
struct Shows {
    client: usize,
    /// What the client wrote before this position is history; not known before the server has answered.
    live_from: Option<u64>,
    full_since: Option<Instant>,
    lost: u64,
}

impl Broker {
    /// A broker on `line`, for the terminals that come to `listener`.
    ///
    /// # Errors
    /// When the connections cannot be set up.
    pub fn new(line: UnixStream, listener: UnixListener, logs: Option<PathBuf>) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let now = Instant::now();
        // Any number does that an earlier broker of the same system will not have used.
        let nonce = std::process::id().wrapping_shl(16);
        let link = Link::new(nonce, now);
        Ok(Self { line: Peer::new(line)?, link, listener, clients: Vec::new(), terminals: Vec::new(), logs })
    }

    /// Works until the line ends.
    ///
    /// # Errors
    /// When a log cannot be written.
    pub fn run(mut self) -> Result<()> {
        loop {
            let due = self.link.tick(Instant::now());
            self.line.send(&std::mem::take(self.link.out()));
            if self.line.has_ended() {
                return Ok(());
            }
            let due = due.into_iter().chain(self.terminals.iter().filter_map(Terminal::patience_ends)).min();
            let ready = self.wait(due)?;
            self.serve_line()?;
            self.serve_listener()?;
            for (terminal, readable) in ready.into_iter().enumerate() {
                self.serve_terminal(terminal, readable);
            }
            self.dismiss();
            self.open_windows();
        }
    }

    /// Waits until there is something to do. Returns for each terminal whether it has something to say, or is gone.
    fn wait(&self, due: Option<Instant>) -> Result<Vec<bool>> {
        let output = |peer: &Peer| if peer.waiting() > 0 { PollFlags::OUT } else { PollFlags::empty() };
        let mut fds = vec![
            PollFd::new(&self.line, PollFlags::IN | output(&self.line)),
            PollFd::new(&self.listener, PollFlags::IN),
        ];
        for terminal in &self.terminals {
            let input = if self.hears(terminal) { PollFlags::IN } else { PollFlags::empty() };
            fds.push(PollFd::new(&terminal.peer, input | output(&terminal.peer)));
        }
        let timeout = due.map(|due| {
            let rest = due.saturating_duration_since(Instant::now());
            // Rounded up, so that it is due then.
            let rest = rest + Duration::from_millis(1);
            Timespec { tv_sec: rest.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: rest.subsec_nanos().into() }
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for terminals"),
        }
        let speaks = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        Ok(fds[2..].iter().map(|fd| fd.revents().intersects(speaks)).collect())
    }

    /// Whether what a terminal says can be dealt with now.
    fn hears(&self, terminal: &Terminal) -> bool {
        match &terminal.shows {
            Some(shows) => self.link.typed_left(shows.client) < TYPED_AHEAD,
            None => terminal.wants.is_none(),
        }
    }

    fn serve_line(&mut self) -> Result<()> {
        self.line.flush();
        while let Some(bytes) = self.line.read() {
            if bytes.is_empty() {
                self.line.end();
                return Ok(());
            }
            for event in self.link.receive(&bytes, Instant::now()) {
                self.handle(event)?;
            }
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Ready => self.become_ready()?,
            Event::OtherVersion(version) => {
                self.terminals.iter_mut().for_each(|terminal| terminal.tell(&ToTerminal::OtherVersion(version)));
            }
            Event::ServerRestarted => self.begin_again(),
            Event::Showing { client, from, end } => self.showing(client, from, end)?,
            Event::Output { client, bytes } => self.output(client, &bytes)?,
            Event::Restarted { client } => {
                self.on(client).for_each(|terminal| terminal.tell(&ToTerminal::Restarted));
            }
        }
        Ok(())
    }

    fn become_ready(&mut self) -> Result<()> {
        for (client, name) in self.link.names().unwrap_or_default().into_iter().enumerate() {
            let log = self.logs.as_ref().map(|folder| open_log(folder, name)).transpose()?;
            self.clients.insert(client, Client { name: name.to_owned(), tail: Tail::default(), seen: 0, log });
        }
        for client in 0..self.clients.len() {
            if self.clients[client].log.is_some() {
                self.link.show(client, 0, Instant::now());
            }
        }
        for terminal in 0..self.terminals.len() {
            self.attach(terminal);
        }
        Ok(())
    }

    /// The server has started anew: who was attached is attached again when it tells of its clients.
    fn begin_again(&mut self) {
        for terminal in &mut self.terminals {
            if let Some(shows) = terminal.shows.take() {
                terminal.wants = Some((self.clients[shows.client].name.clone(), false));
                terminal.tell(&ToTerminal::ServerRestarted);
            }
        }
        self.clients.clear();
    }

    fn showing(&mut self, client: usize, from: u64, end: u64) -> Result<()> {
        let state = &mut self.clients[client];
        let lost = from.saturating_sub(state.tail.end());
        if from != state.tail.end() {
            state.tail.skip_to(from);
        }
        if lost > 0
            && let Some(log) = &mut state.log
        {
            writeln!(log, "\n[{lost} bytes lost]").context("cannot write a log")?;
        }
        for terminal in self.on(client) {
            if lost > 0 {
                terminal.tell(&ToTerminal::Lost(lost));
            }
            if let Some(shows) = &mut terminal.shows {
                shows.live_from.get_or_insert(end);
            }
        }
        Ok(())
    }

    fn output(&mut self, client: usize, bytes: &[u8]) -> Result<()> {
        let state = &mut self.clients[client];
        let position = state.tail.end();
        state.tail.push(bytes);
        if let Some(log) = &mut state.log {
            log.write_all(bytes).context("cannot write a log")?;
        }
        let mut seen = false;
        for terminal in self.on(client) {
            terminal.output(position, bytes);
            seen = true;
        }
        if seen {
            self.clients[client].seen = position + bytes.len() as u64;
        }
        Ok(())
    }

    fn serve_listener(&mut self) -> Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.terminals.push(Terminal::new(Peer::new(stream)?)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("cannot accept terminals"),
            }
        }
    }

    fn serve_terminal(&mut self, index: usize, readable: bool) {
        self.terminals[index].peer.flush();
        if !readable {
            return;
        }
        let bytes = self.terminals[index].peer.read();
        self.terminals[index].leaves |= bytes.as_ref().is_some_and(Vec::is_empty);
        let mut deframer = std::mem::take(&mut self.terminals[index].deframer);
        for byte in bytes.unwrap_or_default() {
            deframer.feed(byte, |message| self.hear(index, message));
        }
        self.terminals[index].deframer = deframer;
    }

    fn hear(&mut self, index: usize, message: FromTerminal<'_>) {
        let terminal = &mut self.terminals[index];
        let client = terminal.shows.as_ref().map(|shows| shows.client);
        match message {
            FromTerminal::List => self.list(index),
            FromTerminal::Attach { name, history } => {
                terminal.wants = Some((name.to_owned(), history));
                if self.link.names().is_some() {
                    self.attach(index);
                } else {
                    terminal.tell(&ToTerminal::Waiting);
                }
            }
            FromTerminal::Typed(bytes) => {
                if let Some(client) = client {
                    self.link.type_bytes(client, bytes, Instant::now());
                }
            }
            FromTerminal::Size(size) => {
                terminal.size = Some(size);
                if let Some(client) = client {
                    self.link.resize(client, size);
                }
            }
            FromTerminal::End => terminal.at_end = true,
        }
    }

    fn list(&mut self, index: usize) {
        if self.link.names().is_none() {
            self.terminals[index].tell(&ToTerminal::Waiting);
        }
        for client in 0..self.clients.len() {
            let terminals = self.on(client).count();
            let name = &self.clients[client].name;
            self.terminals[index].tell(&ToTerminal::Client { name, terminals });
        }
        self.terminals[index].tell(&ToTerminal::EndOfList);
    }

    /// Makes a terminal the one of the client that it wants, if there is such a client.
    fn attach(&mut self, index: usize) {
        let Some((name, history)) = self.terminals[index].wants.take() else { return };
        let Some(client) = self.clients.iter().position(|client| client.name == name) else {
            self.terminals[index].tell(&ToTerminal::NoSuchClient);
            return;
        };
        let is_shown = self.is_shown(client);
        let live_from = self.link.is_shown(client).then(|| self.link.position(client));
        let state = &mut self.clients[client];
        let from = if history { 0 } else { state.seen.min(state.tail.line()) };
        let earlier = state.tail.from(from);
        state.seen = state.tail.end();
        let end = state.tail.end();
        let terminal = &mut self.terminals[index];
        terminal.tell(&ToTerminal::Attached);
        earlier.chunks(PIECE).for_each(|piece| terminal.tell(&ToTerminal::Earlier(piece)));
        terminal.shows = Some(Shows { client, live_from, full_since: None, lost: 0 });
        if let Some(size) = terminal.size {
            self.link.resize(client, size);
        }
        if !is_shown {
            self.link.show(client, end, Instant::now());
        }
    }

    /// Whether a client's output is wanted.
    fn is_shown(&mut self, client: usize) -> bool {
        self.clients[client].log.is_some() || self.on(client).next().is_some()
    }

    /// The terminals of a client.
    fn on(&mut self, client: usize) -> impl Iterator<Item = &mut Terminal> {
        let is_on = move |terminal: &&mut Terminal| terminal.shows.as_ref().is_some_and(|shows| shows.client == client);
        self.terminals.iter_mut().filter(is_on)
    }

    /// Parts with the terminals that have left.
    fn dismiss(&mut self) {
        for terminal in &mut self.terminals {
            if let (true, Some(shows)) = (terminal.at_end, &terminal.shows)
                && self.link.typed_left(shows.client) == 0
            {
                terminal.at_end = false;
                terminal.tell(&ToTerminal::AllArrived);
            }
        }
        let before: Vec<usize> = self.terminals.iter().filter_map(Terminal::client).collect();
        self.terminals.retain(|terminal| !terminal.leaves && !terminal.peer.has_ended());
        if before.len() == self.terminals.iter().filter_map(Terminal::client).count() {
            return;
        }
        for client in before {
            if !self.is_shown(client) && self.link.is_wanted(client) {
                self.link.hide(client);
            }
        }
    }

    /// Lets output come where all who show it can take more.
    fn open_windows(&mut self) {
        let now = Instant::now();
        for terminal in &mut self.terminals {
            terminal.look_whether_full(now);
        }
        for client in 0..self.clients.len() {
            let open = self.on(client).all(|terminal| !terminal.holds_back(now));
            self.link.set_open(client, open, now);
        }
    }
}

impl Terminal {
    fn new(peer: Peer) -> Self {
        let deframer = Deframer::default();
        Self { peer, deframer, size: None, wants: None, shows: None, at_end: false, leaves: false }
    }

    fn client(&self) -> Option<usize> {
        self.shows.as_ref().map(|shows| shows.client)
    }

    fn tell(&mut self, message: &impl Serialize) {
        // All messages are short enough.
        if let Some(frame) = Frame::of(message) {
            self.peer.send(frame.bytes());
        }
    }

    /// Shows output from `position` on, or counts it as lost if the terminal has not read for long.
    fn output(&mut self, position: u64, bytes: &[u8]) {
        let Some(shows) = &mut self.shows else { return };
        if self.peer.waiting() >= 2 * FULL {
            shows.lost += bytes.len() as u64;
            return;
        }
        let earlier = shows.live_from.unwrap_or(u64::MAX).saturating_sub(position);
        let (earlier, live) = bytes.split_at(bytes.len().min(usize::try_from(earlier).unwrap_or(usize::MAX)));
        let lost = std::mem::take(&mut shows.lost);
        if lost > 0 {
            self.tell(&ToTerminal::Lost(lost));
        }
        if !earlier.is_empty() {
            self.tell(&ToTerminal::Earlier(earlier));
        }
        if !live.is_empty() {
            self.tell(&ToTerminal::Output(live));
        }
    }

    fn look_whether_full(&mut self, now: Instant) {
        let full = self.peer.waiting() >= FULL;
        if let Some(shows) = &mut self.shows {
            shows.full_since = full.then(|| shows.full_since.unwrap_or(now));
        }
    }

    /// Until when it may hold its client back.
    fn patience_ends(&self) -> Option<Instant> {
        Some(self.shows.as_ref()?.full_since? + PATIENCE).filter(|end| *end > Instant::now())
    }

    fn holds_back(&self, now: Instant) -> bool {
        let since = self.shows.as_ref().and_then(|shows| shows.full_since);
        since.is_some_and(|since| now < since + PATIENCE)
    }
}

/// A client's log, which goes on where an earlier one ended.
fn open_log(folder: &Path, name: &str) -> Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(format!("{name}.log"));
    let mut options = OpenOptions::new();
    options.create(true).append(true).open(&path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal that shows a client from its first byte on, and the socket's other end.
    fn terminal() -> (Terminal, Peer) {
        let (here, there) = UnixStream::pair().expect("a pair of sockets");
        let peer = |stream| Peer::new(stream).expect("a socket");
        let shows = Shows { client: 0, live_from: Some(0), full_since: None, lost: 0 };
        (Terminal { shows: Some(shows), ..Terminal::new(peer(here)) }, peer(there))
    }

    /// Reads all that there is. Comes back with the bytes of output, and what was lost before each position.
    fn read_all(terminal: &mut Terminal, there: &mut Peer) -> (u64, Vec<(u64, u64)>) {
        let (mut deframer, mut shown, mut lost) = (Deframer::default(), 0, Vec::new());
        loop {
            terminal.peer.flush();
            let Some(bytes) = there.read() else { return (shown, lost) };
            for byte in bytes {
                deframer.feed(byte, |message| match message {
                    ToTerminal::Output(bytes) => shown += bytes.len() as u64,
                    ToTerminal::Lost(count) => lost.push((shown, count)),
                    other => panic!("{other:?}"),
                });
            }
        }
    }

    #[test]
    fn a_full_terminal_holds_its_client_back_for_a_while_and_then_misses_output_that_is_counted() {
        let (mut terminal, mut there) = terminal();
        let start = Instant::now();
        let (piece, mut written) = ([b'x'; PIECE], 0);
        let mut write = |terminal: &mut Terminal| {
            terminal.output(written, &piece);
            written += PIECE as u64;
            written
        };
        while terminal.peer.waiting() < FULL {
            terminal.look_whether_full(start);
            assert!(!terminal.holds_back(start));
            write(&mut terminal);
        }
        terminal.look_whether_full(start);
        let (before, after) = (start + PATIENCE - Duration::from_millis(1), start + PATIENCE);
        terminal.look_whether_full(before);
        assert!(terminal.holds_back(before) && !terminal.holds_back(after), "for so long, whenever it is looked at");
        assert!(terminal.patience_ends().is_some_and(|end| end == after));

        // Others go on meanwhile. It gets what there is room for.
        let all = loop {
            let written = write(&mut terminal);
            if terminal.shows.as_ref().is_some_and(|shows| shows.lost > 0) {
                break written;
            }
        };
        assert!(terminal.peer.waiting() <= 2 * FULL + ivc::frame::MAX_FRAME);
        assert_eq!(read_all(&mut terminal, &mut there), (all - PIECE as u64, vec![]));

        // It reads again: it is told what it missed before it is shown more, and has its time anew.
        terminal.look_whether_full(after);
        assert!(!terminal.holds_back(after) && terminal.patience_ends().is_none());
        write(&mut terminal);
        assert_eq!(read_all(&mut terminal, &mut there), (PIECE as u64, vec![(0, PIECE as u64)]));
    }
}
