//! Which systems run: each has a folder in `target/quoll/run`, with a socket for terminals and a file that QEMU keeps locked.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::{FdFlags, fcntl_setfd};

use crate::workspace::Workspace;

const LOCK: &str = "lock";
const SOCKET: &str = "console";

/// A system that is being started, with its broker.
#[derive(Debug)]
pub struct Started {
    name: String,
    /// QEMU inherits it, so it is locked for as long as QEMU runs.
    lock: File,
    /// The machine's end of the line to the broker. QEMU inherits it.
    line: UnixStream,
}

impl Started {
    /// Starts the broker of a system that gets this name; without one, that of its description, with a number if need be.
    ///
    /// # Errors
    /// When a system of this name runs already, or the broker does not start.
    pub fn begin(workspace: &Workspace, name: Option<&str>, system: &Path, logs: Option<&Path>) -> Result<Self> {
        let (name, lock) = match name {
            Some(name) => {
                check_name(name)?;
                let lock = try_lock(workspace, name)?;
                (name.to_owned(), lock.with_context(|| format!("a system `{name}` is running already"))?)
            }
            None => free_name(workspace, &system.file_stem().unwrap_or_default().to_string_lossy())?,
        };
        lock.set_modified(SystemTime::now())?;
        let (line, brokers) = UnixStream::pair()?;
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.arg("broker").arg(folder(workspace, &name));
        if let Some(logs) = logs {
            command.arg("--log").arg(logs);
        }
        command.stdin(Stdio::from(std::os::fd::OwnedFd::from(brokers))).stdout(Stdio::null());
        // It ends with the line.
        command.spawn().context("cannot start the broker")?;
        // From now on: the broker has neither.
        for fd in [lock.as_fd(), line.as_fd()] {
            fcntl_setfd(fd, FdFlags::empty()).context("cannot pass a file to QEMU")?;
        }
        Ok(Self { name, lock, line })
    }

    /// The system's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of the inherited file that is the line.
    pub fn line(&self) -> i32 {
        self.line.as_raw_fd()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Programs that are started later inherit neither.
        for fd in [self.lock.as_fd(), self.line.as_fd()] {
            let _ = fcntl_setfd(fd, FdFlags::CLOEXEC);
        }
    }
}

/// The socket of a system that is being started, for its broker.
///
/// # Errors
/// When it cannot be made.
pub fn listen(folder: &Path) -> Result<UnixListener> {
    let socket = folder.join(SOCKET);
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", socket.display()));
        }
        _ => {}
    }
    let open = File::open(folder).with_context(|| format!("cannot open {}", folder.display()))?;
    UnixListener::bind(short_path(open.as_fd())).with_context(|| format!("cannot listen on {}", socket.display()))
}

/// The running systems, the newest first.
pub fn all(workspace: &Workspace) -> Vec<String> {
    let mut found: Vec<(SystemTime, String)> = Vec::new();
    for entry in fs::read_dir(workspace.running()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let started = entry.path().join(LOCK).metadata().and_then(|lock| lock.modified());
        if let (Ok(started), Ok(None)) = (started, try_lock(workspace, &name)) {
            found.push((started, name));
        }
    }
    found.sort();
    found.into_iter().rev().map(|(_, name)| name).collect()
}

/// Connects to the broker of a running system: the one of this name, or the newest. Returns its name, too.
///
/// # Errors
/// When there is none.
pub fn connect(workspace: &Workspace, name: Option<&str>) -> Result<(String, UnixStream)> {
    let running = all(workspace);
    let name = match (name, running.first()) {
        (Some(name), _) if running.iter().any(|other| other == name) => name.to_owned(),
        (Some(name), Some(_)) => bail!("no system `{name}` is running, but {}", running.join(", ")),
        (None, Some(newest)) => newest.clone(),
        (_, None) => bail!("no system is running: `cargo xtask run` starts one"),
    };
    let folder = folder(workspace, &name);
    let open = File::open(&folder).with_context(|| format!("cannot open {}", folder.display()))?;
    let stream = UnixStream::connect(short_path(open.as_fd()));
    let stream = stream.with_context(|| format!("the system `{name}` has no terminals but its own"))?;
    Ok((name, stream))
}

/// The socket in an open folder: its true path may be longer than a socket's can be.
fn short_path(folder: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()))
}

fn folder(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.running().join(name)
}

fn check_name(name: &str) -> Result<()> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(good) {
        bail!("`{name}` is no name for a system: letters, digits, `-`, `_` and `.`");
    }
    Ok(())
}

fn free_name(workspace: &Workspace, stem: &str) -> Result<(String, File)> {
    let stem: String = stem.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
    for number in 1_u32.. {
        let name = if number == 1 { stem.clone() } else { format!("{stem}-{number}") };
        if let Some(lock) = try_lock(workspace, &name)? {
            return Ok((name, lock));
        }
    }
    unreachable!("there are fewer processes than numbers")
}

/// Locks a name. `None`: a running system has it.
fn try_lock(workspace: &Workspace, name: &str) -> Result<Option<File>> {
    let folder = folder(workspace, name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(LOCK);
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.with_context(|| format!("cannot open {}", path.display()))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(lock)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_way_out_of_the_folder() {
        for name in ["lab", "lab-2", "a.b_C"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "../x", "a/b", ".hidden", "a b", "\u{fc}"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_locked_name_runs_and_another_system_gets_a_number() {
        let workspace = Workspace::locate();
        let stem = format!("test {}", std::process::id());
        let (first, lock) = free_name(&workspace, &stem).expect("a name");
        let (second, _other) = free_name(&workspace, &stem).expect("a name");
        assert_eq!(second, format!("{first}-2"));
        assert!(all(&workspace).contains(&first));
        let error = connect(&workspace, Some(&format!("{first}x"))).expect_err("there is none").to_string();
        assert!(error.contains(&first), "{error}");
        drop(lock);
        assert!(!all(&workspace).contains(&first));
        for name in [first, second] {
            fs::remove_dir_all(folder(&workspace, &name)).expect("the folder");
        }
    }
}
