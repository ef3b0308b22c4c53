//! The protection domain of the supervisor. See the library for what it decides.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod pd;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("The supervisor is a protection domain: it runs on quoll only.");
    std::process::exit(1);
}
