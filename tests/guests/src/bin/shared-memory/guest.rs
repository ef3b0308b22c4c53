//! What it tries.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use bare_guest::console::Console;
use bare_guest::machine::{skip_instruction, wait_for_interrupt, write32};
use bare_guest::memory;
use bare_guest::tree::{Shared, Tree};
use ivc::guest::signal;
use smccc::Hvc;
use test_report::{Tally, random::Random};

/// The guest's channel to the console server.
const CONSOLE: u64 = 1;
/// What the read-only region begins with.
const TEXT: [u8; 16] = *b"1 shared focus\n2";
const ROUNDS: usize = 2000;
/// Words of a ring's header, of each direction's half.
const HEADER_WORDS: usize = 16;

/// Synchronous exceptions.
static EXCEPTIONS: AtomicU32 = AtomicU32::new(0);

#[unsafe(no_mangle)]
extern "C" fn guest_main(tree: usize) -> ! {
    memory::switch_on();
    // SAFETY: it is what the guest was started with, and nothing was written but this program's own variables.
    let tree = unsafe { Tree::at(tree) }.expect("a tree");
    let line = tree.shared("line").expect("a line");
    nonsense(line);
    let mut tally = Tally::new("shared memory", Console::open(&tree).expect("a console"));
    tally.check("what it may write", (line.size, line.writable), (0x1_0000, true));
    let table = tree.shared("table").expect("a table");
    tally.check("what it may read", (table.size, table.writable), (0x1000, false));
    tally.check("what is in it", text(table), TEXT);
    tally.check("nothing has failed", EXCEPTIONS.load(Relaxed), 0);
    write32(table.address, u32::MAX);
    tally.check("what it may not write is an abort", EXCEPTIONS.load(Relaxed), 1);
    tally.check("and stays as it is", text(table), TEXT);
    for other in ["shared_ram", "console", ""] {
        tally.check("a region that it does not have", tree.shared(other), None);
    }
    tally.done();
    let _ = signal::<Hvc>(CONSOLE);
    loop {
        wait_for_interrupt();
    }
}

/// Words of a region.
fn words(shared: Shared) -> &'static [AtomicU64] {
    // SAFETY: the description has the region mapped there, and all accesses to it are atomic.
    unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(shared.address), shared.size / 8) }
}

fn text(shared: Shared) -> [u8; TEXT.len()] {
    let mut text = [0; TEXT.len()];
    let words = words(shared).iter().map(|word| word.load(Relaxed).to_le_bytes());
    text.as_chunks_mut().0.iter_mut().zip(words).for_each(|(bytes, word): (&mut [u8; 8], _)| *bytes = word);
    text
}

/// Anything at all in the headers of both rings, and the server is told to look.
fn nonsense(line: Shared) {
    let words = words(line);
    let mut random = Random::new(1);
    for _ in 0..ROUNDS {
        for half in words.chunks(words.len() / 2) {
            half[..HEADER_WORDS].iter().for_each(|word| word.store(random.word(), Relaxed));
        }
        let _ = signal::<Hvc>(CONSOLE);
    }
}

/// Interrupts stay masked.
#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}

#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    EXCEPTIONS.store(EXCEPTIONS.load(Relaxed) + 1, Relaxed);
    skip_instruction();
}
