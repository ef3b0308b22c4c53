//! The interface by the names that C has for it: what rust-sel4 calls its bindings (`sel4-sys`). Types, layouts and
//! numbers are [`abi`](crate::abi)'s.
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, reason = "the names are those of C")]

mod fault;
mod structures;
mod words;

pub use fault::*;
pub use structures::*;
pub use words::*;

/// A machine word.
pub type seL4_Word = crate::Word;
/// A capability pointer.
pub type seL4_CPtr = crate::Word;
/// Registers of a thread.
pub type seL4_UserContext = crate::abi::context::UserContext;

/// The numbers, in modules by the names of their enumerations.
#[allow(missing_docs, reason = "the names are the manual's")]
mod numbers {
    sel4_config::numbers! {}
}

pub use numbers::*;
