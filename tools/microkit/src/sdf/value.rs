//! Values of attributes: numbers, truth values, rights, choices.

use super::raw::{Number, Perms, RawDuration, Text};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, Spanned};
use roxmltree::Node;

/// An element's attributes, and where complaints about them go.
pub struct Attributes<'a, 'input, 'd> {
    node: Node<'a, 'input>,
    diagnostics: &'d mut Diagnostics,
}

impl<'a, 'input, 'd> Attributes<'a, 'input, 'd> {
    /// Those of an element.
    pub fn of(node: Node<'a, 'input>, diagnostics: &'d mut Diagnostics) -> Self {
        Self { node, diagnostics }
    }

    /// Text as it stands.
    pub fn text(&self, name: &str) -> Text {
        let attribute = self.node.attribute_node(name)?;
        Some(Spanned::new(attribute.value().to_owned(), attribute.range_value()))
    }

    fn parsed<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Spanned<T>> {
        let text = self.text(name)?;
        match parse(&text.value) {
            Ok(value) => Some(Spanned::new(value, text.span)),
            Err(expected) => {
                let message = format!("`{name}` is {expected}, not `{}`", text.value);
                self.diagnostics.push(Diagnostic::new(Code::Value, text.span, message));
                None
            }
        }
    }

    /// A number.
    pub fn number(&mut self, name: &str) -> Number {
        self.parsed(name, number)
    }

    /// A number; `default`, at the element's place, if the attribute isn't there.
    pub fn number_or(&mut self, name: &str, default: u64) -> Number {
        match self.node.has_attribute(name) {
            true => self.number(name),
            false => Some(Spanned::new(default, self.element())),
        }
    }

    /// A truth value; `default` if the attribute isn't there.
    pub fn boolean(&mut self, name: &str, default: bool) -> Spanned<bool> {
        self.choice(name, &[("true", true), ("false", false)], default)
    }

    /// One of several words; `default` if the attribute isn't there.
    pub fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)], default: T) -> Spanned<T> {
        let parse = |text: &str| match choices.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(*value),
            None => Err(choices.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(" or ")),
        };
        let otherwise = self.text(name).map_or_else(|| self.element(), |text| text.span);
        self.parsed(name, parse).unwrap_or(Spanned::new(default, otherwise))
    }

    /// Rights of a mapping; read and write if the attribute isn't there.
    pub fn perms(&mut self, name: &str) -> Option<Spanned<Perms>> {
        match self.node.has_attribute(name) {
            true => self.parsed(name, perms),
            false => Some(Spanned::new(Perms { read: true, write: true, execute: false }, self.element())),
        }
    }

    /// A time with its unit.
    pub fn duration(&mut self, name: &str) -> Option<Spanned<RawDuration>> {
        self.parsed(name, duration)
    }

    /// Reports that an attribute is there.
    pub fn refuse(&mut self, code: Code, name: &str, why: &str) {
        if let Some(text) = self.text(name) {
            self.diagnostics.push(Diagnostic::new(code, text.span, format!("`{name}` {why}")));
        }
    }

    /// The element's place.
    pub fn element(&self) -> Span {
        super::shape::name_span(self.node)
    }
}

/// Decimal or, with `0x`, hexadecimal; underscores may stand between digits.
fn number(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let parsed = match digits.strip_prefix("0x") {
        // The standard parser would take a sign here.
        Some(hex) if !hex.starts_with(['+', '-']) => u64::from_str_radix(hex, 16),
        Some(_) => return Err("a number".into()),
        None if digits.starts_with('-') => return Err("a number from 0 on".into()),
        None => digits.trim_start_matches('+').parse(),
    };
    parsed.map_err(|error| match error.kind() {
        std::num::IntErrorKind::PosOverflow => "a number of at most 64 bits".into(),
        _ => "a decimal number or a hexadecimal one with `0x`".into(),
    })
}

fn perms(text: &str) -> Result<Perms, String> {
    let known = !text.is_empty() && text.chars().all(|c| "rwx".contains(c));
    let perms = Perms { read: text.contains('r'), write: text.contains('w'), execute: text.contains('x') };
    match (known, perms.read) {
        (false, _) => Err("a combination of `r`, `w` and `x`".into()),
        (true, false) => Err("`r` and perhaps `w` and `x` (what can't be read can't be mapped)".into()),
        (true, true) => Ok(perms),
    }
}

fn duration(text: &str) -> Result<RawDuration, String> {
    let expected = || "a number other than 0 with its unit, as in `1000 us` or `50 ticks`".to_owned();
    let (value, unit) = text.split_once(' ').ok_or_else(expected)?;
    match (number(value), unit) {
        (Ok(value @ 1..), "us") => Ok(RawDuration::Micros(value)),
        (Ok(value @ 1..), "ticks") => Ok(RawDuration::Ticks(value)),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(number("42"), Ok(42));
        assert_eq!(number("0x1_000"), Ok(0x1000));
        assert_eq!(number("0xffff_ffff_ffff_ffff"), Ok(u64::MAX));
        for bad in ["", "0x", "1k", "-1", "0x-1", "0x+1", "99999999999999999999", "1.5", " 1"] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn memory_is_mapped_readable() {
        assert_eq!(perms("rx"), Ok(Perms { read: true, write: false, execute: true }));
        for bad in ["", "w", "x", "wx", "rq", "RW"] {
            assert!(perms(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("1000 us"), Ok(RawDuration::Micros(1000)));
        assert_eq!(duration("5 ticks"), Ok(RawDuration::Ticks(5)));
        for bad in ["1000", "1000us", "0 us", "5 ms", ""] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
