//! One description for each rule, with what the tool is to say beside it: `name.xml` and `name.txt`. Sound ones
//! (`ok_…`) have their report there, and their image is run by a model of the kernel. A comment in a description can
//! choose `config`, `board`, `sdk`, `strict` or where the board's `memory ends at`.
//!
//! `UPDATE_FIXTURES=1 cargo test -p microkit` writes what the tool says now; look at the difference before committing.

use crate::kernel;
use crate::support::{folder, options, run_with};
use microkit::code::Code;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use system_spec::{Record, Spec};

/// Descriptions whose report for programs is kept, too: together they have a value in each of its fields.
const IN_JSON: [&str; 6] =
    ["ok_regions", "ok_virtual_machine", "ok_channels", "ok_domains", "ok_messages", "ok_guest_devices"];

/// Descriptions whose definitions for Viper are kept.
const IN_VIPER: [&str; 2] = ["ok_channels", "ok_virtual_machine"];

/// What a description says about its test, in a comment of its own: `<!-- word: value -->`.
fn setting<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.split(&format!("<!-- {word}: ")).nth(1)?.split(" -->").next()
}

/// What the tool makes of a description.
struct Outcome {
    /// What it says, and the report.
    text: String,
    /// The report for programs, and the definitions for Viper.
    json: Option<String>,
    viper: Option<String>,
    /// The kinds of what it says.
    codes: Vec<Code>,
}

fn outcome(files: &Path, name: &str, text: &str) -> Outcome {
    let mut options = options(files, setting(text, "config").unwrap_or("release"));
    if let Some(board) = setting(text, "board") {
        options.board = board.to_owned();
    }
    if let Some(sdk) = setting(text, "sdk") {
        options.sdk = Some(files.join(sdk));
    }
    options.strict = setting(text, "strict").is_some();
    let memory_end = setting(text, "memory ends at").map(|end| u64::from_str_radix(end, 16).expect("an address"));
    let (outputs, diagnostics, said) = run_with(&options, memory_end, &format!("{name}.xml"), text);
    assert!(diagnostics.has_errors() == outputs.is_none(), "{name}: an image if and only if there is no error");
    assert!(outputs.is_some() || !name.starts_with("ok_"), "{said}");
    let said = said.replace(&files.display().to_string(), "FILES");
    let codes = diagnostics.codes().collect();
    let Some(outputs) = outputs else { return Outcome { text: said, json: None, viper: None, codes } };
    let (spec, data) = kernel::spec_of(&outputs.image);
    kernel::run(&spec, data);
    let viper = Some(outputs.viper.into_iter().map(|(_, definitions)| definitions).collect());
    Outcome { text: format!("{said}{}", outputs.report), json: Some(outputs.report_json), viper, codes }
}

/// Descriptions that are too long for a file: name and text.
fn generated() -> Vec<(String, String)> {
    // Each region cuts two megabytes into nine pieces.
    let indices = || (0..600).filter(|index| !(104..160).contains(index));
    let region = |index: u64| {
        let paddr = 0x6200_1000 + (index << 21);
        format!("<memory_region name=\"r{index}\" size=\"0x1000\" phys_addr=\"{paddr:#x}\" />\n")
    };
    let map = |index: u64| format!("<map mr=\"r{index}\" vaddr=\"{:#x}\" />\n", 0x1000_0000 + (index << 12));
    let regions: String = indices().map(region).collect();
    let maps: String = indices().map(map).collect();
    let pd = format!("<protection_domain name=\"pd\"><program_image path=\"pd.elf\" />\n{maps}</protection_domain>");
    vec![("memory_in_pieces".to_owned(), format!("<system>{regions}{pd}</system>"))]
}

fn fixtures() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder_of_fixtures()).unwrap().map(|entry| entry.unwrap().path());
    let described = entries.filter(|path| path.extension().is_some_and(|extension| extension == "xml"));
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    };
    described.map(read).chain(generated()).collect()
}

fn folder_of_fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Holds what was found against a file, which is written anew on request.
fn compare(name: &str, found: &str, wrong: &mut Vec<String>) {
    let path = folder_of_fixtures().join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if found.trim_end() != expected.trim_end() {
        wrong.push(format!("{name}:\nexpected:\n{expected}\nfound:\n{found}"));
    }
}

#[test]
fn every_fixture_says_what_it_is_to_say_and_every_finding_has_one() {
    let files = folder("fixtures");
    let mut wrong = Vec::new();
    let mut seen = HashSet::new();
    for (name, text) in fixtures() {
        let found = outcome(&files, &name, &text);
        seen.extend(found.codes);
        compare(&format!("{name}.txt"), &found.text, &mut wrong);
        if let Some(json) = found.json.filter(|_| IN_JSON.contains(&name.as_str())) {
            compare(&format!("{name}.json"), &json, &mut wrong);
        }
        if let Some(viper) = found.viper.filter(|_| IN_VIPER.contains(&name.as_str())) {
            compare(&format!("{name}.vpr"), &viper, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unseen: Vec<_> = Code::ALL.iter().filter(|code| !seen.contains(code)).collect();
    assert!(unseen.is_empty(), "no fixture shows {unseen:?}");
}

#[test]
fn a_guest_has_its_time_where_its_monitor_has() {
    let files = folder("domains");
    let text = std::fs::read_to_string(folder_of_fixtures().join("ok_domains.xml")).unwrap();
    let (outputs, _, said) = run_with(&options(&files, "release"), None, "ok_domains.xml", &text);
    let (spec, _) = kernel::spec_of(&outputs.expect(&said).image);
    let threads = Spec::new(&spec).unwrap().filter_map(|record| match record {
        Ok(Record::Thread(thread)) => Some((thread.name.to_owned(), thread.domain)),
        _ => None,
    });
    // The first name without a number gets the first number that is free.
    let expected = [("monitor", None), ("a", Some(3)), ("b", Some(0)), ("guest", Some(0))];
    assert!(threads.eq(expected.map(|(name, domain)| (name.to_owned(), domain))));
}
