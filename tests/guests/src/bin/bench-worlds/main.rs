//! Two guests on one core that measure what it takes to get from one to the other. Both run this program, and share a page.
//!
//! The first to come, which must be of higher priority, waits again and again for its timer. Whenever it waits, the other
//! goes on, uses the floating-point unit, and spins. Then it waits for messages, which the other sends.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod guest;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest: `cargo xtask bench` runs it.");
}
