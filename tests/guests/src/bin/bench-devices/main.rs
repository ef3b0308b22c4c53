//! A guest that uses its disk, its network and its channel to another guest, beside others that do the same. What it does, and how it is
//! counted, is in [`marker::throughput`]. `guests=N` on its command line says how many there are.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod disk;
#[cfg(target_os = "none")]
mod guest;
#[cfg(target_os = "none")]
mod net;
#[cfg(target_os = "none")]
mod virtio;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest: `cargo xtask bench` runs it.");
}
