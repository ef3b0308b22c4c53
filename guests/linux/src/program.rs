//! The program: finds the port, and talks.

use core::ffi::CStr;
use core::fmt::Write;

use ivc::text::PORT;
use linux_programs::{Command, Lost, Port, USAGE, folder, run};
use linux_raw_sys::errno::{EAGAIN, EBUSY, EINTR};
use linux_raw_sys::general::{O_DIRECTORY, O_RDONLY, O_RDWR};

use crate::linux::{Errno, File, Output};

const PORTS: &CStr = c"/sys/class/virtio-ports";
/// With what the program ends when it finds no port, or does not understand what is asked for.
const NO_PORT: u8 = 1;
const NOT_UNDERSTOOD: u8 = 2;
/// Bytes of the longest path.
const PATH: usize = 64;

/// Why there is no port.
enum Missing {
    /// No device of this guest has such a port.
    Port,
    /// Another program talks there.
    InUse,
    /// It cannot be opened.
    Error(Errno),
}

impl core::fmt::Display for Missing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Port => write!(f, "this machine has no port {PORT}"),
            Self::InUse => write!(f, "another program uses the port {PORT}"),
            Self::Error(Errno(number)) => write!(f, "the port {PORT} cannot be opened: error {number}"),
        }
    }
}

/// A path in the making.
struct Path {
    bytes: [u8; PATH],
    length: usize,
}

impl Path {
    /// A path of these parts; `None`: it is too long, or none.
    fn of(parts: [&str; 3]) -> Option<Self> {
        let mut path = Self { bytes: [0; PATH], length: 0 };
        for part in parts {
            let end = path.length + part.len();
            path.bytes[..PATH - 1].get_mut(path.length..end)?.copy_from_slice(part.as_bytes());
            path.length = end;
        }
        Some(path)
    }

    fn as_c_str(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.bytes).ok()
    }
}

/// Whether the port with this device name is that for messages.
fn is_for_messages(device: &str) -> bool {
    let mut name = [0; 2 * PORT.len()];
    let read = || {
        let path = Path::of(["/sys/class/virtio-ports/", device, "/name"])?;
        File::open(path.as_c_str()?, O_RDONLY).ok()?.read(&mut name).ok()
    };
    let length = { read }().unwrap_or(0);
    name[..length].trim_ascii() == PORT.as_bytes()
}

fn open_port() -> Result<File, Missing> {
    let devices = File::open(PORTS, O_RDONLY | O_DIRECTORY).map_err(|_| Missing::Port)?;
    let mut entries = [0; 1024];
    while let Ok(length @ 1..) = devices.entries(&mut entries) {
        for device in folder::names(&entries[..length]).filter_map(|name| name.to_str().ok()) {
            if !is_for_messages(device) {
                continue;
            }
            let path = Path::of(["/dev/", device, ""]).ok_or(Missing::Port)?;
            let path = path.as_c_str().ok_or(Missing::Port)?;
            return File::open(path, O_RDWR).map_err(|error| match error {
                Errno(EBUSY) => Missing::InUse,
                error => Missing::Error(error),
            });
        }
    }
    Err(Missing::Port)
}

/// The port as a file.
struct Messages(File);

/// A signal that was handled, or no room yet, is no failure.
fn again<T>(mut attempt: impl FnMut() -> Result<T, Errno>) -> Result<T, Lost> {
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(Errno(EINTR | EAGAIN)) => {}
            Err(_) => return Err(Lost),
        }
    }
}

impl Port for Messages {
    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Lost> {
        while !bytes.is_empty() {
            let count = again(|| self.0.write(bytes))?;
            bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    fn read(&mut self, bytes: &mut [u8], patience: Option<u64>) -> Result<usize, Lost> {
        if !again(|| self.0.wait(patience))? {
            return Ok(0);
        }
        match again(|| self.0.read(bytes))? {
            // The monitor has gone.
            0 => Err(Lost),
            count => Ok(count),
        }
    }
}

/// The program. With what it ends is in [`USAGE`].
pub fn main<'a>(arguments: impl Iterator<Item = &'a str>) -> u8 {
    let complain = |what: &dyn core::fmt::Display| {
        // Who does not listen misses it.
        let _ = writeln!(Output::errors(), "ivc: {what}");
    };
    let command = match Command::parse(arguments) {
        Ok(Command::Help) => {
            let _ = Output::results().write_str(USAGE);
            return 0;
        }
        Ok(command) => command,
        Err(wrong) => {
            complain(&wrong);
            let _ = Output::errors().write_str(USAGE);
            return NOT_UNDERSTOOD;
        }
    };
    let port = match open_port() {
        Ok(port) => port,
        Err(missing) => {
            complain(&missing);
            return NO_PORT;
        }
    };
    match run(command, Messages(port), &mut Output::results()) {
        Ok(ended) => ended.code(),
        Err(failure) => {
            complain(&failure);
            failure.code()
        }
    }
}
