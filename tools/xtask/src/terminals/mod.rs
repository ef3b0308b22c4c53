//! More terminals than the one that QEMU has: `cargo xtask console` makes one of any client of a running system.
//!
//! The console server of the system and the [`broker`] on this machine speak [`ivc::remote`] on a virtio serial line; the
//! terminals connect to the broker. QEMU, the broker and the terminals are processes of their own; the broker ends with QEMU, the
//! line being gone.

pub mod attach;
mod broker;
mod link;
mod message;
mod peer;
pub mod running;
mod tail;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// Is the broker of a system whose line is standard input.
///
/// # Errors
/// When its socket cannot be made, or a log not be written.
pub fn serve(folder: &Path, logs: Option<PathBuf>) -> Result<()> {
    let line = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    broker::Broker::new(line, running::listen(folder)?, logs)?.run()
}
