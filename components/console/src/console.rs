//! The server: ports, keys and screen, one turn at a time.

use alloc::vec::Vec;

use clients::Signals;
use ivc::console::Port;
use ivc::statistics::{Counter, Table};

use crate::config::{Config, Problem};
use crate::history::History;
use crate::keys::{Command, Key, Keys, PREFIX_NAME};
use crate::output::Output;
use crate::remote::Remote;
use crate::screen::{Screen, Stream};

/// Typed bytes that are looked at in one turn.
const KEYS_AT_ONCE: usize = 32;

/// One end of a console line of the server's, and the channel to signal its other end.
#[derive(Debug)]
pub struct Client<'m> {
    /// The channel.
    pub channel: usize,
    /// The shared rings.
    pub port: Port<'m>,
}

/// What is to be done after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Turn {
    /// Whom to signal.
    pub signals: Signals,
    /// Whether there is more to do at once. If not, sleep until a signal comes.
    pub more: bool,
}

/// The console server.
#[derive(Debug)]
pub struct Console<'m> {
    terminal: Client<'m>,
    clients: Vec<ClientState<'m>>,
    screen: Screen,
    keys: Keys,
    out: Output,
    remote: Option<Remote<'m>>,
    /// Typing with nobody in focus was remarked upon.
    told_no_focus: bool,
    counters: Counters<'m>,
}

/// What is counted.
#[derive(Debug, Default)]
struct Counters<'m> {
    /// Bytes of clients' output.
    output: Counter<'m>,
    /// Bytes typed for clients, wherever that was.
    typed: Counter<'m>,
    /// Those for which they had no room.
    dropped: Counter<'m>,
}

#[derive(Debug)]
struct ClientState<'m> {
    client: Client<'m>,
    /// Typed bytes that it had no room for since it last took one.
    dropped: u64,
    /// Its ring was found corrupt, and that was remarked upon.
    corrupt: bool,
    /// Something that was typed elsewhere waits for room in its ring.
    typed_left: bool,
}

impl<'m> Console<'m> {
    /// A server for `clients` (as many as `config` has, in its order) on `terminal`, with
    /// `history` bytes of history for each.
    ///
    /// `problems` are told on the terminal, after the banner.
    pub fn new(
        terminal: Client<'m>,
        clients: Vec<Client<'m>>,
        config: &Config,
        problems: &[Problem],
        history: usize,
    ) -> Self {
        let streams =
            (config.clients.iter()).map(|client| Stream::new(client.name.clone(), History::new(history))).collect();
        let clients = clients.into_iter().map(ClientState::new).collect();
        let mut console = Self {
            terminal,
            clients,
            screen: Screen::new(streams),
            keys: Keys::default(),
            out: Output::new(config.plain_labels),
            remote: None,
            told_no_focus: false,
            counters: Counters::default(),
        };
        console.greet(config, problems);
        console
    }

    /// Serves terminals elsewhere too, at the other end of `line`.
    #[must_use]
    pub fn with_remote(mut self, line: Client<'m>) -> Self {
        self.remote = Some(Remote::new(line, self.clients.len()));
        self
    }

    /// Counts in this table, too.
    #[must_use]
    pub fn counted(mut self, table: &mut Table<'m>) -> Self {
        self.counters = Counters {
            output: table.counter("bytes"),
            typed: table.counter("typed"),
            dropped: table.counter("dropped"),
        };
        self
    }

    fn greet(&mut self, config: &Config, problems: &[Problem]) {
        for line in &config.banner {
            self.out.remark(format_args!("{line}"));
        }
        self.out.remark(format_args!("{PREFIX_NAME} ? explains the console's keys."));
        for problem in problems {
            self.out.remark(format_args!("{problem}"));
        }
        let focus = |client: &ClientState<'_>| Some(client.client.channel) == config.focus;
        match self.clients.iter().position(focus) {
            Some(client) => self.screen.set_focus(client, &mut self.out),
            None => self.list(),
        }
    }

    /// Does what can be done now: a bounded amount of work that gives every client its share.
    pub fn turn(&mut self) -> Turn {
        self.take_input();
        self.take_requests();
        for client in 0..self.clients.len() {
            self.take_output(client);
        }
        self.show();
        if let Some(remote) = &mut self.remote {
            remote.report(&self.screen.streams);
        }
        let more = !self.ask_for_signals();
        Turn { signals: self.owed_signals(), more }
    }

    fn take_input(&mut self) {
        let mut buffer = [0; KEYS_AT_ONCE];
        let length = self.terminal.port.read(&mut buffer);
        for &byte in &buffer[..length] {
            match self.keys.feed(byte) {
                Some(Key::Typed(byte)) => self.typed(byte),
                Some(Key::Command(command)) => self.command(command),
                None => {}
            }
        }
    }

    /// Does what is asked for on terminals elsewhere, and passes on what is typed there.
    fn take_requests(&mut self) {
        let Some(remote) = &mut self.remote else { return };
        let (clients, typed) = (&mut self.clients, self.counters.typed);
        remote.take_requests(&self.screen.streams, |client, size| clients[client].client.port.set_size(size));
        for (client, state) in clients.iter_mut().enumerate() {
            state.typed_left = remote.pass_typed(client, |bytes| {
                let length = state.client.port.write(bytes);
                typed.add(length as u64);
                length
            });
        }
    }

    /// Passes a typed byte to the client in focus. One that does not read loses it.
    fn typed(&mut self, byte: u8) {
        let Some(focus) = self.screen.focus() else {
            if !core::mem::replace(&mut self.told_no_focus, true) {
                self.out.remark(format_args!("nobody is in focus: {PREFIX_NAME} and a client's number"));
            }
            return;
        };
        let name = &self.screen.streams[focus].name;
        let state = &mut self.clients[focus];
        self.counters.typed.add(1);
        if state.client.port.write(&[byte]) == 0 {
            self.counters.dropped.add(1);
            if state.dropped == 0 {
                self.out.remark(format_args!("{name} does not read: input is dropped"));
            }
            state.dropped += 1;
        } else if state.dropped > 0 {
            let dropped = core::mem::take(&mut state.dropped);
            self.out.remark(format_args!("{dropped} bytes of input to {name} were dropped"));
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Focus(number) => match number.checked_sub(1) {
                Some(client) if client < self.clients.len() => self.set_focus(client),
                _ => self.out.remark(format_args!("no client {number}")),
            },
            Command::Next if self.clients.is_empty() => self.list(),
            Command::Next => {
                let next = self.screen.focus().map_or(0, |focus| focus + 1);
                self.set_focus(next % self.clients.len());
            }
            Command::All => {
                self.told_no_focus = false;
                self.screen.show_all(&mut self.out);
            }
            Command::List => self.list(),
            Command::Help => self.help(),
            Command::Unknown(_) => {
                self.out.remark(format_args!("unknown key; {PREFIX_NAME} ? explains them"));
            }
        }
    }

    fn set_focus(&mut self, client: usize) {
        self.screen.set_focus(client, &mut self.out);
    }

    fn list(&mut self) {
        if self.clients.is_empty() {
            self.out.remark(format_args!("no clients"));
        }
        let focus = self.screen.focus();
        for (index, stream) in self.screen.streams.iter().enumerate() {
            let mark = if focus == Some(index) { " (in focus)" } else { "" };
            let elsewhere = self.remote.as_ref().is_some_and(|remote| remote.shows(index));
            let elsewhere = if elsewhere { " (on another terminal)" } else { "" };
            self.out.remark(format_args!("{} {}{mark}{elsewhere}", index + 1, stream.name));
        }
    }

    fn help(&mut self) {
        let keys = [
            ("1-9", "the client of this number gets the focus"),
            ("n", "the next client gets the focus"),
            ("a", "all clients are shown, labelled"),
            ("l", "lists the clients"),
            (PREFIX_NAME, "types it"),
        ];
        for (key, meaning) in keys {
            self.out.remark(format_args!("{PREFIX_NAME} {key:6}  {meaning}"));
        }
    }

    /// Moves a client's output into its history, no more than one ringful so that all get their turn.
    fn take_output(&mut self, client: usize) {
        self.remark_changes(client);
        let room = self.room(client);
        let port = &mut self.clients[client].client.port;
        let limit = port.available().min(room);
        let output = self.counters.output;
        self.screen.streams[client].history.fill(limit, |room| {
            let length = port.read(room);
            output.add(length as u64);
            length
        });
    }

    /// How much output may be taken from a client: one that is shown loses nothing.
    fn room(&self, client: usize) -> usize {
        let elsewhere =
            self.remote.as_ref().map_or(usize::MAX, |remote| remote.room(client, &self.screen.streams[client].history));
        self.screen.room(client).min(elsewhere)
    }

    /// Remarks once when a client has restarted or talks nonsense.
    fn remark_changes(&mut self, client: usize) {
        let state = &mut self.clients[client];
        let name = &self.screen.streams[client].name;
        if state.client.port.peer_restarted() {
            self.out.remark(format_args!("{name} has started anew"));
            if let Some(remote) = &mut self.remote {
                remote.restarted(client);
            }
        }
        let corrupt = state.client.port.peer_is_corrupt();
        if corrupt && !state.corrupt {
            self.out.remark(format_args!("{name} has corrupted its ring: ignored until it restarts"));
        }
        state.corrupt = corrupt;
    }

    /// Shows as much as the terminal takes.
    fn show(&mut self) {
        while self.out.flush(&mut self.terminal.port) && self.screen.render(&mut self.out) {}
    }

    /// Asks every peer that could move things on for a signal. Returns whether all of them are yet to do so.
    fn ask_for_signals(&mut self) -> bool {
        let mut idle = self.terminal.port.await_input();
        if !self.out.is_empty() {
            idle &= self.terminal.port.await_space();
        }
        if let Some(remote) = &mut self.remote {
            idle &= remote.await_peer();
        }
        for client in 0..self.clients.len() {
            // One that is held back has to wait for a terminal, which was asked.
            let held_back = self.room(client) == 0;
            let ClientState { client: Client { port, .. }, typed_left, .. } = &mut self.clients[client];
            idle &= held_back || port.await_input();
            idle &= !*typed_left || port.await_space();
        }
        idle
    }

    fn owed_signals(&mut self) -> Signals {
        let mut signals = Signals::default();
        let clients = self.clients.iter_mut().map(|state| &mut state.client);
        clients
            .chain(core::iter::once(&mut self.terminal))
            .chain(self.remote.as_mut().map(Remote::line_mut))
            .for_each(|client| signals.add(client.channel, client.port.owes_signal()));
        signals
    }
}

impl<'m> ClientState<'m> {
    fn new(client: Client<'m>) -> Self {
        Self { client, dropped: 0, corrupt: false, typed_left: false }
    }
}
