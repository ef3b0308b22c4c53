//! Programs for the tests: small ELF files, sound and unsound, and an SDK of them.

use kernel_config::{Board, Range};
use microkit::build::{self, Outputs};
use microkit::cli::{ImageType, Options};
use microkit::diagnostic::{Diagnostics, Source};
use microkit::target::Target;
use sel4_abi::quoll::guest_device;
use std::path::{Path, PathBuf};

/// What an ELF file is made of.
#[derive(Clone)]
pub struct Elf {
    pub class: u8,
    pub machine: u16,
    pub kind: u16,
    pub entry: u64,
    /// Address, data, size in memory, flags.
    pub segments: Vec<(u64, Vec<u8>, u64, u32)>,
    /// Name, address, size.
    pub symbols: Vec<(String, u64, u64)>,
}

pub const READ_EXECUTE: u32 = 5;
pub const READ_WRITE: u32 = 6;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const SECTION_HEADER: usize = 64;

impl Elf {
    /// The file's bytes: headers, segments' data, symbols, names, section headers.
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let body_at = HEADER + PROGRAM_HEADER * self.segments.len();
        let mut program_headers = Vec::new();
        for (address, data, size, flags) in &self.segments {
            let at = (body_at + body.len()) as u64;
            program_headers.extend([1, *flags].iter().flat_map(|word: &u32| word.to_le_bytes()));
            let words = [at, *address, *address, data.len() as u64, *size, 0x1000];
            program_headers.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            body.extend_from_slice(data);
        }
        let symbols_at = body_at + body.len();
        let (symbols, names) = self.symbol_table();
        body.extend_from_slice(&symbols);
        let names_at = body_at + body.len();
        body.extend_from_slice(&names);
        let sections_at = body_at + body.len();
        let sections = [[0; 4], [2, symbols_at, symbols.len(), 2], [3, names_at, names.len(), 0]];
        body.extend(sections.iter().flat_map(section_header));
        [self.header(sections_at as u64), program_headers, body].concat()
    }

    fn header(&self, sections_at: u64) -> Vec<u8> {
        let mut bytes = vec![0x7f, b'E', b'L', b'F', self.class, 1, 1];
        bytes.resize(16, 0);
        bytes.extend([self.kind, self.machine].iter().flat_map(|half| half.to_le_bytes()));
        bytes.extend(1u32.to_le_bytes());
        bytes.extend([self.entry, HEADER as u64, sections_at].iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(0u32.to_le_bytes());
        let count = self.segments.len();
        let halves = [HEADER, PROGRAM_HEADER, count, SECTION_HEADER, 3, 2];
        bytes.extend(halves.iter().flat_map(|half| (*half as u16).to_le_bytes()));
        bytes
    }

    fn symbol_table(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut symbols, mut names) = (vec![0; 24], vec![0]);
        for (name, address, size) in &self.symbols {
            symbols.extend((names.len() as u32).to_le_bytes());
            symbols.extend([0x11, 0, 1, 0]);
            symbols.extend([*address, *size].iter().flat_map(|word| word.to_le_bytes()));
            names.extend(name.bytes().chain([0]));
        }
        (symbols, names)
    }
}

/// Of `[type, offset, size, link]`.
fn section_header([kind, offset, size, link]: &[usize; 4]) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend((*kind as u32).to_le_bytes());
    bytes.extend([0, 0, *offset as u64, *size as u64].iter().flat_map(|word: &u64| word.to_le_bytes()));
    bytes.extend([*link as u32, 1].iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend([8, if *kind == 2 { 24u64 } else { 0 }].iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

/// A program at `base`: code, then data with these symbols one after the other, then as much that is zero.
pub fn program(base: u64, symbols: &[(&str, u64)]) -> Elf {
    let data = base + 0x1000;
    let mut next = data;
    let mut table = Vec::new();
    for (name, size) in symbols {
        table.push(((*name).to_owned(), next, *size));
        next = (next + size).next_multiple_of(8);
    }
    let half = (next - data) / 2;
    Elf {
        class: 2,
        machine: 183,
        kind: 2,
        entry: base,
        segments: vec![
            (base, vec![0x1f; 0x100], 0x100, READ_EXECUTE),
            (data, vec![0xee; half as usize], next - data, READ_WRITE),
        ],
        symbols: table,
    }
}

/// A protection domain's program.
pub fn pd() -> Elf {
    pd_with([("word", 8), ("other_word", 8), ("only_word", 8), ("array", 16)])
}

/// A protection domain's program with symbols of its own.
pub fn pd_with<'a>(own: impl IntoIterator<Item = (&'a str, u64)>) -> Elf {
    let mut symbols = vec![
        ("microkit_name", 64),
        ("microkit_passive", 1),
        ("microkit_irqs", 8),
        ("microkit_notifications", 8),
        ("microkit_pps", 8),
        ("microkit_ioports", 8),
    ];
    symbols.extend(own);
    program(0x20_0000, &symbols)
}

/// The header of an arm64 kernel that takes so many bytes, and nothing behind it.
pub fn kernel_image(size: u64) -> Vec<u8> {
    let mut image = vec![0; 0x1000];
    image[16..24].copy_from_slice(&size.to_le_bytes());
    image[56..60].copy_from_slice(b"ARM\x64");
    image
}

/// Writes everything that the fixtures name, and an SDK, into a folder.
pub fn write_files(folder: &Path) {
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let variant = |name: &str, change: &dyn Fn(&mut Elf)| {
        let mut elf = pd();
        change(&mut elf);
        put(name, &elf.bytes());
    };
    variant("pd.elf", &|_| {});
    variant("elf32.elf", &|elf| elf.class = 1);
    variant("x86.elf", &|elf| elf.machine = 62);
    variant("pie.elf", &|elf| elf.kind = 3);
    variant("overlap.elf", &|elf| elf.segments[1].0 = 0x20_0080);
    variant("shared_page.elf", &|elf| elf.segments[1].0 = 0x20_0800);
    variant("entry.elf", &|elf| elf.entry = 0x20_1000);
    variant("huge.elf", &|elf| elf.segments[1].2 = 1 << 62);
    variant("bare.elf", &|elf| elf.symbols.clear());
    variant("hollow.elf", &|elf| elf.segments.clear());
    variant("two_of_a_name.elf", &|elf| elf.symbols[7].0 = "word".into());
    variant("symbols.elf", &|elf| elf.symbols[6].0 = "only_here".into());
    variant("vmm.elf", &|elf| {
        let names =
            ["guest_ram", "kernel", "initrd", "cmdline"].iter().flat_map(|name| ["vaddr", "size"].map(|of| (name, of)));
        let symbols: Vec<_> = names.map(|(name, of)| format!("{name}_{of}")).collect();
        let words = symbols.iter().map(|name| (name.as_str(), 8));
        let optional = ["disk_vaddr", "disk_size"].map(|name| (name, 8));
        let devices = ("guest_devices", (8 * guest_device::WORDS * guest_device::MAX) as u64);
        *elf = pd_with(words.chain(optional).chain([devices]));
    });
    variant("supervisor.elf", &|elf| *elf = pd_with([("reload_table", 8), ("reload_size", 8)]));
    variant("child.elf", &|elf| *elf = pd_with([("quoll_life", 8)]));
    variant("self_writing.elf", &|elf| elf.segments[1].3 = READ_WRITE | READ_EXECUTE);
    for name in ["server.elf", "client.elf"] {
        variant(name, &|elf| *elf = pd_with([("buffer", 8)]));
    }
    put("initramfs.cpio.gz", &[0x1f, 0x8b, 8, 0]);
    put("cmdline.txt", b"console=ttyAMA0\n");
    put("truncated.elf", &pd().bytes()[..0x90]);
    put("text.txt", b"no program\n");
    put("empty.bin", b"");
    put("Image", &kernel_image(4 << 20));
    put("Image.gz", &[0x1f, 0x8b, 8, 0]);
    put("data.bin", &[0xda; 0x1800]);
    put("megabyte.bin", &[0xda; 1 << 20]);
    // All of it is a hole.
    put("endless.bin", b"");
    std::fs::File::create(folder.join("endless.bin")).unwrap().set_len((1 << 34) + 1).unwrap();
    for config in ["debug", "release", "benchmark", "smp-debug", "smp-release"] {
        write_sdk(folder, "sdk", config, &|_, _| {});
    }
    for (name, program, damage) in DAMAGED_SDKS {
        write_sdk(folder, &format!("sdk_{name}"), "release", &|of, elf| {
            if of == program {
                damage(elf);
            }
        });
    }
}

/// What can be wrong with an SDK: a name, the program that is meant, and the damage.
type Damage = (&'static str, &'static str, fn(&mut Elf));

const DAMAGED_SDKS: [Damage; 8] = [
    ("monitor_for_x86", "monitor", |elf| elf.machine = 62),
    ("monitor_without_names", "monitor", |elf| elf.symbols[0].0 = "names".into()),
    ("initialiser_in_pieces", "initialiser", |elf| elf.segments[1].0 += 1 << 30),
    ("initialiser_without_spec", "initialiser", |elf| elf.symbols[1].0 = "spec".into()),
    ("loader_elsewhere", "loader", |elf| *elf = program(0x7100_0000, &[("stack", 64), ("image_header", 0)])),
    ("kernel_elsewhere", "sel4", |elf| *elf = program(0x4000_0000, &[("state", 0x8000)])),
    ("kernel_higher", "sel4", |elf| *elf = program(0x6800_0000, &[("state", 0x8000)])),
    ("kernel_in_pieces", "sel4", |elf| {
        let pieces = (1..=16).map(|index| (0x6000_0000 + (index << 20), vec![1; 8], 8, READ_WRITE));
        elf.segments.extend(pieces);
    }),
];

fn write_sdk(folder: &Path, name: &str, config: &str, change: &dyn Fn(&str, &mut Elf)) {
    let elf = folder.join(name).join(format!("board/qemu_virt_aarch64/{config}/elf"));
    std::fs::create_dir_all(&elf).unwrap();
    let words = [("system_image_start", 8), ("system_spec_start", 8), ("system_spec_size", 8)];
    let tables = [
        ("pd_names", 64 * 64),
        ("pd_names_len", 8),
        ("vm_names", 64 * 64),
        ("vm_names_len", 8),
        ("pd_stack_bottom_addrs", 512),
    ];
    let programs = [
        ("loader", program(0x7000_0000, &[("stack", 64), ("image_header", 0)])),
        ("sel4", program(0x6000_0000, &[("state", 0x8000)])),
        ("initialiser", program(0x20_0000, &words)),
        ("monitor", program(0x20_0000, &tables)),
    ];
    for (name, mut program) in programs {
        change(name, &mut program);
        std::fs::write(elf.join(name).with_extension("elf"), program.bytes()).unwrap();
    }
}

/// The folder with these files; each test program has its own.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    write_files(&folder);
    folder
}

/// Options for a description among these files.
pub fn options(folder: &Path, config: &str) -> Options {
    Options {
        system: PathBuf::new(),
        output: PathBuf::new(),
        report: PathBuf::new(),
        report_json: None,
        board: "qemu_virt_aarch64".into(),
        config: config.into(),
        search_path: vec![folder.to_owned()],
        image_type: ImageType::Binary,
        strict: false,
        override_kernel: None,
        capdl_json: None,
        viper_output: None,
        diagram: Vec::new(),
        sdk: Some(folder.join("sdk")),
    }
}

/// Builds a description; gives back the image's parts and what was said.
pub fn run(folder: &Path, config: &str, path: &str, text: &str) -> (Option<Outputs>, Diagnostics, String) {
    run_with(&options(folder, config), None, path, text)
}

/// The same with any options, and on a board whose memory ends at an address of one's own.
pub fn run_with(
    options: &Options,
    memory_end: Option<u64>,
    path: &str,
    text: &str,
) -> (Option<Outputs>, Diagnostics, String) {
    let source = Source { path: path.into(), text: text.into() };
    let mut diagnostics = Diagnostics::default();
    let outputs = match memory_end {
        None => build::build(options, &source, &mut diagnostics),
        Some(end) => {
            let Target { board, config } = build::target(options, &mut diagnostics).expect("a target");
            // A board is data for the whole run.
            let board: &'static Board = Box::leak(Box::new(Board { ram: Range::new(board.ram.start, end), ..*board }));
            build::build_for(&Target { board, config }, options, &source, &mut diagnostics)
        }
    };
    let said = diagnostics.render(&source, false);
    (outputs, diagnostics, said)
}
