//! A guest that accesses devices by instructions that a data abort does not describe: pairs, and those that write their base
//! back. It does so without translation, and through tables of its own, and reports on its own console.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod guest;
#[cfg(target_os = "none")]
mod routines;
#[cfg(target_os = "none")]
mod tables;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest: `cargo xtask test` runs it.");
}
