//! A guest that counts its ticks, looks whether its memory is fresh when it starts, and ends when it is told to.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod guest;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest: `cargo xtask test` runs it.");
}
