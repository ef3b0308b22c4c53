//! A stand-in for the kernel, so that code above the system calls is tested on the host.
//!
//! A test installs a closure with [`with_kernel`]; it sees each system call as the registers that
//! the kernel would see, with the thread's IPC buffer, and answers by changing them. Without a
//! kernel a system call panics, except that the debug console writes to standard error.
//!
//! ```
//! use sel4::{Cap, IpcBuffer, cap_type, host};
//!
//! let mut signals = 0;
//! let mut ipc_buffer = IpcBuffer::default();
//! let notification = Cap::<cap_type::Notification>::from_bits(10);
//! host::with_kernel(
//!     |registers, _| {
//!         assert_eq!(registers.x[0], 10);
//!         signals += 1;
//!     },
//!     || notification.with(&mut ipc_buffer).signal(),
//! );
//! assert_eq!(signals, 1);
//! ```

extern crate std;

use core::cell::RefCell;
use std::boxed::Box;

use crate::abi::syscall::Syscall;
use crate::{IpcBuffer, Word};

/// The general registers of a system call: which carries what, `abi::syscall::register`
/// says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registers {
    /// x0 to x8.
    pub x: [Word; 9],
}

impl Registers {
    /// The system call that x7 names.
    pub fn syscall(&self) -> Option<Syscall> {
        Syscall::from_number(self.x[7] as i64)
    }
}

type Kernel<'a> = dyn FnMut(&mut Registers, &mut IpcBuffer) + 'a;

std::thread_local! {
    static KERNEL: RefCell<Option<Box<Kernel<'static>>>> = const { RefCell::new(None) };
}

/// Runs `body` with `kernel` answering this thread's system calls.
///
/// # Panics
///
/// When this thread has a kernel already.
pub fn with_kernel<'a, R>(kernel: impl FnMut(&mut Registers, &mut IpcBuffer) + 'a, body: impl FnOnce() -> R) -> R {
    struct Uninstall;
    impl Drop for Uninstall {
        fn drop(&mut self) {
            KERNEL.with(|slot| slot.replace(None));
        }
    }
    let kernel: Box<Kernel<'a>> = Box::new(kernel);
    // SAFETY: only the lifetime changes, and `Uninstall` drops the closure before 'a ends, also
    // when `body` panics.
    let kernel: Box<Kernel<'static>> = unsafe { core::mem::transmute(kernel) };
    let before = KERNEL.with(|slot| slot.replace(Some(kernel)));
    assert!(before.is_none(), "this thread has a kernel already");
    let _uninstall = Uninstall;
    body()
}

/// The functions of the `arch` interface.
pub(crate) mod syscalls {
    use core::ptr;

    use super::{KERNEL, Registers};
    use crate::abi::syscall::Syscall;
    use crate::arch::{FastMessage, Received};
    use crate::{IpcBuffer, Word};

    fn trap(mut registers: Registers, ipc_buffer: *mut IpcBuffer) -> Registers {
        KERNEL.with(|slot| {
            let mut kernel = slot.borrow_mut();
            let kernel = kernel.as_mut().expect("a system call on a host needs host::with_kernel");
            let mut none = IpcBuffer::default();
            // SAFETY: the callers pass null or the IPC buffer that they have borrowed mutably.
            let ipc_buffer = unsafe { ipc_buffer.as_mut() }.unwrap_or(&mut none);
            kernel(&mut registers, ipc_buffer);
        });
        registers
    }

    fn registers(call: Syscall, x0: Word, info: Word, mrs: FastMessage, x6: Word) -> Registers {
        let [mr0, mr1, mr2, mr3] = mrs;
        Registers { x: [x0, info, mr0, mr1, mr2, mr3, x6, call as i64 as Word, 0] }
    }

    fn received(registers: &Registers) -> Received {
        let [badge, info, mr0, mr1, mr2, mr3, ..] = registers.x;
        Received { badge, info, mrs: [mr0, mr1, mr2, mr3] }
    }

    pub(crate) fn send(call: Syscall, dest: Word, info: Word, mrs: FastMessage, ipc_buffer: *mut IpcBuffer) {
        trap(registers(call, dest, info, mrs, 0), ipc_buffer);
    }

    pub(crate) fn recv(call: Syscall, src: Word, reply: Word, ipc_buffer: *mut IpcBuffer) -> Received {
        received(&trap(registers(call, src, 0, [0; 4], reply), ipc_buffer))
    }

    pub(crate) fn signal(dest: Word) {
        trap(registers(Syscall::Send, dest, 0, [0; 4], 0), ptr::null_mut());
    }

    pub(crate) fn call(dest: Word, info: Word, mrs: FastMessage, ipc_buffer: *mut IpcBuffer) -> Received {
        received(&trap(registers(Syscall::Call, dest, info, mrs, 0), ipc_buffer))
    }

    pub(crate) fn call_without_words(dest: Word, info: Word, ipc_buffer: *mut IpcBuffer) -> Received {
        call(dest, info, [0; 4], ipc_buffer)
    }

    pub(crate) fn reply_recv(
        src: Word,
        info: Word,
        mrs: FastMessage,
        reply: Word,
        ipc_buffer: *mut IpcBuffer,
    ) -> Received {
        received(&trap(registers(Syscall::ReplyRecv, src, info, mrs, reply), ipc_buffer))
    }

    pub(crate) fn nb_send_recv(
        call: Syscall,
        src: Word,
        info: Word,
        mrs: FastMessage,
        x6: Word,
        x8: Word,
        ipc_buffer: *mut IpcBuffer,
    ) -> Received {
        let mut registers = registers(call, src, info, mrs, x6);
        registers.x[8] = x8;
        received(&trap(registers, ipc_buffer))
    }

    pub(crate) fn raw(x: [Word; 9], ipc_buffer: *mut IpcBuffer) -> [Word; 9] {
        trap(Registers { x }, ipc_buffer).x
    }

    pub(crate) fn simple(call: Syscall, arg: Word, ipc_buffer: *mut IpcBuffer) -> Word {
        trap(registers(call, arg, 0, [0; 4], 0), ipc_buffer).x[0]
    }
}
