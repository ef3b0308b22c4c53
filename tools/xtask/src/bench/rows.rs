//! The rows: what is measured, and its goal.

use anyhow::Result;
use marker::throughput::Work;
use marker_plugin::What::{Marker, Wait};

use super::measure::{self, Bench, Host};
use super::throughput;
use crate::guest::Kernel;

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// Nothing: it is what others are compared with.
    Baseline,
    /// At most so much.
    AtMost(u64),
    /// At most so many times another figure, in thousandths.
    AtMostTimes(u64, Measure),
}

/// Measures one figure: instructions, unless the row says what.
pub type Measure = fn(&mut Bench) -> Result<u64>;

/// One figure.
#[derive(Clone, Copy)]
pub struct Row {
    /// What is counted.
    pub operation: &'static str,
    /// What the count should be.
    pub goal: Goal,
    /// Counts.
    pub measure: Measure,
}

/// All rows.
pub fn all() -> Vec<Row> {
    let mut rows = EXITS.to_vec();
    rows.extend(WORLDS);
    rows.extend(KERNEL);
    rows.extend(WHOLE_MACHINE);
    rows.extend(SHARED_DEVICES);
    rows.extend(THROUGHPUT.into_iter().flatten());
    rows.extend(NEIGHBOURS.into_iter().flatten());
    rows.extend(SIZE);
    rows
}

/// What the guest without an operating system does, as it sees it. Its markers are listed in `tests/guests`.
const EXITS: [Row; 15] = [
    Row { operation: "nothing, between two markers", goal: Goal::AtMost(0), measure: |bench| operation(bench, 0) },
    Row { operation: "HVC answered by the VMM", goal: Goal::AtMost(400), measure: |bench| operation(bench, 2) },
    Row {
        operation: "emulated MMIO read, device in the VMM",
        goal: Goal::AtMost(500),
        measure: |bench| operation(bench, 4),
    },
    Row {
        operation: "emulated access without syndrome",
        goal: Goal::AtMost(1500),
        measure: |bench| operation(bench, 24),
    },
    Row { operation: "GICD_TYPER read", goal: Goal::AtMost(500), measure: |bench| operation(bench, 6) },
    Row { operation: "GICD_ISENABLER write", goal: Goal::AtMost(600), measure: |bench| operation(bench, 8) },
    Row { operation: "PSCI_VERSION by SMC", goal: Goal::AtMost(450), measure: |bench| operation(bench, 10) },
    Row {
        operation: "SGI to self, sent to handled and ended",
        goal: Goal::AtMost(900),
        measure: |bench| operation(bench, 12),
    },
    Row {
        operation: "device store to vIRQ, handler, end, on",
        goal: Goal::AtMost(1000),
        measure: |bench| operation(bench, 14),
    },
    Row {
        operation: "interrupt of a passed device, to the guest's vector",
        goal: Goal::AtMost(500),
        measure: |bench| measure::between(bench.program(Host::Quoll)?, Marker(26), Marker(17)),
    },
    Row {
        operation: "interrupt of a passed device, handler, end, on",
        goal: Goal::AtMost(600),
        measure: |bench| operation(bench, 26),
    },
    Row {
        operation: "the same to the vector, injected by the VMM",
        goal: Goal::Baseline,
        measure: |bench| measure::between(bench.injected()?, Marker(26), Marker(17)),
    },
    Row {
        operation: "the same until it is over, ended by the VMM",
        goal: Goal::Baseline,
        measure: |bench| measure::between(bench.injected()?, Marker(26), Marker(27)),
    },
    Row { operation: "virtual timer fires to guest's vector", goal: Goal::AtMost(500), measure: timer },
    Row { operation: "end of interrupt (no exit)", goal: Goal::AtMost(10), measure: |bench| operation(bench, 18) },
];

/// Two guests on one core. The markers are listed in `tests/guests`.
const WORLDS: [Row; 3] = [
    Row {
        operation: "world switch, from one guest's WFI to the other",
        goal: Goal::AtMost(1000),
        measure: |bench| worlds(bench, 20),
    },
    Row {
        operation: "first use of the FPU after another guest's",
        goal: Goal::AtMost(150),
        measure: |bench| worlds(bench, 22),
    },
    Row {
        operation: "message, from one guest's send to the other's vector",
        goal: Goal::AtMost(1500),
        measure: |bench| measure::between(bench.worlds()?, Marker(24), Marker(17)),
    },
];

/// Between protection domains on one core. The markers are listed in `tests/bench`.
const KERNEL: [Row; 8] = [
    Row {
        operation: "protected call round trip, passive server, no register",
        goal: Goal::AtMost(500),
        measure: |bench| native(bench, 2),
    },
    Row {
        operation: "protected call round trip, passive server, 4 registers",
        goal: Goal::AtMost(550),
        measure: |bench| native(bench, 4),
    },
    Row {
        operation: "protected call round trip, active server",
        goal: Goal::AtMost(700),
        measure: |bench| native(bench, 6),
    },
    Row { operation: "notify, nobody switched to", goal: Goal::AtMost(150), measure: |bench| native(bench, 8) },
    Row {
        operation: "notify round trip, through the whole PD loop",
        goal: Goal::AtMost(800),
        measure: |bench| native(bench, 10),
    },
    Row {
        operation: "hardware IRQ to PD's notified, busy",
        goal: Goal::AtMost(450),
        measure: |bench| native(bench, 12),
    },
    Row {
        operation: "hardware IRQ to PD's notified, idle",
        goal: Goal::AtMost(350),
        measure: |bench| measure::between(bench.native()?, Wait, Marker(16)),
    },
    Row { operation: "irq_ack", goal: Goal::AtMost(200), measure: |bench| native(bench, 14) },
];

/// A Linux guest.
const WHOLE_MACHINE: [Row; 8] = [
    Row { operation: "power-on to prompt, Linux 6.1, no hypervisor", goal: Goal::Baseline, measure: bare_boot_6_1 },
    Row {
        operation: "power-on to prompt, Linux 6.1, quoll",
        goal: Goal::AtMostTimes(1050, bare_boot_6_1),
        measure: |bench| boot(bench, Host::Quoll, Kernel::V6_1),
    },
    Row {
        operation: "outside the guest while 6.1 boots, millionths of the guest's",
        goal: Goal::AtMost(1000),
        measure: |bench| measure::outside_guest(bench.linux(Host::Quoll, Kernel::V6_1)?, PROMPT_MARKER),
    },
    Row { operation: "power-on to prompt, Linux 6.12, no hypervisor", goal: Goal::Baseline, measure: bare_boot_6_12 },
    Row {
        operation: "power-on to prompt, Linux 6.12, quoll",
        goal: Goal::AtMostTimes(1050, bare_boot_6_12),
        measure: |bench| boot(bench, Host::Quoll, Kernel::V6_12),
    },
    Row {
        operation: "idle guest, 10 virtual seconds, no hypervisor",
        goal: Goal::Baseline,
        measure: |bench| idle(bench, Host::Bare),
    },
    Row {
        operation: "idle guest, 10 virtual seconds, quoll",
        goal: Goal::AtMost(IDLE_LIMIT),
        measure: |bench| idle(bench, Host::Quoll),
    },
    Row {
        operation: "idle guest, millionths of the time that the core is busy",
        goal: Goal::AtMost(1000),
        measure: |bench| Ok(idle(bench, Host::Quoll)? * 1_000_000 / IDLE_NANOSECONDS),
    },
];

/// What Linux guests share, with all that Linux does for it.
const SHARED_DEVICES: [Row; 3] = [
    Row {
        operation: "KiB read from a disk, no hypervisor",
        goal: Goal::Baseline,
        measure: |bench| measure::disk_kib(bench.disk(Host::Bare)?),
    },
    Row {
        operation: "KiB read from a disk, block server and driver",
        goal: Goal::Baseline,
        measure: |bench| measure::disk_kib(bench.disk(Host::Quoll)?),
    },
    Row {
        operation: "ping of 1,442 bytes to another guest and back",
        goal: Goal::Baseline,
        measure: |bench| measure::round_trip(bench.network()?),
    },
];

/// One operation by as many guests as are said, at the same time.
macro_rules! by_guests {
    ($operation:literal, $figure:ident of $work:ident, $($guests:literal $count:literal),*) => {
        [$(Row {
            operation: concat!($operation, ", ", $count),
            goal: Goal::Baseline,
            measure: |bench| throughput::$figure(bench.throughput($guests)?, $guests, Work::$work),
        }),*]
    };
    ($operation:literal, $figure:ident of $work:ident) => {
        by_guests!($operation, $figure of $work, 1 "1 guest", 2 "2 guests", 4 "4 guests", 8 "8 guests")
    };
}

/// What guests without an operating system do with what they share, in batches.
const THROUGHPUT: [[Row; 4]; 5] = [
    by_guests!("KiB written to a disk, requests of 64 KiB", kib of Write),
    by_guests!("KiB read from a disk, requests of 64 KiB", kib of Read),
    by_guests!("request that reads 4 KiB from a disk", step of SmallRead),
    by_guests!("frame of 60 bytes to a native program and back", step of ShortFrames),
    by_guests!("frame of 1,514 bytes to a native program and back", step of LongFrames),
];

/// The same with neighbours.
const NEIGHBOURS: [[Row; 3]; 2] = [
    by_guests!("frame of 1,514 bytes to another guest", step of Neighbour, 2 "2 guests", 4 "4 guests", 8 "8 guests"),
    by_guests!("message to another guest, which waits", step of Messages, 2 "2 guests", 4 "4 guests", 8 "8 guests"),
];

/// Of the kernel, and of the wait for an image.
const SIZE: [Row; 3] = [
    Row { operation: "kernel's code, bytes", goal: Goal::AtMost(64 * 1024), measure: |bench| bench.kernel_code() },
    Row {
        operation: "kernel's source, lines of Rust",
        goal: Goal::AtMost(10_000),
        measure: |bench| bench.kernel_lines(),
    },
    Row {
        operation: "system.xml edited to image, milliseconds",
        goal: Goal::AtMost(2000),
        measure: |bench| bench.image_time(),
    },
];

/// How long the idle guest is watched. An instruction takes a nanosecond.
const IDLE_NANOSECONDS: u64 = 10_000_000_000;
/// 0.1 % of the instructions that the time holds.
pub const IDLE_LIMIT: u64 = IDLE_NANOSECONDS / 1000;

/// The guest's `/init` places it in front of the shell.
const PROMPT_MARKER: marker_plugin::What = Marker(0);

fn bare_boot_6_1(bench: &mut Bench) -> Result<u64> {
    boot(bench, Host::Bare, Kernel::V6_1)
}

fn bare_boot_6_12(bench: &mut Bench) -> Result<u64> {
    boot(bench, Host::Bare, Kernel::V6_12)
}

fn boot(bench: &mut Bench, host: Host, kernel: Kernel) -> Result<u64> {
    measure::until(bench.linux(host, kernel)?, PROMPT_MARKER)
}

fn idle(bench: &mut Bench, host: Host) -> Result<u64> {
    measure::between(bench.linux(host, Kernel::V6_1)?, Marker(1), Marker(2))
}

/// The operation between `marker` and the next.
fn operation(bench: &mut Bench, marker: u32) -> Result<u64> {
    measure::between(bench.program(Host::Quoll)?, Marker(marker), Marker(marker + 1))
}

fn worlds(bench: &mut Bench, marker: u32) -> Result<u64> {
    measure::between(bench.worlds()?, Marker(marker), Marker(marker + 1))
}

fn native(bench: &mut Bench, marker: u32) -> Result<u64> {
    measure::between(bench.native()?, Marker(marker), Marker(marker + 1))
}

/// What is counted beyond the time that the timer was armed for, which the bare machine shows.
fn timer(bench: &mut Bench) -> Result<u64> {
    let bare = measure::between(bench.program(Host::Bare)?, Marker(16), Marker(17))?;
    let quoll = measure::between(bench.program(Host::Quoll)?, Marker(16), Marker(17))?;
    Ok(quoll.saturating_sub(bare))
}
