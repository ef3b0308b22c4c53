//! The misdeeds.

use core::ptr::NonNull;

use bare_guest::machine::{skip_instruction, wait_for_interrupt};
use safe_mmio::UniqueMmioPointer;
use test_report::Tally;
use test_report::uart::Uart;

use crate::driver::{
    DATA, DISK, Device, HEADER, INDIRECT, Layout, NETWORK, NEXT, PACKED, RESULT, TABLE, WRITE, address, available,
    descriptor, get, put, right, used,
};

const PL011: usize = 0x0900_0000;
/// How often each misdeed is repeated.
const ROUNDS: u32 = 50;
/// Where no memory is: in front of it, behind it, and where a sum overflows.
const OUTSIDE: [u64; 3] = [0x1000, 0x7000_0000, u64::MAX - 7];
/// What the guest has of the disk, in sectors.
const SECTORS: u64 = 2048;

/// A mistake in a split queue: what it is, and how it is prepared.
type Misdeed = (&'static str, fn());

const MISDEEDS: [Misdeed; 10] = [
    ("a chain that loops", || {
        descriptor(0, 0, address(DATA), 16, NEXT, 1);
        descriptor(0, 1, address(DATA), 16, NEXT, 0);
        available(1, 0);
    }),
    ("a head that is not there", || available(1, 8)),
    ("a link to nowhere", || {
        descriptor(0, 0, address(DATA), 16, NEXT, 99);
        available(1, 0);
    }),
    ("a buffer in front of memory", || one(OUTSIDE[0], 16)),
    ("a buffer behind memory", || one(OUTSIDE[1], 16)),
    ("a buffer around the end of all", || one(OUTSIDE[2], 16)),
    ("a buffer that ends outside", || one(address(DATA), 0xffff_ff00)),
    ("a buffer to read behind one to write", || {
        descriptor(0, 0, address(DATA), 16, NEXT | WRITE, 1);
        descriptor(0, 1, address(DATA), 16, 0, 0);
        available(1, 0);
    }),
    ("a table in a table", || {
        descriptor(0, 0, address(TABLE), 32, INDIRECT, 0);
        descriptor(TABLE, 0, address(TABLE), 32, INDIRECT, 0);
        available(1, 0);
    }),
    ("more than the queue holds", || {
        descriptor(0, 0, address(DATA), 16, 0, 0);
        available(60000, 0);
    }),
];

/// Makes one buffer available.
fn one(to: u64, length: u32) {
    descriptor(0, 0, to, length, 0, 0);
    available(1, 0);
}

#[unsafe(no_mangle)]
extern "C" fn guest_main() -> ! {
    let pl011 = NonNull::new(core::ptr::with_exposed_provenance_mut(PL011)).expect("not null");
    // SAFETY: the machine has the device there, and nobody else uses it.
    let uart = Uart::new(unsafe { UniqueMmioPointer::new(pl011) });
    let mut tally = Tally::new("bad-virtio", uart);
    for (name, device) in [("disk", Device::new(DISK, 0)), ("network", Device::new(NETWORK, 1))] {
        split(&mut tally, name, &device);
        packed(&mut tally, name, &device);
        places(&mut tally, name, &device);
    }
    disk(&mut tally, &Device::new(DISK, 0));
    tally.done();
    loop {
        wait_for_interrupt();
    }
}

fn split(tally: &mut Tally<Uart>, name: &str, device: &Device) {
    for (misdeed, prepare) in MISDEEDS {
        let stopped = (0..ROUNDS).filter(|_| {
            device.set_up(right(), 0);
            prepare();
            device.notify();
            device.needs_reset() && used() == 0
        });
        tally.check(format_args!("{name}: {misdeed}"), stopped.count(), ROUNDS as usize);
    }
}

fn packed(tally: &mut Tally<Uart>, name: &str, device: &Device) {
    const AVAILABLE: u16 = 1 << 7;
    device.set_up(right(), PACKED);
    // Each is available, and says that another follows. The fields are the other way around in such a queue.
    (0..8).for_each(|n| descriptor(0, n, address(DATA), 16, 0, NEXT | AVAILABLE));
    device.notify();
    tally.check(format_args!("{name}: a packed chain that loops"), device.needs_reset(), true);
    device.set_up(right(), PACKED);
    descriptor(0, 0, OUTSIDE[1], 16, 0, AVAILABLE);
    device.notify();
    tally.check(format_args!("{name}: a packed buffer outside"), device.needs_reset(), true);
}

/// Queues where none can be.
fn places(tally: &mut Tally<Uart>, name: &str, device: &Device) {
    let right = right();
    let wrong = [
        Layout { size: 0, ..right },
        Layout { size: 7, ..right },
        Layout { size: 1 << 15, ..right },
        Layout { descriptors: OUTSIDE[0], ..right },
        Layout { descriptors: right.descriptors + 8, ..right },
        Layout { driver: OUTSIDE[1], ..right },
        Layout { device: OUTSIDE[2], ..right },
    ];
    let stopped = wrong.iter().filter(|&&layout| {
        device.set_up(layout, 0);
        device.needs_reset()
    });
    tally.check(format_args!("{name}: queues in impossible places"), stopped.count(), wrong.len());
}

/// Asks the disk for a sector, and waits for the answer: its status byte.
fn read(device: &Device, sector: u64, length: u32) -> u64 {
    const NOT_YET: u64 = 0xee;
    device.set_up(right(), 0);
    put(HEADER, 0);
    put(HEADER + 8, sector);
    put(RESULT, NOT_YET);
    descriptor(0, 0, address(HEADER), 16, NEXT, 1);
    descriptor(0, 1, address(DATA), length, NEXT | WRITE, 2);
    descriptor(0, 2, address(RESULT), 1, WRITE, 0);
    available(1, 0);
    device.notify();
    while used() == 0 && !device.needs_reset() {}
    get(RESULT)
}

fn disk(tally: &mut Tally<Uart>, device: &Device) {
    const DONE: u64 = 0;
    const ERROR: u64 = 1;
    tally.check("the disk works again", read(device, 0, 512), DONE);
    tally.check("its last sector", read(device, SECTORS - 1, 512), DONE);
    for (sector, length) in [(SECTORS, 512), (SECTORS - 1, 1024), (u64::MAX, 512), (0, 100)] {
        let errors = (0..ROUNDS).all(|_| read(device, sector, length) == ERROR);
        tally.check("what is not its own", errors, true);
    }
    device.set_up(right(), 0);
    descriptor(0, 0, address(HEADER), 8, 0, 0);
    available(1, 0);
    device.notify();
    tally.check("a request without a header", device.needs_reset(), true);
    let flood = (0..20 * ROUNDS).all(|_| read(device, 0, 512) == DONE);
    tally.check("many requests", flood, true);
}

#[unsafe(no_mangle)]
extern "C" fn guest_exception(_: u64) {
    skip_instruction();
}

#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}
