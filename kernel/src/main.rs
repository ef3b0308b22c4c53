//! The kernel's binary. All of the kernel is in the library; its entry is `_start` in the architecture's part.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod target {
    use core::panic::PanicInfo;
    use quoll_kernel::arch;

    /// The kernel found itself wrong. It says so, where it may print, and stops the core: nothing may run on what is broken.
    #[panic_handler]
    fn panic(info: &PanicInfo) -> ! {
        #[cfg(sel4_debug)]
        quoll_kernel::debug::print(format_args!("quoll: {info}\n"));
        #[cfg(not(sel4_debug))]
        let _ = info;
        arch::halt()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!(
        "This is a kernel for AArch64: `cargo xtask run` runs it in QEMU. On the host it is tested as a library."
    );
    std::process::exit(2);
}
