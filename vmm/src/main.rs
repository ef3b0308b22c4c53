//! The protection domain of a virtual machine's monitor. See the library for what it does, `pd` for its symbols.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
extern crate alloc;
#[cfg(target_os = "none")]
mod pd;
#[cfg(any(target_os = "none", test))]
mod ram;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("The virtual machine monitor is a protection domain: it runs on quoll only.");
    std::process::exit(1);
}
