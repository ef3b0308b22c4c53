//! The clock driver's protection domain. See the library for what it does.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod pd;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("The PL031 driver is a protection domain: it runs on quoll only.");
    std::process::exit(1);
}
