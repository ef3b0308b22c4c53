//! Descriptions that nobody wrote: damaged ones, about which the tool says something and never panics, and sound
//! ones, whose specification the model of the kernel accepts.

use crate::kernel;
use crate::support::{folder, run};
use proptest::collection::vec;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damaged_descriptions_are_refused_in_words(
        which in any::<prop::sample::Index>(),
        damages in vec((any::<usize>(), 0usize..30, prop::sample::select(&PIECES[..])), 1..6),
    ) {
        let mut text = which.get(&TEXTS).clone();
        for (at, length, piece) in damages {
            text = damage(&text, at, length, piece);
        }
        let (outputs, diagnostics, said) = run(&FILES, "debug", "damaged.xml", &text);
        prop_assert_eq!(outputs.is_none(), diagnostics.has_errors());
        prop_assert_eq!(said.is_empty(), diagnostics.summary().is_empty());
    }

    #[test]
    fn sound_descriptions_become_what_the_kernel_accepts(shape in shape()) {
        let (outputs, _, said) = run(&FILES, "debug", "sound.xml", &shape.xml());
        let Some(outputs) = outputs else { return Err(TestCaseError::fail(said)) };
        let (spec, data) = kernel::spec_of(&outputs.image);
        kernel::run(&spec, data);
    }

    /// Programs come from elsewhere, too.
    #[test]
    fn damaged_programs_are_refused_in_words(damages in vec((any::<usize>(), any::<u8>()), 1..20), cut in any::<usize>()) {
        let mut bytes = crate::support::pd().bytes();
        for (at, byte) in damages {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - cut % bytes.len() / 4);
        if let Ok(mut program) = microkit::program::Program::parse(&bytes) {
            let names: Vec<_> = program.symbol_names().map(str::to_owned).collect();
            for name in names {
                let there = program.symbol(&name).is_some_and(|symbol| program.covers(symbol.vaddr, 8));
                prop_assert_eq!(program.write(&name, &[0; 8]), there);
            }
        }
    }
}
