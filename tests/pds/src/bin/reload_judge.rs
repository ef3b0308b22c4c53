//! Has a child of the supervisor end in several ways, and judges what comes after.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::sync::atomic::Ordering::Acquire;

use safe_mmio::UniqueMmioPointer;
use sel4_abi::quoll::reload::LOST_CALL;
use sel4_microkit::{Channel, MessageInfo, NullHandler, get_mr, memory_region_symbol, protection_domain, set_mr};
use supervisor::request;
use test_pds::reload::{Findings, end};
use test_report::Tally;
use test_report::uart::{self, Uart};

const SUPERVISOR: Channel = Channel::new(0);
const VICTIM: Channel = Channel::new(1);
const VICTIM_ID: u64 = 1;
const CRASHER_ID: u64 = 2;

/// Restarts of a child that always faults, until it is given up.
const RESTARTS: u64 = 4;

#[protection_domain]
fn init() -> NullHandler {
    // SAFETY: the device is mapped there for good; beside this domain only a debug kernel writes to it.
    let uart = unsafe { UniqueMmioPointer::new(memory_region_symbol!(uart_vaddr: *mut uart::Registers)) };
    // SAFETY: the region is mapped for good, and both domains use it as atomics only.
    let findings = unsafe { memory_region_symbol!(findings_vaddr: *mut Findings).as_ref() };
    let mut tally = Tally::new("reload", Uart::new(uart));
    faults(&mut tally, findings);
    requests(&mut tally, findings);
    endless(&mut tally);
    tally.done();
    NullHandler::new()
}

/// Lives that end at once would be counted.
fn let_it_live() {
    let until = counter() + frequency() / 8;
    while counter() < until {}
}

/// How often the victim has started, which life it believes this to be, and what it found that was not as in the image.
fn seen(findings: &Findings) -> (u64, u64, u64) {
    (findings.starts.load(Acquire), findings.life.load(Acquire), findings.dirty.load(Acquire))
}

fn faults(tally: &mut Tally<Uart>, findings: &Findings) {
    tally.check("it starts with the memory of its image", seen(findings), (1, 0, 0));
    let ends = [("a bad write", end::BAD_WRITE), ("a bad jump", end::BAD_JUMP), ("a panic", end::PANIC)];
    for (life, (name, label)) in (1..).zip(ends) {
        let_it_live();
        let answer = VICTIM.pp_call(MessageInfo::new(label, 0));
        tally.check(format_args!("who called it does not wait for ever after {name}"), answer.label(), LOST_CALL);
        tally.check(
            format_args!("it starts with the memory of its image after {name}"),
            seen(findings),
            (life + 1, life, 0),
        );
    }
}

fn ask(label: u64, child: u64) -> u64 {
    set_mr(0, child);
    SUPERVISOR.pp_call(MessageInfo::new(label, 1)).label()
}

/// Restarts, and whether it runs.
fn status(child: u64) -> (u64, u64, u64) {
    (ask(request::STATUS, child), get_mr(0), get_mr(1))
}

fn requests(tally: &mut Tally<Uart>, findings: &Findings) {
    tally.check("it answers", VICTIM.pp_call(MessageInfo::new(end::NONE, 0)).label(), end::NONE);
    tally.check("it is restarted on request", ask(request::RESTART, VICTIM_ID), request::DONE);
    tally.check("with the memory of its image", seen(findings), (5, 4, 0));
    tally.check("the supervisor counts", status(VICTIM_ID), (request::DONE, 4, 1));
    tally.check("it answers again", VICTIM.pp_call(MessageInfo::new(end::NONE, 0)).label(), end::NONE);
    tally.check("there is no other child", ask(request::RESTART, 9), request::REFUSED);
    tally.check("there is no other request", ask(77, VICTIM_ID), request::REFUSED);
    tally.check(
        "a request names a child",
        SUPERVISOR.pp_call(MessageInfo::new(request::RESTART, 0)).label(),
        request::REFUSED,
    );
}

fn endless(tally: &mut Tally<Uart>) {
    tally.check("who always faults is given up", status(CRASHER_ID), (request::DONE, RESTARTS, 0));
    tally.check("but restarted on request", ask(request::RESTART, CRASHER_ID), request::DONE);
    tally.check("and given up again", status(CRASHER_ID), (request::DONE, 2 * RESTARTS + 1, 0));
}

#[cfg(target_os = "none")]
use sel4::{counter, counter_frequency as frequency};

/// A host has no such counter.
#[cfg(not(target_os = "none"))]
fn counter() -> u64 {
    u64::MAX / 2
}

/// As above.
#[cfg(not(target_os = "none"))]
fn frequency() -> u64 {
    0
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("reload_judge is a protection domain: it runs on quoll only");
}
