//! The conversation on the console line.

use core::fmt::Write;

use heapless::Vec;
use ivc::console::Port;
use ivc::guest::{Refused, Words};

use crate::line::{Edit, LineEditor};
use crate::shell::{self, Action, Machine, Output};

const PROMPT: &str = "echo> ";

const CTRL_C: u8 = 0x03;

/// A shell on a console line.
#[derive(Debug)]
pub struct Session<'m, M> {
    line: Port<'m>,
    machine: M,
    editor: LineEditor,
    /// Output for which the line had no room yet, from `sent` on.
    output: Output,
    sent: usize,
    /// Bytes to send back, behind that.
    mirrored: Vec<u8, MIRRORED>,
    job: Option<Job>,
}

/// Bytes that are mirrored at once.
const MIRRORED: usize = 256;

/// What keeps the session busy.
#[derive(Debug)]
enum Job {
    /// Numbered lines are still to be written.
    Flood { next: u32, count: u32 },
    /// So many bytes are still to come and to be sent back.
    Mirror(u32),
    /// A guest's answer is to come.
    Answer,
}

impl<'m, M: Machine> Session<'m, M> {
    /// A session that begins with a greeting. Follow it up with a [`run`](Self::run).
    pub fn new(line: Port<'m>, machine: M) -> Self {
        let mut session = Self {
            line,
            machine,
            editor: LineEditor::default(),
            output: Output::new(),
            sent: 0,
            mirrored: Vec::new(),
            job: None,
        };
        session.put("A native protection domain. Try help.\r\n");
        session.put(PROMPT);
        session
    }

    /// Does all that can be done now. Returns whether to signal the console server.
    #[must_use = "the console server may be waiting for this signal"]
    pub fn run(&mut self) -> bool {
        loop {
            // One thing after the other, each when what it has to say has room.
            if !self.flush() {
                if self.line.await_space() {
                    return self.line.owes_signal();
                }
            } else if !self.work() && self.line.await_input() {
                return self.line.owes_signal();
            }
        }
    }

    /// Writes what waits. Returns whether that was all.
    fn flush(&mut self) -> bool {
        self.sent += self.line.write(&self.output.as_bytes()[self.sent..]);
        let all = self.sent == self.output.len();
        if all {
            self.output.clear();
            self.sent = 0;
        }
        all && self.flush_mirrored()
    }

    fn flush_mirrored(&mut self) -> bool {
        let length = self.line.write(&self.mirrored);
        self.mirrored.drain(..length);
        self.mirrored.is_empty()
    }

    /// Takes one step: a typed byte, or a line of the job. Returns whether there was anything to do.
    fn work(&mut self) -> bool {
        if let Some(Job::Mirror(left)) = self.job {
            return self.mirror(left);
        }
        let mut byte = [0];
        let typed = self.line.read(&mut byte) > 0;
        match &self.job {
            Some(_) if typed && byte[0] == CTRL_C => {
                self.job = None;
                self.put("^C\r\n");
                self.put(PROMPT);
            }
            // Other keys are ignored meanwhile.
            Some(Job::Answer) => return self.tell_answer() || typed,
            Some(_) => self.work_on_job(),
            None if typed => self.typed(byte[0]),
            None => return false,
        }
        true
    }

    fn work_on_job(&mut self) {
        let Some(Job::Flood { next, count }) = &mut self.job else {
            return;
        };
        if next == count {
            self.job = None;
            return self.put(PROMPT);
        }
        *next += 1;
        // An empty output has room for a number.
        let _ = write!(self.output, "line {next} of {count}\r\n");
    }

    /// Takes bytes to send back, of which `left` are to come. Returns whether there were any.
    fn mirror(&mut self, left: u32) -> bool {
        if left == 0 {
            self.job = None;
            self.put(PROMPT);
            return true;
        }
        let mut bytes = [0; MIRRORED];
        let most = usize::try_from(left).unwrap_or(MIRRORED).min(MIRRORED);
        let length = self.line.read(&mut bytes[..most]);
        // There is room: all that was taken before has been sent.
        let _ = self.mirrored.extend_from_slice(&bytes[..length]);
        // Lossless: no more than were left.
        self.job = Some(Job::Mirror(left - length as u32));
        length > 0
    }

    fn typed(&mut self, byte: u8) {
        match self.editor.feed(byte, &mut self.output) {
            Edit::Editing => {}
            Edit::Cancelled => self.put(PROMPT),
            Edit::Done(line) => self.execute(&line),
        }
    }

    fn execute(&mut self, line: &str) {
        match shell::execute(line, &self.machine, &mut self.output) {
            Ok(Action::Flood(count)) => self.job = Some(Job::Flood { next: 0, count }),
            Ok(Action::Mirror(count)) => self.job = Some(Job::Mirror(count)),
            Ok(Action::Size) => self.tell_size(),
            Ok(Action::Send(message)) => self.send(message),
            Ok(Action::Fault) => {
                self.flush();
                self.machine.fault();
                self.put(PROMPT);
            }
            // An answer that was too long is cut.
            Ok(Action::None) | Err(_) => self.put(PROMPT),
        }
    }

    fn send(&mut self, message: Words) {
        match self.machine.send(message) {
            Ok(()) => return self.job = Some(Job::Answer),
            Err(Refused::Busy) => self.put("busy: the message before has not been taken\r\n"),
            Err(Refused::NoPort) => self.put("there is no guest to send to\r\n"),
        }
        self.put(PROMPT);
    }

    /// Tells the answer, if it has come.
    fn tell_answer(&mut self) -> bool {
        let Some([a, b, c]) = self.machine.answer() else { return false };
        self.job = None;
        // An empty output has room for three numbers.
        let _ = write!(self.output, "{a:#x} {b:#x} {c:#x}\r\n");
        self.put(PROMPT);
        true
    }

    fn tell_size(&mut self) {
        // An empty output has room for two numbers.
        let _ = match self.line.size() {
            Some(size) => write!(self.output, "{} columns, {} rows\r\n", size.columns, size.rows),
            None => write!(self.output, "not known\r\n"),
        };
        self.put(PROMPT);
    }

    fn put(&mut self, text: &str) {
        // Greeting, echo, answer and prompt fit; an answer that fills the output loses the prompt only.
        let _ = self.output.push_str(text);
    }
}
