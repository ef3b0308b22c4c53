//! A root task that uses its runtime: boot info, heap, panic hook, an error at its end. It takes the initialiser's place in an
//! image; the system that the image describes does not matter.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::vec::Vec;

use sel4::{BootInfoPtr, Error, ObjectBlueprint, init_thread};
use sel4_root_task::{Never, debug_println, root_task};

/// The `microkit` tool writes where the spec is, which is not looked at.
#[cfg(target_os = "none")]
mod patched {
    macro_rules! symbols {
        ($($name:ident)*) => {
            $(
                #[used]
                #[unsafe(no_mangle)]
                #[unsafe(link_section = ".data")]
                static $name: u64 = 0;
            )*
        };
    }
    symbols! { system_image_start system_spec_start system_spec_size }
}

/// Prints a case. Its result is part of the sum.
fn check(failed: &mut u32, case: &str, right: bool) {
    *failed += u32::from(!right);
    debug_println!("{} root: {case}", if right { "PASS" } else { "FAIL" });
}

/// Named as most root tasks name theirs. On a host `main` is another function.
mod program {
    use super::*;

    #[root_task(stack_size = 4 * 4096, heap_size = 32 * 4096)]
    pub fn main(boot_info: &BootInfoPtr) -> Result<Never, Error> {
        let mut failed = 0;
        let squares: Vec<u64> = (0..1000).map(|i| i * i).collect();
        check(&mut failed, "heap", squares.iter().sum::<u64>() == 332_833_500);

        let memory = boot_info.untyped_list().iter().enumerate();
        let largest = memory.filter(|(_, untyped)| !untyped.is_device()).max_by_key(|(_, untyped)| untyped.size_bits());
        check(&mut failed, "boot info", largest.is_some());

        let untyped = boot_info.untyped().index(largest.map_or(0, |(index, _)| index)).cap();
        let slot = boot_info.empty().range().start;
        let destination = init_thread::slot::CNODE.cap().absolute_cptr_for_self();
        untyped.untyped_retype(&ObjectBlueprint::Notification, &destination, slot, 1)?;
        let notification = init_thread::Slot::<sel4::cap_type::Notification>::from_index(slot).cap();
        sel4_root_task::set_global_allocator_mutex_notification(notification);
        notification.signal();
        let (_, badge) = notification.poll();
        check(&mut failed, "objects", badge == 0);
        check(&mut failed, "heap with a notification", Vec::<u8>::with_capacity(100).capacity() == 100);

        debug_println!("DONE root: {} passed, {failed} failed", 4 - failed);
        // The same slot again: this is the error at the end.
        untyped.untyped_retype(&ObjectBlueprint::Notification, &destination, slot, 1)?;
        sel4_root_task::abort!("the slot was empty")
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("small_root is a root task: it runs on quoll only");
}
