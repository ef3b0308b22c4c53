//! What the tool says about a description: everything that it finds in one run, each with its place and with help.

use crate::code::Code;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::ops::Range;

/// A range of bytes of the description.
pub type Span = Range<usize>;

/// A value, and where the description gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// The description's text and its name, as the user gave it.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file's path.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// There will be no image.
    Error,
    /// There will be one.
    Warning,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Label {
    span: Span,
    text: String,
    primary: bool,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    code: Code,
    message: String,
    labels: Vec<Label>,
    help: Vec<String>,
}

impl Diagnostic {
    /// A finding at a place.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        let label = Label { span, text: String::new(), primary: true };
        Self { labels: vec![label], ..Self::general(code, message) }
    }

    /// A finding that has no place in the description.
    pub fn general(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), labels: Vec::new(), help: Vec::new() }
    }

    /// Adds what stands beside the caret.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(label) = self.labels.first_mut() {
            label.text = text.into();
        }
        self
    }

    /// Adds another place that has to do with it.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into(), primary: false });
        self
    }

    /// Adds what the user can do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds "did you mean" if one of `candidates` is close to `word`.
    pub fn did_you_mean<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(word, candidates) {
            Some(candidate) => self.help(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }

    fn start(&self) -> usize {
        self.labels.first().map_or(usize::MAX, |label| label.span.start)
    }
}

/// The candidate that a word was probably meant to be.
fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// All findings of a run.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// Whether there can be no image.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.code.severity() == Severity::Error)
    }

    /// The kinds of all findings.
    pub fn codes(&self) -> impl Iterator<Item = Code> {
        self.list.iter().map(|diagnostic| diagnostic.code)
    }

    /// How many errors and warnings there are, in words; empty if there are none.
    pub fn summary(&self) -> String {
        let count = |severity, what: &str| {
            let count = self.list.iter().filter(|diagnostic| diagnostic.code.severity() == severity).count();
            (count > 0).then(|| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
        };
        let parts = [count(Severity::Error, "error"), count(Severity::Warning, "warning")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// All of them as text, in the order of the description.
    pub fn render(&self, source: &Source, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut list: Vec<_> = self.list.iter().collect();
        list.sort_by_key(|diagnostic| diagnostic.start());
        let mut text = String::new();
        for diagnostic in list {
            text.push_str(&renderer.render(&[group(diagnostic, source)]));
            text.push_str("\n\n");
        }
        text
    }
}

fn group<'a>(diagnostic: &'a Diagnostic, source: &'a Source) -> Group<'a> {
    let level = match diagnostic.code.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code.name());
    let mut group = if diagnostic.labels.is_empty() {
        Group::with_title(title)
    } else {
        let annotations = diagnostic.labels.iter().map(|label| {
            let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(label.span.clone());
            if label.text.is_empty() { annotation } else { annotation.label(&label.text) }
        });
        let snippet = Snippet::source(&source.text).path(&source.path).annotations(annotations);
        Group::with_title(title).element(snippet)
    };
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_word_is_offered_a_far_one_is_not() {
        assert_eq!(closest("priorty", ["name", "priority"]), Some("priority"));
        assert_eq!(closest("colour", ["name", "priority"]), None);
        assert_eq!(closest("", ["name"]), None);
    }

    #[test]
    fn a_finding_shows_its_line_and_column() {
        let source = Source { path: "a.xml".into(), text: "<system>\n  <pd/>\n</system>\n".into() };
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(Diagnostic::new(Code::UnknownElement, 12..14, "no `pd`").label("here").help("leave it out"));
        let text = diagnostics.render(&source, false);
        assert!(text.starts_with("error[unknown-element]: no `pd`"), "{text}");
        assert!(text.contains("a.xml:2:4"), "{text}");
        assert!(text.contains("^^ here"), "{text}");
        assert!(text.contains("help: leave it out"), "{text}");
    }
}
