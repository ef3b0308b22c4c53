//! The cases, in each of the places where the code may be.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use bare_guest::machine::{read32, skip_instruction, wait_for_interrupt};
use safe_mmio::UniqueMmioPointer;
use test_report::Tally;
use test_report::uart::Uart;

use crate::routines::{LOADS, PRINTS, Routine, Words};
use crate::tables::{MEMORY, UPPER, switch_on};

const PL011: usize = 0x0900_0000;
/// The first of its identification registers, which differ from each other.
const ID: usize = PL011 + 0xfe0;

/// How many exceptions there were.
static EXCEPTIONS: AtomicU64 = AtomicU64::new(0);

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    let pl011 = NonNull::new(core::ptr::with_exposed_provenance_mut(PL011)).expect("not null");
    // SAFETY: the machine has the device there; the routines only use it between two lines.
    let uart = Uart::new(unsafe { UniqueMmioPointer::new(pl011) });
    let mut tally = Tally::new("odd-access", uart);
    cases(&mut tally, 0, "no translation", |routine| routine);
    switch_on();
    cases(&mut tally, 1, "blocks", |routine| routine);
    cases(&mut tally, 2, "pages of the upper half", upper);
    tally.check("exceptions", EXCEPTIONS.load(Ordering::Relaxed), 0);
    tally.done();
    loop {
        wait_for_interrupt();
    }
}

/// A routine where the upper half has it.
fn upper(routine: Routine) -> Routine {
    let address = routine as usize - MEMORY + UPPER;
    // SAFETY: the same code is mapped there.
    unsafe { core::mem::transmute::<usize, Routine>(address) }
}

fn cases(tally: &mut Tally<Uart>, number: u8, place: &str, located: impl Fn(Routine) -> Routine) {
    let registers = [0, 4].map(|offset| u64::from(read32(ID + offset)));
    for (case, routine, moved) in LOADS {
        let expected = Words(moved << 32 | registers[0], registers[1]);
        tally.check(format_args!("{place}: {case}"), located(routine)(ID, 0), expected);
    }
    for (text, routine) in PRINTS {
        let mut bytes = [0; 8];
        bytes[..text.len()].copy_from_slice(text);
        bytes[text.len() - 2] += number;
        let Words(moved, _) = located(routine)(PL011, u64::from_le_bytes(bytes));
        tally.check(format_args!("{place}: a store, and its base"), moved, 0);
    }
}

/// There should be none.
#[unsafe(no_mangle)]
extern "C" fn guest_exception(_: u64) {
    EXCEPTIONS.store(EXCEPTIONS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    skip_instruction();
}

#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}
