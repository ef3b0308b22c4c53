//! Links the guest as a raw arm64 `Image`; on the host there is nothing to do.

fn main() {
    let script = "../bare/link.ld";
    println!("cargo::rerun-if-changed={script}");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-arg-bins=-T{folder}/{script}");
        println!("cargo::rustc-link-arg-bins=--oformat=binary");
        // It prints. The VMM puts an image at the beginning of the guest's memory.
        println!("cargo::rustc-link-arg-bins=--defsym=image_base=0x40000000");
    }
}
