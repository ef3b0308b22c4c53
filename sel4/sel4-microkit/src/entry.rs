//! Where a PD starts.

/// Declares the PD's entry point, `_start`, its stack and its heap;
/// [`protection_domain`](crate::protection_domain) expands to it.
#[doc(hidden)]
#[macro_export]
macro_rules! declare_protection_domain {
    (init = $init:expr $(, stack_size = $stack_size:expr)? $(, heap_size = $heap_size:expr)? $(,)?) => {
        #[cfg(target_os = "none")]
        const _: () = {
            $crate::declare_entry!($init $(, $stack_size)?);
            $($crate::declare_heap!($heap_size);)?
        };
        // On a host the function is only checked.
        #[cfg(not(target_os = "none"))]
        const _: () = {
            const fn is_init<T: $crate::Handler>(_: fn() -> T) {}
            is_init($init)
        };
    };
}

/// The initialiser starts the PD with its stack pointer at the top of the stack that the description gives it.
#[doc(hidden)]
#[macro_export]
macro_rules! declare_entry {
    ($init:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn _start() -> ! {
            $crate::_private::run_main($init)
        }
    };
    ($init:expr, $stack_size:expr) => {
        $crate::_private::declare_start!(stack_size = $stack_size, then = __sel4_microkit_start);

        extern "C" fn __sel4_microkit_start() -> ! {
            $crate::_private::run_main($init)
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! declare_heap {
    ($heap_size:expr) => {
        static HEAP: $crate::_private::Heap<{ $heap_size }> = $crate::_private::Heap::new();

        // SAFETY: this is the only allocator on `HEAP`, and a PD has one thread.
        #[global_allocator]
        static ALLOCATOR: $crate::_private::Allocator =
            unsafe { $crate::_private::Allocator::new(&HEAP, $crate::_private::OneThread) };
    };
}

#[cfg(target_os = "none")]
pub use target::{run_main, set_ipc_buffer};
#[cfg(all(target_os = "none", not(sel4_plain)))]
pub use target::{vcpu_context, vcpu_lists};

#[cfg(target_os = "none")]
mod target {
    use core::ptr;

    use sel4::{FrameObjectType, IpcBuffer};

    use crate::{Handler, panicking};

    /// The tool puts the IPC buffer into the last page.
    const IPC_BUFFER: usize = sel4_abi::object::USER_TOP as usize & !(FrameObjectType::GRANULE.bytes() - 1);

    /// Where the kernel tells the registers of this domain's vCPUs ([`sel4::quoll::VCpuContext`]).
    ///
    /// # Safety
    /// It is called once.
    #[cfg(not(sel4_plain))]
    pub unsafe fn vcpu_context() -> sel4::quoll::VCpuContext {
        let ipc_buffer = ptr::with_exposed_provenance_mut::<IpcBuffer>(IPC_BUFFER);
        // SAFETY: the tool gives the buffer a page of its own, mapped for good, and nobody uses the rest of that.
        unsafe { sel4::quoll::VCpuContext::of(ptr::NonNull::new_unchecked(ipc_buffer)) }
    }

    /// Where the kernel tells the list registers of this domain's vCPUs ([`sel4::quoll::VCpuLists`]).
    ///
    /// # Safety
    /// It is called once.
    #[cfg(not(sel4_plain))]
    pub unsafe fn vcpu_lists() -> sel4::quoll::VCpuLists {
        let ipc_buffer = ptr::with_exposed_provenance_mut::<IpcBuffer>(IPC_BUFFER);
        // SAFETY: as in `vcpu_context`.
        unsafe { sel4::quoll::VCpuLists::of(ptr::NonNull::new_unchecked(ipc_buffer)) }
    }

    /// Tells the `sel4` crate where the tool has put the IPC buffer.
    ///
    /// # Safety
    ///
    /// The program is one that the tool lays out, and this is called where its thread starts, or starts again.
    pub unsafe fn set_ipc_buffer() {
        let ipc_buffer = ptr::with_exposed_provenance_mut::<IpcBuffer>(IPC_BUFFER);
        // SAFETY: the page is mapped there for good, for this thread only, which by the contract has borrowed nothing.
        unsafe { sel4::_private::start_with_ipc_buffer(&mut *ipc_buffer) };
    }

    /// Initialises the PD and handles its events for ever.
    #[doc(hidden)]
    pub fn run_main<T: Handler>(init: impl FnOnce() -> T) -> ! {
        // SAFETY: the PD starts here, also when its parent starts it again.
        unsafe { set_ipc_buffer() };
        match init().run() {
            Ok(never) => match never {},
            Err(error) => panicking::end(format_args!("main thread terminated with error: {error}")),
        }
    }
}
