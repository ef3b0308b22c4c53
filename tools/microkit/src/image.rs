//! The boot image: loader, header, kernel and root task as one piece of memory.

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::program::{Program, Segment};
use kernel_config::{Board, Range};
use quoll_loader::{ImageHeader, MAGIC, MAX_SEGMENTS, SEGMENT_ALIGN};
use system_spec::PAGE_BYTES;
use zerocopy::IntoBytes;

/// Symbols of the initialiser that the tool writes, a word each.
mod initialiser_symbol {
    /// Virtual address of the first page of the root task's image.
    pub const IMAGE_START: &str = "system_image_start";
    /// Virtual address of the specification.
    pub const SPEC_START: &str = "system_spec_start";
    /// Its length in bytes.
    pub const SPEC_SIZE: &str = "system_spec_size";
}

/// Most memory between the first and the last byte of loader or initialiser.
const MAX_PROGRAM_BYTES: u64 = 16 << 20;

/// Symbol of the loader behind which the image goes on.
const HEADER_SYMBOL: &str = "image_header";

/// The programs that come with the tool.
pub struct Parts {
    /// The loader.
    pub loader: Program,
    /// The kernel.
    pub kernel: Program,
    /// The root task.
    pub initialiser: Program,
    /// The monitor.
    pub monitor: Program,
}

impl Parts {
    /// The physical memory that the kernel takes.
    pub fn kernel_range(&self) -> Range {
        let segments = &self.kernel.segments;
        let start = segments.iter().map(|segment| segment.paddr).min().unwrap_or(0);
        let end = segments.iter().map(|segment| segment.paddr + segment.size).max().unwrap_or(0);
        Range::new(start, end)
    }

    /// How many pages the initialiser itself takes; data follows.
    pub fn initialiser_pages(&self) -> u32 {
        let range = span(&self.initialiser);
        ((range.end - range.start) / PAGE_BYTES) as u32
    }
}

/// The virtual addresses from the first page to the last.
fn span(program: &Program) -> Range {
    let start = program.segments.first().map_or(0, |segment| segment.pages().start);
    let end = program.segments.last().map_or(0, |segment| segment.pages().end);
    Range::new(start, end)
}

/// A finished image.
pub struct Image {
    /// Where it is loaded and entered.
    pub base: u64,
    /// What is loaded there.
    pub bytes: Vec<u8>,
    /// Where in memory the root task's part is.
    pub root_task: Range,
    /// Bytes of the specification.
    pub spec_bytes: usize,
}

/// Puts an image together.
pub fn assemble(mut parts: Parts, plan: &Plan, board: &Board) -> Result<Image, Diagnostic> {
    let spec = system_spec::encode(&plan.records()).expect("a vector takes every record");
    let user = span(&parts.initialiser);
    if user.len() > MAX_PROGRAM_BYTES {
        return Err(Diagnostic::general(Code::SdkProgram, "the SDK's initialiser is not in one piece"));
    }
    let spec_start = user.end + plan.data.bytes().len() as u64;
    let symbols = [
        (initialiser_symbol::IMAGE_START, user.start),
        (initialiser_symbol::SPEC_START, spec_start),
        (initialiser_symbol::SPEC_SIZE, spec.len() as u64),
    ];
    for (name, word) in symbols {
        if !parts.initialiser.write(name, &word.to_le_bytes()) {
            return Err(lacks("initialiser", name));
        }
    }
    let mut bytes = flat_loader(&parts.loader, board)?;
    let header_at = bytes.len();
    bytes.resize(header_at + size_of::<ImageHeader>(), 0);
    let mut header = ImageHeader { magic: MAGIC, kernel_entry: parts.kernel.entry, ..Default::default() };
    add_kernel(&parts.kernel, board, &mut header, &mut bytes)?;
    align(&mut bytes, PAGE_BYTES);
    header.user_start = board.loader_base + bytes.len() as u64;
    bytes.extend_from_slice(&flat(&parts.initialiser, user));
    bytes.extend_from_slice(plan.data.bytes());
    bytes.extend_from_slice(&spec);
    align(&mut bytes, PAGE_BYTES);
    header.user_end = board.loader_base + bytes.len() as u64;
    header.user_entry = parts.initialiser.entry;
    header.pv_offset = header.user_start.wrapping_sub(user.start);
    bytes[header_at..][..size_of::<ImageHeader>()].copy_from_slice(header.as_bytes());
    let root_task = Range::new(header.user_start, header.user_end);
    if root_task.end > board.ram.end {
        let end = root_task.end;
        let message = format!("the image reaches to {end:#x}, beyond memory ({:#x})", board.ram.end);
        return Err(Diagnostic::general(Code::ImageSize, message));
    }
    Ok(Image { base: board.loader_base, bytes, root_task, spec_bytes: spec.len() })
}

/// The error for a program of the SDK that isn't as the tool knows it.
pub fn lacks(program: &str, symbol: &str) -> Diagnostic {
    Diagnostic::general(Code::SdkProgram, format!("the SDK's {program} has no symbol `{symbol}`"))
}

fn align(bytes: &mut Vec<u8>, to: u64) {
    bytes.resize(bytes.len().next_multiple_of(to as usize), 0);
}

/// The loader from its base to where its header belongs, with its zeros.
fn flat_loader(loader: &Program, board: &Board) -> Result<Vec<u8>, Diagnostic> {
    let header = loader.symbol(HEADER_SYMBOL).ok_or_else(|| lacks("loader", HEADER_SYMBOL))?;
    let inside = |segment: &Segment| segment.vaddr >= board.loader_base && segment.range().end <= header.vaddr;
    let near = header.vaddr.wrapping_sub(board.loader_base) <= MAX_PROGRAM_BYTES;
    if !near || loader.entry != board.loader_base || !loader.segments.iter().all(inside) {
        let message = format!("the SDK's loader is not linked to begin at {:#x}", board.loader_base);
        return Err(Diagnostic::general(Code::SdkProgram, message));
    }
    Ok(flat(loader, Range::new(board.loader_base, header.vaddr)))
}

/// A program as it stands in memory.
fn flat(program: &Program, range: Range) -> Vec<u8> {
    let mut bytes = vec![0; range.len() as usize];
    for segment in &program.segments {
        let at = (segment.vaddr - range.start) as usize;
        bytes[at..at + segment.data.len()].copy_from_slice(&segment.data);
    }
    bytes
}

/// Appends the kernel's segments and tells the loader about them.
fn add_kernel(
    kernel: &Program,
    board: &Board,
    header: &mut ImageHeader,
    bytes: &mut Vec<u8>,
) -> Result<(), Diagnostic> {
    if kernel.segments.len() > MAX_SEGMENTS {
        let message = format!("the kernel has more than {MAX_SEGMENTS} segments");
        return Err(Diagnostic::general(Code::KernelPlace, message));
    }
    header.segment_count = kernel.segments.len() as u64;
    for (segment, slot) in kernel.segments.iter().zip(&mut header.segments) {
        let (start, end) = (segment.paddr, segment.paddr + segment.size);
        if !start.is_multiple_of(SEGMENT_ALIGN) || start < board.ram.start || end > board.loader_base {
            let message = format!("the kernel's segment at {start:#x} can't be loaded there");
            let help = format!("it belongs between {:#x} and {:#x}", board.ram.start, board.loader_base);
            return Err(Diagnostic::general(Code::KernelPlace, message).help(help));
        }
        align(bytes, SEGMENT_ALIGN);
        slot.source = board.loader_base + bytes.len() as u64;
        slot.target = start;
        slot.copied = (segment.data.len() as u64).next_multiple_of(SEGMENT_ALIGN);
        slot.zeroed = segment.size.next_multiple_of(SEGMENT_ALIGN).saturating_sub(slot.copied);
        bytes.extend_from_slice(&segment.data);
    }
    align(bytes, SEGMENT_ALIGN);
    Ok(())
}

impl Image {
    /// The image as an ELF file with one segment, for boot loaders that want one.
    pub fn to_elf(&self) -> Vec<u8> {
        use object::elf::{self, FileHeader64, Ident, ProgramHeader64};
        use object::{LittleEndian as Le, U16, U32, U64, pod::bytes_of};
        const HEADERS: u64 = (size_of::<FileHeader64<Le>>() + size_of::<ProgramHeader64<Le>>()) as u64;
        let half = |value: usize| U16::new(Le, value as u16);
        let file = FileHeader64::<Le> {
            e_ident: Ident {
                magic: elf::ELFMAG,
                class: elf::ELFCLASS64,
                data: elf::ELFDATA2LSB,
                version: elf::EV_CURRENT,
                os_abi: elf::ELFOSABI_NONE,
                abi_version: 0,
                padding: [0; 7],
            },
            e_type: U16::new(Le, elf::ET_EXEC),
            e_machine: U16::new(Le, elf::EM_AARCH64),
            e_version: U32::new(Le, u32::from(elf::EV_CURRENT.0)),
            e_entry: U64::new(Le, self.base),
            e_phoff: U64::new(Le, size_of::<FileHeader64<Le>>() as u64),
            e_shoff: U64::new(Le, 0),
            e_flags: U32::new(Le, elf::FileFlags(0)),
            e_ehsize: half(size_of::<FileHeader64<Le>>()),
            e_phentsize: half(size_of::<ProgramHeader64<Le>>()),
            e_phnum: half(1),
            e_shentsize: half(0),
            e_shnum: half(0),
            e_shstrndx: U16::new(Le, elf::SHN_UNDEF),
        };
        let length = U64::new(Le, self.bytes.len() as u64);
        let segment = ProgramHeader64::<Le> {
            p_type: U32::new(Le, elf::PT_LOAD),
            p_flags: U32::new(Le, elf::PF_R | elf::PF_W | elf::PF_X),
            p_offset: U64::new(Le, HEADERS),
            p_vaddr: U64::new(Le, self.base),
            p_paddr: U64::new(Le, self.base),
            p_filesz: length,
            p_memsz: length,
            p_align: U64::new(Le, 1),
        };
        [bytes_of(&file), bytes_of(&segment), &self.bytes].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_as_elf_is_loaded_where_it_belongs() {
        let image = Image { base: 0x7000_0000, bytes: vec![7; 5000], root_task: Range::new(0, 0), spec_bytes: 0 };
        let program = Program::parse(&image.to_elf()).unwrap();
        let [segment] = program.segments.as_slice() else { panic!("one segment") };
        assert_eq!((program.entry, segment.paddr), (image.base, image.base));
        assert_eq!(segment.data, image.bytes);
    }
}
