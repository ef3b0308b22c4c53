//! One description for each rule, with what the tool is to say beside it: `name.xml` and `name.txt`. Sound ones
//! (`ok_…`) have their report there, and their image is run by a model of the kernel.
//!
//! `UPDATE_FIXTURES=1 cargo test -p microkit` writes what the tool says now; look at the difference before committing.

use crate::kernel;
use crate::support::{folder, run};
use std::path::Path;

/// The configuration that a description asks for in a comment.
fn config(text: &str) -> &str {
    let named = text.split("<!-- config: ").nth(1).and_then(|rest| rest.split(" -->").next());
    named.unwrap_or("release")
}

/// What the tool says about a description, or reports of it.
fn outcome(files: &Path, name: &str, text: &str) -> String {
    let (outputs, diagnostics, said) = run(files, config(text), &format!("{name}.xml"), text);
    assert!(diagnostics.has_errors() == outputs.is_none(), "{name}: an image if and only if there is no error");
    assert!(outputs.is_some() || !name.starts_with("ok_"), "{said}");
    let said = said.replace(&files.display().to_string(), "FILES");
    let Some(outputs) = outputs else { return said };
    let (spec, data) = kernel::spec_of(&outputs.image);
    kernel::run(&spec, data);
    format!("{said}{}", outputs.report)
}

#[test]
fn every_fixture_says_what_it_is_to_say() {
    let files = folder("fixtures");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(&fixtures).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        count += 1;
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let found = outcome(&files, &name, &text);
        let expected_path = path.with_extension("txt");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&expected_path, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&expected_path).unwrap_or_default();
        if found.trim_end() != expected.trim_end() {
            wrong.push(format!("{name}:\nexpected:\n{expected}\nfound:\n{found}"));
        }
    }
    assert!(count > 100, "only {count} fixtures found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
