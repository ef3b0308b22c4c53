//! How an invocation finds the IPC buffer of the thread that makes it.

use core::cell::RefCell;

use crate::IpcBuffer;

/// A strategy for finding the current thread's IPC buffer.
pub trait InvocationContext {
    /// Runs `f` with the IPC buffer.
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T;
}

/// No strategy: a capability with this context cannot be invoked before
/// [`Cap::with`](crate::Cap::with) gives it one.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoInvocationContext;

impl NoInvocationContext {
    /// The one value.
    pub const fn new() -> Self {
        Self
    }
}

impl InvocationContext for &mut IpcBuffer {
    #[inline(always)]
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        f(self)
    }
}

impl<U: InvocationContext> InvocationContext for &mut U {
    #[inline(always)]
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        U::with_context(self, f)
    }
}

impl<U: InvocationContext> InvocationContext for &RefCell<U> {
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        U::with_context(&mut self.borrow_mut(), f)
    }
}

/// What a [`Cap`](crate::Cap) uses unless told otherwise.
pub type NoExplicitInvocationContext = crate::ImplicitInvocationContext;
