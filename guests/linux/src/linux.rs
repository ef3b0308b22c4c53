//! Linux, as a program without a C library sees it: its start, and a handful of system calls.

use core::arch::{asm, global_asm};
use core::ffi::{CStr, c_char};
use core::fmt::{self, Write};
use core::panic::PanicInfo;

use linux_raw_sys::general::{
    __NR_exit_group, __NR_getdents64, __NR_openat, __NR_ppoll, __NR_read, __NR_write, __kernel_timespec, AT_FDCWD,
    O_CLOEXEC, POLLIN, pollfd,
};

// A process begins with its arguments on the stack, which is aligned (procedure call standard for AArch64, Linux's ELF loader).
global_asm!(
    ".global _start",
    "_start:",
    "mov x29, xzr",
    "mov x30, xzr",
    "mov x0, sp",
    "b {begin}",
    begin = sym begin,
);

extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: Linux has put the number of arguments there, and that many pointers to their texts behind it, for as long as the process lives.
    let arguments = unsafe { core::slice::from_raw_parts(stack.add(1).cast::<*const c_char>(), *stack) };
    let arguments = arguments.iter().skip(1).map(|&argument| {
        // SAFETY: as above; the texts end with a zero.
        let text = unsafe { CStr::from_ptr(argument) };
        text.to_str().unwrap_or("?")
    });
    exit(crate::program::main(arguments))
}

/// Ends the process.
pub fn exit(code: u8) -> ! {
    let _ = call(__NR_exit_group, [code.into(), 0, 0, 0, 0]);
    unreachable!("a process that has ended goes on")
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Output::errors(), "ivc: {info}");
    exit(1)
}

/// Why a system call failed: a number of `errno(3)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub u32);

fn call(number: u32, [a, b, c, d, e]: [usize; 5]) -> Result<usize, Errno> {
    let result: isize;
    // SAFETY: the callers below give Linux only memory that is theirs, and it changes nothing else of the process.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number,
            inout("x0") a => result,
            in("x1") b,
            in("x2") c,
            in("x3") d,
            in("x4") e,
            options(nostack),
        );
    }
    usize::try_from(result).map_err(|_| Errno(result.unsigned_abs() as u32))
}

/// An open file, for as long as the process lives.
#[derive(Clone, Copy)]
pub struct File(usize);

impl File {
    /// Opens a file with `O_…` flags.
    pub fn open(path: &CStr, flags: u32) -> Result<Self, Errno> {
        let at = AT_FDCWD as isize as usize;
        call(__NR_openat, [at, path.as_ptr().expose_provenance(), (flags | O_CLOEXEC) as usize, 0, 0]).map(Self)
    }

    /// Reads what there is; zero bytes at its end.
    pub fn read(self, bytes: &mut [u8]) -> Result<usize, Errno> {
        call(__NR_read, [self.0, bytes.as_mut_ptr().expose_provenance(), bytes.len(), 0, 0])
    }

    /// Writes some of it; returns how many bytes.
    pub fn write(self, bytes: &[u8]) -> Result<usize, Errno> {
        call(__NR_write, [self.0, bytes.as_ptr().expose_provenance(), bytes.len(), 0, 0])
    }

    /// Reads entries of a folder, each a `linux_dirent64`; zero bytes behind the last.
    pub fn entries(self, bytes: &mut [u8]) -> Result<usize, Errno> {
        call(__NR_getdents64, [self.0, bytes.as_mut_ptr().expose_provenance(), bytes.len(), 0, 0])
    }

    /// Waits until there is something to read, or the file's other end is gone. False: nothing, for so many milliseconds.
    pub fn wait(self, patience: Option<u64>) -> Result<bool, Errno> {
        let mut wanted = pollfd { fd: self.0 as i32, events: POLLIN as i16, revents: 0 };
        let time = patience.map(|ms| __kernel_timespec {
            tv_sec: (ms / 1000).cast_signed(),
            tv_nsec: (ms % 1000 * 1_000_000).cast_signed(),
        });
        let time = time.as_ref().map_or(0, |time| core::ptr::from_ref(time).expose_provenance());
        let count = 1;
        call(__NR_ppoll, [core::ptr::from_mut(&mut wanted).expose_provenance(), count, time, 0, 0])
            .map(|ready| ready != 0)
    }
}

/// What the process says.
pub struct Output(File);

impl Output {
    /// Standard output.
    pub fn results() -> Self {
        Self(File(1))
    }

    /// Standard error.
    pub fn errors() -> Self {
        Self(File(2))
    }
}

impl Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let count = self.0.write(rest).map_err(|_| fmt::Error)?;
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok(())
    }
}
