//! `microkit`: from a system description to a bootable image and a report.
//!
//! The way goes [`sdf`] (what is written) → [`check`] (what it means: [`model`]) → [`plan`] (kernel objects and data) →
//! [`mod@image`], [`report`] and [`diagram`]; [`build`] walks it. The description's format is Microkit 2.3's.

#![forbid(unsafe_code)]

pub mod build;
pub mod check;
pub mod cli;
pub mod code;
pub mod diagnostic;
pub mod diagram;
pub mod image;
pub mod model;
pub mod plan;
pub mod program;
pub mod report;
pub mod sdf;
pub mod sdk;
pub mod target;
pub mod viper;
