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

/// Sets the IPC buffer of the root task.
///
/// # Safety
///
/// `boot_info` is what the kernel passed to the root task, and this is called once.
#[doc(hidden)]
#[cfg(target_os = "none")]
pub unsafe fn start(boot_info: *const crate::BootInfo) -> crate::BootInfoPtr {
    // SAFETY: by the contract of this function.
    let boot_info = unsafe { crate::BootInfoPtr::new(boot_info) };
    // SAFETY: the kernel mapped the IPC buffer for this thread, which starts here; nobody else refers to it.
    unsafe { crate::_private::start_with_ipc_buffer(&mut *boot_info.ipc_buffer()) };
    boot_info
}
