//! A conversation with a machine's serial line: send text, wait for text, and tell a machine that works from one that is
//! stuck.

mod activity;
mod text;

use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use activity::Activity;
use text::Cleaner;

/// How often a silent machine is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// When a silent machine counts as stuck. Time is measured in progress, so that a slow or busy host changes nothing: either
/// the emulator has computed that much since it last printed, or it has done nothing at all for that long.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Processor time of the emulator without output.
    pub working: Duration,
    /// Time in which the emulator slept without output.
    pub asleep: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { working: Duration::from_secs(100), asleep: Duration::from_secs(20) }
    }
}

/// A conversation that cannot go on: the machine has ended or is stuck.
#[derive(Debug)]
pub struct Lost(String);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lost {}

/// A running machine and all that it has printed.
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    cleaner: Cleaner,
    transcript: String,
    /// End of what has been expected so far.
    seen: usize,
    activity: Activity,
    patience: Patience,
    /// Also shown here while it comes.
    echo: bool,
    log: PathBuf,
}

impl Session {
    /// Starts a machine. What it prints is kept, and written to the file `log` when the session ends.
    ///
    /// # Errors
    /// When QEMU does not start.
    pub fn start(mut command: Command, log: &Path) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
        let (sender, output) = mpsc::channel();
        pump(child.stdout.take(), sender.clone());
        pump(child.stderr.take(), sender);
        Ok(Self {
            input: child.stdin.take(),
            activity: Activity::of(child.id()),
            child,
            output,
            cleaner: Cleaner::default(),
            transcript: String::new(),
            seen: 0,
            patience: Patience::default(),
            echo: false,
            log: log.to_path_buf(),
        })
    }

    /// Shows the machine's output on standard output too, as it is.
    pub fn echo(mut self) -> Self {
        self.echo = true;
        self
    }

    /// All that was printed, without terminal control.
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// What was printed since the last thing that was expected.
    pub fn unread(&self) -> &str {
        self.transcript.get(self.seen..).unwrap_or_default()
    }

    /// Types `text`.
    ///
    /// # Errors
    /// When the machine is gone.
    pub fn send(&mut self, text: &str) -> Result<()> {
        let input = self.input.as_mut().context("the machine's input is closed")?;
        self.activity.restart();
        input.write_all(text.as_bytes()).and_then(|()| input.flush()).context("the machine takes no input")
    }

    /// How long the machine has had nothing to do and nothing to say, since it printed or was typed to.
    pub fn quiet(&self) -> Duration {
        self.activity.asleep()
    }

    /// Waits until `pattern` is printed, and returns what came before it. Later expectations look behind it.
    ///
    /// # Errors
    /// When the machine ends or gets stuck before.
    pub fn expect(&mut self, pattern: &str) -> Result<String> {
        self.activity.restart();
        loop {
            if let Some(at) = self.unread().find(pattern) {
                let before = self.unread()[..at].to_owned();
                self.seen += at + pattern.len();
                return Ok(before);
            }
            if !self.step()? {
                bail!(Lost(format!("the machine ended while `{}` was expected", pattern.escape_debug())));
            }
            self.check_patience().with_context(|| format!("`{}` was expected", pattern.escape_debug()))?;
        }
    }

    /// Types a line, ended as a terminal ends it, and waits for `pattern` in the answer, behind the echo of the line.
    ///
    /// # Errors
    /// As [`Session::expect`].
    pub fn ask(&mut self, line: &str, pattern: &str) -> Result<String> {
        self.send(&format!("{line}\r"))?;
        self.expect(line)?;
        self.expect(pattern)
    }

    /// Waits until the machine has nothing to do and says nothing for `time`, or says nothing for long though it works.
    /// Returns whether it still runs.
    ///
    /// # Errors
    /// When its state cannot be read.
    pub fn wait_until_quiet(&mut self, time: Duration) -> Result<bool> {
        self.activity.restart();
        loop {
            if !self.step()? {
                return Ok(false);
            }
            if self.activity.asleep() >= time || self.activity.working() >= self.patience.working {
                return Ok(true);
            }
        }
    }

    /// Waits until `done`, which is asked now and then, or until the machine ends.
    ///
    /// # Errors
    /// When the machine has worked for long, or slept for long, before that.
    pub fn wait_until(&mut self, mut done: impl FnMut() -> bool) -> Result<()> {
        self.activity.restart();
        while !done() && self.step()? {
            self.check_patience()?;
        }
        Ok(())
    }

    /// Takes in what was printed, if need be waiting a moment for it. Returns whether the machine still runs.
    ///
    /// # Errors
    /// When it cannot be shown.
    pub fn step(&mut self) -> Result<bool> {
        match self.output.recv_timeout(LOOK) {
            Ok(bytes) => {
                if self.echo {
                    let mut out = std::io::stdout().lock();
                    out.write_all(&bytes).and_then(|()| out.flush())?;
                }
                self.cleaner.clean(&bytes, &mut self.transcript);
                self.activity.restart();
                Ok(true)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.activity.look();
                Ok(true)
            }
            Err(RecvTimeoutError::Disconnected) => Ok(false),
        }
    }

    fn check_patience(&self) -> Result<()> {
        if self.activity.working() >= self.patience.working {
            bail!(Lost(format!("no output, though it worked for {:?}", self.activity.working())));
        }
        if self.activity.asleep() >= self.patience.asleep {
            bail!(Lost(format!("no output, and it slept for {:?}", self.activity.asleep())));
        }
        Ok(())
    }

    /// Ends the machine through QEMU's escape, so that plugins write their results; by force when that does not help.
    pub fn quit(&mut self) {
        let asked = self.send("\x01x").is_ok();
        let deadline = Instant::now() + Duration::from_secs(10);
        while asked && Instant::now() < deadline {
            if !matches!(self.step(), Ok(true)) {
                break;
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Gone already, or not listening: both are well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = self.log.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let _ = std::fs::write(&self.log, &self.transcript);
    }
}

/// Sends what `stream` gives to the session until it ends.
fn pump<R: Read + Send + 'static>(stream: Option<R>, sender: mpsc::Sender<Vec<u8>>) {
    let Some(mut stream) = stream else { return };
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length) = stream.read(&mut buffer) {
            if length == 0 || sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Session {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Session::start(command, &std::env::temp_dir().join("xtask-console-test.log")).expect("a shell")
    }

    #[test]
    fn expects_in_order() {
        let mut session = shell("printf 'one two'; read line; printf \"three $line\"");
        assert_eq!(session.expect("two").expect("two"), "one ");
        session.send("four\n").expect("input");
        assert_eq!(session.expect("four").expect("four"), "three ");
    }

    #[test]
    fn notices_the_end() {
        let error = shell("echo bye").expect("hello").expect_err("there is no hello");
        assert!(format!("{error:#}").contains("ended"), "{error:#}");
    }

    #[test]
    fn notices_sleep() {
        let mut session = shell("sleep 60");
        session.patience.asleep = Duration::from_millis(500);
        let error = session.expect("hello").expect_err("there is no hello");
        assert!(format!("{error:#}").contains("slept"), "{error:#}");
    }

    #[test]
    fn notices_idle_work() {
        let mut session = shell("while true; do :; done");
        session.patience.working = Duration::from_millis(300);
        let error = session.expect("hello").expect_err("there is no hello");
        assert!(format!("{error:#}").contains("worked"), "{error:#}");
    }
}
