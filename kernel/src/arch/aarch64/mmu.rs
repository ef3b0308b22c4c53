//! The kernel's own address space: stage 1 of EL2, physical = virtual, 39 bits.
//!
//! Memory is normal and not executable, the kernel's text is read-only and executable, its constants are read-only, devices
//! are device memory. Blocks are as large as alignment allows, so few tables are needed; they are static.

use super::cache;
use super::local::{STACK_BYTES, STACK_STRIDE};
use core::arch::{asm, global_asm};
use core::cell::{Cell, UnsafeCell};
use kernel_config::{Range, SELECTED};
use sel4_abi::config::MAX_NUM_NODES;

const ENTRIES: usize = 512;
const PAGE: u64 = 4096;
/// Enough for the regions of a board: the root, and two tables each for the ends of kernel, memory, devices, device tree.
const TABLES: usize = 12;

const VALID: u64 = 1;
/// Table at levels 1 and 2, page at level 3.
const TABLE_OR_PAGE: u64 = 2;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;
const ACCESSED: u64 = 1 << 10;
const INNER_SHAREABLE: u64 = 3 << 8;
/// RES1 at EL2, where there is one privilege level.
const UNPRIVILEGED_RES1: u64 = 1 << 6;
const READ_ONLY: u64 = 1 << 7;
const EXECUTE_NEVER: u64 = 1 << 54;
/// Index into `MAIR`.
const NORMAL: u64 = 0 << 2;
const DEVICE: u64 = 1 << 2;
/// Attribute 0: write-back, allocating; attribute 1: nGnRnE.
const MAIR: u64 = 0xff;

/// How a region may be used.
#[derive(Clone, Copy)]
enum Use {
    Text,
    Constants,
    Data,
    Device,
}

impl Use {
    const fn attributes(self) -> u64 {
        const MEMORY: u64 = ACCESSED | INNER_SHAREABLE | UNPRIVILEGED_RES1 | NORMAL;
        match self {
            Self::Text => MEMORY | READ_ONLY,
            Self::Constants => MEMORY | READ_ONLY | EXECUTE_NEVER,
            Self::Data => MEMORY | EXECUTE_NEVER,
            Self::Device => ACCESSED | UNPRIVILEGED_RES1 | DEVICE | EXECUTE_NEVER,
        }
    }
}

#[repr(C, align(4096))]
struct Table([Cell<u64>; ENTRIES]);

#[repr(C, align(4096))]
struct Tables {
    tables: [Table; TABLES],
    /// Number of tables in use behind the root.
    used: Cell<usize>,
}

// SAFETY: changed only by the first core at boot, before it starts others; then only hardware reads them.
unsafe impl Sync for Tables {}

static TABLES_OF_EL2: Tables =
    Tables { tables: [const { Table([const { Cell::new(0) }; ENTRIES]) }; TABLES], used: Cell::new(0) };

/// A stage-2 root of two tables in which nothing is mapped.
#[repr(C, align(8192))]
struct EmptyRoot(UnsafeCell<[u64; 2 * ENTRIES]>);

// SAFETY: nothing writes it.
unsafe impl Sync for EmptyRoot {}

static EMPTY_ROOT: EmptyRoot = EmptyRoot(UnsafeCell::new([0; 2 * ENTRIES]));

/// The physical address of a stage-2 root in which nothing is mapped.
pub fn empty_root() -> u64 {
    EMPTY_ROOT.0.get().expose_provenance() as u64
}

impl Tables {
    fn allocate(&self) -> &Table {
        let index = self.used.get() + 1;
        self.used.set(index);
        self.tables.get(index).expect("the board's regions need more translation tables")
    }

    /// The table that an entry refers to; if the entry is empty, a new one.
    fn below(&self, entry: &Cell<u64>) -> &Table {
        if entry.get() & VALID == 0 {
            let table = self.allocate();
            entry.set(core::ptr::from_ref(table).expose_provenance() as u64 | TABLE_OR_PAGE | VALID);
        }
        // SAFETY: table entries refer to elements of `self.tables` only.
        unsafe { &*core::ptr::with_exposed_provenance((entry.get() & ADDRESS) as usize) }
    }

    /// Maps a region in pieces as large as its alignment allows.
    fn map(&self, region: Range, purpose: Use) {
        let mut address = region.start;
        while address < region.end {
            address += self.map_piece(address, region.end - address, purpose);
        }
    }

    /// Maps one block or page at `address` of at most `length` bytes; comes back with its size.
    fn map_piece(&self, address: u64, length: u64, purpose: Use) -> u64 {
        let mut table = &self.tables[0];
        for shift in [30, 21, 12] {
            let size = 1 << shift;
            let entry = &table.0[(address >> shift) as usize % ENTRIES];
            if address.is_multiple_of(size) && length >= size && (shift == 12 || entry.get() & VALID == 0) {
                let kind = if shift == 12 { TABLE_OR_PAGE } else { 0 };
                entry.set(address | purpose.attributes() | kind | VALID);
                return size;
            }
            table = self.below(entry);
        }
        unreachable!("regions are whole pages")
    }
}

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_end: u8;
    static __stack_guard: u8;
    static __kernel_end: u8;
}

/// A linker symbol's address.
macro_rules! symbol {
    ($name:ident) => {
        // SAFETY: only the address is taken.
        core::ptr::addr_of!($name).addr() as u64
    };
}

/// The kernel's image, without the memory it takes behind.
pub fn kernel_image() -> Range {
    Range::new(symbol!(__text_start), symbol!(__kernel_end))
}

/// The kernel stack of a core. The page below it is not mapped.
pub fn stack(core: usize) -> Range {
    let start = symbol!(__stack_guard) + core as u64 * STACK_STRIDE + PAGE;
    Range::new(start, start + STACK_BYTES as u64)
}

/// Maps everything that the kernel reaches, `device_tree` (whole pages outside of memory) among it.
fn fill(device_tree: Range) {
    let tables = &TABLES_OF_EL2;
    let (text_end, rodata_end) = (symbol!(__text_end), symbol!(__rodata_end));
    let kernel = kernel_image();
    tables.map(Range::new(kernel.start, text_end), Use::Text);
    tables.map(Range::new(text_end, rodata_end), Use::Constants);
    tables.map(Range::new(rodata_end, symbol!(__stack_guard)), Use::Data);
    (0..MAX_NUM_NODES).for_each(|core| tables.map(stack(core), Use::Data));
    tables.map(Range::new(kernel.end, SELECTED.ram.end), Use::Data);
    if SELECTED.ram.start < kernel.start {
        tables.map(Range::new(SELECTED.ram.start, kernel.start), Use::Data);
    }
    if !device_tree.is_empty() && !device_tree.overlaps(SELECTED.ram) {
        tables.map(device_tree, Use::Constants);
    }
    for device in SELECTED.kernel_devices() {
        tables.map(device, Use::Device);
    }
    if cfg!(sel4_debug) {
        tables.map(SELECTED.uart.registers, Use::Device);
    }
}

/// Builds the tables. The caches are off, so what they hold of the tables is dropped.
pub fn build(device_tree: Range) {
    let start = core::ptr::from_ref(&TABLES_OF_EL2).expose_provenance() as u64;
    cache::invalidate(start, size_of::<Tables>() as u64);
    fill(device_tree);
    cache::invalidate(start, size_of::<Tables>() as u64);
}

/// `TCR_EL2`: 39 bits, walks through write-back inner-shareable memory, 4 KiB, 40-bit physical addresses, RES1 bits.
const TCR: u64 = 1 << 31 | 1 << 23 | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | (64 - 39);
/// `SCTLR_EL2`: MMU, caches, stack alignment, writable memory is never executable, RES1 bits.
const SCTLR: u64 = 0x30c5_0830 | 1 << 19 | 1 << 12 | 1 << 3 | 1 << 2 | 1;

// Turns translation and caches on for this core. It touches no memory: what a core writes with its caches off may stand in
// another one's cache as it was before.
global_asm!(
    ".pushsection .text.entry, \"ax\"",
    "quoll_enable_mmu:",
    "ldr x9, ={mair}",
    "msr mair_el2, x9",
    "ldr x9, ={tcr}",
    "msr tcr_el2, x9",
    "adrp x9, {tables}",
    "msr ttbr0_el2, x9",
    "isb",
    "tlbi alle2",
    "tlbi alle1",
    "dsb nsh",
    "ic iallu",
    "dsb nsh",
    "isb",
    "ldr x9, ={sctlr}",
    "msr sctlr_el2, x9",
    "isb",
    "ret",
    ".ltorg",
    ".popsection",
    mair = const MAIR,
    tcr = const TCR,
    sctlr = const SCTLR,
    tables = sym TABLES_OF_EL2,
);

/// Turns translation and caches on for this core.
pub fn enable() {
    // SAFETY: the tables map everything that the kernel uses at its own address; the routine changes x9 only.
    unsafe { asm!("bl quoll_enable_mmu", out("x9") _, out("x30") _) };
}
