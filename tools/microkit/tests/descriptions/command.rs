//! The program itself: what it writes, and how it ends.

use crate::support::folder;
use clap::Parser;
use microkit::cli::Options;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

static FILES: LazyLock<std::path::PathBuf> = LazyLock::new(|| folder("command"));

/// Tests run at the same time: each run of the tool has files of its own.
static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Runs the tool on a fixture; its files get the fixture's name.
fn microkit(fixture: &str, arguments: &[&str]) -> (Output, std::path::PathBuf) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let image = FILES.join(format!("{fixture}-{}.img", RUNS.fetch_add(1, Ordering::Relaxed)));
    // What an earlier run of the tests left.
    let _ = std::fs::remove_file(&image);
    let output = Command::new(env!("CARGO_BIN_EXE_microkit"))
        .arg(fixtures.join(format!("{fixture}.xml")))
        .args(["--board", "qemu_virt_aarch64", "--config", "release", "--search-path"])
        .arg(&*FILES)
        .arg("-o")
        .arg(&image)
        .arg("-r")
        .arg(image.with_extension("report"))
        .args(arguments)
        .env("MICROKIT_SDK", FILES.join("sdk"))
        .output()
        .expect("the tool runs");
    (output, image)
}

#[test]
fn a_sound_description_becomes_image_and_report() {
    let (output, image) = microkit("ok_small", &[]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    assert!(std::fs::metadata(&image).unwrap().len() > 0);
    assert!(std::fs::read_to_string(image.with_extension("report")).unwrap().contains("Protection domain a"));
    let json = std::fs::read_to_string(image.with_extension("json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["version"], &json["protection_domains"][0]["name"]), (&1.into(), &"a".into()));
}

#[test]
fn definitions_for_viper_are_written_by_protection_domain() {
    let folder = FILES.join("viper");
    let (output, _) = microkit("ok_channels", &["--viper-output", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let client = std::fs::read_to_string(folder.join("client.vpr")).unwrap();
    assert!(client.contains("define mk_is_ppcall_target(x) (x in Set("), "{client}");
}

#[test]
fn pictures_are_written_by_the_ending_of_their_names() {
    let file = |name: &str| FILES.join(name).to_str().unwrap().to_owned();
    let (output, _) = microkit("ok_channels", &["--diagram", &file("a.svg"), "--diagram", &file("a.html")]);
    assert!(output.status.success(), "{output:?}");
    assert!(std::fs::read_to_string(file("a.svg")).unwrap().starts_with("<svg "));
    assert!(std::fs::read_to_string(file("a.html")).unwrap().starts_with("<!DOCTYPE html>"));
    let (output, image) = microkit("ok_channels", &["--diagram", &file("a.png")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!image.exists());
    assert!(String::from_utf8(output.stderr).unwrap().contains("ends in `.svg` or `.html`"));
}

#[test]
fn the_reports_are_two_files_even_if_one_is_called_as_the_other_would_be() {
    let options = |arguments: &[&str]| {
        let needed = ["microkit", "a.xml", "--board", "b", "--config", "c"];
        Options::try_parse_from(needed.iter().chain(arguments)).unwrap().report_json()
    };
    assert_eq!(options(&[]), Path::new("report.json"));
    assert_eq!(options(&["-r", "x.json"]), Path::new("x.report.json"));
    assert_eq!(options(&["--report-json", "y"]), Path::new("y"));
}

#[test]
fn a_description_with_errors_leaves_no_image() {
    let (output, image) = microkit("map_overlap", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!image.exists());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("map_overlap.xml:8:30"), "{said}");
    assert!(said.ends_with("microkit: 1 error, no image written\n"), "{said}");
}

#[test]
fn a_warning_does_not_keep_the_image_back() {
    let (output, image) = microkit("region_unused", &[]);
    assert!(output.status.success() && image.exists());
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("warning"));
}

#[test]
fn what_is_wrong_with_the_command_line_is_said() {
    let (output, _) = microkit("ok_small", &["--board", "qemu"]);
    assert_eq!(output.status.code(), Some(2), "an option given twice is misuse");
    let (output, image) = microkit("ok_small", &["--sdk", "/nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!image.exists());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("it is no SDK"), "{said}");
    let (output, image) = microkit("ok_small", &["--image-type", "elf"]);
    assert!(output.status.success());
    assert!(std::fs::read(image).unwrap().starts_with(b"\x7fELF"));
}
