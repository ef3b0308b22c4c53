//! Where a root task starts.

/// Declares the entry point of a root task, `_start`, and its stack.
///
/// `declare_root_task! { main = path, stack_size = bytes }`, where `path` is a `fn(&BootInfoPtr) -> !` and `bytes` a
/// `usize` constant, rounded up to 16. The IPC buffer that the kernel gives is set before `main` is called.
#[macro_export]
macro_rules! declare_root_task {
    (main = $main:expr, stack_size = $stack_size:expr $(,)?) => {
        #[cfg(target_os = "none")]
        const _: () = {
            $crate::declare_start!(stack_size = $stack_size, then = __root_task_main);

            extern "C" fn __root_task_main(boot_info: *const $crate::BootInfo) -> ! {
                // SAFETY: the kernel passes this address; the root task starts here, once.
                let boot_info = unsafe { $crate::_private::start(boot_info) };
                let main: fn(&$crate::BootInfoPtr) -> ! = $main;
                main(&boot_info)
            }
        };
        // On a host the function is only checked.
        #[cfg(not(target_os = "none"))]
        const _: fn(&$crate::BootInfoPtr) -> ! = $main;
    };
}

/// Declares `_start`, which sets the stack pointer to the top of a stack in the image and goes on with an
/// `extern "C" fn` of the same arguments that does not return.
#[doc(hidden)]
#[macro_export]
macro_rules! declare_start {
    (stack_size = $stack_size:expr, then = $then:ident) => {
        static STACK: $crate::_private::Stack<{ $stack_size }> = $crate::_private::Stack::new();

        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn _start() -> ! {
            ::core::arch::naked_asm!(
                "adrp x9, {stack}",
                "add x9, x9, :lo12:{stack}",
                "ldr x10, ={size}",
                "add sp, x9, x10",
                "b {then}",
                stack = sym STACK,
                size = const ::core::mem::size_of_val(&STACK),
                then = sym $then,
            )
        }
    };
}

#[cfg(target_os = "none")]
pub use target::{Stack, start};

#[cfg(target_os = "none")]
mod target {
    use core::cell::UnsafeCell;

    use crate::{BootInfo, BootInfoPtr};

    /// A stack of `SIZE` bytes.
    #[doc(hidden)]
    #[repr(C, align(16))]
    pub struct Stack<const SIZE: usize>(UnsafeCell<[u8; SIZE]>);

    // SAFETY: only the entry point uses it, as the stack of the one thread that starts there.
    unsafe impl<const SIZE: usize> Sync for Stack<SIZE> {}

    impl<const SIZE: usize> Stack<SIZE> {
        #[allow(clippy::new_without_default, reason = "for statics")]
        pub const fn new() -> Self {
            Self(UnsafeCell::new([0; SIZE]))
        }
    }

    /// Sets the IPC buffer of the root task.
    ///
    /// # Safety
    ///
    /// `boot_info` is what the kernel passed to the root task, and this is called once.
    #[doc(hidden)]
    pub unsafe fn start(boot_info: *const BootInfo) -> BootInfoPtr {
        // SAFETY: by the contract of this function.
        let boot_info = unsafe { BootInfoPtr::new(boot_info) };
        // SAFETY: the kernel mapped the IPC buffer for this thread, and nobody else refers to it.
        crate::set_ipc_buffer(unsafe { &mut *boot_info.ipc_buffer() });
        boot_info
    }
}
