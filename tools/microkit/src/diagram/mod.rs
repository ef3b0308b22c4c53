//! A picture of a system: who there is by priority, what leads from one to another, and what each may touch. As SVG, and
//! in a page that can be searched.

mod graph;
mod html;
mod layout;
mod svg;

use crate::model::System;
use std::path::Path;

/// The form of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An SVG file.
    Svg,
    /// An HTML page with that in it, which needs nothing else.
    Html,
}

impl Form {
    /// The form that a file's name asks for.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "svg" => Some(Self::Svg),
            "html" => Some(Self::Html),
            _ => None,
        }
    }
}

/// The picture of a system; `title` is its description's name.
pub fn draw(system: &System, title: &str, form: Form) -> String {
    let graph = graph::Graph::of(system);
    let picture = svg::picture(&graph, title);
    match form {
        Form::Svg => picture,
        Form::Html => html::page(&graph, &picture, title),
    }
}

/// Text as it stands in XML.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // An attribute would have a space for it.
            '\n' => escaped.push_str("&#10;"),
            char => escaped.push(char),
        }
    }
    escaped
}
