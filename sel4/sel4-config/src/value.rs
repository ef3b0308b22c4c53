//! Values of the configuration as expressions.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use sel4_headers::{Configuration, Setting};
use syn::{Error, Ident, Result};

use crate::condition::{self, Condition};
use crate::configurations::in_each;

/// Whether a condition holds.
pub fn holds(input: &TokenStream) -> TokenStream {
    in_each(|configuration| {
        let holds = syn::parse2::<Condition>(input.clone())?.holds(configuration)?;
        Ok(quote!(#holds))
    })
}

/// The text of an option.
pub fn text(input: &TokenStream) -> TokenStream {
    in_each(|configuration| Ok(option_text(input, configuration)?.1.to_token_stream()))
}

/// The number that an option is, with the type's name behind it.
pub fn number(input: &TokenStream, suffix: &str) -> TokenStream {
    in_each(|configuration| {
        let (name, text) = option_text(input, configuration)?;
        let number: u64 =
            text.parse().map_err(|_| Error::new(name.span(), format!("`{name}` is `{text}`, no number")))?;
        let literal: Literal = format!("{number}{suffix}").parse().map_err(|_| Error::new(name.span(), "no number"))?;
        Ok(literal.into_token_stream())
    })
}

fn option_text(input: &TokenStream, configuration: &Configuration) -> Result<(Ident, String)> {
    let name: Ident = syn::parse2(input.clone())?;
    match condition::option(configuration, &name)? {
        Setting::Text(text) => Ok((name, text.clone())),
        Setting::Flag(_) => Err(Error::new(name.span(), format!("`{name}` is on or off: ask `sel4_cfg_bool!`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        assert_eq!(holds(&quote!(KERNEL_MCS)).to_string(), "true");
        assert_eq!(number(&quote!(WORD_SIZE), "usize").to_string(), "64usize");
        assert_eq!(text(&quote!(ARM_PLAT)).to_string(), "\"qemu-arm-virt\"");
        let cores = number(&quote!(MAX_NUM_NODES), "u64").to_string();
        assert!(cores.contains("{ 1u64 }") && cores.contains("{ 4u64 }"), "{cores}");
        assert!(number(&quote!(ARM_PLAT), "usize").to_string().contains("no number"));
        assert!(text(&quote!(KERNEL_MCS)).to_string().contains("sel4_cfg_bool!"));
    }
}
