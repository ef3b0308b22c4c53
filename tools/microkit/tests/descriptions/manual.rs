//! What the manual shows is what the tool takes.

use crate::support::{folder, run};

#[test]
fn the_manuals_descriptions_are_sound() {
    let manual = include_str!("../../../../docs/manual.md");
    let files = folder("manual");
    let blocks: Vec<_> = manual.split("```xml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 2);
    for block in blocks {
        let text = match block.starts_with("<system>") {
            true => block.to_owned(),
            false => format!("<system>\n{block}</system>\n"),
        };
        let (outputs, _, said) = run(&files, "debug", "manual.xml", &text);
        assert!(outputs.is_some() && said.is_empty(), "{said}\nin\n{text}");
    }
}
