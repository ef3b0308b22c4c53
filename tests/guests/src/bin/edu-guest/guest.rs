//! The cases.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use bare_guest::machine::{read32, skip_instruction, wait_for_interrupt, write32};
use safe_mmio::UniqueMmioPointer;
use test_report::Tally;
use test_report::uart::Uart;

const PL011: usize = 0x0900_0000;
/// QEMU's educational device (specs/edu), as the monitor has it for its guest.
const EDU: usize = 0x0b10_0000;
const IDENTIFICATION: usize = EDU;
const LIVENESS: usize = EDU + 0x04;
const SOURCE: usize = EDU + 0x80;
const DESTINATION: usize = EDU + 0x88;
const COUNT: usize = EDU + 0x90;
const COMMAND: usize = EDU + 0x98;
const START: u32 = 1;
const TO_MEMORY: u32 = 2;
/// The device's buffer, in its own addresses.
const BUFFER: usize = 0x4_0000;
/// The guest's memory ends here.
const MEMORY_END: usize = 0x4100_0000;

const WORDS: usize = 64;
const BYTES: usize = 4 * WORDS;
static FROM: [AtomicU32; WORDS] = [const { AtomicU32::new(0) }; WORDS];
static TO: [AtomicU32; WORDS] = [const { AtomicU32::new(0) }; WORDS];

/// How many exceptions there were.
static EXCEPTIONS: AtomicU32 = AtomicU32::new(0);

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    let pl011 = NonNull::new(core::ptr::with_exposed_provenance_mut(PL011)).expect("not null");
    // SAFETY: the machine has the device there, and nobody else uses it.
    let uart = Uart::new(unsafe { UniqueMmioPointer::new(pl011) });
    let mut tally = Tally::new("edu", uart);
    tally.check("the device identifies itself", read32(IDENTIFICATION), 0x0100_00ed);
    write32(LIVENESS, 0x1234_5678);
    tally.check("it is alive", read32(LIVENESS), !0x1234_5678);
    copies(&mut tally);
    refusals(&mut tally);
    tally.check("exceptions", EXCEPTIONS.load(Relaxed), 0);
    tally.done();
    loop {
        wait_for_interrupt();
    }
}

/// Copies `count` bytes and waits for the end. Whether it was started.
fn copy(source: usize, destination: usize, count: usize, command: u32) -> bool {
    write32(SOURCE, source as u32);
    write32(DESTINATION, destination as u32);
    write32(COUNT, count as u32);
    write32(COMMAND, START | command);
    let started = read32(COMMAND) & START != 0;
    while read32(COMMAND) & START != 0 {
        core::hint::spin_loop();
    }
    started
}

fn address(words: &[AtomicU32; WORDS]) -> usize {
    words.as_ptr().expose_provenance()
}

fn holds(words: &[AtomicU32; WORDS], value: impl Fn(u32) -> u32) -> bool {
    (0..).zip(words).all(|(index, word)| word.load(Relaxed) == value(index))
}

fn fill(words: &[AtomicU32; WORDS], value: impl Fn(u32) -> u32) {
    (0..).zip(words).for_each(|(index, word)| word.store(value(index), Relaxed));
}

fn copies(tally: &mut Tally<Uart>) {
    let pattern = |index: u32| 0x5a00_0000 | (index * 0x0101);
    fill(&FROM, pattern);
    tally.check("a copy from memory", copy(address(&FROM), BUFFER, BYTES, 0), true);
    tally.check("the pointer is the guest's", read32(SOURCE) as usize, address(&FROM));
    tally.check("a copy to memory", copy(BUFFER, address(&TO), BYTES, TO_MEMORY), true);
    tally.check("what came is what went", holds(&TO, pattern), true);
}

fn refusals(tally: &mut Tally<Uart>) {
    fill(&TO, |_| 0);
    let cases = [
        ("behind the memory", BUFFER, MEMORY_END, TO_MEMORY),
        ("across its end", BUFFER, MEMORY_END - BYTES + 4, TO_MEMORY),
        ("before it", BUFFER, 0x3fff_ff00, TO_MEMORY),
        ("where a kernel may be", BUFFER, 0x6000_0000, TO_MEMORY),
        ("from behind the memory", MEMORY_END, BUFFER, 0),
        ("from beyond the device's buffer", BUFFER + 0x1000, address(&TO), TO_MEMORY),
    ];
    for (case, source, destination, command) in cases {
        tally.check(format_args!("no copy: {case}"), copy(source, destination, BYTES, command), false);
    }
    tally.check("nothing was copied", holds(&TO, |_| 0), true);
    tally.check("the next copy is as any", copy(BUFFER, address(&TO), 4, TO_MEMORY), true);
    tally.check("and arrives", TO[0].load(Relaxed), 0x5a00_0000);
}

/// There should be none.
#[unsafe(no_mangle)]
extern "C" fn guest_exception(_: u64) {
    EXCEPTIONS.store(EXCEPTIONS.load(Relaxed) + 1, Relaxed);
    skip_instruction();
}

#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}
