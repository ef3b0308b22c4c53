//! ELF programs: what is to be loaded, and symbols to be written before that.

use crate::code::Code;
use object::LittleEndian;
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader, Sym};
use std::collections::HashMap;
use std::ops::Range;
use system_spec::PAGE_BYTES;

type Header = elf::FileHeader64<LittleEndian>;

/// Most bytes that a program takes in memory. Larger ones are no programs but damaged files.
const MAX_BYTES: u64 = 1 << 30;

/// A loadable segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Virtual address.
    pub vaddr: u64,
    /// Physical address; for the kernel.
    pub paddr: u64,
    /// Bytes in memory.
    pub size: u64,
    /// The first of these bytes; those behind are zero.
    pub data: Vec<u8>,
    /// Can be written.
    pub write: bool,
    /// Can be executed.
    pub execute: bool,
}

impl Segment {
    /// The virtual addresses.
    pub fn range(&self) -> Range<u64> {
        self.vaddr..self.vaddr + self.size
    }

    /// The virtual addresses of the pages that it touches.
    pub fn pages(&self) -> Range<u64> {
        let range = self.range();
        range.start / PAGE_BYTES * PAGE_BYTES..range.end.next_multiple_of(PAGE_BYTES)
    }
}

/// A symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol {
    /// Virtual address.
    pub vaddr: u64,
    /// Bytes.
    pub size: u64,
    /// The program has several of this name, in different places.
    pub ambiguous: bool,
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Virtual address of the first instruction.
    pub entry: u64,
    /// By ascending virtual address, without overlap.
    pub segments: Vec<Segment>,
    symbols: HashMap<String, Symbol>,
}

/// Why a file is no program for this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// The kind of reason.
    pub code: Code,
    /// The second half of a sentence about the file.
    pub reason: String,
}

fn unfit(code: Code, reason: impl Into<String>) -> Unfit {
    Unfit { code, reason: reason.into() }
}

impl Program {
    /// Reads an ELF file: AArch64, little-endian, linked to fixed addresses.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unfit> {
        if !bytes.starts_with(&elf::ELFMAG) {
            return Err(unfit(Code::ProgramFormat, "it is no ELF file"));
        }
        let machine = |reason: &str| unfit(Code::ProgramMachine, reason);
        let header = Header::parse(bytes).map_err(|_| machine("it is no 64-bit ELF file"))?;
        let endian = header.endian().map_err(|_| machine("it is not little-endian"))?;
        if header.e_machine(endian) != elf::EM_AARCH64 {
            return Err(machine("it is not for AArch64"));
        }
        if header.e_type(endian) != elf::ET_EXEC {
            let reason = "it is not linked to fixed addresses (link it statically, not position-independent)";
            return Err(unfit(Code::ProgramLinkage, reason));
        }
        let damaged = |error| unfit(Code::ProgramDamaged, format!("it is damaged: {error}"));
        let mut segments = Vec::new();
        for program_header in header.program_headers(endian, bytes).map_err(damaged)? {
            if program_header.p_type(endian) == elf::PT_LOAD && program_header.p_memsz(endian) > 0 {
                segments.push(segment(program_header, endian, bytes)?);
            }
        }
        segments.sort_by_key(|segment| segment.vaddr);
        let program = Self { entry: header.e_entry(endian), segments, symbols: symbols(header, endian, bytes)? };
        program.check()?;
        Ok(program)
    }

    fn check(&self) -> Result<(), Unfit> {
        if self.segments.is_empty() {
            return Err(unfit(Code::ProgramEmpty, "it has nothing to load"));
        }
        if self.segments.iter().map(|segment| segment.size).sum::<u64>() > MAX_BYTES {
            return Err(unfit(Code::ProgramSize, format!("it takes more than {MAX_BYTES:#x} bytes")));
        }
        for pair in self.segments.windows(2) {
            let (low, high) = (&pair[0], &pair[1]);
            if low.range().end > high.vaddr {
                let reason = format!("its segments at {:#x} and {:#x} overlap", low.vaddr, high.vaddr);
                return Err(unfit(Code::ProgramSegments, reason));
            }
            if low.pages().end > high.pages().start {
                let reason = format!(
                    "its segments at {:#x} and {:#x} share a page (link it with -z max-page-size=4096 -z separate-code)",
                    low.vaddr, high.vaddr
                );
                return Err(unfit(Code::ProgramSegments, reason));
            }
        }
        let starts = |segment: &Segment| segment.execute && segment.range().contains(&self.entry);
        if !self.segments.iter().any(starts) {
            let reason = format!("its entry point {:#x} is in no executable segment", self.entry);
            return Err(unfit(Code::ProgramEntry, reason));
        }
        Ok(())
    }

    /// The symbol of this name.
    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name).copied()
    }

    /// Names of all symbols that can be written.
    pub fn symbol_names(&self) -> impl Iterator<Item = &str> {
        self.symbols.keys().map(String::as_str)
    }

    /// Takes the symbols of another file of the same program.
    pub fn take_symbols(&mut self, other: Self) {
        self.symbols = other.symbols;
    }

    /// Whether memory that is loaded covers `length` bytes from `vaddr` on.
    pub fn covers(&self, vaddr: u64, length: u64) -> bool {
        let inside = |segment: &Segment| {
            vaddr >= segment.vaddr && length <= segment.size && vaddr - segment.vaddr <= segment.size - length
        };
        self.segments.iter().any(inside)
    }

    /// Writes `bytes` at a symbol. False if there is no such symbol or nothing is loaded there.
    #[must_use]
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> bool {
        let Some(symbol) = self.symbol(name) else {
            return false;
        };
        if !self.covers(symbol.vaddr, bytes.len() as u64) {
            return false;
        }
        for segment in &mut self.segments {
            if segment.range().contains(&symbol.vaddr) {
                let at = (symbol.vaddr - segment.vaddr) as usize;
                let end = at + bytes.len();
                segment.data.resize(segment.data.len().max(end), 0);
                segment.data[at..end].copy_from_slice(bytes);
            }
        }
        true
    }
}

fn segment(header: &elf::ProgramHeader64<LittleEndian>, endian: LittleEndian, bytes: &[u8]) -> Result<Segment, Unfit> {
    let outside = |()| unfit(Code::ProgramDamaged, "a segment lies outside of the file");
    let data = header.data(endian, bytes).map_err(outside)?;
    let (vaddr, paddr, size) = (header.p_vaddr(endian), header.p_paddr(endian), header.p_memsz(endian));
    if (data.len() as u64) > size {
        let reason = format!("its segment at {vaddr:#x} is smaller in memory than in the file");
        return Err(unfit(Code::ProgramDamaged, reason));
    }
    let last = sel4_abi::object::USER_TOP - MAX_BYTES;
    if size > MAX_BYTES || vaddr > last || paddr > last {
        let reason = format!("its segment at {vaddr:#x} of {size:#x} bytes is beyond what can be addressed");
        return Err(unfit(Code::ProgramSize, reason));
    }
    let flags = header.p_flags(endian);
    let (write, execute) = (flags.0 & elf::PF_W.0 != 0, flags.0 & elf::PF_X.0 != 0);
    Ok(Segment { vaddr, paddr, size, data: data.to_vec(), write, execute })
}

fn symbols(header: &Header, endian: LittleEndian, bytes: &[u8]) -> Result<HashMap<String, Symbol>, Unfit> {
    let damaged = |error| unfit(Code::ProgramDamaged, format!("its symbol table is damaged: {error}"));
    let sections = header.sections(endian, bytes).map_err(damaged)?;
    let table = sections.symbols(endian, bytes, elf::SHT_SYMTAB).map_err(damaged)?;
    let mut symbols = HashMap::new();
    for symbol in table.iter() {
        let name = symbol.name(endian, table.strings()).unwrap_or_default();
        if name.is_empty() || symbol.st_shndx(endian) == elf::SHN_UNDEF {
            continue;
        }
        if let Ok(name) = std::str::from_utf8(name) {
            let (vaddr, size) = (symbol.st_value(endian), symbol.st_size(endian));
            let known = symbols.entry(name.to_owned()).or_insert(Symbol { vaddr, size, ambiguous: false });
            known.ambiguous |= known.vaddr != vaddr;
        }
    }
    Ok(symbols)
}
