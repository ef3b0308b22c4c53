//! The guests' initramfs: busybox, the marker programs and a short `/init`.

use std::io::Write;

use anyhow::Result;
use flate2::{Compression, GzBuilder};

use super::{cpio::Archive, program};

/// What `/init` prints when the shell is about to start.
pub const READY: &str = "guest: ready";
/// The shell's prompt, unless the guest has another name.
pub const PROMPT: &str = "linux# ";

const INIT: &str = include_str!("init.sh");
const PROFILE: &str = "export PS1=\"$(hostname)# \"\n";
/// A shell with job control on the console; `poweroff` and `reboot` go through init.
const INITTAB: &str = "::respawn:/bin/cttyhack /bin/sh -l\n";

/// Names under which busybox is called; the rest are built into its shell.
const APPLETS: [&str; 42] = [
    "sh", "mount", "umount", "cat", "ls", "echo", "date", "uname", "ps", "dmesg", "sleep", "setsid", "cttyhack",
    "mkdir", "head", "tail", "grep", "wc", "seq", "stty", "kill", "top", "free", "uptime", "vi", "less", "dd",
    "devmem", "insmod", "ip", "ping", "mke2fs", "hostname", "true", "false", "test", "sync", "find", "sort", "hexdump",
    "md5sum", "id",
];
/// Marker programs `/bin/marker0`…
const MARKERS: u32 = 4;

/// Builds the compressed archive from the executables of busybox and `ivc`, and kernel modules, each with its name, in the order in which `/init`
/// loads them.
///
/// # Errors
/// Never in practice: compression into memory fails only when memory does.
pub fn build(busybox: &[u8], ivc: &[u8], modules: &[(&str, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "etc", "lib", "mnt", "proc", "root", "sbin", "sys", "tmp"] {
        archive.directory(folder);
    }
    archive.device("dev/console", 5, 1);
    archive.program("init", INIT.as_bytes());
    archive.program("etc/profile", PROFILE.as_bytes());
    archive.program("bin/busybox", busybox);
    for applet in APPLETS {
        archive.symlink(&format!("bin/{applet}"), "busybox");
    }
    archive.program("bin/ivc", ivc);
    archive.program("etc/inittab", INITTAB.as_bytes());
    for applet in ["init", "poweroff", "reboot", "halt"] {
        archive.symlink(&format!("sbin/{applet}"), "/bin/busybox");
    }
    for number in 0..MARKERS {
        archive.program(&format!("bin/marker{number}"), &program::marker(number));
    }
    for (name, module) in modules {
        archive.file(&format!("lib/{name}.ko"), module);
    }
    let order: String = modules.iter().map(|(name, _)| format!("{name}\n")).collect();
    archive.file("etc/modules", order.as_bytes());
    // No file name and no time in the header: the same input gives the same file.
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    encoder.write_all(&archive.finish())?;
    Ok(encoder.finish()?)
}
