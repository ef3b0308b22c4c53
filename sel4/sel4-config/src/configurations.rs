//! The kernel's configurations, and code that is another in each.

use std::sync::LazyLock;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use sel4_headers::Configuration;
use syn::{Error, Result};

/// In the order in which `sel4::__in_configuration!` takes what is for them.
pub const NAMES: [&str; 6] = ["release", "debug", "benchmark", "smp-release", "smp-debug", "smp-benchmark"];

static ALL: LazyLock<std::result::Result<Vec<Configuration>, String>> =
    LazyLock::new(|| NAMES.iter().map(|name| Configuration::read(name).map_err(|error| error.to_string())).collect());

/// What `expand` makes of the configuration that the program is compiled for.
pub fn in_each(expand: impl Fn(&Configuration) -> Result<TokenStream>) -> TokenStream {
    try_each(expand).unwrap_or_else(Error::into_compile_error)
}

fn try_each(expand: impl Fn(&Configuration) -> Result<TokenStream>) -> Result<TokenStream> {
    let all = ALL.as_ref().map_err(|error| Error::new(Span::call_site(), error))?;
    let expanded = all.iter().map(expand).collect::<Result<Vec<_>>>()?;
    let same = expanded.iter().all(|tokens| tokens.to_string() == expanded[0].to_string());
    let one = expanded.first().cloned().unwrap_or_default();
    Ok(if same { one } else { quote!(::sel4::__in_configuration! { #({ #expanded })* }) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_chosen_from() {
        let same = in_each(|configuration| Ok(if configuration.is_set("KERNEL_MCS") { quote!(a) } else { quote!(b) }));
        assert_eq!(same.to_string(), "a");
        let differs = in_each(|configuration| Ok(if configuration.is_set("PRINTING") { quote!(a) } else { quote!() }));
        assert_eq!(differs.to_string(), ":: sel4 :: __in_configuration ! { { } { a } { } { } { a } { } }");
    }
}
