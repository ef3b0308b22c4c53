//! Constants: the options, and the numbers of the interface.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use sel4_headers::{Configuration, Setting};

use crate::configurations::in_each;

/// Enumerations that are `int` in C; all others are made as wide as a word.
const UNSIGNED_INTS: [&str; 6] =
    ["api_object", "_mode_object", "_object", "seL4_Error", "seL4_MsgLimits", "seL4_RootCNodeCapSlots"];
const SIGNED_INTS: [&str; 2] = ["priorityConstants", "seL4_Syscall_ID"];

/// All options.
pub fn options() -> TokenStream {
    in_each(|configuration| {
        let options = configuration.kernel.iter().map(|(name, setting)| {
            let name = format_ident!("{name}");
            match setting {
                Setting::Flag(flag) => quote!(pub const #name: bool = #flag;),
                Setting::Text(text) => quote!(pub const #name: &str = #text;),
            }
        });
        Ok(quote!(#(#options)*))
    })
}

/// The enumerations, each in a module of its name, and the other constants.
pub fn numbers() -> TokenStream {
    in_each(|configuration| {
        let enumerations = enumerations(configuration);
        let constants = configuration.constants.iter().map(|(name, &value)| {
            let name = format_ident!("{name}");
            let (ty, value) = smallest(value);
            quote!(pub const #name: #ty = #value;)
        });
        Ok(quote!(#(#enumerations)* #(#constants)*))
    })
}

fn enumerations(configuration: &Configuration) -> impl Iterator<Item = TokenStream> {
    configuration.enums.iter().map(|(name, numbers)| {
        let ty = match name.as_str() {
            name if UNSIGNED_INTS.contains(&name) => quote!(u32),
            name if SIGNED_INTS.contains(&name) => quote!(i32),
            _ => quote!(u64),
        };
        let names = numbers.iter().map(|(name, _)| format_ident!("{name}"));
        let values = numbers.iter().map(|&(_, value)| Literal::i64_unsuffixed(value));
        let name = format_ident!("{name}");
        quote!(pub mod #name { pub type Type = #ty; #(pub const #names: Type = #values;)* })
    })
}

/// A constant that is a macro in C, with the type that generators of bindings give it.
fn smallest(value: i64) -> (TokenStream, Literal) {
    let ty = match value {
        ..0 => quote!(i32),
        0..=0xffff_ffff => quote!(u32),
        _ => quote!(u64),
    };
    (ty, Literal::i64_unsuffixed(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_bindings() {
        let release = Configuration::read("release").expect("it is one");
        let all: String = enumerations(&release).map(|tokens| tokens.to_string()).collect();
        assert!(
            all.contains("pub mod seL4_Error { pub type Type = u32 ; pub const seL4_NoError : Type = 0 ;"),
            "{all}"
        );
        assert!(
            all.contains("pub mod priorityConstants { pub type Type = i32 ; pub const seL4_InvalidPrio : Type = - 1 ;")
        );
        assert!(all.contains("pub mod seL4_VCPUReg { pub type Type = u64 ;"));
        assert_eq!(smallest(12).0.to_string(), "u32");
        assert_eq!(smallest(1 << 40).0.to_string(), "u64");
        assert_eq!(smallest(-1).0.to_string(), "i32");
    }

    #[test]
    fn options_are_flags_or_text() {
        let options = options().to_string();
        assert!(options.contains("pub const KERNEL_MCS : bool = true ;"), "{options}");
        assert!(options.contains("pub const WORD_SIZE : & str = \"64\" ;"));
    }
}
