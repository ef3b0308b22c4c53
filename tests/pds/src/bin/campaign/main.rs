//! Kills each part of the system `lifecycle` in turn, at moments that follow from a seed, while Linux writes to its disk, reads it back and
//! talks to the network; and looks each time whether all goes on and what was killed comes back.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod pd;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("campaign is a protection domain: it runs on quoll only");
}
