//! Makes system calls at random, with any capability, label and words, as long as its orders say. Where it blocks or
//! faults, its parent starts it again: what it counts and its random numbers outlive that.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::sync::atomic::{AtomicU64, Ordering};

use sel4::{CPtrBits, Cap, Word, cap_type, with_ipc_buffer_mut};
use sel4_abi::label::InvocationLabel;
use sel4_abi::microkit::{root_slot_cptr, slot};
use sel4_abi::syscall::{Syscall, register};
use sel4_microkit::{Never, memory_region_symbol, protection_domain};
use test_pds::isolation::{Orders, Progress};
use test_report::random::Random;

/// What the description gives it: its channels, its interrupt, its child, its virtual machine, and what it is granted.
const HELD: [CPtrBits; 15] = [
    slot::INPUT,
    slot::FAULT_ENDPOINT,
    slot::VSPACE,
    slot::REPLY,
    slot::BASE_OUTPUT_NOTIFICATION,
    slot::BASE_OUTPUT_NOTIFICATION + 1,
    slot::BASE_OUTPUT_NOTIFICATION + 2,
    slot::BASE_ENDPOINT,
    slot::BASE_ENDPOINT + 1,
    slot::BASE_IRQ + 3,
    slot::BASE_TCB,
    slot::BASE_VM_TCB + 1,
    slot::BASE_VCPU + 1,
    root_slot_cptr(1),
    root_slot_cptr(2),
];

/// System calls that exist in each configuration, the one that invokes objects more often than others.
const CALLS: [Syscall; 16] = [
    Syscall::Call,
    Syscall::Call,
    Syscall::Call,
    Syscall::Call,
    Syscall::Call,
    Syscall::Call,
    Syscall::ReplyRecv,
    Syscall::NBSendRecv,
    Syscall::NBSendWait,
    Syscall::Send,
    Syscall::NBSend,
    Syscall::Recv,
    Syscall::NBRecv,
    Syscall::Wait,
    Syscall::NBWait,
    Syscall::Yield,
];

/// The last label is followed by two that are none.
const LABELS: usize = InvocationLabel::COUNT + 2;

/// A restart sets the program counter and nothing else, so this survives.
static STATE: AtomicU64 = AtomicU64::new(0);

#[cfg(target_os = "none")]
fn entry_point() -> u64 {
    unsafe extern "C" {
        fn _start() -> !;
    }
    _start as *const () as u64
}

/// A host's entry point is not what a parent on quoll could use.
#[cfg(not(target_os = "none"))]
fn entry_point() -> u64 {
    0
}

#[protection_domain]
fn init() -> Never {
    // SAFETY: the region is mapped for good, and both domains use it as atomics only.
    let progress = unsafe { memory_region_symbol!(progress_vaddr: *mut Progress).as_ref() };
    // SAFETY: the region is mapped for good, and nobody writes it.
    let orders = unsafe { memory_region_symbol!(orders_vaddr: *mut [u8; 64]).as_ref() };
    let Some(orders) = Orders::parse(orders) else { panic!("no orders") };
    if STATE.load(Ordering::Relaxed) == 0 {
        STATE.store(Random::new(orders.seed).word(), Ordering::Relaxed);
    }
    progress.entry.store(entry_point(), Ordering::Release);
    while progress.calls.fetch_add(1, Ordering::Relaxed) < orders.calls {
        let mut random = Random::new(STATE.load(Ordering::Relaxed));
        let registers = registers(&mut random);
        let mut buffer = [0; 64];
        buffer.iter_mut().for_each(|word| *word = word_of(&mut random));
        STATE.store(random.word(), Ordering::Relaxed);
        attack(registers, &buffer);
    }
    // Faults of the child and the virtual machine still come.
    loop {
        Cap::<cap_type::Endpoint>::from_bits(slot::INPUT).recv(Cap::from_bits(slot::REPLY));
    }
}

/// One system call; whatever it answers.
fn attack(registers: [Word; 9], words: &[Word; 64]) {
    with_ipc_buffer_mut(|buffer| {
        buffer.msg_regs_mut()[..words.len() - 3].copy_from_slice(&words[3..]);
        buffer.caps_or_badges_mut().copy_from_slice(&words[..3]);
        sel4::quoll::raw_system_call(registers, buffer);
    });
}

fn registers(random: &mut Random) -> [Word; 9] {
    let mut registers = [0; 9];
    registers.iter_mut().for_each(|word| *word = word_of(random));
    registers[register::CAP] = capability(random);
    registers[register::INFO] = info(random);
    registers[register::REPLY] = capability(random);
    registers[register::NUMBER] = number(random) as Word;
    registers[8] = capability(random);
    registers
}

/// A system call's number. Those of a debug kernel that stop the machine or print are left out, as a release kernel
/// does.
fn number(random: &mut Random) -> i64 {
    if random.below(200) > 0 {
        return random.of(&CALLS) as i64;
    }
    let number = random.word() as i64 >> random.below(64);
    if (-31..=-12).contains(&number) { 0 } else { number }
}

fn capability(random: &mut Random) -> CPtrBits {
    match random.below(16) {
        0 => random.word(),
        1 => random.word() % 512,
        2 => root_slot_cptr(random.word() % 64),
        _ => random.of(&HELD),
    }
}

/// A message info: label, capabilities that are unwrapped, capabilities, words (seL4 manual, section 4.1).
fn info(random: &mut Random) -> Word {
    match random.below(32) {
        0 => random.word(),
        _ => {
            let label = random.below(LABELS) as Word;
            (label << 12) | ((random.word() % 4) << 7) | (random.word() % 12)
        }
    }
}

/// An argument: small, a capability, at an edge, an address, or anything.
fn word_of(random: &mut Random) -> Word {
    match random.below(8) {
        0..3 => random.word() % 40,
        3 => capability(random),
        4 => random.of(&[64, 255, 256, 1000, 4095, 4096, 1 << 17, 1 << 40, u64::MAX, u64::MAX - 1]),
        5 => (random.word() % 4096) << 12,
        6 => 1 << random.below(64),
        _ => random.word(),
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("isolation_hostile is a protection domain: it runs on quoll only");
}
