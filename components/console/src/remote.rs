//! The server's end of [`ivc::remote`]: clients on terminals elsewhere, several at the same time, beside the terminal here.

mod view;

use alloc::vec::Vec;

use ivc::frame::{Deframer, Frame};
use ivc::remote::{Ask, Report, Request, Size, Tell, VERSION};

use crate::console::Client;
use crate::history::History;
use crate::screen::Stream;
use view::View;

/// Bytes of requests that are looked at in one turn.
const REQUESTS_AT_ONCE: usize = 4 * 1024;

/// The line to those terminals.
#[derive(Debug)]
pub struct Remote<'m> {
    line: Client<'m>,
    deframer: Deframer,
    /// What is being sent, and how much of it has been.
    sending: Option<(Frame, usize)>,
    talk: Talk,
}

/// What was said on the line.
#[derive(Debug)]
struct Talk {
    greeted: bool,
    tell_started: bool,
    /// A greeting's number that is to be answered.
    welcome: Option<u32>,
    views: Vec<View>,
    /// Whose turn it is to have output sent.
    next: usize,
}

impl<'m> Remote<'m> {
    /// The end of `line` for so many clients.
    pub fn new(line: Client<'m>, clients: usize) -> Self {
        let views = core::iter::repeat_with(View::default).take(clients).collect();
        let talk = Talk { greeted: false, tell_started: true, welcome: None, views, next: 0 };
        Self { line, deframer: Deframer::default(), sending: None, talk }
    }

    /// The line itself.
    pub fn line_mut(&mut self) -> &mut Client<'m> {
        &mut self.line
    }

    /// Whether a client is shown.
    pub fn shows(&self, client: usize) -> bool {
        self.talk.views[client].is_shown()
    }

    /// How much may be added to a client's history without losing what has not arrived.
    pub fn room(&self, client: usize, history: &History) -> usize {
        self.talk.views[client].room(history)
    }

    /// Tells that a client has started anew.
    pub fn restarted(&mut self, client: usize) {
        self.talk.views[client].restarted();
    }

    /// Hands what was typed for a client to `write`, which says how much it took. Returns whether something is left.
    pub fn pass_typed(&mut self, client: usize, write: impl FnMut(&[u8]) -> usize) -> bool {
        self.talk.views[client].pass_typed(write)
    }

    /// Takes in requests. Sizes of terminals go to `resize`.
    pub fn take_requests(&mut self, streams: &[Stream], mut resize: impl FnMut(usize, Size)) {
        let Self { line, deframer, talk, .. } = self;
        let mut buffer = [0; 256];
        let mut looked_at = 0;
        while looked_at < REQUESTS_AT_ONCE {
            let length = line.port.read(&mut buffer);
            if length == 0 {
                return;
            }
            looked_at += length;
            for &byte in &buffer[..length] {
                deframer.feed(byte, |request| talk.handle(request, streams, &mut resize));
            }
        }
    }

    /// Sends what there is to say, as far as the line takes it.
    pub fn report(&mut self, streams: &[Stream]) {
        while self.flush() {
            match self.talk.report(streams) {
                Some(frame) => self.sending = Some((frame, 0)),
                None => return,
            }
        }
    }

    /// Sends on. Returns whether nothing is left of the last frame.
    fn flush(&mut self) -> bool {
        if let Some((frame, sent)) = &mut self.sending {
            *sent += self.line.port.write(&frame.bytes()[*sent..]);
            if *sent < frame.bytes().len() {
                return false;
            }
            self.sending = None;
        }
        true
    }

    /// Asks for a signal when requests come, or when there is room for more reports. Returns whether that is yet to be.
    pub fn await_peer(&mut self) -> bool {
        let no_requests = self.line.port.await_input();
        no_requests && (self.sending.is_none() || self.line.port.await_space())
    }
}

impl Talk {
    fn handle(&mut self, request: Request<'_>, streams: &[Stream], resize: &mut impl FnMut(usize, Size)) {
        match request {
            Request::Hello { version, nonce } => self.greet(version, nonce),
            Request::Of(..) if !self.greeted => self.tell_started = true,
            Request::Of(client, ask) => {
                let client = usize::from(client);
                let Some(view) = self.views.get_mut(client) else { return };
                match ask {
                    Ask::Show { from, until } => view.show(from, until, &streams[client].history),
                    Ask::Got { position, until } => view.got(position, until),
                    Ask::Hide => view.hide(),
                    Ask::Type { position, bytes } => view.typed(position, bytes),
                    Ask::Resize(size) => resize(client, size),
                }
            }
        }
    }

    /// Whoever greets begins from nothing, but for what was typed: that has gone its way.
    fn greet(&mut self, version: u16, nonce: u32) {
        self.greeted = version == VERSION;
        self.tell_started = false;
        self.welcome = Some(nonce);
        for view in &mut self.views {
            view.begin(self.greeted);
        }
    }

    /// The next thing to say.
    fn report(&mut self, streams: &[Stream]) -> Option<Frame> {
        if core::mem::take(&mut self.tell_started) {
            return Frame::of(&Report::Started);
        }
        if let Some(nonce) = self.welcome.take() {
            // There are at most 16 lines to clients.
            let clients = u8::try_from(self.views.len()).unwrap_or(u8::MAX);
            return Frame::of(&Report::Welcome { version: VERSION, nonce, clients });
        }
        // Who has not greeted would not know of what it is.
        let count = if self.greeted { self.views.len() } else { 0 };
        for turn in 0..count {
            let client = (self.next + turn) % count;
            if let Some(tell) = self.views[client].tell(&streams[client]) {
                // A client that has much to say waits until the others have had their turn.
                self.next = if matches!(tell, Tell::Output { .. }) { client + 1 } else { client };
                return Frame::of(&Report::Of(u8::try_from(client).ok()?, tell));
            }
        }
        None
    }
}
