//! A guest that does one privileged operation after the other, each between two marker instructions, so that the
//! instruction-counting QEMU plugin can tell what the operation costs. It runs on bare QEMU as well, which shows what is the
//! guest's own share.
//!
//! Operation `n` stands between markers `2 n` and `2 n + 1`; marker 63 says that all are done. `cargo xtask bench` has the
//! same list.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod guest;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest: `cargo xtask bench` runs it.");
}
