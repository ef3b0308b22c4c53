//! Pictures: well-formed, complete, and the default system's in `docs/` is of now.

use crate::support::{folder, kernel_image, options, pd_with, run_with};
use microkit::build::Outputs;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn pictures(files: &Path, name: &str, text: &str) -> [String; 2] {
    let mut options = options(files, if name.contains("smp") { "smp-release" } else { "release" });
    options.system = PathBuf::from(name);
    options.diagram = vec!["picture.svg".into(), "picture.html".into()];
    let (outputs, _, said) = run_with(&options, None, name, text);
    let Some(Outputs { diagrams, .. }) = outputs else { panic!("{said}") };
    let drawn = diagrams.into_iter().map(|(_, picture)| picture).collect::<Vec<_>>();
    drawn.try_into().expect("two pictures")
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).expect("a fixture")
}

#[test]
fn every_sound_description_has_a_well_formed_picture_with_all_that_is_named() {
    let files = folder("diagram");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut drawn = 0;
    for entry in std::fs::read_dir(fixtures).expect("fixtures") {
        let name = entry.expect("a fixture").file_name().into_string().expect("text");
        if !name.starts_with("ok_") || !name.ends_with(".xml") {
            continue;
        }
        let text = fixture(&name);
        let [svg, html] = pictures(&files, &name, &text);
        let picture = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{name}: {error}\n{svg}"));
        let words: Vec<&str> = picture.descendants().filter_map(|node| node.attribute("data-words")).collect();
        let description = roxmltree::Document::parse(&text).expect("XML");
        for node in description
            .descendants()
            .filter(|node| node.has_tag_name("protection_domain") || node.has_tag_name("virtual_machine"))
        {
            let named = node.attribute("name").expect("a name");
            assert!(words.iter().any(|words| words.contains(named)), "{name}: {named} is not in the picture");
        }
        assert!(html.contains(&svg) && !html.contains("src=") && !html.contains("href="), "{name}");
        drawn += 1;
    }
    assert!(drawn >= 5);
}

#[test]
fn rights_priorities_and_directions_are_told() {
    let text = r#"<system>
        <memory_region name="ring" size="0x1000" />
        <memory_region name="everybodys" size="0x1000" />
        <memory_region name="uart" size="0x1000" phys_addr="0x9000000" />
        <protection_domain name="a&amp;&lt;b" priority="7">
            <program_image path="pd.elf" />
            <map mr="ring" vaddr="0x4000000" perms="rw" /><map mr="everybodys" vaddr="0x5000000" perms="rw" />
            <map mr="uart" vaddr="0x6000000" perms="rw" cached="false" /><irq irq="33" id="5" />
            <protection_domain name="child" priority="3" id="2"><program_image path="pd.elf" />
                <map mr="everybodys" vaddr="0x5000000" perms="r" /></protection_domain>
        </protection_domain>
        <protection_domain name="c" priority="9" budget="100" period="2000"><program_image path="pd.elf" />
            <map mr="ring" vaddr="0x4000000" perms="r" /><map mr="everybodys" vaddr="0x5000000" perms="r" />
        </protection_domain>
        <channel><end pd="a&amp;&lt;b" id="1" pp="true" /><end pd="c" id="3" notify="false" /></channel>
    </system>"#;
    let [svg, _] = pictures(&folder("diagram_rights"), "rights.xml", text);
    let picture = roxmltree::Document::parse(&svg).expect("XML");
    let words: Vec<&str> = picture.descendants().filter_map(|node| node.attribute("data-words")).collect();
    for expected in [
        "a&<b\nturns of 1000 \u{b5}s\ninterrupt 33, level\nuart rw, 4 KiB at 0x9000000",
        "c\n100 of 2000 \u{b5}s",
        "a&<b \u{2013} c\nring rw / r\nchannel 1 \u{2013} 3",
        "a&<b \u{2013} child\nchild 2",
        "everybodys\n4 KiB",
        "child \u{2013} everybodys\nr",
    ] {
        assert!(words.contains(&expected), "{expected:?} is not among {words:#?}");
    }
    let texts: Vec<&str> = picture.descendants().filter_map(|node| node.text()).collect();
    assert!(texts.contains(&"priority 9") && texts.contains(&"priority 3"));
    let call =
        picture.descendants().find(|node| node.attribute("class") == Some("line call")).expect("a line for calls");
    let path = call.first_element_child().expect("a path");
    // From c, which is called and not told, to the other one below.
    assert_eq!((path.attribute("marker-start"), path.attribute("marker-end")), (Some("url(#call)"), None));
}

#[test]
fn the_picture_of_the_default_system_is_of_now() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("system.xml")).expect("the default system");
    // Programs that have every symbol, and guests' files: none of them is in the picture.
    let files = folder("diagram_default");
    let description = roxmltree::Document::parse(&text).expect("XML");
    let attributes = description.descendants().flat_map(|node| node.attributes());
    let symbols: BTreeSet<&str> = attributes
        .filter(|attribute| attribute.name().starts_with("setvar") || attribute.name() == "symbol")
        .map(|attribute| attribute.value())
        .collect();
    // The tool itself writes the last ones.
    let symbols = symbols.into_iter().chain(["guest_virtual_time", "reload_table", "reload_size"]);
    let program = pd_with(symbols.map(|symbol| (symbol, 8))).bytes();
    let images = description.descendants().filter_map(|node| node.attribute("path"));
    images.for_each(|path| std::fs::write(files.join(path), &program).expect("a program"));
    for path in description.descendants().filter_map(|node| node.attribute("prefill_path")) {
        let there = root.join(path);
        std::fs::create_dir_all(files.join(path).parent().expect("a folder")).expect("a folder");
        // What is built or fetched is taken for a small kernel.
        let made = || std::fs::write(files.join(path), kernel_image(0x1_0000));
        if there.is_file() { std::fs::copy(there, files.join(path)).map(drop) } else { made() }.expect("a file");
    }
    let [svg, _] = pictures(&files, "system.xml", &text);
    let there = std::fs::read_to_string(root.join("docs/system.svg")).unwrap_or_default();
    assert!(svg == there, "docs/system.svg shows another system: `cargo xtask diagram` draws it anew");
}
