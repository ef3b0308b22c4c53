//! The kernel's configuration: macros that ask for it, and its options as constants.
//!
//! Options and their meaning are those of seL4's build (`gen_config.h`). Which configuration it is, the compiler is told by
//! `--cfg` ([`abi`](crate::abi)).

pub use sel4_config::{
    sel4_cfg, sel4_cfg_attr, sel4_cfg_bool, sel4_cfg_enum, sel4_cfg_if, sel4_cfg_match, sel4_cfg_str, sel4_cfg_struct,
    sel4_cfg_usize, sel4_cfg_word, sel4_cfg_wrap_match,
};

/// The options as constants.
#[allow(missing_docs, reason = "the names are those of seL4's build")]
pub mod consts {
    sel4_config::options! {}
}

/// Takes what is for the configuration that this crate is compiled for: release, debug, benchmark, then the three for
/// several cores. The macros expand to it.
#[cfg(all(not(sel4_smp), not(any(sel4_debug, sel4_benchmark))))]
#[doc(hidden)]
#[macro_export]
macro_rules! __in_configuration {
    ({ $($a:tt)* } $($rest:tt)*) => { $($a)* };
}

#[cfg(all(not(sel4_smp), sel4_debug))]
#[doc(hidden)]
#[macro_export]
macro_rules! __in_configuration {
    ({ $($a:tt)* } { $($b:tt)* } $($rest:tt)*) => { $($b)* };
}

#[cfg(all(not(sel4_smp), sel4_benchmark, not(sel4_debug)))]
#[doc(hidden)]
#[macro_export]
macro_rules! __in_configuration {
    ({ $($a:tt)* } { $($b:tt)* } { $($c:tt)* } $($rest:tt)*) => { $($c)* };
}

#[cfg(all(sel4_smp, not(any(sel4_debug, sel4_benchmark))))]
#[doc(hidden)]
#[macro_export]
macro_rules! __in_configuration {
    ({ $($a:tt)* } { $($b:tt)* } { $($c:tt)* } { $($d:tt)* } $($rest:tt)*) => { $($d)* };
}

#[cfg(all(sel4_smp, sel4_debug))]
#[doc(hidden)]
#[macro_export]
macro_rules! __in_configuration {
    ({ $($a:tt)* } { $($b:tt)* } { $($c:tt)* } { $($d:tt)* } { $($e:tt)* } $($rest:tt)*) => { $($e)* };
}

#[cfg(all(sel4_smp, sel4_benchmark, not(sel4_debug)))]
#[doc(hidden)]
#[macro_export]
macro_rules! __in_configuration {
    ({ $($a:tt)* } { $($b:tt)* } { $($c:tt)* } { $($d:tt)* } { $($e:tt)* } { $($f:tt)* } $($rest:tt)*) => { $($f)* };
}
