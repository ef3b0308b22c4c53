//! A guest that copies by a device of the machine whose pointers its monitor translates: both ways, and with pointers to what is not its
//! memory.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod guest;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest: `cargo xtask test` runs it.");
}
