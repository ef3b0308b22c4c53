//! The terminals' end of [`ivc::remote`], without the line itself: takes what has come in, gives what is to go out, and
//! says by when it wants to be asked again. Whatever the line loses is asked for again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ivc::frame::{Deframer, Frame};
use ivc::remote::{Ask, PIECE, Report, Request, Size, Tell, VERSION};

/// Output of one client that may be under way.
const WINDOW: u64 = 16 * 1024;
/// So much output arrives before its sender is told.
const ENOUGH: u64 = 2 * 1024;
/// After this time it is told anyway, and so is what was typed.
const SOON: Duration = Duration::from_millis(200);
/// The waits for an answer double, from the first to the last.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(30);

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server has told who its clients are.
    Ready,
    /// The server speaks another version of these messages.
    OtherVersion(u16),
    /// The server has started anew: nothing is shown, and all positions begin from 0.
    ServerRestarted,
    /// A client is shown from a position on; it had written up to `end` by then.
    Showing { client: usize, from: u64, end: u64 },
    /// The client's next output.
    Output { client: usize, bytes: Vec<u8> },
    /// A client has started anew.
    Restarted { client: usize },
}

/// When to do something again if nothing happens meanwhile.
#[derive(Debug, Default)]
struct Timer {
    due: Option<Instant>,
    wait: Duration,
}

impl Timer {
    fn start(&mut self, now: Instant, wait: Duration) {
        self.wait = wait;
        self.due = Some(now + wait);
    }

    fn stop(&mut self) {
        self.due = None;
    }

    /// Whether it is time; then the next time is later.
    fn strikes(&mut self, now: Instant) -> bool {
        let strikes = self.due.is_some_and(|due| due <= now);
        if strikes {
            let wait = (self.wait * 2).clamp(FIRST_WAIT, LAST_WAIT);
            self.start(now, wait);
        }
        strikes
    }
}

/// One client, as it is known here.
#[derive(Debug)]
struct Client {
    name: Option<String>,
    view: View,
    /// Position of the next byte of output.
    position: u64,
    /// What was last said to have arrived.
    told: u64,
    /// Whether more output may come.
    open: bool,
    output_timer: Timer,
    typed: Typed,
}

/// Whether output comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Hidden,
    Asked,
    Shown,
}

/// What was typed and is not known to have been taken.
#[derive(Debug, Default)]
struct Typed {
    bytes: VecDeque<u8>,
    /// Position of the first of these; not known before the server has told.
    taken: Option<u64>,
    /// So many of these are under way.
    sent: usize,
    until: u64,
    timer: Timer,
}

/// The conversation with the server.
#[derive(Debug)]
pub struct Link {
    nonce: u32,
    welcome: Option<usize>,
    ready: bool,
    greeting: Timer,
    clients: Vec<Client>,
    deframer: Deframer,
    out: Vec<u8>,
    events: Vec<Event>,
}

impl Link {
    /// Begins a conversation, with a number that earlier ones did not have.
    pub fn new(nonce: u32, now: Instant) -> Self {
        let mut link = Self {
            nonce,
            welcome: None,
            ready: false,
            greeting: Timer::default(),
            clients: Vec::new(),
            deframer: Deframer::default(),
            out: Vec::new(),
            events: Vec::new(),
        };
        link.greet(now);
        link
    }

    /// The clients' names, in the server's order, once they are known.
    pub fn names(&self) -> Option<Vec<&str>> {
        self.ready.then(|| self.clients.iter().filter_map(|client| client.name.as_deref()).collect())
    }

    /// Position of a client's next byte of output.
    pub fn position(&self, client: usize) -> u64 {
        self.clients[client].position
    }

    /// Whether the client's output comes, behind the [`Event::Showing`] that says from where.
    pub fn is_shown(&self, client: usize) -> bool {
        self.clients[client].view == View::Shown
    }

    /// Whether the client's output was asked for.
    pub fn is_wanted(&self, client: usize) -> bool {
        self.clients[client].view != View::Hidden
    }

    /// Bytes to send.
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Asks for a client's output from a position on.
    pub fn show(&mut self, client: usize, from: u64, now: Instant) {
        self.clients[client].position = from;
        self.ask_to_show(client, now);
    }

    /// Ends that.
    pub fn hide(&mut self, client: usize) {
        self.clients[client].view = View::Hidden;
        self.clients[client].output_timer.stop();
        self.ask(client, Ask::Hide);
    }

    /// Says whether more of a client's output can be used. It comes only while that is so.
    pub fn set_open(&mut self, client: usize, open: bool, now: Instant) {
        let was = std::mem::replace(&mut self.clients[client].open, open);
        if open && !was && self.is_shown(client) {
            self.tell_arrival(client, now);
        }
    }

    /// Types something for a client.
    pub fn type_bytes(&mut self, client: usize, bytes: &[u8], now: Instant) {
        self.clients[client].typed.bytes.extend(bytes);
        self.send_typed(client, now);
    }

    /// What was typed and is not known to have been taken, in bytes.
    pub fn typed_left(&self, client: usize) -> usize {
        self.clients[client].typed.bytes.len()
    }

    /// Says how large a client's terminal is.
    pub fn resize(&mut self, client: usize, size: Size) {
        self.ask(client, Ask::Resize(size));
    }

    /// Takes in what has come, and returns what happened.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) -> Vec<Event> {
        // Apart, so that a message may lie in it while it is handled.
        let mut deframer = std::mem::take(&mut self.deframer);
        for &byte in bytes {
            deframer.feed(byte, |report| self.handle(report, now));
        }
        self.deframer = deframer;
        std::mem::take(&mut self.events)
    }

    /// Does what is due, and returns when something will be.
    pub fn tick(&mut self, now: Instant) -> Option<Instant> {
        if self.greeting.strikes(now) {
            self.say_hello();
        }
        for client in 0..self.clients.len() {
            let state = &mut self.clients[client];
            if state.output_timer.strikes(now) {
                match state.view {
                    View::Hidden => state.output_timer.stop(),
                    View::Asked => self.ask_to_show(client, now),
                    View::Shown if state.open => self.repeat_arrival(client),
                    View::Shown => {}
                }
            }
            if self.clients[client].typed.timer.strikes(now) {
                self.repeat_typed(client, now);
            }
        }
        let timers = self.clients.iter().flat_map(|client| [&client.output_timer, &client.typed.timer]);
        timers.chain([&self.greeting]).filter_map(|timer| timer.due).min()
    }

    fn greet(&mut self, now: Instant) {
        self.welcome = None;
        self.ready = false;
        self.greeting.start(now, FIRST_WAIT);
        self.say_hello();
    }

    /// With a new number: what answers an earlier greeting is told apart.
    fn say_hello(&mut self) {
        self.nonce = self.nonce.wrapping_add(1);
        self.send(&Request::Hello { version: VERSION, nonce: self.nonce });
    }

    fn handle(&mut self, report: Report<'_>, now: Instant) {
        match report {
            Report::Started => {
                if std::mem::take(&mut self.ready) {
                    self.events.push(Event::ServerRestarted);
                }
                self.clients.clear();
                self.greet(now);
            }
            Report::Welcome { version, nonce, .. } if nonce == self.nonce && version != VERSION => {
                self.greeting.stop();
                self.events.push(Event::OtherVersion(version));
            }
            Report::Welcome { nonce, clients, .. } if nonce == self.nonce => {
                self.clients = std::iter::repeat_with(Client::unknown).take(clients.into()).collect();
                self.welcome = Some(clients.into());
                self.become_ready();
            }
            // Of an earlier conversation.
            _ if self.welcome.is_none() => {}
            Report::Welcome { .. } => {}
            Report::Of(client, tell) => self.handle_client(client.into(), tell, now),
        }
    }

    fn handle_client(&mut self, client: usize, tell: Tell<'_>, now: Instant) {
        let Some(state) = self.clients.get_mut(client) else { return };
        match tell {
            Tell::Is { name } => {
                state.name = Some(name.to_owned());
                self.become_ready();
            }
            Tell::Room { taken, until } => {
                state.typed.room(taken, until);
                self.become_ready();
                self.send_typed(client, now);
            }
            Tell::Showing { from, end } if state.view == View::Asked => {
                (state.view, state.position, state.told) = (View::Shown, from, from);
                state.output_timer.start(now, FIRST_WAIT);
                self.events.push(Event::Showing { client, from, end });
            }
            Tell::Output { position, bytes } if state.view == View::Shown => self.output(client, position, bytes, now),
            Tell::Restarted => self.events.push(Event::Restarted { client }),
            Tell::Showing { .. } | Tell::Output { .. } => {}
        }
    }

    /// Everything is known that the server tells first.
    fn become_ready(&mut self) {
        let known = |client: &Client| client.name.is_some() && client.typed.taken.is_some();
        if !self.ready && self.clients.iter().all(known) {
            self.ready = true;
            self.greeting.stop();
            self.events.push(Event::Ready);
        }
    }

    fn output(&mut self, client: usize, position: u64, bytes: &[u8], now: Instant) {
        let state = &mut self.clients[client];
        let Some(known) = state.position.checked_sub(position) else {
            // Something is missing in between.
            return self.ask_to_show(client, now);
        };
        let new = usize::try_from(known).ok().and_then(|known| bytes.get(known..)).unwrap_or_default();
        if new.is_empty() {
            return;
        }
        state.position += new.len() as u64;
        self.events.push(Event::Output { client, bytes: new.to_vec() });
        let state = &mut self.clients[client];
        if state.open && state.position - state.told >= ENOUGH {
            self.tell_arrival(client, now);
        } else if state.output_timer.wait != SOON {
            state.output_timer.start(now, SOON);
        }
    }

    fn ask_to_show(&mut self, client: usize, now: Instant) {
        let state = &mut self.clients[client];
        state.view = View::Asked;
        state.output_timer.start(now, FIRST_WAIT);
        let from = state.position;
        let until = if state.open { from + WINDOW } else { from };
        self.ask(client, Ask::Show { from, until });
    }

    fn tell_arrival(&mut self, client: usize, now: Instant) {
        self.clients[client].output_timer.start(now, FIRST_WAIT);
        self.repeat_arrival(client);
    }

    fn repeat_arrival(&mut self, client: usize) {
        let state = &mut self.clients[client];
        state.told = state.position;
        let position = state.position;
        self.ask(client, Ask::Got { position, until: position + WINDOW });
    }

    /// Sends what was typed, as far as the server has room for it.
    fn send_typed(&mut self, client: usize, now: Instant) {
        loop {
            let typed = &mut self.clients[client].typed;
            let Some(taken) = typed.taken else { return };
            let position = taken + typed.sent as u64;
            let room = usize::try_from(typed.until.saturating_sub(position)).unwrap_or(usize::MAX);
            let piece: Vec<u8> = typed.bytes.iter().skip(typed.sent).take(room.min(PIECE)).copied().collect();
            if typed.bytes.is_empty() {
                typed.timer.stop();
            } else if typed.timer.due.is_none() {
                typed.timer.start(now, FIRST_WAIT);
            }
            if piece.is_empty() {
                return;
            }
            typed.sent += piece.len();
            self.ask(client, Ask::Type { position, bytes: &piece });
        }
    }

    /// Sends what was typed once more; if there was no room for it, asks whether there is.
    fn repeat_typed(&mut self, client: usize, now: Instant) {
        self.clients[client].typed.sent = 0;
        self.send_typed(client, now);
        let &Typed { sent, taken, .. } = &self.clients[client].typed;
        if let (0, Some(position)) = (sent, taken) {
            self.ask(client, Ask::Type { position, bytes: &[] });
        }
    }

    fn ask(&mut self, client: usize, ask: Ask<'_>) {
        if let Ok(client) = u8::try_from(client) {
            self.send(&Request::Of(client, ask));
        }
    }

    fn send(&mut self, request: &Request<'_>) {
        let frame = Frame::of(request).expect("a piece fits into a message");
        self.out.extend_from_slice(frame.bytes());
    }
}

impl Client {
    fn unknown() -> Self {
        Self {
            name: None,
            view: View::Hidden,
            position: 0,
            told: 0,
            open: true,
            output_timer: Timer::default(),
            typed: Typed::default(),
        }
    }
}

impl Typed {
    /// The server has taken all before `taken`.
    fn room(&mut self, taken: u64, until: u64) {
        let newly = taken.saturating_sub(self.taken.unwrap_or(taken));
        let newly = usize::try_from(newly).unwrap_or(usize::MAX).min(self.bytes.len());
        if newly > 0 {
            self.bytes.drain(..newly);
            self.sent = self.sent.saturating_sub(newly);
            self.timer.stop();
        }
        self.taken = Some(taken);
        self.until = until;
    }
}

#[cfg(test)]
mod tests;
