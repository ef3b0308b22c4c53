//! The root task: builds the system that the `microkit` tool planned, starts it, and stops.
//!
//! Its image holds, behind the program, the tool's data pages and orders (crate `system-spec`). The orders are
//! generic: which objects, mappings and capabilities there are is the tool's policy, not this program's. Whatever
//! fails is said on the debug console, and nothing is started.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod builder;
#[cfg(target_os = "none")]
mod fill;
#[cfg(target_os = "none")]
mod image;
#[cfg(target_os = "none")]
mod objects;
#[cfg(target_os = "none")]
mod problem;
#[cfg(target_os = "none")]
mod slots;
#[cfg(target_os = "none")]
mod start;
#[cfg(target_os = "none")]
mod thread;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("The initialiser is quoll's root task and runs there only.");
    std::process::exit(1);
}
