//! The protection domain of the server. See the library for what it does.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod pd;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("A server is a protection domain: it runs on quoll only.");
    std::process::exit(1);
}
