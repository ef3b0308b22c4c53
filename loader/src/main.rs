//! The first code of an image: puts the kernel where it is linked, leaves the root task's image in place, and enters
//! the kernel at EL2 with MMU and caches off.
//!
//! Only the boot core comes here. The others stay off until the kernel turns them on through PSCI; they need nothing of the
//! loader.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod arch;
#[cfg(target_os = "none")]
mod fail;

#[cfg(target_os = "none")]
mod boot {
    use crate::{arch, fail::fail};
    use kernel_config::SELECTED;
    use quoll_loader::ImageHeader;

    /// First word of a device tree in memory, which is big-endian.
    const FDT_MAGIC: u32 = 0xd00d_feed;

    /// What comes after the stack is set up. `dtb`: what the boot environment left in x0.
    pub extern "C" fn boot(dtb: u64) -> ! {
        if arch::exception_level() != 2 {
            fail("not entered at EL2 (QEMU: -machine virt,virtualization=on)");
        }
        if arch::load_address() != SELECTED.loader_base {
            fail("not loaded at the board's loader base");
        }
        let header = arch::image_header();
        let Some(segments) = header.segments() else {
            fail("the image has no header: it was not made by microkit");
        };
        for segment in segments {
            // SAFETY: the tool lays segments out inside the kernel's and the image's memory, aligned, without overlap.
            unsafe { arch::place(segment) };
        }
        enter(header, device_tree(dtb))
    }

    fn enter(header: &ImageHeader, (dtb, dtb_size): (u64, u64)) -> ! {
        let arguments = [header.user_start, header.user_end, header.pv_offset, header.user_entry, dtb, dtb_size];
        // SAFETY: the kernel's segments are in place and this is its entry point.
        unsafe { arch::enter_kernel(header.kernel_entry, &arguments) }
    }

    /// Address and size of the device tree, if x0 points to one; else (0, 0).
    fn device_tree(dtb: u64) -> (u64, u64) {
        if !SELECTED.ram.contains(dtb) || !dtb.is_multiple_of(8) {
            return (0, 0);
        }
        // SAFETY: an aligned address of ordinary memory.
        let [magic, size] = unsafe { *(dtb as *const [u32; 2]) };
        if u32::from_be(magic) != FDT_MAGIC {
            return (0, 0);
        }
        (dtb, u32::from_be(size).into())
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("The loader runs at the start of a quoll image only.");
    std::process::exit(1);
}
