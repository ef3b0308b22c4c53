//! Code that is there on a condition.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use sel4_headers::Configuration;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, ExprMatch, Fields, ItemEnum, ItemStruct, Result, Token, braced};

use crate::condition::Condition;
use crate::configurations::in_each;

/// The attribute of what is kept on a condition.
const ATTRIBUTE: &str = "sel4_cfg";

/// The item, if the condition holds.
pub fn item(condition: &TokenStream, item: &TokenStream) -> TokenStream {
    in_each(|configuration| {
        let condition: Condition = syn::parse2(condition.clone())?;
        Ok(if condition.holds(configuration)? { item.clone() } else { TokenStream::new() })
    })
}

/// The item, with the attribute if the condition holds.
pub fn attribute(input: &TokenStream, item: &TokenStream) -> TokenStream {
    let parse = |input: ParseStream<'_>| {
        let condition = input.parse::<Condition>()?;
        input.parse::<Token![,]>()?;
        Ok((condition, input.parse::<TokenStream>()?))
    };
    in_each(|configuration| {
        let (condition, attribute) = parse.parse2(input.clone())?;
        Ok(if condition.holds(configuration)? { quote!(#[#attribute] #item) } else { item.clone() })
    })
}

/// The structure with those fields whose conditions hold.
pub fn structure(input: &TokenStream, item: &TokenStream) -> TokenStream {
    in_each(|configuration| {
        nothing(input)?;
        let mut item: ItemStruct = syn::parse2(item.clone())?;
        match &mut item.fields {
            Fields::Named(fields) => keep(&mut fields.named, configuration, |field| &mut field.attrs)?,
            Fields::Unnamed(fields) => keep(&mut fields.unnamed, configuration, |field| &mut field.attrs)?,
            Fields::Unit => {}
        }
        Ok(item.into_token_stream())
    })
}

/// The enumeration with those variants whose conditions hold.
pub fn enumeration(input: &TokenStream, item: &TokenStream) -> TokenStream {
    in_each(|configuration| {
        nothing(input)?;
        let mut item: ItemEnum = syn::parse2(item.clone())?;
        keep(&mut item.variants, configuration, |variant| &mut variant.attrs)?;
        Ok(item.into_token_stream())
    })
}

/// The `match` with those arms whose conditions hold.
pub fn arms(item: &TokenStream) -> TokenStream {
    in_each(|configuration| {
        let mut item: ExprMatch = syn::parse2(item.clone())?;
        let mut kept = Vec::new();
        for mut arm in item.arms {
            if is_kept(&mut arm.attrs, configuration)? {
                kept.push(arm);
            }
        }
        item.arms = kept;
        Ok(item.into_token_stream())
    })
}

/// The first branch whose condition holds.
pub fn branches(input: &TokenStream) -> TokenStream {
    in_each(|configuration| {
        let branches: Branches = syn::parse2(input.clone())?;
        for (condition, branch) in branches.conditional {
            if condition.holds(configuration)? {
                return Ok(branch);
            }
        }
        Ok(branches.otherwise)
    })
}

fn nothing(input: &TokenStream) -> Result<()> {
    if input.is_empty() { Ok(()) } else { Err(Error::new_spanned(input, "the attribute has no arguments")) }
}

fn keep<T, P: Default>(
    list: &mut Punctuated<T, P>,
    configuration: &Configuration,
    attributes: impl Fn(&mut T) -> &mut Vec<Attribute>,
) -> Result<()> {
    let mut kept = Punctuated::new();
    for mut element in std::mem::take(list) {
        if is_kept(attributes(&mut element), configuration)? {
            kept.push(element);
        }
    }
    *list = kept;
    Ok(())
}

/// Takes the conditions out of the attributes; whether all of them hold.
fn is_kept(attributes: &mut Vec<Attribute>, configuration: &Configuration) -> Result<bool> {
    let (conditions, others) = std::mem::take(attributes).into_iter().partition(|one| one.path().is_ident(ATTRIBUTE));
    *attributes = others;
    let conditions: Vec<Attribute> = conditions;
    conditions.iter().try_fold(true, |all, one| Ok(one.parse_args::<Condition>()?.holds(configuration)? && all))
}

struct Branches {
    conditional: Vec<(Condition, TokenStream)>,
    otherwise: TokenStream,
}

impl Parse for Branches {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut conditional = vec![conditional_branch(input)?];
        while !input.is_empty() {
            input.parse::<Token![else]>()?;
            if !input.peek(Token![if]) {
                let otherwise = branch(input)?;
                return if input.is_empty() {
                    Ok(Self { conditional, otherwise })
                } else {
                    Err(input.error("this is the end"))
                };
            }
            conditional.push(conditional_branch(input)?);
        }
        Ok(Self { conditional, otherwise: TokenStream::new() })
    }
}

fn conditional_branch(input: ParseStream<'_>) -> Result<(Condition, TokenStream)> {
    input.parse::<Token![if]>()?;
    let attributes = Attribute::parse_outer(input)?;
    match attributes.as_slice() {
        [attribute] if attribute.path().is_ident(ATTRIBUTE) => Ok((attribute.parse_args()?, branch(input)?)),
        _ => Err(input.error("a branch is written `if #[sel4_cfg(CONDITION)] { … }`")),
    }
}

fn branch(input: ParseStream<'_>) -> Result<TokenStream> {
    let content;
    braced!(content in input);
    content.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME: &str = "KERNEL_MCS";

    fn condition(text: &str) -> TokenStream {
        text.parse().expect("tokens")
    }

    #[test]
    fn items() {
        let function = quote!(
            fn f() {}
        );
        assert_eq!(item(&condition(SAME), &function).to_string(), function.to_string());
        assert!(item(&quote!(not(KERNEL_MCS)), &function).is_empty());
        let with = attribute(&quote!(KERNEL_MCS, inline(always)), &function).to_string();
        assert!(with.starts_with("# [inline (always)]"), "{with}");
        assert!(item(&quote!(NONE), &function).to_string().contains("compile_error"));
    }

    #[test]
    fn parts() {
        let fields = structure(
            &quote!(),
            &quote!(
                struct S {
                    #[sel4_cfg(KERNEL_MCS)]
                    a: u8,
                    #[sel4_cfg(not(KERNEL_MCS))]
                    b: u8,
                    c: u8,
                }
            ),
        );
        assert_eq!(fields.to_string(), "struct S { a : u8 , c : u8 }");
        let variants = enumeration(
            &quote!(),
            &quote!(
                enum E {
                    #[sel4_cfg(ARCH_X86_64)]
                    A,
                    B,
                }
            ),
        );
        assert_eq!(variants.to_string(), "enum E { B }");
        let arms = arms(&quote!(match x {
            #[sel4_cfg(ARCH_X86_64)]
            1 => 2,
            _ => 3,
        }));
        assert_eq!(arms.to_string(), "match x { _ => 3 , }");
    }

    #[test]
    fn first_branch_that_holds() {
        let chain = quote!(if #[sel4_cfg(ARCH_X86_64)] { a } else if #[sel4_cfg(WORD_SIZE = "64")] { b } else { c });
        assert_eq!(branches(&chain).to_string(), "b");
        assert_eq!(branches(&quote!(if #[sel4_cfg(ARCH_X86_64)] { a } else { c })).to_string(), "c");
        assert!(branches(&quote!(if #[sel4_cfg(ARCH_X86_64)] { a })).is_empty());
        assert!(branches(&quote!(if #[cfg(test)] { a })).to_string().contains("compile_error"));
    }
}
