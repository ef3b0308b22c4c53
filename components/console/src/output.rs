//! What waits to go to the terminal: a little, since more is rendered only when all of it is gone.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use ivc::console::Port;

/// Beyond this many waiting bytes the server's own remarks are dropped: somebody leans on the chord
/// while the terminal stands still.
const REMARKS_LIMIT: usize = 8 * 1024;

const BOLD: &[u8] = b"\x1b[1m";
const RESET: &[u8] = b"\x1b[m";

/// Bytes on their way to the terminal.
#[derive(Debug)]
pub struct Output {
    waiting: Vec<u8>,
    sent: usize,
    line_start: bool,
    plain: bool,
}

impl Output {
    /// `plain`: no attributes on labels and remarks.
    pub fn new(plain: bool) -> Self {
        Self { waiting: Vec::new(), sent: 0, line_start: true, plain }
    }

    /// Whether all has gone to the terminal.
    pub fn is_empty(&self) -> bool {
        self.sent == self.waiting.len()
    }

    /// Sends what the terminal takes. Returns whether that was all.
    pub fn flush(&mut self, terminal: &mut Port<'_>) -> bool {
        self.sent += terminal.write(&self.waiting[self.sent..]);
        if self.is_empty() {
            self.waiting.clear();
            self.sent = 0;
        }
        self.is_empty()
    }

    /// Whether the cursor stands at the start of a line, as far as the bytes tell.
    pub fn at_line_start(&self) -> bool {
        self.line_start
    }

    /// Adds bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) {
        if let Some(&last) = bytes.last() {
            self.waiting.extend_from_slice(bytes);
            self.line_start = last == b'\n';
        }
    }

    /// Adds a character.
    pub fn put_char(&mut self, char: char) {
        self.put(char.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Ends the line.
    pub fn newline(&mut self) {
        self.put(b"\r\n");
    }

    /// Ends the line if there is one.
    pub fn fresh_line(&mut self) {
        if !self.line_start {
            self.newline();
        }
    }

    /// Ends attributes that a client may have set.
    pub fn reset_attributes(&mut self) {
        let line_start = self.line_start;
        self.put(RESET);
        self.line_start = line_start;
    }

    /// Begins a line of the client `name`.
    pub fn label(&mut self, name: &str) {
        self.emphasized(format_args!("[{name}] "));
    }

    /// A line of the server's own.
    pub fn remark(&mut self, text: fmt::Arguments<'_>) {
        if self.waiting.len() - self.sent < REMARKS_LIMIT {
            self.fresh_line();
            self.emphasized(format_args!("--- {text}"));
            self.newline();
        }
    }

    fn emphasized(&mut self, text: fmt::Arguments<'_>) {
        if !self.plain {
            self.put(BOLD);
        }
        // Writing to memory cannot fail.
        let _ = self.write_fmt(text);
        if !self.plain {
            self.put(RESET);
        }
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}
