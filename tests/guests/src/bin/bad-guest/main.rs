//! A guest that does what it must not, and looks at what it gets for it: the answer that the architecture, or the SMC
//! calling convention, has for it. It reports on its own console.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod guest;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest: `cargo xtask test` runs it.");
}
