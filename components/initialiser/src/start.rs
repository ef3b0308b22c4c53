//! Where the root task starts, and what it says when it can't go on.

use sel4::{BootInfo, BootInfoPtr};
use sel4_root_task::{debug_println, root_task};
use system_spec::Spec;

use crate::builder::Builder;
use crate::image::{self, Image};
use crate::objects::Untypeds;
use crate::problem::Problem;

/// Bytes of the stack: the list of untypeds is its largest part.
const STACK_BYTES: usize = 96 * 1024;

#[root_task(stack_size = STACK_BYTES)]
fn main(boot_info: &BootInfoPtr) -> ! {
    // If it fails, that has been said and nothing runs.
    let _ = run(boot_info, Image::of_this_program(), image::spec());
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
