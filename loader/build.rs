//! Hands the linker script to the linker when the loader is built for the board; on the host there is nothing to do.

fn main() {
    println!("cargo::rerun-if-changed=link.ld");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    println!("cargo::rustc-link-arg-bins=-T{folder}/link.ld");
    println!("cargo::rustc-link-arg-bins=--defsym=LOADER_BASE={:#x}", kernel_config::SELECTED.loader_base);
}
