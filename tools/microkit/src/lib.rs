//! `microkit`: from a system description to a bootable image and a report.
#![forbid(unsafe_code)]
pub mod check;
pub mod diagnostic;
pub mod model;
pub mod plan;
pub mod program;
pub mod sdf;
pub mod target;
