//! `cargo xtask console`: this terminal becomes one client's.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use console::config::MAX_NAME;
use console::filter::{Filter, Piece};
use console::keys::{Command, Key, Keys, PREFIX_NAME};
use ivc::remote::{PIECE, Size};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::message::{FromTerminal, ToTerminal, receive, receive_while, send};
use super::running;
use crate::cli::ConsoleOptions;
use crate::workspace::Workspace;

/// How often the terminal's size is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// With piped input: the client is left when it has said nothing for so long after all was typed.
const REST: Duration = Duration::from_secs(1);
/// Behind the prefix: leaves.
const DETACH: u8 = b'd';

/// Attaches to a client, or lists the clients.
///
/// # Errors
/// When no system is running or it has no such client.
pub fn run(workspace: &Workspace, options: &ConsoleOptions) -> Result<()> {
    let (system, stream) = running::connect(workspace, options.name.as_deref())?;
    let Some(client) = &options.client else {
        println!("{system}:");
        for (name, terminals) in list(&stream)? {
            let terminals = if terminals > 0 { format!(" ({terminals} attached)") } else { String::new() };
            println!("  {name}{terminals}");
        }
        return Ok(());
    };
    if client.len() > MAX_NAME {
        bail!(no_such_client(client, &system, &list(&stream)?));
    }
    let message = FromTerminal::Attach { name: client, history: options.history };
    send(&stream, &message).context("the system has ended")?;
    let keyboard = Keyboard { stream: stream.try_clone()?, keys: Keys::default(), size: None };
    let screen = Screen::new(&system, client, options)?;
    let shared = screen.shared.clone();
    let raw = RawMode::set()?;
    let interactive = raw.is_some();
    let reader = spawn_screen(screen, stream);
    let typed = keyboard.run(&shared, interactive);
    shared.leave();
    drop(raw);
    let shown = reader.join().unwrap_or_else(|_| bail!("the screen has failed"));
    if interactive {
        eprintln!("\r\n--- detached from {client} of {system}");
    }
    if shared.no_such_client.load(Ordering::Relaxed) {
        let (_, stream) = running::connect(workspace, Some(&system))?;
        bail!(no_such_client(client, &system, &list(&stream)?));
    }
    typed.and(shown)
}

/// The clients, and how many terminals each has.
fn list(stream: &UnixStream) -> Result<Vec<(String, usize)>> {
    let mut clients = Vec::new();
    let mut waiting = false;
    send(stream, &FromTerminal::List).context("the system has ended")?;
    receive(stream, |message| {
        match message {
            ToTerminal::Client { name, terminals } => clients.push((name.to_owned(), terminals)),
            ToTerminal::Waiting => waiting = true,
            _ => {}
        }
        message != ToTerminal::EndOfList
    })?;
    if waiting {
        bail!("nothing was heard of the system's console server so far");
    }
    Ok(clients)
}

fn no_such_client(client: &str, system: &str, clients: &[(String, usize)]) -> String {
    let names: Vec<&str> = clients.iter().map(|(name, _)| name.as_str()).collect();
    let near = names.iter().map(|name| (strsim::damerau_levenshtein(name, client), name)).min();
    let help = match near {
        Some((distance, name)) if distance <= 2 => format!("; did you mean `{name}`?"),
        _ => String::new(),
    };
    format!("{system} has no client `{client}`, but {}{help}", names.join(", "))
}

/// What the keyboard's and the screen's threads know of each other.
#[derive(Debug, Default)]
struct Shared {
    leaving: AtomicBool,
    no_such_client: AtomicBool,
    all_arrived: AtomicBool,
    last_output: Mutex<Option<Instant>>,
}

impl Shared {
    fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    fn leaves(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    fn has_output(&self) {
        *self.last_output.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// All that was typed has arrived, and nothing more comes.
    fn rests(&self) -> bool {
        let last = *self.last_output.lock().unwrap_or_else(PoisonError::into_inner);
        self.all_arrived.load(Ordering::Relaxed) && last.is_some_and(|last| last.elapsed() >= REST)
    }
}

/// The thread of the keyboard: nothing that it does waits for the screen.
struct Keyboard {
    stream: UnixStream,
    keys: Keys,
    size: Option<Size>,
}

impl Keyboard {
    fn run(mut self, shared: &Shared, interactive: bool) -> Result<()> {
        let mut at_end = false;
        self.look_at_size();
        while !(shared.leaves() || at_end && shared.rests()) {
            if at_end {
                std::thread::sleep(LOOK);
                continue;
            }
            if !has_input()? {
                self.look_at_size();
                continue;
            }
            let mut buffer = [0; PIECE];
            let length = io::stdin().read(&mut buffer)?;
            at_end = length == 0;
            let sent = match (length, interactive) {
                (0, true) => return Ok(()),
                (0, false) => send(&self.stream, &FromTerminal::End),
                (_, true) => self.typed(&buffer[..length], shared),
                (_, false) => send(&self.stream, &FromTerminal::Typed(&buffer[..length])),
            };
            if sent.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Tells typed bytes from chords.
    fn typed(&mut self, bytes: &[u8], shared: &Shared) -> io::Result<()> {
        let mut typed = Vec::new();
        for &byte in bytes {
            match self.keys.feed(byte) {
                Some(Key::Typed(byte)) => typed.push(byte),
                Some(Key::Command(Command::Unknown(DETACH))) => shared.leave(),
                Some(Key::Command(_)) => {
                    remark(&format!("{PREFIX_NAME} d leaves, {PREFIX_NAME} {PREFIX_NAME} types {PREFIX_NAME}"));
                }
                None => {}
            }
        }
        if typed.is_empty() { Ok(()) } else { send(&self.stream, &FromTerminal::Typed(&typed)) }
    }

    /// Tells the terminal's size when it has changed.
    fn look_at_size(&mut self) {
        let Ok(size) = tcgetwinsize(io::stdin()) else { return };
        let size = Size { columns: size.ws_col, rows: size.ws_row };
        if self.size != Some(size) && send(&self.stream, &FromTerminal::Size(size)).is_ok() {
            self.size = Some(size);
        }
    }
}

/// Waits a moment for input.
fn has_input() -> Result<bool> {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let timeout = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
    match poll(&mut fds, Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error).context("cannot wait for input"),
    }
}

/// The thread of the screen.
struct Screen {
    system: String,
    client: String,
    shared: Arc<Shared>,
    log: Option<File>,
    filter: Filter,
    attached: bool,
    /// Output goes to a terminal: what is history must not do things to it.
    to_terminal: bool,
}

impl Screen {
    fn new(system: &str, client: &str, options: &ConsoleOptions) -> Result<Self> {
        let open = |path: &PathBuf| File::create(path).with_context(|| format!("cannot write {}", path.display()));
        Ok(Self {
            system: system.to_owned(),
            client: client.to_owned(),
            shared: Arc::default(),
            log: options.log.as_ref().map(open).transpose()?,
            filter: Filter::default(),
            attached: false,
            to_terminal: io::stdout().is_terminal(),
        })
    }

    /// Returns whether to go on.
    fn handle(&mut self, message: ToTerminal<'_>) -> Result<bool> {
        match message {
            ToTerminal::Attached => {
                if !std::mem::replace(&mut self.attached, true) {
                    let leave = if self.to_terminal { format!("; {PREFIX_NAME} d leaves") } else { String::new() };
                    remark(&format!("{} of {}{leave}", self.client, self.system));
                }
                self.shared.has_output();
            }
            ToTerminal::Earlier(bytes) => self.show_earlier(bytes)?,
            ToTerminal::Output(bytes) => self.show(bytes)?,
            ToTerminal::Lost(count) => remark(&format!("{count} bytes of output lost")),
            ToTerminal::Restarted => remark(&format!("{} has started anew", self.client)),
            ToTerminal::ServerRestarted => remark("the console server has started anew"),
            ToTerminal::Waiting => remark("nothing was heard of the system's console server so far: waiting for it"),
            ToTerminal::OtherVersion(version) => bail!("the system's console server speaks version {version}"),
            ToTerminal::AllArrived => {
                self.shared.has_output();
                self.shared.all_arrived.store(true, Ordering::Relaxed);
            }
            ToTerminal::NoSuchClient => {
                self.shared.no_such_client.store(true, Ordering::Relaxed);
                return Ok(false);
            }
            ToTerminal::Client { .. } | ToTerminal::EndOfList => {}
        }
        Ok(!self.shared.leaves())
    }

    /// What the client wrote while this was not its terminal: as text, unless it goes into a file.
    fn show_earlier(&mut self, bytes: &[u8]) -> Result<()> {
        if !self.to_terminal {
            return self.show(bytes);
        }
        let mut text = Vec::new();
        for &byte in bytes {
            self.filter.feed(byte, |piece: Piece<'_>| piece.replay(|bytes| text.extend_from_slice(bytes)));
        }
        self.log(bytes)?;
        self.print(&text)
    }

    fn show(&mut self, bytes: &[u8]) -> Result<()> {
        let mut text = Vec::new();
        self.filter.finish(|piece: Piece<'_>| piece.replay(|bytes| text.extend_from_slice(bytes)));
        text.extend_from_slice(bytes);
        self.log(bytes)?;
        self.print(&text)
    }

    fn log(&mut self, bytes: &[u8]) -> Result<()> {
        self.log.as_mut().map_or(Ok(()), |log| log.write_all(bytes)).context("cannot write the log")
    }

    fn print(&mut self, bytes: &[u8]) -> Result<()> {
        self.shared.has_output();
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).context("cannot write the output")
    }
}

fn spawn_screen(mut screen: Screen, stream: UnixStream) -> JoinHandle<Result<()>> {
    std::thread::spawn(move || {
        // So that the end of a message is noticed when the keyboard has left.
        stream.set_read_timeout(Some(LOOK))?;
        let mut result = Ok(());
        let shared = screen.shared.clone();
        let received = receive_while(
            &stream,
            || !shared.leaves(),
            |message| {
                let outcome = screen.handle(message);
                let go_on = matches!(outcome, Ok(true));
                result = outcome.map(drop);
                go_on
            },
        );
        screen.shared.leave();
        result.and(received.context("the system has ended"))
    })
}

/// A line of our own, beside the output.
fn remark(text: &str) {
    eprint!("\r\n--- {text}\r\n");
}

/// The terminal hands on every key as it is, until this is dropped.
struct RawMode(Termios);

impl RawMode {
    /// `None`: standard input is no terminal.
    fn set() -> Result<Option<Self>> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(io::stdin()).context("cannot ask the terminal for its settings")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw).context("cannot set the terminal")?;
        Ok(Some(Self(before)))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // There is nobody left to tell that it failed.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
