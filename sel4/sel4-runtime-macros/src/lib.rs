//! The attributes `protection_domain` of `sel4-microkit` and `root_task` of `sel4-root-task`, where they are documented.
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

/// Declares a function to be the main function of a root task; see `sel4_root_task`.
#[proc_macro_attribute]
pub fn root_task(attr: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_root_task(attr.into(), item.into()).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(attr: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let item: ItemFn = syn::parse2(item)?;
    if let Some(parameter) = item.sig.inputs.first() {
        return Err(Error::new(parameter.span(), "the initialisation of a protection domain takes no parameters"));
    }
    let options = Options::parse(attr)?.tokens();
    let init = &item.sig.ident;
    Ok(quote! {
        ::sel4_microkit::declare_protection_domain!(init = #init #options);
        #item
    })
}

fn expand_root_task(attr: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let item: ItemFn = syn::parse2(item)?;
    if item.sig.inputs.len() != 1 {
        return Err(Error::new(item.sig.span(), "the main function of a root task takes one parameter, the boot info"));
    }
    let options = Options::parse(attr)?.tokens();
    let main = &item.sig.ident;
    Ok(quote! {
        ::sel4_root_task::declare_root_task!(main = #main #options);
        #item
    })
}

/// What can be said in the attribute's parentheses.
#[derive(Default)]
struct Options {
    stack_size: Option<Expr>,
    heap_size: Option<Expr>,
}

impl Options {
    /// As arguments of the declaring macros.
    fn tokens(self) -> TokenStream {
        let Self { stack_size, heap_size } = self;
        let stack_size = stack_size.map(|size| quote!(, stack_size = #size));
        let heap_size = heap_size.map(|size| quote!(, heap_size = #size));
        quote!(#stack_size #heap_size)
    }

    fn parse(attr: TokenStream) -> Result<Self> {
        let mut options = Self::default();
        for given in Punctuated::<MetaNameValue, Token![,]>::parse_terminated.parse2(attr)? {
            let option = match given.path.get_ident() {
                Some(name) if name == "heap_size" => &mut options.heap_size,
                Some(name) if name == "stack_size" => &mut options.stack_size,
                _ => return Err(Error::new(given.path.span(), "unknown option; there are heap_size and stack_size")),
            };
            if option.replace(given.value).is_some() {
                return Err(Error::new(given.path.span(), "this option is given twice"));
            }
        }
        Ok(options)
    }
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
    fn options_in_any_order() {
        let tokens = expanded(quote!(heap_size = 1, stack_size = 2)).expect("an expansion");
        assert!(tokens.contains("(init = init , stack_size = 2 , heap_size = 1)"), "{tokens}");
    }

    #[test]
    fn a_root_task_takes_the_boot_info() {
        let main = quote!(
            fn main(_: &BootInfoPtr) -> ! {
                panic!()
            }
        );
        let tokens = expand_root_task(quote!(heap_size = 1), main).expect("an expansion").to_string();
        assert!(tokens.contains(":: declare_root_task ! (main = main , heap_size = 1)"), "{tokens}");
        assert!(
            expand_root_task(
                quote!(),
                quote!(
                    fn main() {}
                )
            )
            .is_err()
        );
    }

    #[test]
    fn what_is_wrong_is_told() {
        let error = |attr| expanded(attr).expect_err("an error");
        assert!(error(quote!(heap_size = 1, heap_size = 2)).contains("twice"));
        assert!(error(quote!(heapsize = 1)).contains("unknown option"));
        let item = quote!(
            fn init(_: u32) -> NullHandler {
                NullHandler::new()
            }
        );
        assert!(expand(quote!(), item).is_err());
    }
}
