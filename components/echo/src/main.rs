//! The protection domain around the session. Its symbols, for the system description:
//! `console_vaddr`, `console_size` (region shared with the console server) and `console_channel`.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod pd;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("The native console client is a protection domain: it runs on quoll only.");
    std::process::exit(1);
}
