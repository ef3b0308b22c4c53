//! The protection domain around the session. See the library for what it does.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod pd;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a protection domain: it runs on quoll only. `cargo xtask top` attaches to it.");
    std::process::exit(1);
}
