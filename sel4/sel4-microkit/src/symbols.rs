//! What the `microkit` tool writes into the PD's image: its name, which channels it has, and variables of its own.

use core::cell::UnsafeCell;
use core::str::{self, Utf8Error};

/// A variable that is changed in the image before the program starts, and never again.
#[doc(hidden)]
#[repr(transparent)]
pub struct ImmutableCell<T>(UnsafeCell<T>);

// SAFETY: nothing writes to it while the program runs.
unsafe impl<T: Sync> Sync for ImmutableCell<T> {}

impl<T> ImmutableCell<T> {
    pub const fn new(val: T) -> Self {
        Self(UnsafeCell::new(val))
    }

    #[inline(always)]
    pub fn get(&self) -> &T {
        // SAFETY: nothing writes to it while the program runs.
        unsafe { &*self.0.get() }
    }
}

/// Declares a variable that the system description sets (`setvar`, `setvar_vaddr`, `setvar_size`, `setvar_id`…), and
/// gives a `&'static` reference to it.
///
/// `var!(name: Type = default)`; the tool writes 8 bytes, so the type is `usize`, `u64` or a pointer-sized one.
///
/// ```
/// # use sel4_microkit::var;
/// let size = *var!(buffer_size: usize = 0x1000);
/// assert_eq!(size, 0x1000);
/// ```
#[macro_export]
macro_rules! var {
    ($(#[$attrs:meta])* $symbol:ident: $ty:ty = $default:expr) => {{
        $(#[$attrs])*
        #[used]
        #[allow(non_upper_case_globals)]
        #[unsafe(no_mangle)]
        #[unsafe(link_section = ".data")]
        static $symbol: $crate::_private::ImmutableCell<$ty> = $crate::_private::ImmutableCell::new($default);

        $symbol.get()
    }};
}

/// Declares a variable that the system description sets to the address of a memory region (`setvar_vaddr`), and gives
/// the address as a [`NonNull`](core::ptr::NonNull).
///
/// - `memory_region_symbol!(name: *mut T)`: `NonNull<T>`;
/// - `memory_region_symbol!(name: *mut T, bytes = n)`: the same, asserting the size of `T`;
/// - `memory_region_symbol!(name: *mut [T], n = n)`: `NonNull<[T]>` with `n` elements;
/// - `memory_region_symbol!(name: *mut [T], n = n, bytes = n)`: the same, asserting the size.
///
/// Panics at run time when the description leaves the variable unset.
#[macro_export]
macro_rules! memory_region_symbol {
    ($(#[$attrs:meta])* $symbol:ident: *mut [$ty:ty], n = $n:expr, bytes = $bytes:expr $(,)?) => {{
        assert!($bytes == $n * ::core::mem::size_of::<$ty>());
        $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut [$ty], n = $n)
    }};
    ($(#[$attrs:meta])* $symbol:ident: *mut $ty:ty, bytes = $bytes:expr $(,)?) => {{
        assert!($bytes == ::core::mem::size_of::<$ty>());
        $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut $ty)
    }};
    ($(#[$attrs:meta])* $symbol:ident: *mut [$ty:ty], n = $n:expr $(,)?) => {{
        ::core::ptr::NonNull::slice_from_raw_parts(
            $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut $ty),
            $n,
        )
    }};
    ($(#[$attrs:meta])* $symbol:ident: *mut $ty:ty $(,)?) => {{
        ::core::ptr::NonNull::new(*$crate::var!($(#[$attrs])* $symbol: usize = 0) as *mut $ty)
            .unwrap_or_else(|| panic!("{} is null", stringify!($symbol)))
    }};
}

/// What the tool writes into every PD; the names are [`sel4_abi::microkit::symbol`]'s.
#[cfg(target_os = "none")]
mod patched {
    use sel4_abi::microkit::limit::NAME_LENGTH;

    #[inline(always)]
    pub(super) fn passive() -> bool {
        *var!(microkit_passive: u8 = 0) != 0
    }

    #[inline(always)]
    pub(super) fn irqs() -> u64 {
        *var!(microkit_irqs: u64 = 0)
    }

    #[inline(always)]
    pub(super) fn notifications() -> u64 {
        *var!(microkit_notifications: u64 = 0)
    }

    #[inline(always)]
    pub(super) fn pps() -> u64 {
        *var!(microkit_pps: u64 = 0)
    }

    #[inline(always)]
    pub(super) fn life() -> u64 {
        *var!(quoll_life: u64 = 0)
    }

    pub(super) fn name() -> &'static [u8; NAME_LENGTH] {
        // The tool wants this symbol in every image, though Arm has no I/O ports.
        let _ = var!(microkit_ioports: u64 = 0);
        var!(microkit_name: [u8; NAME_LENGTH] = [0; NAME_LENGTH])
    }
}

#[cfg(not(target_os = "none"))]
use crate::host as patched;

/// Whether this PD is a passive server: it runs on its callers' time only.
pub fn pd_is_passive() -> bool {
    patched::passive()
}

/// How often this PD's parent has reloaded it (`reload="true"` in the description): 0 in its first life.
#[inline(always)]
pub fn pd_life() -> u64 {
    patched::life()
}

/// Channels that are interrupts, a bit each.
#[inline(always)]
pub(crate) fn pd_irqs() -> u64 {
    patched::irqs()
}

/// Channels that can be notified, a bit each.
#[inline(always)]
pub(crate) fn pd_notifications() -> u64 {
    patched::notifications()
}

/// Channels that can be called, a bit each.
#[inline(always)]
pub(crate) fn pd_pps() -> u64 {
    patched::pps()
}

/// The PD's name, of at most 64 bytes.
pub fn pd_name_bytes() -> &'static [u8] {
    let all = patched::name();
    all.split(|byte| *byte == 0).next().unwrap_or(all)
}

/// The PD's name.
pub fn pd_name() -> Result<&'static str, Utf8Error> {
    str::from_utf8(pd_name_bytes())
}
