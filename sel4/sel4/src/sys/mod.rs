//! The interface by the names that C has for it: what rust-sel4 calls its bindings (`sel4-sys`). Types, layouts and
//! numbers are [`abi`](crate::abi)'s.
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, reason = "the names are those of C")]

mod fault;

pub use fault::*;

/// The numbers, in modules by the names of their enumerations.
#[allow(missing_docs, reason = "the names are the manual's")]
mod numbers {
    sel4_config::numbers! {}
}

pub use numbers::*;
