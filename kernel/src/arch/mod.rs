//! The architecture: every module here exports the same names, and nothing outside has instructions or devices.

#[cfg(target_os = "none")]
mod aarch64;
#[cfg(target_os = "none")]
pub use aarch64::*;

// The machine of the host tests.
#[cfg(not(target_os = "none"))]
#[path = "../../tests/host/mod.rs"]
pub mod host;
#[cfg(not(target_os = "none"))]
pub use host::*;
