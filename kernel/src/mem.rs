//! References to kernel objects and to user memory.
//!
//! Objects live in memory that user level gave to the kernel by `Untyped_Retype`. The kernel maps all memory at its
//! physical address, so an object's address in a capability is also the address by which the kernel reads it.

use core::cell::Cell;
use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;
use quoll_kernel_core::cap::Addr;

/// A reference to a kernel object. Objects are changed through [`Cell`]s, so any number of references may exist; that an
/// object is gone before its last reference is what the capability system sees to: retyping memory needs an untyped
/// without children, and deleting an object's last capability removes it from every queue and pointer.
pub struct Ref<T>(NonNull<T>);

impl<T> Ref<T> {
    /// The object at the address that a capability or another object names.
    ///
    /// Addresses of objects come only from retyping and from boot; nothing that user level passes becomes one.
    #[inline(always)]
    pub fn at(addr: Addr) -> Self {
        let ptr = core::ptr::with_exposed_provenance_mut(addr.get() as usize);
        debug_assert!(!core::ptr::eq(ptr, core::ptr::null()));
        // SAFETY: no object is at address 0: physical memory there is never given out (debug builds check).
        Self(unsafe { NonNull::new_unchecked(ptr) })
    }

    /// A reference to an object that is static.
    pub fn from_static(object: &'static T) -> Self {
        core::ptr::from_ref(object).expose_provenance();
        Self(NonNull::from(object))
    }

    /// A reference to a part of an object that is itself referred to by a [`Ref`], such as a slot of a thread.
    pub fn of(part: &T) -> Self {
        core::ptr::from_ref(part).expose_provenance();
        Self(NonNull::from(part))
    }

    /// Makes the object in fresh memory and refers to it.
    ///
    /// # Safety
    /// `addr` is aligned for `T`, and the memory there is as large as `T` and used for nothing else.
    pub unsafe fn create(addr: Addr, object: T) -> Self {
        let this = Self::at(addr);
        // SAFETY: the caller says that the memory is this object's.
        unsafe { this.0.write(object) };
        this
    }

    /// The object's address.
    #[inline(always)]
    pub fn addr(self) -> Addr {
        Addr::new(self.0.as_ptr().expose_provenance() as u64)
    }
}

impl<T> Deref for Ref<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: see `Ref`: the object lives while a capability or an object refers to it, and it is shared only through
        // cells by the one core that has the kernel's lock.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Clone for Ref<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ref<T> {}

impl<T> PartialEq for Ref<T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Ref<T> {}

impl<T> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.addr().get())
    }
}

/// A cell that may hold a reference; empty when new.
pub type Link<T> = Cell<Option<Ref<T>>>;

/// Words of memory that user level can change at any moment, such as an IPC buffer.
#[derive(Clone, Copy, Debug)]
pub struct UserWords(NonNull<u64>);

impl UserWords {
    /// The words at a physical address.
    ///
    /// # Safety
    /// The memory belongs to a frame (never to a kernel object), and whoever uses the value stays inside it.
    pub unsafe fn at(addr: u64) -> Option<Self> {
        NonNull::new(core::ptr::with_exposed_provenance_mut(addr as usize)).map(Self)
    }

    /// The first word.
    pub const fn as_ptr(self) -> *mut u64 {
        self.0.as_ptr()
    }

    /// Reads word `index`.
    #[inline(always)]
    pub fn get(self, index: usize) -> u64 {
        // SAFETY: inside the frame, as `at` demands; volatile because user level may change it.
        unsafe { self.0.add(index).read_volatile() }
    }

    /// Writes word `index`.
    #[inline(always)]
    pub fn set(self, index: usize, value: u64) {
        // SAFETY: as in `get`.
        unsafe { self.0.add(index).write_volatile(value) }
    }
}
