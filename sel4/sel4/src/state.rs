//! The current thread's IPC buffer, so that a capability can be invoked without naming it.
//!
//! On the target this is one static cell for the address space: a protection domain and a root
//! task have one thread each. When threads come, the cell moves behind TPIDR_EL0 and nothing else
//! changes. On a host it is thread-local, because tests run in threads.

use core::cell::Cell;
use core::fmt;
use core::ptr;

use crate::{InvocationContext, IpcBuffer};

struct State {
    ipc_buffer: Cell<*mut IpcBuffer>,
    /// Number of shared borrows, or [`MUTABLY`].
    borrows: Cell<isize>,
}

const MUTABLY: isize = -1;

impl State {
    const fn new() -> Self {
        Self { ipc_buffer: Cell::new(ptr::null_mut()), borrows: Cell::new(0) }
    }
}

#[cfg(target_os = "none")]
mod cell {
    use super::State;

    struct OneThread(State);

    // SAFETY: one thread only runs in this address space (see the module's documentation).
    unsafe impl Sync for OneThread {}

    static STATE: OneThread = OneThread(State::new());

    #[inline(always)]
    pub(super) fn with<R>(f: impl FnOnce(&State) -> R) -> R {
        f(&STATE.0)
    }
}

#[cfg(not(target_os = "none"))]
mod cell {
    extern crate std;
    use super::State;

    std::thread_local! {
        static STATE: State = const { State::new() };
    }

    pub(super) fn with<R>(f: impl FnOnce(&State) -> R) -> R {
        STATE.with(f)
    }
}

/// Gives the borrow back, also when a host test panics.
struct Borrowed<'a> {
    state: &'a State,
    before: isize,
}

impl Drop for Borrowed<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.state.borrows.set(self.before);
    }
}

/// The IPC buffer is mutably borrowed already.
#[derive(Debug)]
pub struct BorrowError(());

/// The IPC buffer is borrowed already.
#[derive(Debug)]
pub struct BorrowMutError(());

impl fmt::Display for BorrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IPC buffer already mutably borrowed")
    }
}

impl fmt::Display for BorrowMutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IPC buffer already borrowed")
    }
}

/// Low-level access to the thread's IPC buffer: `None` before [`set_ipc_buffer`].
#[inline(always)]
pub fn try_with_ipc_buffer_slot<F, T>(f: F) -> T
where
    F: FnOnce(Result<Option<&IpcBuffer>, BorrowError>) -> T,
{
    cell::with(|state| {
        let before = state.borrows.get();
        if before == MUTABLY {
            return f(Err(BorrowError(())));
        }
        state.borrows.set(before + 1);
        let _borrowed = Borrowed { state, before };
        // SAFETY: `set_ipc_buffer` was given a buffer for good, and nobody has it mutably.
        f(Ok(unsafe { state.ipc_buffer.get().as_ref() }))
    })
}

/// Low-level mutable access to the thread's IPC buffer: `None` before [`set_ipc_buffer`].
#[inline(always)]
pub fn try_with_ipc_buffer_slot_mut<F, T>(f: F) -> T
where
    F: FnOnce(Result<Option<&mut IpcBuffer>, BorrowMutError>) -> T,
{
    cell::with(|state| {
        if state.borrows.get() != 0 {
            return f(Err(BorrowMutError(())));
        }
        state.borrows.set(MUTABLY);
        let _borrowed = Borrowed { state, before: 0 };
        // SAFETY: `set_ipc_buffer` was given a buffer for good, and nobody else has it.
        f(Ok(unsafe { state.ipc_buffer.get().as_mut() }))
    })
}

/// Access to the thread's IPC buffer.
///
/// # Panics
///
/// When no IPC buffer is set, or inside [`with_ipc_buffer_mut`].
#[inline(always)]
pub fn with_ipc_buffer<F, T>(f: F) -> T
where
    F: FnOnce(&IpcBuffer) -> T,
{
    try_with_ipc_buffer_slot(|slot| match slot {
        Ok(Some(ipc_buffer)) => f(ipc_buffer),
        Ok(None) => not_set(),
        Err(error) => not_free(&error),
    })
}

/// Mutable access to the thread's IPC buffer.
///
/// # Panics
///
/// When no IPC buffer is set, or inside [`with_ipc_buffer`] or itself.
#[inline(always)]
pub fn with_ipc_buffer_mut<F, T>(f: F) -> T
where
    F: FnOnce(&mut IpcBuffer) -> T,
{
    try_with_ipc_buffer_slot_mut(|slot| match slot {
        Ok(Some(ipc_buffer)) => f(ipc_buffer),
        Ok(None) => not_set(),
        Err(error) => not_free(&error),
    })
}

#[cold]
#[inline(never)]
fn not_set() -> ! {
    panic!("IPC buffer not set")
}

#[cold]
#[inline(never)]
fn not_free(error: &dyn fmt::Display) -> ! {
    panic!("{error}")
}

/// Sets the IPC buffer that this thread's invocations use. The kernel is told nothing.
///
/// # Panics
///
/// While the IPC buffer is borrowed.
pub fn set_ipc_buffer(ipc_buffer: &'static mut IpcBuffer) {
    cell::with(|state| {
        assert!(state.borrows.get() == 0, "IPC buffer already borrowed");
        state.ipc_buffer.set(ipc_buffer);
    });
}

/// [`set_ipc_buffer`] where a thread starts. It may have started before and have been stopped in the midst of anything,
/// such as a system call: then the borrow of that time is over.
///
/// # Safety
///
/// The thread has not got anything that an earlier function of this module lent.
#[doc(hidden)]
pub unsafe fn start_with_ipc_buffer(ipc_buffer: &'static mut IpcBuffer) {
    cell::with(|state| state.borrows.set(0));
    set_ipc_buffer(ipc_buffer);
}

/// Whether each thread of an address space has its own IPC buffer cell.
pub const fn ipc_buffer_is_thread_local() -> bool {
    cfg!(not(target_os = "none"))
}

/// The strategy for finding the IPC buffer that uses the one of [`set_ipc_buffer`].
#[derive(Debug, Copy, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImplicitInvocationContext;

impl ImplicitInvocationContext {
    /// The one value.
    pub const fn new() -> Self {
        Self
    }
}

impl InvocationContext for ImplicitInvocationContext {
    #[inline(always)]
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        with_ipc_buffer_mut(f)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::boxed::Box;
    use std::panic::catch_unwind;

    fn set() {
        set_ipc_buffer(Box::leak(Box::default()));
    }

    #[test]
    fn writes_are_seen_by_readers() {
        set();
        with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut()[7] = 42);
        assert_eq!(with_ipc_buffer(|buffer| buffer.msg_regs()[7]), 42);
    }

    #[test]
    fn readers_nest_and_writers_do_not() {
        set();
        assert_eq!(with_ipc_buffer(|_| with_ipc_buffer(|buffer| buffer.user_data())), 0);
        with_ipc_buffer(|_| try_with_ipc_buffer_slot_mut(|slot| assert!(slot.is_err())));
        with_ipc_buffer_mut(|_| try_with_ipc_buffer_slot(|slot| assert!(slot.is_err())));
        with_ipc_buffer_mut(|_| try_with_ipc_buffer_slot_mut(|slot| assert!(slot.is_err())));
    }

    #[test]
    fn a_panic_gives_the_borrow_back() {
        set();
        assert!(catch_unwind(|| with_ipc_buffer_mut(|_| panic!("on purpose"))).is_err());
        with_ipc_buffer_mut(|buffer| buffer.set_user_data(1));
    }

    #[test]
    fn a_thread_that_starts_again_borrows_again() {
        set();
        // A borrow that is never given back, as of a thread that was stopped.
        cell::with(|state| state.borrows.set(MUTABLY));
        assert!(catch_unwind(set).is_err());
        // SAFETY: nothing is lent: the borrow was made up.
        unsafe { start_with_ipc_buffer(Box::leak(Box::default())) };
        with_ipc_buffer_mut(|buffer| buffer.set_user_data(1));
    }

    #[test]
    fn unset_is_told() {
        try_with_ipc_buffer_slot(|slot| assert!(matches!(slot, Ok(None))));
        assert!(catch_unwind(|| with_ipc_buffer(IpcBuffer::user_data)).is_err());
    }
}
