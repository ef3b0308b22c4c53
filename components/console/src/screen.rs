//! What the terminal shows of the clients' output, and in which form.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use crate::filter::{Filter, Piece};
use crate::history::History;
use crate::output::Output;

/// Bytes of a client's output that are turned into terminal output in one step.
const STEP: usize = 256;

/// After so many bytes on one labelled line, others with something to say take over.
const LONG_LINE: usize = 512;

/// A client's output and how far it has been shown.
#[derive(Debug)]
pub struct Stream {
    /// The label.
    pub name: String,
    /// Its output.
    pub history: History,
    /// Position of the next byte to show.
    shown: u64,
    /// Up to here it was shown while the client had the focus.
    seen_in_focus: u64,
    filter: Filter,
}

impl Stream {
    pub fn new(name: String, history: History) -> Self {
        Self { name, history, shown: 0, seen_in_focus: 0, filter: Filter::default() }
    }

    /// Bytes that wait to be shown, including any that are lost.
    fn unseen(&self) -> u64 {
        self.history.end() - self.shown
    }

    /// How much may be added without losing what has not been shown.
    fn room(&self) -> usize {
        self.history.room_after(self.shown)
    }

    /// Whether it has enough to show for another's unfinished line to be broken off.
    fn is_pressing(&self) -> bool {
        self.history.line_start() > self.shown || self.unseen() >= STEP as u64
    }

    /// Steps over what fell out of the history and returns how much that was.
    fn skip_lost(&mut self) -> u64 {
        let lost = self.history.start().saturating_sub(self.shown);
        if lost > 0 {
            self.shown = self.history.start();
            self.filter = Filter::default();
        }
        lost
    }

    fn next_byte(&mut self) -> Option<u8> {
        let &byte = self.history.from(self.shown).first()?;
        self.shown += 1;
        Some(byte)
    }
}

/// Which client the terminal belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// To nobody: all are shown, labelled.
    All {
        /// The client whose unfinished line the cursor stands on, and its length in bytes.
        open: Option<(usize, usize)>,
        /// Where the search for the next line begins.
        next: usize,
    },
    /// To one. What it wrote before `live_from` is replayed as text, the rest is raw.
    Focus { client: usize, live_from: u64 },
}

/// The terminal as a view of the streams.
#[derive(Debug)]
pub struct Screen {
    /// In the order of the clients' numbers.
    pub streams: Vec<Stream>,
    view: View,
}

impl Screen {
    /// Shows all streams.
    pub fn new(streams: Vec<Stream>) -> Self {
        let view = View::All { open: None, next: 0 };
        Self { streams, view }
    }

    /// The client in focus.
    pub fn focus(&self) -> Option<usize> {
        match self.view {
            View::All { .. } => None,
            View::Focus { client, .. } => Some(client),
        }
    }

    /// How much output may be taken from `client` now. Only the one in focus is limited.
    pub fn room(&self, client: usize) -> usize {
        if self.focus() == Some(client) { self.streams[client].room() } else { usize::MAX }
    }

    /// Gives the terminal to `client`, beginning with what it wrote since it last had it, at
    /// least with its last line.
    pub fn set_focus(&mut self, client: usize, out: &mut Output) {
        if self.focus() == Some(client) {
            return;
        }
        self.leave(out);
        let stream = &mut self.streams[client];
        out.remark(format_args!("{}", stream.name));
        stream.filter = Filter::default();
        stream.shown = stream.seen_in_focus.min(stream.history.line_start());
        let lost = stream.skip_lost();
        if lost > 0 {
            out.remark(format_args!("{lost} bytes of earlier output lost"));
        }
        let live_from = stream.history.end();
        self.view = View::Focus { client, live_from };
    }

    /// Takes the terminal from whoever has it and shows all.
    pub fn show_all(&mut self, out: &mut Output) {
        self.leave(out);
        out.remark(format_args!("all clients"));
        self.view = View::All { open: None, next: 0 };
    }

    fn leave(&mut self, out: &mut Output) {
        if let View::Focus { client, .. } = self.view {
            let stream = &mut self.streams[client];
            stream.seen_in_focus = stream.shown;
            stream.filter = Filter::default();
            out.reset_attributes();
        }
        out.fresh_line();
    }

    /// Renders one step's worth of output. Returns whether there was any.
    pub fn render(&mut self, out: &mut Output) -> bool {
        match self.view {
            View::All { open, next } => {
                let open = open.filter(|_| !out.at_line_start());
                let Some(client) = self.pick(open, next) else {
                    return false;
                };
                let open = open.filter(|&(owner, _)| owner == client);
                self.view = self.render_labelled(client, open, next, out);
                true
            }
            View::Focus { client, live_from } => render_focus(&mut self.streams[client], live_from, out),
        }
    }

    /// Whose output comes next on the labelled screen. A line that was begun goes on; an
    /// unfinished one is begun only where no other one stands.
    fn pick(&self, open: Option<(usize, usize)>, next: usize) -> Option<usize> {
        let waits = |client: &usize| self.streams[*client].unseen() > 0;
        let count = self.streams.len();
        let mut turns = (0..count).map(|turn| (next + turn) % count);
        match open {
            Some((owner, length)) if length < LONG_LINE && waits(&owner) => Some(owner),
            Some((owner, _)) => turns
                .find(|&client| client != owner && self.streams[client].is_pressing())
                .or(Some(owner).filter(waits)),
            None => turns.clone().find(|&client| self.streams[client].is_pressing()).or_else(|| turns.find(waits)),
        }
    }

    /// Renders up to the end of a line, or one step's worth.
    fn render_labelled(&mut self, client: usize, open: Option<(usize, usize)>, next: usize, out: &mut Output) -> View {
        if open.is_none() {
            out.fresh_line();
        }
        let stream = &mut self.streams[client];
        let lost = stream.skip_lost();
        if lost > 0 {
            out.fresh_line();
            out.label(&stream.name);
            // Writing to memory cannot fail.
            let _ = write!(out, "... {lost} bytes lost ...");
            out.newline();
            return View::All { open: None, next };
        }
        let mut length = open.map_or(0, |(_, length)| length);
        for _ in 0..STEP {
            let Some(byte) = stream.next_byte() else { break };
            let name = &stream.name;
            (stream.filter).feed(byte, |piece| put_labelled(piece, name, out));
            length += 1;
            if byte == b'\n' {
                let next = (client + 1) % self.streams.len();
                return View::All { open: None, next };
            }
        }
        let open = (!out.at_line_start()).then_some((client, length));
        View::All { open, next }
    }
}

/// One piece of a labelled line; the label comes with the first that is visible.
fn put_labelled(piece: Piece<'_>, name: &str, out: &mut Output) {
    let begin = |out: &mut Output| {
        if out.at_line_start() {
            out.label(name);
        }
    };
    match piece {
        Piece::Char(char) => {
            begin(out);
            out.put_char(char);
        }
        Piece::Newline => {
            begin(out);
            out.newline();
        }
        Piece::Return => out.fresh_line(),
        Piece::Control(b'\t') => {
            begin(out);
            out.put(b"\t");
        }
        // Bell, backspace and NUL leave no trace, nor do colours.
        Piece::Control(0x07 | 0x08 | 0x00) | Piece::Attributes(_) => {}
        Piece::Control(control) => {
            begin(out);
            out.put(&[b'^', control ^ 0x40]);
        }
    }
}

/// One step of the stream in focus.
fn render_focus(stream: &mut Stream, live_from: u64, out: &mut Output) -> bool {
    let before = stream.shown;
    if stream.shown < live_from || !stream.filter.is_between() {
        replay(stream, live_from, out);
    } else {
        let raw = stream.history.from(stream.shown);
        let raw = &raw[..raw.len().min(STEP)];
        out.put(raw);
        stream.shown += raw.len() as u64;
    }
    stream.shown > before
}

/// One step of what was written before the focus came, to the end of the sequence or character that
/// stands there.
fn replay(stream: &mut Stream, live_from: u64, out: &mut Output) {
    for _ in 0..STEP {
        let Some(byte) = stream.next_byte() else {
            return;
        };
        stream.filter.feed(byte, |piece| piece.replay(|bytes| out.put(bytes)));
        if stream.shown >= live_from && stream.filter.is_between() {
            return stream.filter.finish(|piece| piece.replay(|bytes| out.put(bytes)));
        }
    }
}
