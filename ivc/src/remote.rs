//! What the console server and the terminals of another machine tell each other on one line: each client's output by its
//! position, as much as was asked for, and what is typed for it.
//!
//! The terminals' side asks and the server answers; only the asking side needs a clock. Everything that moves has an absolute
//! position, counted in bytes since the server's start, so a message can be repeated at any time, and one that is lost
//! ([`frame`](crate::frame)) is made up for by asking again:
//!
//! * [`Request::Hello`] opens the conversation; what the server said before its [`Report::Welcome`] is of an earlier one. A
//!   server that has not been greeted, since it has started anew, answers everything else with [`Report::Started`].
//! * [`Ask::Show`] asks for a client's output from a position on. [`Tell::Showing`] says where it really begins, and
//!   [`Tell::Output`] follows, up to the limit. [`Ask::Got`] moves the limit, and says what has arrived: the server keeps
//!   the rest, and holds the client back rather than lose any. The same `Got` twice means that nothing has arrived since: the server
//!   sends what is behind it again.
//! * [`Ask::Type`] brings what was typed; [`Tell::Room`] says how far it was taken, and how far it may go.
//!
//! So a client that floods, or a terminal that does not read, fills its own window and no other.

use serde::{Deserialize, Serialize};

/// Version of these messages; others are not understood.
pub const VERSION: u16 = 1;

/// Bytes of output, or of what is typed, in one message at most.
pub const PIECE: usize = 256;

/// Size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// What the terminals' side says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Begins a conversation.
    Hello {
        /// [`VERSION`].
        version: u16,
        /// Comes back in the answer.
        nonce: u32,
    },
    /// Asks for something of the client of this number, from 0 in the server's order.
    Of(u8, #[serde(borrow)] Ask<'a>),
}

/// What is asked of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask<'a> {
    /// Show its output.
    Show {
        /// The first byte that is wanted.
        from: u64,
        /// Nothing from here on, for now.
        until: u64,
    },
    /// Output has arrived; send more.
    Got {
        /// All before this has arrived.
        position: u64,
        /// Nothing from here on, for now.
        until: u64,
    },
    /// Show no more of it.
    Hide,
    /// This was typed for it.
    Type {
        /// Position of the first byte in all that was typed for it on this line.
        position: u64,
        /// What; at most [`PIECE`] bytes.
        bytes: &'a [u8],
    },
    /// Its terminal has this size now.
    Resize(Size),
}

/// What the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report<'a> {
    /// The server was not greeted since it has started.
    Started,
    /// The answer to [`Request::Hello`]. If the versions are the same, a [`Tell::Is`] of each client follows.
    Welcome {
        /// The server's [`VERSION`].
        version: u16,
        /// The greeting's.
        nonce: u32,
        /// How many clients there are.
        clients: u8,
    },
    /// Tells something of the client of this number.
    Of(u8, #[serde(borrow)] Tell<'a>),
}

/// What is told of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tell<'a> {
    /// Who it is.
    Is {
        /// Its name.
        name: &'a str,
    },
    /// The answer to [`Ask::Show`].
    Showing {
        /// The first byte that comes: the one that was asked for, or the oldest that is left.
        from: u64,
        /// The client has written up to here.
        end: u64,
    },
    /// Its output.
    Output {
        /// Position of the first byte.
        position: u64,
        /// What; at most [`PIECE`] bytes.
        bytes: &'a [u8],
    },
    /// How much may be typed for it.
    Room {
        /// All before this was taken.
        taken: u64,
        /// There is room up to here.
        until: u64,
    },
    /// It has started anew.
    Restarted,
}
