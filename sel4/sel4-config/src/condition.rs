//! Conditions on the kernel's configuration.

use sel4_headers::{Configuration, Setting};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, Meta, Result, Token};

/// A condition, as it is written.
pub enum Condition {
    /// The option is on.
    On(Ident),
    /// The option is this text.
    Is(Ident, String),
    /// The condition does not hold.
    Not(Box<Condition>),
    /// All hold.
    All(Vec<Condition>),
    /// One of them holds.
    Any(Vec<Condition>),
}

impl Parse for Condition {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        // `Meta` takes no literals as paths.
        if input.peek(syn::LitBool) {
            let all = input.parse::<syn::LitBool>()?.value;
            return Ok(if all { Self::All(Vec::new()) } else { Self::Any(Vec::new()) });
        }
        match input.parse()? {
            Meta::Path(path) => Ok(Self::On(path.require_ident()?.clone())),
            Meta::NameValue(pair) => match pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                    Ok(Self::Is(pair.path.require_ident()?.clone(), text.value()))
                }
                other => Err(Error::new_spanned(other, "an option is compared with text in quotes")),
            },
            Meta::List(list) => {
                let operator = list.path.require_ident()?;
                let all = || list.parse_args_with(Punctuated::<Self, Token![,]>::parse_terminated);
                match operator.to_string().as_str() {
                    "not" => Ok(Self::Not(Box::new(list.parse_args()?))),
                    "all" => Ok(Self::All(all()?.into_iter().collect())),
                    "any" => Ok(Self::Any(all()?.into_iter().collect())),
                    _ => Err(Error::new_spanned(operator, "there are `not`, `all` and `any`")),
                }
            }
        }
    }
}

/// The value of an option.
///
/// # Errors
/// When there is no such option.
pub fn option<'a>(configuration: &'a Configuration, name: &Ident) -> Result<&'a Setting> {
    let text = name.to_string();
    let setting = configuration.kernel.get(&text).or_else(|| configuration.library.get(&text));
    setting.ok_or_else(|| Error::new(name.span(), format!("the kernel's configuration has no option `{name}`")))
}

impl Condition {
    /// Whether it holds.
    ///
    /// # Errors
    /// When an option is unknown, or of the other kind.
    pub fn holds(&self, configuration: &Configuration) -> Result<bool> {
        match self {
            Self::On(name) => match option(configuration, name)? {
                Setting::Flag(flag) => Ok(*flag),
                Setting::Text(_) => Err(Error::new(name.span(), format!("`{name}` is text: `{name} = \"…\"`"))),
            },
            Self::Is(name, text) => match option(configuration, name)? {
                Setting::Text(value) => Ok(value == text),
                Setting::Flag(_) => Err(Error::new(name.span(), format!("`{name}` is on or off, no text"))),
            },
            Self::Not(condition) => Ok(!condition.holds(configuration)?),
            // All are looked at, so that each mistake is told in each configuration.
            Self::All(conditions) => conditions.iter().try_fold(true, |all, one| Ok(one.holds(configuration)? && all)),
            Self::Any(conditions) => conditions.iter().try_fold(false, |any, one| Ok(one.holds(configuration)? || any)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str, configuration: &str) -> std::result::Result<bool, String> {
        let condition: Condition = syn::parse_str(condition).map_err(|error| error.to_string())?;
        let configuration = Configuration::read(configuration).expect("it is one");
        condition.holds(&configuration).map_err(|error| error.to_string())
    }

    #[test]
    fn conditions() {
        assert_eq!(holds("KERNEL_MCS", "release"), Ok(true));
        assert_eq!(holds("PRINTING", "release"), Ok(false));
        assert_eq!(holds("all(PRINTING, not(MAX_NUM_NODES = \"1\"),)", "smp-debug"), Ok(true));
        assert_eq!(holds("all(PRINTING, not(MAX_NUM_NODES = \"1\"))", "debug"), Ok(false));
        assert_eq!(holds("any(ENABLE_BENCHMARKS, DEBUG_BUILD)", "smp-benchmark"), Ok(true));
        assert_eq!(holds("any()", "debug"), Ok(false));
    }

    #[test]
    fn mistakes() {
        let error = |condition| holds(condition, "debug").expect_err("an error");
        assert!(error("NO_SUCH_OPTION").contains("no option `NO_SUCH_OPTION`"));
        assert!(error("any(KERNEL_MCS, NO_SUCH_OPTION)").contains("no option"));
        assert!(error("MAX_NUM_NODES").contains("is text"));
        assert!(error("KERNEL_MCS = \"1\"").contains("on or off"));
        assert!(error("MAX_NUM_NODES = 1").contains("text in quotes"));
        assert!(error("none(KERNEL_MCS)").contains("`not`, `all` and `any`"));
    }
}
