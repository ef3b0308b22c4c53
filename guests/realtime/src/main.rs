//! The guest. Its command line: `period=MICROSECONDS` (default 1000), `console=REGION:CHANNEL` if it has a console,
//! `answers=REGION:CHANNEL` if a native program sends it messages.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod guest;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a guest without an operating system: it runs on quoll only.");
    std::process::exit(1);
}
