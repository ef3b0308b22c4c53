//! Where a root task starts, and how it ends.

use core::fmt;

use crate::Termination;

/// Declares the root task's entry point, `_start`, its stack and its heap; [`root_task`](crate::root_task) expands to it.
#[doc(hidden)]
#[macro_export]
macro_rules! declare_root_task {
    (main = $main:expr $(, heap_size = $heap_size:expr)? $(,)?) => {
        $crate::declare_root_task!(main = $main, stack_size = $crate::DEFAULT_STACK_SIZE $(, heap_size = $heap_size)?);
    };
    (main = $main:expr, stack_size = $stack_size:expr $(, heap_size = $heap_size:expr)? $(,)?) => {
        const _: () = {
            // By a name that `$main` has not: programs call theirs `main`.
            fn __sel4_root_task_main(boot_info: &$crate::_private::BootInfoPtr) -> ! {
                $crate::_private::run_main($main, boot_info)
            }
            $crate::_private::declare_root_task! { main = __sel4_root_task_main, stack_size = $stack_size }
            $($crate::declare_heap!($heap_size);)?
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! declare_heap {
    ($heap_size:expr) => {
        #[cfg(target_os = "none")]
        const _: () = {
            static HEAP: $crate::_private::Heap<{ $heap_size }> = $crate::_private::Heap::new();

            // SAFETY: this is the only allocator on `HEAP`, and its lock admits one thread at a time.
            #[global_allocator]
            static ALLOCATOR: $crate::_private::Allocator<$crate::_private::GlobalLock> =
                unsafe { $crate::_private::Allocator::new(&HEAP, $crate::_private::global_lock()) };
        };
    };
}

/// Runs the main function, which ends with an error if it ends.
#[doc(hidden)]
pub fn run_main<T: Termination>(main: impl FnOnce(&sel4::BootInfoPtr) -> T, boot_info: &sel4::BootInfoPtr) -> ! {
    let error = main(boot_info).report();
    abort(format_args!("main thread terminated with error: {error:?}"))
}

/// Ends the root task.
#[doc(hidden)]
pub fn abort(reason: fmt::Arguments<'_>) -> ! {
    sel4::debug_println!("{reason}");
    #[cfg(target_os = "none")]
    sel4::_private::abort();
    #[cfg(not(target_os = "none"))]
    panic!("{reason}");
}
