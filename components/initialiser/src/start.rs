//! Where the root task starts: its stack, its image, and what it says when it can't go on.

use core::cell::UnsafeCell;
use core::slice;

use sel4::{BootInfo, BootInfoPtr, debug_println};
use system_spec::{PAGE_BYTES, Spec};

use crate::builder::Builder;
use crate::objects::Untypeds;
use crate::problem::Problem;

sel4::declare_root_task! { main = main, stack_size = STACK_BYTES }

/// Bytes of the stack: the list of untypeds is its largest part.
const STACK_BYTES: usize = 96 * 1024;

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

fn main(boot_info: &BootInfoPtr) -> ! {
    let (start, size) = (system_spec_start.get(), system_spec_size.get());
    // SAFETY: the tool put the specification there; size 0 if it did not.
    let bytes = unsafe { slice::from_raw_parts(start as *const u8, size as usize) };
    let image = Image { start: system_image_start.get() };
    // If it fails, that has been said and nothing runs.
    let _ = run(boot_info, image, bytes);
    sel4::init_thread::suspend_self()
}

/// Builds and starts the system; says what is wrong if that fails.
fn run(boot_info: &BootInfo, image: Image, bytes: &[u8]) -> Result<(), ()> {
    let tell = |problem: Problem| debug_println!("initialiser: {problem}");
    let spec = Spec::new(bytes).map_err(|error| tell(Problem::Spec(error)))?;
    let mut untypeds = Untypeds::new();
    let mut builder = Builder::new(boot_info, &mut untypeds, image, spec.header()).map_err(tell)?;
    for (number, record) in spec.clone().enumerate() {
        let built = record.map_err(Problem::Spec).and_then(|record| builder.build(&record));
        built.map_err(|problem| problem.tell(&spec, number))?;
    }
    for (number, record) in spec.clone().enumerate() {
        let resumed = record.map_err(Problem::Spec).and_then(|record| builder.resume(&record));
        resumed.map_err(|problem| problem.tell(&spec, number))?;
    }
    Ok(())
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    debug_println!("initialiser: {info}");
    sel4::abort()
}
