//! The conversation on the console line: keys in, tables out.

use alloc::{string::String, vec::Vec};

use ivc::{console::Port, remote::Size};

use crate::sample::{Clock, Meter};
use crate::table::{self, Order, Span, Style};

const HELP: &str = "space  one table\r\n\
                    l      a table each second, until another key\r\n\
                    t      totals since the start, or what a second brings\r\n\
                    c      sorted by time; e by exits or requests; n as the system description has it\r\n\
                    q      no more tables\r\n";

/// What becomes of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "somebody waits for it"]
pub struct Turn {
    /// The console server is owed a signal.
    pub signal: bool,
    /// When there is something to do again, without a signal: a value of the clock's counter.
    pub wake_at: Option<u64>,
}

/// Tables on a console line.
#[derive(Debug)]
pub struct Session<'m, C> {
    line: Port<'m>,
    clock: C,
    meters: Vec<Meter<'m>>,
    style: Style,
    /// Tables come by themselves, the next one at this time.
    live: Option<u64>,
    /// The size of the terminal for which that was begun.
    size: Option<Size>,
    looked_at: u64,
    /// Output for which the line had no room yet, from `sent` on.
    output: String,
    sent: usize,
}

impl<'m, C: Clock> Session<'m, C> {
    /// A session that begins with a greeting. Follow it up with a [`run`](Self::run).
    pub fn new(line: Port<'m>, mut clock: C, mut meters: Vec<Meter<'m>>) -> Self {
        meters.iter_mut().for_each(|meter| meter.look(&mut clock));
        let now = clock.now();
        Self {
            line,
            clock,
            meters,
            style: Style::default(),
            live: None,
            size: None,
            looked_at: now,
            output: "What runs here, and how much. Space shows it, h explains the keys.\r\n".into(),
            sent: 0,
        }
    }

    /// A second has passed by somebody else's clock: if tables come by themselves, one is due.
    pub fn tick(&mut self) {
        self.live = self.live.map(|_| self.clock.now());
    }

    /// Does all that can be done now.
    pub fn run(&mut self) -> Turn {
        loop {
            // A table is written when the one before is gone: a terminal that is slow gets fewer.
            if !self.flush() {
                if self.line.await_space() {
                    return Turn { signal: self.line.owes_signal(), wake_at: None };
                }
            } else if !self.work() && self.line.await_input() && self.size == self.line.size() {
                return Turn { signal: self.line.owes_signal(), wake_at: self.live };
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
        all
    }

    /// Takes one step. Returns whether there was anything to do.
    fn work(&mut self) -> bool {
        // Who attaches a terminal came to look.
        if self.line.size() != self.size {
            self.size = self.line.size();
            self.live = Some(self.clock.now());
        }
        let mut key = [0];
        if self.line.read(&mut key) > 0 {
            self.typed(key[0]);
            return true;
        }
        let due = self.live.is_some_and(|at| self.clock.now() >= at);
        if due {
            self.live = Some(self.clock.now() + self.clock.frequency());
            self.show();
        }
        due
    }

    fn typed(&mut self, key: u8) {
        match key {
            b'l' => self.live = Some(self.clock.now()),
            b't' => self.style.totals = !self.style.totals,
            b'c' => self.style.order = Order::Time,
            b'e' => self.style.order = Order::Counter,
            b'n' => self.style.order = Order::Description,
            b' ' | b'\r' | b'\n' => self.live = None,
            b'q' => return self.live = None,
            b'h' | b'?' => {
                self.live = None;
                self.output.push_str(if self.size.is_some() { "\x1b[2J\x1b[H" } else { "" });
                return self.output.push_str(HELP);
            }
            _ => return,
        }
        // What has changed is shown at once.
        match &mut self.live {
            Some(next) => *next = self.clock.now(),
            None => self.show(),
        }
    }

    fn show(&mut self) {
        self.meters.iter_mut().for_each(|meter| meter.look(&mut self.clock));
        let now = self.clock.now();
        let span = Span {
            recent: now.saturating_sub(self.looked_at),
            // The counter starts with the machine.
            total: now,
            frequency: self.clock.frequency(),
        };
        self.looked_at = now;
        table::write(&mut self.output, &self.meters, span, self.style, self.size);
    }
}
