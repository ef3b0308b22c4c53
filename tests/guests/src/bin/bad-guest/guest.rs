//! The misdeeds.

use core::arch::asm;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use bare_guest::machine::{call_at, hvc, read_register, read32, smc, wait_for_interrupt, write_register, write32};
use safe_mmio::UniqueMmioPointer;
use test_report::Tally;
use test_report::uart::Uart;

const PL011: usize = 0x0900_0000;
/// Between the devices, and behind the memory.
const NOTHING: [usize; 2] = [0x0a00_0000, 0x7000_0000];
/// How often each misdeed is repeated.
const ROUNDS: u32 = 100;

/// Exception classes and status codes of `ESR_EL1` (Arm ARM, D24.2.40).
const UNKNOWN: u64 = 0x00;
const INSTRUCTION_ABORT: u64 = 0x21;
const DATA_ABORT: u64 = 0x25;
const EXTERNAL: u64 = 0x10;
/// Of a data abort: by a store.
const WRITE: u64 = 1 << 6;

/// `CPACR_EL1`: neither floating point nor vectors, fixed or scalable, nor matrices trap.
const CPACR_ALL: u64 = 3 << 24 | 3 << 20 | 3 << 16;

const NOT_SUPPORTED: u64 = u64::MAX;
const PSCI_CPU_ON: u32 = 0xc400_0003;
const INVALID_PARAMETERS: u64 = -2i64 as u64;

/// What the last exception was: `ESR_EL1`. All ones before.
static SYNDROME: AtomicU64 = AtomicU64::new(u64::MAX);
/// How many exceptions there were.
static EXCEPTIONS: AtomicU64 = AtomicU64::new(0);

/// What the guest got: class, and for an abort its status and whether it was by a store.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    class: u64,
    details: u64,
    times: u64,
}

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    let pl011 = NonNull::new(core::ptr::with_exposed_provenance_mut(PL011)).expect("not null");
    // SAFETY: the machine has the device there, and nobody else uses it.
    let uart = Uart::new(unsafe { UniqueMmioPointer::new(pl011) });
    let mut tally = Tally::new("bad-guest", uart);
    memory(&mut tally);
    registers(&mut tally);
    calls(&mut tally);
    tally.done();
    loop {
        wait_for_interrupt();
    }
}

fn memory(tally: &mut Tally<Uart>) {
    for address in NOTHING {
        tally.check("load from nowhere", after(|| _ = read32(address)), abort(DATA_ABORT, 0));
        tally.check("store to nowhere", after(|| write32(address, 1)), abort(DATA_ABORT, WRITE));
        tally.check("jump to nowhere", after(|| call_at(address)), abort(INSTRUCTION_ABORT, 0));
    }
    tally.check("a device's register exclusively", after(exclusive), abort(DATA_ABORT, 0));
    tally.check("a device's register as a vector", after(vector), abort(DATA_ABORT, 0));
}

/// Loads a device's register for an exclusive store, which is for memory.
fn exclusive() {
    // SAFETY: reading UARTFR has no side effect.
    unsafe { asm!("ldxr {0:w}, [{1}]", "clrex", out(reg) _, in(reg) PL011 + 0x18) }
}

/// Loads it to a register that no monitor has access to: `ldr s0, [x0]`, which the assembler refuses in a program without
/// floating point.
fn vector() {
    // SAFETY: as above; nobody has anything in that register.
    unsafe { asm!(".inst 0xbd400000", in("x0") PL011 + 0x18) }
}

fn registers(tally: &mut Tally<Uart>) {
    let undefined = || Got { class: UNKNOWN, details: 0, times: ROUNDS.into() };
    tally.check("a register that no processor has", after(|| _ = read_register!("s3_0_c15_c15_7")), undefined());
    tally.check("write to it", after(|| write_register!("s3_0_c15_c15_7", 1)), undefined());
    tally.check("the performance monitor", after(|| _ = read_register!("pmcr_el0")), undefined());
    tally.check("a hypervisor's register", after(|| _ = read_register!("hcr_el2")), undefined());
    // SAFETY: it is an undefined instruction.
    tally.check("an undefined instruction", after(|| unsafe { asm!("udf #1") }), undefined());
    // RDVL X0, #1. A processor without the extension ignores that it is switched on here.
    write_register!("cpacr_el1", CPACR_ALL);
    // SAFETY: it has no effect but on X0.
    tally.check("vector extension", after(|| unsafe { asm!(".inst 0x04bf5020", out("x0") _) }), undefined());
    let features = [
        ("vector extension is not announced", read_register!("id_aa64pfr0_el1") >> 32 & 0xf),
        ("memory tags and matrices are not announced", read_register!("id_aa64pfr1_el1") & (0xf << 24 | 0xf << 8)),
        ("pointer authentication is not announced", read_register!("id_aa64isar1_el1") & 0xff00_0ff0),
        ("performance monitor is not announced", read_register!("id_aa64dfr0_el1") >> 8 & 0xf),
        ("EL2 is not announced", read_register!("id_aa64pfr0_el1") >> 8 & 0xf),
    ];
    for (case, field) in features {
        tally.check(case, field, 0);
    }
}

fn calls(tally: &mut Tally<Uart>) {
    EXCEPTIONS.store(0, Ordering::Relaxed);
    for function in [0x8600_1234, 0xc600_1234, 0x8400_0099, 0x8000_7fff] {
        let answers = (0..ROUNDS).all(|_| hvc(function) == NOT_SUPPORTED && smc(function) == NOT_SUPPORTED);
        tally.check("unknown firmware function", answers, true);
    }
    tally.check("a CPU that is not there", hvc(PSCI_CPU_ON), INVALID_PARAMETERS);
    tally.check("exceptions by calls", EXCEPTIONS.load(Ordering::Relaxed), 0);
}

/// Does something many times and says what came of it, the last time.
fn after(misdeed: impl Fn()) -> Got {
    EXCEPTIONS.store(0, Ordering::Relaxed);
    SYNDROME.store(u64::MAX, Ordering::Relaxed);
    (0..ROUNDS).for_each(|_| misdeed());
    let syndrome = SYNDROME.load(Ordering::Relaxed);
    let class = syndrome >> 26;
    let details = if class == UNKNOWN { syndrome & 0x1ff_ffff } else { syndrome & (0x3f | WRITE) };
    Got { class, details, times: EXCEPTIONS.load(Ordering::Relaxed) }
}

fn abort(class: u64, write: u64) -> Got {
    Got { class, details: EXTERNAL | write, times: ROUNDS.into() }
}

/// Goes on behind the instruction, or where it was called from if there was none.
#[unsafe(no_mangle)]
extern "C" fn guest_exception(link: u64) {
    let syndrome = read_register!("esr_el1");
    SYNDROME.store(syndrome, Ordering::Relaxed);
    EXCEPTIONS.store(EXCEPTIONS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    let next = if syndrome >> 26 == INSTRUCTION_ABORT { link } else { read_register!("elr_el1") + 4 };
    write_register!("elr_el1", next);
}

#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}
