//! A guest that tries messages: to another one, to a protection domain, and to whom it may not send. It reports on its
//! console.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod guest;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest: `cargo xtask test` runs it.");
}
