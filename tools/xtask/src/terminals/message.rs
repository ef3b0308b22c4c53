//! What a terminal (`cargo xtask console`) and the broker of a running system tell each other on the broker's socket, in
//! [`ivc::frame`]s.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use ivc::frame::{Deframer, Frame};
use ivc::remote::Size;
use serde::{Deserialize, Serialize};

/// What a terminal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromTerminal<'a> {
    /// Who the clients are.
    List,
    /// To be a client's terminal.
    Attach {
        /// The client.
        name: &'a str,
        /// Show all that is left of its earlier output, not only what nobody has seen.
        history: bool,
    },
    /// This was typed.
    Typed(&'a [u8]),
    /// The terminal's size, now and whenever it changes.
    Size(Size),
    /// Nothing more will be typed: wants to know when all has arrived.
    End,
}

/// What a terminal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToTerminal<'a> {
    /// A client, and how many terminals it has.
    Client { name: &'a str, terminals: usize },
    /// That were all clients.
    EndOfList,
    /// There is no client of this name.
    NoSuchClient,
    /// This is the client's terminal now.
    Attached,
    /// The client has written this before it had this terminal.
    Earlier(&'a [u8]),
    /// The client has written this.
    Output(&'a [u8]),
    /// So much output did not come this far.
    Lost(u64),
    /// The client has started anew.
    Restarted,
    /// The console server has started anew.
    ServerRestarted,
    /// Nothing was heard of the console server so far.
    Waiting,
    /// The console server is of another version.
    OtherVersion(u16),
    /// All that was typed has arrived.
    AllArrived,
}

/// Sends a message and waits until it is on its way.
///
/// # Errors
/// When the other end is gone.
pub fn send(mut stream: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    let frame = Frame::of(message).ok_or(io::ErrorKind::InvalidInput)?;
    stream.write_all(frame.bytes())
}

/// Receives messages until `handle` returns false, or the other end is gone.
///
/// # Errors
/// When the stream breaks.
pub fn receive(stream: &UnixStream, handle: impl FnMut(ToTerminal<'_>) -> bool) -> io::Result<()> {
    receive_while(stream, || true, handle)
}

/// The same, while `go_on`, which is asked when nothing has come within the stream's timeout.
///
/// # Errors
/// When the stream breaks.
pub fn receive_while(
    mut stream: &UnixStream,
    go_on: impl Fn() -> bool,
    mut handle: impl FnMut(ToTerminal<'_>) -> bool,
) -> io::Result<()> {
    let mut deframer = Deframer::default();
    let mut buffer = [0; 16 * 1024];
    while go_on() {
        let length = match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => 0,
            Err(error) => return Err(error),
        };
        for &byte in &buffer[..length] {
            let mut more = true;
            deframer.feed(byte, |message| more = handle(message));
            if !more {
                return Ok(());
            }
        }
    }
    Ok(())
}
