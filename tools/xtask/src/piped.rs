//! Piped input for a machine. A file of lines must not be typed ahead of a machine that still boots; a program that
//! watches the output and answers must not be kept waiting. So what is there before the machine has first come to rest, and what
//! came in one piece, is typed line by line, each when the machine is at rest; everything else at once.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::Duration;

use anyhow::Result;

use crate::console::Session;

/// How long a machine that rests has had nothing to do and nothing to say.
const REST: Duration = Duration::from_secs(1);

/// Types all of `input`, and returns when the last of it is answered, or the machine has ended.
///
/// # Errors
/// When the machine takes no input.
pub fn converse(session: &mut Session, input: impl Read + Send + 'static) -> Result<()> {
    let mut input = Input::of(input);
    let mut booted = false;
    while session.step()? {
        let waiting = !input.queue.is_empty();
        input.collect();
        let rests = session.quiet() >= REST;
        booted |= rests;
        if rests || (booted && !waiting) {
            if let Some(line) = next_line(&mut input.queue) {
                session.send(&line)?;
            } else if rests && input.ended {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// What was piped in and not yet typed.
struct Input {
    pieces: Receiver<Vec<u8>>,
    queue: VecDeque<u8>,
    ended: bool,
}

impl Input {
    fn of(mut input: impl Read + Send + 'static) -> Self {
        let (sender, pieces) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(length) = input.read(&mut buffer) {
                if length == 0 || sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { pieces, queue: VecDeque::new(), ended: false }
    }

    /// Takes in what has come.
    fn collect(&mut self) {
        loop {
            match self.pieces.try_recv() {
                Ok(piece) => self.queue.extend(piece),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.ended = true;
                    return;
                }
            }
        }
    }
}

/// Takes the next line, ended as the return key ends it, or what is there of one: a key chord has no end of line.
fn next_line(queue: &mut VecDeque<u8>) -> Option<String> {
    if queue.is_empty() {
        return None;
    }
    let end = queue.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    let mut line: Vec<u8> = queue.drain(..end.map_or(queue.len(), |end| end + 1)).collect();
    if let Some(last) = line.last_mut()
        && *last == b'\n'
    {
        *last = b'\r';
    }
    Some(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_lines() {
        let mut queue: VecDeque<u8> = b"one\ntwo\r\x1e2".iter().copied().collect();
        let lines: Vec<String> = std::iter::from_fn(|| next_line(&mut queue)).collect();
        assert_eq!(lines, ["one\r", "two\r", "\x1e2"]);
    }

    #[test]
    fn types_line_by_line_to_a_machine_at_rest() {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "read a; echo \"<$a>\"; read b; echo \"<$b>\"; sleep 10"]);
        let log = std::env::temp_dir().join("xtask-piped-test.log");
        let mut session = Session::start(command, &log).expect("a shell");
        // A shell takes a return for a part of the line, and waits for more.
        converse(&mut session, "one\n".as_bytes()).expect("a conversation");
        assert!(session.transcript().is_empty());
        session.send("\ntwo\n").expect("input");
        session.expect("<two>").expect("the second line");
    }
}
