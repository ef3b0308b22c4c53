//! The description as it is written: XML, its shape, and its values, each with its place. What they mean together is
//! checked in [`crate::check`].

mod raw;
mod read;
mod shape;
mod value;

pub use raw::*;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use roxmltree::{Document, Error, TextPos};

/// Reads a description; `strict`ly, it has nothing that upstream's format has not. Nothing, if it is no XML or no system at all; else whatever could be read of it.
pub fn parse(source: &Source, strict: bool, diagnostics: &mut Diagnostics) -> Option<RawSystem> {
    let document = match Document::parse(&source.text) {
        Ok(document) => document,
        Err(error) => {
            diagnostics.push(syntax_error(source, &error));
            return None;
        }
    };
    let root = document.root_element();
    shape::check(root, strict, diagnostics).then(|| read::system(root, diagnostics))
}

fn syntax_error(source: &Source, error: &Error) -> Diagnostic {
    let at = offset(&source.text, error.pos());
    let length = source.text[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    // The parser ends its messages with the position, which stands in front of ours.
    let message = error.to_string();
    let message = message.rsplit_once(" at ").map_or(message.as_str(), |(message, _)| message);
    Diagnostic::new(Code::Xml, at..at + length, format!("not well-formed XML: {message}"))
}

/// The byte at which a line (from 1) and column (from 1, in characters) start.
fn offset(text: &str, position: TextPos) -> usize {
    let line: usize = text.split_inclusive('\n').take(position.row.saturating_sub(1) as usize).map(str::len).sum();
    let rest = &text[line..];
    let column = position.col.saturating_sub(1) as usize;
    line + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}
