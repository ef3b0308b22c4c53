//! The `protection_domain` attribute of `sel4-microkit`, where it is documented.
#![forbid(unsafe_code)]

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ItemFn, MetaNameValue, Result, Token};

/// Declares a function to be the initialisation of a protection domain; see `sel4_microkit`.
#[proc_macro_attribute]
pub fn protection_domain(attr: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(attr.into(), item.into()).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(attr: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let item: ItemFn = syn::parse2(item)?;
    if let Some(parameter) = item.sig.inputs.first() {
        return Err(Error::new(parameter.span(), "the initialisation of a protection domain takes no parameters"));
    }
    let heap_size = heap_size(attr)?.map(|size| quote!(, heap_size = #size));
    let init = &item.sig.ident;
    Ok(quote! {
        ::sel4_microkit::declare_protection_domain!(init = #init #heap_size);
        #item
    })
}

/// The value of `heap_size`, the only option.
fn heap_size(attr: TokenStream) -> Result<Option<Expr>> {
    let options = Punctuated::<MetaNameValue, Token![,]>::parse_terminated.parse2(attr)?;
    let mut heap_size = None;
    for option in options {
        let message = if option.path.is_ident("heap_size") {
            if heap_size.replace(option.value).is_none() {
                continue;
            }
            "heap_size is given twice"
        } else if option.path.is_ident("stack_size") {
            "the stack's size is the attribute stack_size of the protection domain in the system description"
        } else {
            "unknown option; there is heap_size = <bytes>"
        };
        return Err(Error::new(option.path.span(), message));
    }
    Ok(heap_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(attr: TokenStream) -> std::result::Result<String, String> {
        let item = quote!(
            fn init() -> impl Handler {
                NullHandler::new()
            }
        );
        expand(attr, item).map(|tokens| tokens.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn no_option_no_heap() {
        let tokens = expanded(quote!()).expect("an expansion");
        assert!(tokens.contains("(init = init)") && tokens.contains("fn init ()"), "{tokens}");
    }

    #[test]
    fn a_heap_of_any_expression() {
        let tokens = expanded(quote!(heap_size = 4 * KIB)).expect("an expansion");
        assert!(tokens.contains("(init = init , heap_size = 4 * KIB)"), "{tokens}");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let error = |attr| expanded(attr).expect_err("an error");
        assert!(error(quote!(heap_size = 1, heap_size = 2)).contains("twice"));
        assert!(error(quote!(stack_size = 1)).contains("system description"));
        assert!(error(quote!(heapsize = 1)).contains("unknown option"));
        let item = quote!(
            fn init(_: u32) -> NullHandler {
                NullHandler::new()
            }
        );
        assert!(expand(quote!(), item).is_err());
    }
}
