//! `ivc`: messages from and to a Linux guest's shell.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod linux;
#[cfg(target_os = "none")]
mod program;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a program for a guest of quoll: it is built without a C library, for AArch64 only.");
    std::process::exit(1);
}
