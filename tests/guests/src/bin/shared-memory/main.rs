//! A guest that shares regions with others: it finds them, may do with them what the description says, and reports over one of them,
//! behind which the console server is; that one it also fills with nonsense.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod guest;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest: `cargo xtask test` runs it.");
}
