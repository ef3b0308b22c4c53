//! Links the kernel for the board that it is built for.

fn main() {
    println!("cargo:rerun-if-changed=link.ld");
    println!("cargo:rerun-if-env-changed=QUOLL_BOARD");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let directory = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    println!("cargo:rustc-link-arg-bins=-T{directory}/link.ld");
    println!("cargo:rustc-link-arg-bins=--defsym=KERNEL_BASE={:#x}", kernel_config::SELECTED.kernel_base);
}
