//! A guest whose virtio drivers hand their devices what makes no sense, and look at what comes of it: the device stops until it is
//! reset, and works afterwards. It reports on its own console.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod driver;
#[cfg(target_os = "none")]
mod guest;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest: `cargo xtask test` runs it.");
}
