//! A connection that never blocks: what it has no room for waits here.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Bytes that are read at once.
const PIECE: usize = 16 * 1024;

/// One connection.
#[derive(Debug)]
pub struct Peer {
    stream: UnixStream,
    out: VecDeque<u8>,
    ended: bool,
}

impl Peer {
    /// A connection on `stream`.
    ///
    /// # Errors
    /// When it cannot be set up.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, out: VecDeque::new(), ended: false })
    }

    /// What has come, if anything; empty: nothing more will.
    pub fn read(&mut self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; PIECE];
        match (&self.stream).read(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                Some(buffer)
            }
            Err(error) if is_temporary(&error) => None,
            Err(_) => {
                self.ended = true;
                Some(Vec::new())
            }
        }
    }

    /// Sends these bytes, when there is room.
    pub fn send(&mut self, bytes: &[u8]) {
        self.out.extend(bytes);
        self.flush();
    }

    /// Sends what waits.
    pub fn flush(&mut self) {
        while !self.out.is_empty() && !self.ended {
            let (first, _) = self.out.as_slices();
            match (&self.stream).write(first) {
                Ok(length) => drop(self.out.drain(..length)),
                Err(error) if is_temporary(&error) => return,
                Err(_) => self.ended = true,
            }
        }
    }

    /// The other end is gone.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Bytes that wait to be sent.
    pub fn waiting(&self) -> usize {
        self.out.len()
    }

    /// Whether the other end is gone.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
