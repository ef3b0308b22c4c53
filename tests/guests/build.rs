//! Links the guest as a raw arm64 `Image`; on the host there is nothing to do.

fn main() {
    println!("cargo::rerun-if-changed=../../guests/bare/link.ld");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-arg-bins=-T{folder}/../../guests/bare/link.ld");
        println!("cargo::rustc-link-arg-bins=--oformat=binary");
        // They print, or can panic with a number in the message. The VMM puts an image at the beginning of the guest's memory.
        for printing in [
            "bad-guest",
            "bad-virtio",
            "bench-devices",
            "edu-guest",
            "messages-judge",
            "odd-access",
            "punctual",
            "shared-memory",
            "ticker",
        ] {
            println!("cargo::rustc-link-arg-bin={printing}=--defsym=image_base=0x40000000");
        }
    }
}
