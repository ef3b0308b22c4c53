//! Lines of code in Rust sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    /// Its lines of code.
    lines: u64,
    /// Modules in files of their own that are for tests.
    test_modules: Vec<String>,
}

/// Lines of code of the Rust files in a folder, by path in it: those that are neither blank nor comment nor under
/// `#[cfg(test)]`.
///
/// # Errors
/// When one cannot be read or is no Rust.
pub fn of_folder(folder: &Path) -> Result<BTreeMap<String, u64>> {
    let mut files = BTreeMap::new();
    read(folder, "", &mut files)?;
    let mut counts = BTreeMap::new();
    let mut tests = Vec::new();
    for (path, source) in &files {
        let counted = count(source).with_context(|| format!("cannot count {path}"))?;
        counts.insert(path.clone(), counted.lines);
        tests.extend(counted.test_modules.iter().map(|name| beside(path, name)));
    }
    let is_test =
        |path: &str| tests.iter().any(|test| path == format!("{test}.rs") || path.starts_with(&format!("{test}/")));
    counts.retain(|path, _| !is_test(path));
    Ok(counts)
}

/// Lines of code in a source.
///
/// # Errors
/// When it is no Rust.
#[cfg(test)]
fn code_lines(source: &str) -> Result<u64> {
    Ok(count(source)?.lines)
}

fn read(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files)?;
        } else if name.ends_with(".rs") {
            files.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The path, without its ending, of a module that a file declares.
fn beside(file: &str, module: &str) -> String {
    let stem = file.trim_end_matches(".rs");
    let (folder, name) = stem.rsplit_once('/').map_or(("", stem), |(folder, name)| (folder, name));
    let parent = if matches!(name, "mod" | "lib" | "main") { folder } else { stem };
    if parent.is_empty() { module.to_owned() } else { format!("{parent}/{module}") }
}

fn count(source: &str) -> Result<Counted> {
    let tokens = source.parse::<TokenStream>().map_err(|error| anyhow!("{error}"))?;
    let source: Vec<_> = source.lines().collect();
    let mut counter = Counter { source, lines: BTreeSet::new(), test_modules: Vec::new() };
    counter.stream(tokens);
    Ok(Counted { lines: counter.lines.len() as u64, test_modules: counter.test_modules })
}

struct Counter<'a> {
    source: Vec<&'a str>,
    /// The lines that have a token.
    lines: BTreeSet<usize>,
    test_modules: Vec<String>,
}

impl Counter<'_> {
    fn stream(&mut self, stream: TokenStream) {
        let tokens: Vec<_> = stream.into_iter().collect();
        let mut rest = tokens.as_slice();
        while let Some((token, behind)) = rest.split_first() {
            rest = match test_item(rest) {
                Some(length) => {
                    self.test_modules.extend(declared_module(&rest[..length]));
                    &rest[length..]
                }
                None => {
                    self.token(token);
                    behind
                }
            };
        }
    }

    fn token(&mut self, token: &TokenTree) {
        if self.is_comment(token) {
            return;
        }
        if let TokenTree::Group(group) = token {
            self.lines.insert(group.span_open().start().line);
            self.lines.insert(group.span_close().end().line);
            self.stream(group.stream());
        } else {
            let span = token.span();
            self.lines.extend(span.start().line..=span.end().line);
        }
    }

    /// A documentation comment is an attribute for the parser; it begins with a slash in the source.
    fn is_comment(&self, token: &TokenTree) -> bool {
        let start = token.span().start();
        let text = self.source.get(start.line - 1).copied().unwrap_or_default();
        let at = text.chars().nth(start.column);
        at == Some('/') && !matches!(token, TokenTree::Punct(punct) if punct.as_char() == '/')
    }
}

/// How many tokens the item has that begins here, if it is under `#[cfg(test)]`.
fn test_item(tokens: &[TokenTree]) -> Option<usize> {
    let mut is_test = false;
    let mut at = 0;
    while let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = &tokens[at..] {
        if hash.as_char() != '#' || attribute.delimiter() != Delimiter::Bracket {
            break;
        }
        is_test |= is_cfg_test(attribute.stream());
        at += 2;
    }
    is_test.then(|| at + item_length(&tokens[at..]))
}

/// `cfg(test)` or `cfg(all(test, …))`.
fn is_cfg_test(attribute: TokenStream) -> bool {
    let text = attribute.to_string().replace(' ', "");
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// An item ends with its block, or with a semicolon; one that may have blocks inside with the semicolon.
fn item_length(tokens: &[TokenTree]) -> usize {
    let is_word =
        |token: &TokenTree, words: &[&str]| matches!(token, TokenTree::Ident(word) if words.iter().any(|w| word == w));
    let head: Vec<_> = tokens.iter().take(6).take_while(|token| !matches!(token, TokenTree::Punct(_))).collect();
    let is_fn = head.iter().any(|token| is_word(token, &["fn", "impl", "mod", "trait"]));
    let to_semicolon = !is_fn && head.iter().any(|token| is_word(token, &["use", "const", "static", "type", "let"]));
    let ends = |token: &TokenTree| match token {
        TokenTree::Punct(punct) => punct.as_char() == ';' && punct.spacing() == Spacing::Alone,
        TokenTree::Group(group) => !to_semicolon && group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    tokens.iter().position(ends).map_or(tokens.len(), |last| last + 1)
}

/// The name in `mod name;`.
fn declared_module(tokens: &[TokenTree]) -> Option<String> {
    let [.., TokenTree::Ident(keyword), TokenTree::Ident(name), TokenTree::Punct(_)] = tokens else { return None };
    (keyword == "mod").then(|| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_code_only() {
        let source = "//! Why.\n\n/// What.\nfn one() {\n    // how\n    two(); // and\n    /* more\n    */\n\n    \"a\n b\";\n}\n";
        assert_eq!(code_lines(source).unwrap(), 5);
        assert_eq!(code_lines("#![no_std]\n/** x\n */\nuse a::{\n    b,\n};\nlet a = 4 / 2;\n").unwrap(), 5);
    }

    #[test]
    fn tests_do_not_count_wherever_they_stand() {
        let code = "fn one() {}\n";
        for tests in [
            "#[cfg(test)]\nmod tests {\n    fn two() {}\n}\n",
            "#[cfg(test)]\nuse a::{\n    b,\n};\n",
            "#[cfg(test)]\n#[must_use]\npub const fn two() -> u64 {\n    2\n}\n",
            "#[cfg(all(test, target_os = \"linux\"))]\nconst A: [u8; { 2 }] =\n    [1, 2];\n",
        ] {
            assert_eq!(code_lines(&format!("{tests}{code}")).unwrap(), 1, "{tests}");
            assert_eq!(code_lines(&format!("impl A {{\n{tests}{code}}}\n")).unwrap(), 3, "{tests}");
        }
        assert_eq!(code_lines("#[cfg(not(test))]\nfn one() {}\n").unwrap(), 2);
    }

    #[test]
    fn files_of_tests_are_known() {
        let counted = count("#[cfg(test)]\nmod tests;\nmod code;\n").unwrap();
        assert_eq!(counted, Counted { lines: 1, test_modules: vec!["tests".to_owned()] });
        assert_eq!(beside("cap.rs", "tests"), "cap/tests");
        assert_eq!(beside("object/mod.rs", "tests"), "object/tests");
        assert_eq!(beside("lib.rs", "tests"), "tests");
    }
}
