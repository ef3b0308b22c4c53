//! Keeps the hostile going and judges, when it is done, whether the others are as they were.
//!
//! It is the hostile's parent and of lower priority: when it runs, the hostile does not, because it blocks or faulted.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::sync::atomic::Ordering;

use safe_mmio::UniqueMmioPointer;
use sel4::{Cap, UserContext, cap_type};
use sel4_abi::microkit::{address::STACK_TOP, root_slot_cptr, slot};
use sel4_microkit::{
    Channel, Child, MessageInfo, NullHandler, memory_region_symbol, protection_domain, with_msg_regs, with_msg_regs_mut,
};
use test_pds::isolation::{Findings, Orders, Progress, Testimony};
use test_pds::label;
use test_report::Tally;
use test_report::uart::{self, Uart};

const HOSTILE: Child = Child::new(1);
/// Slot of its scheduling context.
const HOSTILES_TIME: u64 = 1;
/// The first registers of a thread.
const PC_AND_SP: u64 = 2;
const SERVER: Channel = Channel::new(0);
const PASSIVE: Channel = Channel::new(1);

/// Restarts in a row without a system call, after which the hostile is given up.
const MAX_IDLE_RESTARTS: u32 = 1000;
/// Rounds that the witness has to do when all is over.
const FURTHER_ROUNDS: u64 = 10;
/// For which the judge waits so many yields: some seconds.
const PATIENCE: u64 = 10_000_000;

#[protection_domain]
fn init() -> NullHandler {
    // SAFETY: the device is mapped there for good; beside this domain only a debug kernel writes to it.
    let uart = unsafe { UniqueMmioPointer::new(memory_region_symbol!(uart_vaddr: *mut uart::Registers)) };
    // SAFETY: the regions are mapped for good, and all domains use them as atomics only, or only read them.
    let (progress, testimony, findings, orders) = unsafe {
        (
            memory_region_symbol!(progress_vaddr: *mut Progress).as_ref(),
            memory_region_symbol!(testimony_vaddr: *mut Testimony).as_ref(),
            memory_region_symbol!(findings_vaddr: *mut Findings).as_ref(),
            memory_region_symbol!(orders_vaddr: *mut [u8; 64]).as_ref(),
        )
    };
    let mut tally = Tally::new("isolation", Uart::new(uart));
    match Orders::parse(orders) {
        Some(orders) => judge(&mut tally, orders, progress, testimony),
        None => tally.check("the orders can be read", false, true),
    }
    if cfg!(sel4_debug) {
        check_slots(&mut tally, findings);
    }
    tally.done();
    NullHandler::new()
}

fn judge(tally: &mut Tally<Uart>, orders: Orders, progress: &Progress, testimony: &Testimony) {
    let Orders { seed, calls } = orders;
    tally.check(format_args!("{calls} system calls at random, seed {seed}"), urge(orders, progress), Ok(()));
    tally.check("the hostile is stopped", HOSTILE.tcb().tcb_suspend(), Ok(()));
    tally.check("the witness goes on", has_gone_on(testimony), true);
    tally.check("the witness found nothing wrong", testimony.errors.load(Ordering::Acquire), 0);
    tally.check("the server answers", echoes(SERVER), true);
    tally.check("the passive server answers", echoes(PASSIVE), true);
}

/// Why the hostile doesn't go on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stuck {
    /// It makes no system call though it is started.
    Silent,
    /// It can't be started.
    Unstartable(sel4::Error),
}

/// Restarts the hostile until it has made its calls; the error is where it got stuck.
fn urge(orders: Orders, progress: &Progress) -> Result<(), (u64, Stuck)> {
    // On several cores the judge may be the first to run.
    let entry = || progress.entry.load(Ordering::Acquire);
    if !comes_true(|| entry() != 0) {
        return Err((0, Stuck::Silent));
    }
    let (mut before, mut idle) = (0, 0);
    loop {
        let calls = progress.calls.load(Ordering::Acquire);
        if calls >= orders.calls {
            return Ok(());
        }
        idle = if calls == before { idle + 1 } else { 0 };
        before = calls;
        if idle > MAX_IDLE_RESTARTS {
            return Err((calls, Stuck::Silent));
        }
        restart(entry()).map_err(|error| (calls, Stuck::Unstartable(error)))?;
    }
}

/// Starts the hostile again: from its entry point, with an empty stack, and with its time, which it may have given to a
/// server for good.
fn restart(entry: u64) -> sel4::Result<()> {
    let time = Cap::<cap_type::SchedContext>::from_bits(root_slot_cptr(HOSTILES_TIME));
    time.unbind()?;
    sel4_invocations::sched_context_bind(time, HOSTILE.tcb().cptr())?;
    let mut registers = UserContext::default();
    *registers.pc_mut() = entry;
    *registers.sp_mut() = STACK_TOP;
    HOSTILE.tcb().tcb_write_registers(true, PC_AND_SP, &mut registers)
}

fn has_gone_on(testimony: &Testimony) -> bool {
    let rounds = || testimony.rounds.load(Ordering::Acquire);
    let enough = rounds() + FURTHER_ROUNDS;
    comes_true(|| rounds() >= enough)
}

/// Lets others run until something is the case, or patience ends.
fn comes_true(condition: impl Fn() -> bool) -> bool {
    (0..PATIENCE).any(|_| {
        sel4::r#yield();
        condition()
    })
}

fn echoes(server: Channel) -> bool {
    with_msg_regs_mut(|words| words[..6].copy_from_slice(&[1, 2, 3, 4, 5, u64::MAX]));
    let answer = server.pp_call(MessageInfo::new(label::ECHO, 6));
    answer.label() == label::ECHO + 1 && with_msg_regs(|words| words[..6] == [2, 3, 4, 5, 6, 0])
}

/// What `tests/systems/isolation.xml` gives the probe: channels 5 and 61, of which it calls the first, an interrupt, a
/// child, a virtual CPU.
const GIVEN: [u64; 11] = [
    slot::INPUT,
    slot::FAULT_ENDPOINT,
    slot::VSPACE,
    slot::REPLY,
    slot::BASE_OUTPUT_NOTIFICATION + 5,
    slot::BASE_OUTPUT_NOTIFICATION + 61,
    slot::BASE_ENDPOINT + 5,
    slot::BASE_IRQ + 30,
    slot::BASE_TCB + 9,
    slot::BASE_VM_TCB + 61,
    slot::BASE_VCPU + 61,
];
/// The Microkit CNode, and the capabilities that the probe is granted.
const GIVEN_ROOT: [u64; 3] = [0, 1, 63];

/// Holds what the probe found in its slots against what the description says.
fn check_slots(tally: &mut Tally<Uart>, findings: &Findings) {
    let mut given = [0; 8];
    GIVEN.iter().for_each(|slot| given[*slot as usize / 64] |= 1 << (slot % 64));
    let given_root = GIVEN_ROOT.iter().fold(0, |slots, slot| slots | 1 << slot);
    tally.check("all slots are probed", findings.done.load(Ordering::Acquire), 1);
    let found = findings.inner.each_ref().map(|word| word.load(Ordering::Acquire));
    tally.check("a protection domain holds what it is given", found, given);
    tally.check("nothing else is in its root CNode", findings.root.load(Ordering::Acquire), given_root);
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("isolation_judge is a protection domain: it runs on quoll only");
}
