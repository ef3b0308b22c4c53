//! Descriptions that nobody wrote: damaged ones, about which the tool says something and never panics, and sound
//! ones, whose specification the model of the kernel accepts.

use crate::kernel;
use crate::support::{folder, run};
use microkit::program::Program;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static FILES: LazyLock<PathBuf> = LazyLock::new(|| folder("random"));

/// The sound fixtures and some others: what is damaged.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut paths: Vec<_> = std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
});

/// What is put in place of a part of a description.
const PIECES: [&str; 24] = [
    "",
    "0",
    "-1",
    "0x",
    "99999999999999999999",
    "0xffff_ffff_ffff_f000",
    "18446744073709551615",
    "\"",
    "<",
    ">",
    "/>",
    "&",
    "&#0;",
    "é",
    "\u{1f600}",
    "a",
    "mem",
    "true",
    "rwx",
    "</system>",
    "<!--",
    "<map mr=\"mem\" vaddr=\"0\" />",
    " id=\"61\"",
    " size=\"0x10_0000_0000\"",
];

/// Replaces `length` characters from a place on.
fn damage(text: &str, at: usize, length: usize, piece: &str) -> String {
    let count = text.chars().count().max(1);
    let at = at % count;
    let before = text.chars().take(at);
    let after = text.chars().skip(at + length);
    before.chain(piece.chars()).chain(after).collect()
}

/// A sound description from a few numbers: protection domains with regions, channels upwards, a child, a guest.
#[derive(Debug, Clone)]
struct Shape {
    pds: Vec<(u8, bool, u8)>,
    regions: Vec<(u64, bool, bool)>,
    channels: Vec<(u8, u8, bool)>,
}

impl Shape {
    fn xml(&self) -> String {
        let mut xml = String::from("<system>\n");
        for (index, (pages, large, filled)) in self.regions.iter().enumerate() {
            let page = if *large { 0x20_0000 } else { 0x1000 };
            let (size, data) = (pages * page, if *filled { " prefill_path=\"data.bin\"" } else { "" });
            let size = if *filled { size.max(0x2000) } else { size };
            xml += &format!("<memory_region name=\"r{index}\" size=\"{size}\" page_size=\"{page}\"{data} />\n");
        }
        for (index, (priority, passive, stack)) in self.pds.iter().enumerate() {
            let stack = (u64::from(*stack) + 1) * 0x1000;
            xml += &format!(
                "<protection_domain name=\"p{index}\" priority=\"{}\" passive=\"{passive}\" stack_size=\"{stack}\">\n\
                 <program_image path=\"pd.elf\" />\n{}{}</protection_domain>\n",
                priority % 254,
                self.maps(0x1_0000_0000),
                if index % 3 == 0 { self.family(index) } else { String::new() },
            );
        }
        for (index, (a, b, call)) in self.channels.iter().enumerate() {
            let [a, b] = [a, b].map(|pd| usize::from(*pd) % self.pds.len());
            let up = self.pds[a].0 % 254 < self.pds[b].0 % 254;
            if a != b {
                let pp = *call && up;
                xml += &format!(
                    "<channel><end pd=\"p{a}\" id=\"{index}\" pp=\"{pp}\" /><end pd=\"p{b}\" id=\"{index}\" /></channel>\n"
                );
            }
        }
        xml + "</system>\n"
    }

    fn maps(&self, base: u64) -> String {
        let map = |index| format!("<map mr=\"r{index}\" vaddr=\"{:#x}\" />\n", base + index as u64 * 0x1000_0000);
        (0..self.regions.len()).map(map).collect()
    }

    fn family(&self, index: usize) -> String {
        format!(
            "<protection_domain name=\"c{index}\" id=\"9\"><program_image path=\"pd.elf\" /></protection_domain>\n\
             <virtual_machine name=\"v{index}\"><vcpu id=\"0\" /><vcpu id=\"1\" />{}</virtual_machine>\n",
            self.maps(0x4000_0000)
        )
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let pds = vec((any::<u8>(), any::<bool>(), 0u8..20), 1..8);
    let regions = vec((1u64..20, any::<bool>(), any::<bool>()), 0..6);
    let channels = vec((any::<u8>(), any::<u8>(), any::<bool>()), 0..20);
    (pds, regions, channels).prop_map(|(pds, regions, channels)| Shape { pds, regions, channels })
}

/// Changes to the structure: what stands between quotation marks, and elements.
#[derive(Debug, Clone)]
enum Change {
    /// Gives an attribute the value of another one of any description, or one at an edge.
    Value { at: usize, from: usize, edge: Option<&'static str> },
    /// Puts an element, or an end tag, of any description somewhere.
    Insert { at: usize, from: usize },
    /// Takes an element, or an end tag, away.
    Remove { at: usize },
    /// Moves one.
    Move { at: usize, to: usize },
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<usize>;
    let edge = prop::option::of(prop::sample::select(&PIECES[..]));
    prop_oneof![
        4 => (place(), place(), edge).prop_map(|(at, from, edge)| Change::Value { at, from, edge }),
        1 => (place(), place()).prop_map(|(at, from)| Change::Insert { at, from }),
        1 => place().prop_map(|at| Change::Remove { at }),
        1 => (place(), place()).prop_map(|(at, to)| Change::Move { at, to }),
    ]
}

/// Values of attributes in all descriptions.
static VALUES: LazyLock<Vec<String>> =
    LazyLock::new(|| TEXTS.iter().flat_map(|text| text.split('"').skip(1).step_by(2)).map(str::to_owned).collect());
/// Their tags, each with what follows.
static TAGS: LazyLock<Vec<String>> =
    LazyLock::new(|| TEXTS.iter().flat_map(|text| text.split('<').skip(1)).map(str::to_owned).collect());

impl Change {
    fn apply(&self, text: &str) -> String {
        let of = |list: &'static [String], index: usize| list[index % list.len()].clone();
        if let Self::Value { at, from, edge } = self {
            let mut parts: Vec<String> = text.split('"').map(str::to_owned).collect();
            let values = parts.len() / 2;
            if values > 0 {
                parts[at % values * 2 + 1] = edge.map_or_else(|| of(&VALUES, *from), str::to_owned);
            }
            return parts.join("\"");
        }
        let mut tags: Vec<String> = text.split('<').map(str::to_owned).collect();
        let count = tags.len();
        match self {
            Self::Value { .. } => {}
            Self::Insert { at, from } => tags.insert(1 + at % count, of(&TAGS, *from)),
            Self::Remove { at } => drop(tags.remove(at % count)),
            Self::Move { at, to } => {
                let tag = tags.remove(at % count);
                tags.insert(to % count, tag);
            }
        }
        tags.join("<")
    }
}

/// Tries inputs: some hundreds, or for as many seconds as `QUOLL_FUZZ_SECONDS` says; then it tells how many.
fn search<S: Strategy>(what: &str, strategy: S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let seconds = std::env::var("QUOLL_FUZZ_SECONDS").ok().map(|seconds| seconds.parse().expect("a number of seconds"));
    let tried = std::cell::Cell::new(0u64);
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds.unwrap_or(0));
    loop {
        // A runner is done once it has tried its cases; each has random numbers of its own.
        let config = ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() };
        let result = TestRunner::new(config).run(&strategy, |input| {
            tried.set(tried.get() + 1);
            check(input)
        });
        if let Err(error) = result {
            panic!("{what}: {error}");
        }
        if Instant::now() >= end {
            break;
        }
    }
    // The test harness has begun a line of its own.
    println!("\nsearched {what}: {} inputs in {} s", tried.get(), begin.elapsed().as_secs());
}

/// Whatever the text is: an image or an error, and no panic.
fn is_answered(text: &str) -> Result<(), TestCaseError> {
    let (outputs, diagnostics, said) = run(&FILES, "debug", "damaged.xml", text);
    prop_assert_eq!(outputs.is_none(), diagnostics.has_errors());
    prop_assert_eq!(said.is_empty(), diagnostics.summary().is_empty());
    if let Some(outputs) = outputs {
        let (spec, data) = kernel::spec_of(&outputs.image);
        kernel::run(&spec, data);
    }
    Ok(())
}

#[test]
fn damaged_descriptions_are_refused_in_words() {
    let damage_of = (any::<usize>(), 0usize..30, prop::sample::select(&PIECES[..]));
    search("damaged descriptions", (any::<prop::sample::Index>(), vec(damage_of, 1..6)), |(which, damages)| {
        let mut text = which.get(&TEXTS).clone();
        for (at, length, piece) in damages {
            text = damage(&text, at, length, piece);
        }
        is_answered(&text)
    });
}

#[test]
fn changed_descriptions_become_what_the_kernel_accepts_or_are_refused() {
    search("changed descriptions", (any::<prop::sample::Index>(), vec(change(), 1..5)), |(which, changes)| {
        let text = changes.iter().fold(which.get(&TEXTS).clone(), |text, change| change.apply(&text));
        is_answered(&text)
    });
}

#[test]
fn sound_descriptions_become_what_the_kernel_accepts() {
    search("sound descriptions", shape(), |shape| {
        let (outputs, _, said) = run(&FILES, "debug", "sound.xml", &shape.xml());
        let Some(outputs) = outputs else { return Err(TestCaseError::fail(said)) };
        let (spec, data) = kernel::spec_of(&outputs.image);
        kernel::run(&spec, data);
        Ok(())
    });
}

/// Programs come from elsewhere, too.
#[test]
fn damaged_programs_are_refused_in_words() {
    let damages = vec((any::<usize>(), any::<u8>()), 1..20);
    search("damaged programs", (damages, any::<usize>(), any::<bool>()), |(damages, cut, in_headers)| {
        let mut bytes = crate::support::pd().bytes();
        let range = if in_headers { 0x100 } else { bytes.len() };
        for (at, byte) in damages {
            bytes[at % range] = byte;
        }
        bytes.truncate(bytes.len() - cut % bytes.len() / 4);
        if let Ok(mut program) = Program::parse(&bytes) {
            let names: Vec<_> = program.symbol_names().map(str::to_owned).collect();
            for name in names {
                let there = program.symbol(&name).is_some_and(|symbol| program.covers(symbol.vaddr, 8));
                prop_assert_eq!(program.write(&name, &[0; 8]), there);
            }
        }
        Ok(())
    });
}

/// What can be loaded can be put into an image, or is refused there.
#[test]
fn systems_of_damaged_programs_are_built_or_refused() {
    let folder = folder("random_programs");
    let text = TEXTS.iter().find(|text| text.contains("pd.elf") && text.contains("<virtual_machine"));
    let text = text.expect("a fixture with a virtual machine");
    search("systems of damaged programs", vec((0usize..0x300, any::<u8>()), 1..6), |damages| {
        let mut bytes = crate::support::pd().bytes();
        for (at, byte) in damages {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        std::fs::write(folder.join("pd.elf"), bytes).unwrap();
        let (outputs, diagnostics, _) = run(&folder, "release", "damaged.xml", text);
        prop_assert_eq!(outputs.is_none(), diagnostics.has_errors());
        Ok(())
    });
}
