//! The kernel's configuration as macros: `sel4_cfg` and its like, as rust-sel4 5.0's `sel4-config` has them. Programs take
//! them from the crate `sel4`, to which they expand.
//!
//! A macro does not know for which configuration the program is compiled. So each expands once for every configuration;
//! where the results differ, a macro of `sel4`, which does know, takes one of them.
#![forbid(unsafe_code)]

mod condition;
mod configurations;
mod constants;
mod expand;
mod value;

use proc_macro::TokenStream;

/// Keeps an item if a condition on the kernel's configuration holds.
///
/// Conditions are written as those of `#[cfg]`: options that are on or off by name, others as `OPTION = "text"`, and
/// `not`, `any`, `all`. An option that there is not is an error.
#[proc_macro_attribute]
pub fn sel4_cfg(condition: TokenStream, item: TokenStream) -> TokenStream {
    expand::item(&condition.into(), &item.into()).into()
}

/// Gives an item an attribute if a condition holds, as `#[cfg_attr]` does.
#[proc_macro_attribute]
pub fn sel4_cfg_attr(input: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(&input.into(), &item.into()).into()
}

/// Lets fields of a structure have the attribute `sel4_cfg`.
#[proc_macro_attribute]
pub fn sel4_cfg_struct(input: TokenStream, item: TokenStream) -> TokenStream {
    expand::structure(&input.into(), &item.into()).into()
}

/// Lets variants of an enumeration have the attribute `sel4_cfg`.
#[proc_macro_attribute]
pub fn sel4_cfg_enum(input: TokenStream, item: TokenStream) -> TokenStream {
    expand::enumeration(&input.into(), &item.into()).into()
}

/// Lets arms of a `match` have the attribute `sel4_cfg`. Attributes of expressions need a nightly compiler;
/// `sel4_cfg_wrap_match!` does not.
#[proc_macro_attribute]
pub fn sel4_cfg_match(_: TokenStream, item: TokenStream) -> TokenStream {
    expand::arms(&item.into()).into()
}

/// Lets arms of the `match` in its braces have the attribute `sel4_cfg`.
#[proc_macro]
pub fn sel4_cfg_wrap_match(item: TokenStream) -> TokenStream {
    expand::arms(&item.into()).into()
}

/// The first branch of `if #[sel4_cfg(…)] { … } else if … else { … }` whose condition holds.
#[proc_macro]
pub fn sel4_cfg_if(branches: TokenStream) -> TokenStream {
    expand::branches(&branches.into()).into()
}

/// Whether a condition holds: `true` or `false`.
#[proc_macro]
pub fn sel4_cfg_bool(condition: TokenStream) -> TokenStream {
    value::holds(&condition.into()).into()
}

/// The text of an option.
#[proc_macro]
pub fn sel4_cfg_str(option: TokenStream) -> TokenStream {
    value::text(&option.into()).into()
}

/// The number that an option is, as `usize`.
#[proc_macro]
pub fn sel4_cfg_usize(option: TokenStream) -> TokenStream {
    value::number(&option.into(), "usize").into()
}

/// The number that an option is, as a machine word.
#[proc_macro]
pub fn sel4_cfg_word(option: TokenStream) -> TokenStream {
    value::number(&option.into(), "u64").into()
}

/// All options as constants; for `sel4::config::consts`.
#[doc(hidden)]
#[proc_macro]
pub fn options(_: TokenStream) -> TokenStream {
    constants::options().into()
}

/// The interface's numbers by their names in C; for `sel4::sys`.
#[doc(hidden)]
#[proc_macro]
pub fn numbers(_: TokenStream) -> TokenStream {
    constants::numbers().into()
}
