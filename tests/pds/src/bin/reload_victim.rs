//! Looks whether its memory is as in the image, spoils all of it, and ends as it is told to.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::hint::black_box;
use core::mem::transmute;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, pd_life, pd_name, protection_domain, var, with_msg_regs,
    with_msg_regs_mut,
};
use test_pds::reload::{FILLED, Findings, end, kind};

/// What a value is spoilt with.
const SPOILT: u64 = 0xdead_dead_dead_dead;
const INITIAL: u64 = 0x1234_5678;
/// Where nothing is.
const NOWHERE: usize = 0xdead_0000;

static DATA: [AtomicU64; 600] = [const { AtomicU64::new(INITIAL) }; 600];
static ZEROS: [AtomicU64; 1000] = [const { AtomicU64::new(0) }; 1000];

struct Victim;

#[protection_domain]
fn init() -> impl Handler {
    if pd_name() == Ok("crasher") {
        bad_write();
    }
    if let Some(findings) = NonNull::new(*var!(findings_vaddr: usize = 0) as *mut Findings) {
        // SAFETY: the region is mapped for good, and both domains use it as atomics only.
        let findings = unsafe { findings.as_ref() };
        findings.starts.fetch_add(1, Relaxed);
        findings.life.store(pd_life(), Relaxed);
        findings.dirty.fetch_or(look_and_spoil(), Relaxed);
    }
    Victim
}

/// The words of a region of this domain's own.
fn region(vaddr: usize, size: usize) -> &'static [AtomicU64] {
    let base = ptr::with_exposed_provenance::<AtomicU64>(vaddr);
    // SAFETY: the description maps so many bytes there, for this domain alone.
    unsafe { core::slice::from_raw_parts(base, size / size_of::<u64>()) }
}

/// Spoils words; whether they all had been `expected`.
fn spoil(words: &[AtomicU64], expected: u64) -> bool {
    words.iter().fold(true, |clean, word| clean & (word.swap(SPOILT, Relaxed) == expected))
}

/// Spoils all that can be written; the kinds of memory that were not as they should be, a bit each.
fn look_and_spoil() -> u64 {
    let filled = region(*var!(filled_vaddr: usize = 0), 0x2000);
    // A line is there; the rest is zero.
    let start = [0, 1].map(|n| filled[n].swap(SPOILT, Relaxed)) == FILLED.map(u64::from_le_bytes);
    let behind = spoil(&filled[4..], 0);
    let ipc_buffer = with_msg_regs(|words| words[8..].iter().all(|word| *word == 0));
    with_msg_regs_mut(|words| words.fill(SPOILT));
    let kinds = [
        (kind::DATA, spoil(&DATA, INITIAL)),
        (kind::ZEROS, spoil(&ZEROS, 0)),
        (kind::FILLED, start && behind),
        (kind::LARGE, spoil(region(*var!(large_vaddr: usize = 0), *var!(large_size: usize = 0)), 0)),
        (kind::IPC_BUFFER, ipc_buffer),
        (kind::STACK, spoil_stack()),
        (kind::FLOATING_POINT, spoil_floating_point()),
    ];
    kinds.iter().fold(0, |dirty, (kind, clean)| dirty | u64::from(!clean) << kind)
}

/// Spoils the lowest part of the stack, which this program does not reach.
fn spoil_stack() -> bool {
    const BYTES: usize = 0x400;
    let bottom = sel4_abi::microkit::address::STACK_TOP - sel4_abi::microkit::limit::STACK_DEFAULT;
    spoil(region(bottom as usize, BYTES), 0)
}

/// Spoils the first and the last floating-point register and the rounding; whether all three were as at first.
#[cfg(target_os = "none")]
fn spoil_floating_point() -> bool {
    /// Rounding towards zero.
    const TOWARDS_ZERO: u64 = 3 << 22;
    let (first, last, control): (u64, u64, u64);
    // SAFETY: the program is built without floating point, so nobody has anything in its registers.
    // The moves are `fmov` from and to d0 and d31, the control register is FPCR, which the assembler refuses in such a program.
    unsafe {
        core::arch::asm!(
            ".inst 0x9e660000", // fmov x0, d0
            ".inst 0x9e6603e1", // fmov x1, d31
            ".inst 0x9e670040", // fmov d0, x2
            ".inst 0x9e67005f", // fmov d31, x2
            "mrs x4, s3_3_c4_c4_0",
            "msr s3_3_c4_c4_0, x3",
            out("x0") first, out("x1") last, in("x2") SPOILT, in("x3") TOWARDS_ZERO, out("x4") control,
        );
    }
    (first, last, control) == (0, 0, 0)
}

/// A host has no such registers.
#[cfg(not(target_os = "none"))]
fn spoil_floating_point() -> bool {
    true
}

fn bad_write() {
    let address = ptr::without_provenance_mut::<u32>(black_box(NOWHERE));
    // SAFETY: nothing is mapped there: the thread stops.
    unsafe { ptr::write_volatile(address, 1) };
}

fn bad_jump() {
    // SAFETY: nothing is mapped there: the thread stops.
    let function = unsafe { transmute::<usize, extern "C" fn()>(black_box(NOWHERE)) };
    function();
}

impl Handler for Victim {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Self::Error> {
        Ok(())
    }

    fn protected(&mut self, _: Channel, message: MessageInfo) -> Result<MessageInfo, Self::Error> {
        match message.label() {
            end::BAD_WRITE => bad_write(),
            end::BAD_JUMP => bad_jump(),
            end::PANIC => panic!("as it is told to"),
            _ => {}
        }
        Ok(message)
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("reload_victim is a protection domain: it runs on quoll only");
}
