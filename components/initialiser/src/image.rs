//! The root task's image: what the `microkit` tool put behind the program, and the words by which it says where.

use core::cell::UnsafeCell;
use core::slice;

use system_spec::PAGE_BYTES;

/// A word that the tool writes into the image.
#[repr(transparent)]
struct Patched(UnsafeCell<u64>);

// SAFETY: it is written before the image is loaded and never after.
unsafe impl Sync for Patched {}

impl Patched {
    const fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn get(&self) -> u64 {
        // SAFETY: nobody writes it; volatile, because the compiler knows only the initial value.
        unsafe { self.0.get().read_volatile() }
    }
}

/// Virtual address of the image's first page.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data")]
static system_image_start: Patched = Patched::new();
/// Virtual address of the specification.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data")]
static system_spec_start: Patched = Patched::new();
/// Length of the specification in bytes.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data")]
static system_spec_size: Patched = Patched::new();

/// The root task's image in its own address space.
#[derive(Debug, Clone, Copy)]
pub struct Image {
    start: u64,
}

impl Image {
    /// That of the program that runs.
    pub fn of_this_program() -> Self {
        Self { start: system_image_start.get() }
    }

    /// `length` bytes from a page on.
    ///
    /// # Safety
    /// The pages are in the image and hold data of the tool's.
    pub unsafe fn data(self, page: u32, length: usize) -> &'static [u8] {
        let address = self.start + u64::from(page) * PAGE_BYTES;
        // SAFETY: the caller vouches; nothing writes data pages while the root task runs.
        unsafe { slice::from_raw_parts(address as *const u8, length) }
    }
}

/// The specification; empty if the tool put none there.
pub fn spec() -> &'static [u8] {
    let (start, size) = (system_spec_start.get(), system_spec_size.get());
    if size == 0 {
        return &[];
    }
    // SAFETY: the tool put so many bytes there, and nothing writes them.
    unsafe { slice::from_raw_parts(start as *const u8, size as usize) }
}
