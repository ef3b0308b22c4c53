//! Drives the test system `native` (`tests/systems/native.xml`) and judges each case.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod rtc;

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use rtc::Rtc;
use safe_mmio::UniqueMmioPointer;
use sel4_microkit::{
    Channel, ChannelSet, Child, DeferredAction, DeferredActionSlot, Handler, IrqAckError, MessageInfo, get_mr,
    memory_region_symbol, pd_name, protection_domain, set_mr, with_msg_regs, with_msg_regs_mut,
};
use test_pds::{CHILD_FAULT_ADDRESS, label};
use test_report::Tally;
use test_report::uart::{self, Uart};

const SERVER: Channel = Channel::new(0);
const PASSIVE: Channel = Channel::new(1);
const PARTNER: Channel = Channel::new(2);
const RTC: Channel = Channel::new(3);
const CHILD: Channel = Channel::new(4);
const CHILD_FAULT: Channel = Channel::new(5);
/// One for each way in which a domain can fault.
const FAULTY: [Channel; 7] = [
    Channel::new(11),
    Channel::new(12),
    Channel::new(13),
    Channel::new(14),
    Channel::new(15),
    Channel::new(16),
    Channel::new(17),
];

const CHILD_ID: Child = Child::new(1);
const ROUNDS: u64 = 10;
/// Registers that a restart writes.
const PC_ONLY: u64 = 1;

/// What the tester waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Partner { rounds: u64 },
    Passive,
    Alarm,
    AlarmAfterDeferredAck,
    ChildStart,
    ChildFault,
    ChildRestart,
    AlarmWhileChildIsStopped,
    ChildAnswer,
    Nothing,
}

struct Tester {
    tally: Tally<Uart>,
    wait: Wait,
    rtc: Rtc,
    shared: &'static AtomicU64,
    hog: &'static AtomicU64,
    /// Where the child starts, once it has told.
    child_entry: Option<u64>,
    deferred: DeferredActionSlot,
}

#[protection_domain(heap_size = 0x2_0000)]
fn init() -> impl Handler {
    // SAFETY: the device is mapped there for good; beside this domain only a debug kernel writes to it.
    let uart = unsafe { UniqueMmioPointer::new(memory_region_symbol!(uart_vaddr: *mut uart::Registers)) };
    let mut tester = Tester {
        tally: Tally::new("native", Uart::new(uart)),
        wait: Wait::Partner { rounds: 0 },
        // SAFETY: the device is mapped there for good, for this domain alone.
        rtc: unsafe { Rtc::new(memory_region_symbol!(rtc_vaddr: *mut rtc::Registers)) },
        // SAFETY: the region is mapped for good, and both domains use its first word as an atomic only.
        shared: unsafe { memory_region_symbol!(shared_vaddr: *mut AtomicU64).as_ref() },
        // SAFETY: as above.
        hog: unsafe { memory_region_symbol!(hog_vaddr: *mut AtomicU64).as_ref() },
        child_entry: None,
        deferred: DeferredActionSlot::new(),
    };
    tester.tally.check("name", pd_name(), Ok("tester"));
    let squares: Vec<u64> = (0..100).map(|i| i * i).collect();
    tester.tally.check("heap", squares.iter().sum(), 328_350);
    tester.calls();
    PARTNER.notify();
    tester
}

impl Tester {
    /// The cases that need no waiting.
    fn calls(&mut self) {
        for words in [0, 1, 4, 5, sel4::NUM_MESSAGE_REGISTERS] {
            self.echo("protected call", SERVER, label::ECHO, words);
        }
        for words in [0, 4, sel4::NUM_MESSAGE_REGISTERS] {
            self.echo("protected call of a passive server", PASSIVE, label::ECHO, words);
            self.echo("protected call through both servers", SERVER, label::ECHO_FURTHER, words);
        }
    }

    fn echo(&mut self, case: &str, channel: Channel, label: u64, words: usize) {
        with_msg_regs_mut(|msg| msg[..words].iter_mut().zip(100..).for_each(|(word, value)| *word = value));
        let answer = channel.pp_call(MessageInfo::new(label, words));
        let right = with_msg_regs(|msg| msg[..words].iter().copied().eq((101..).take(words)));
        self.tally.check(case, (answer.label(), answer.count(), right), (label + 1, words, true));
    }

    fn partner(&mut self, rounds: u64) {
        if rounds + 1 < ROUNDS {
            self.wait = Wait::Partner { rounds: rounds + 1 };
            PARTNER.notify();
            return;
        }
        self.tally.check("notifications and shared memory", self.shared.load(Ordering::Acquire), ROUNDS);
        self.wait = Wait::Passive;
        PASSIVE.notify();
    }

    fn alarm(&mut self, next: Wait) {
        self.wait = next;
        self.rtc.set_alarm();
    }

    fn passive(&mut self) {
        self.tally.check("notification of a passive server", (), ());
        self.echo("protected call of a passive server that was notified", PASSIVE, label::ECHO, 1);
        self.alarm(Wait::Alarm);
    }

    fn first_alarm(&mut self) -> Result<(), IrqAckError> {
        self.tally.check("interrupt", self.rtc.clear_alarm(), true);
        self.alarm(Wait::AlarmAfterDeferredAck);
        self.deferred.defer_irq_ack(RTC)
    }

    fn second_alarm(&mut self) -> Result<(), IrqAckError> {
        self.tally.check("interrupt after a deferred acknowledgement", self.rtc.clear_alarm(), true);
        self.tally.check("a hog of higher priority runs, and keeps to its budget", self.hog_runs(), true);
        self.wait = Wait::ChildStart;
        self.fault_child();
        RTC.irq_ack()
    }

    fn hog_runs(&self) -> bool {
        self.hog.load(Ordering::Relaxed) != 0
    }

    /// Lets the child fault, if it has started.
    fn fault_child(&mut self) {
        if self.child_entry.is_some() {
            self.wait = Wait::ChildFault;
            CHILD_FAULT.notify();
        }
    }

    /// While the child is stopped it does not answer.
    fn stop_child(&mut self) {
        self.tally.check("child stopped", CHILD_ID.tcb().tcb_suspend(), Ok(()));
        CHILD.notify();
        self.alarm(Wait::AlarmWhileChildIsStopped);
    }

    fn resume_child(&mut self) -> Result<(), IrqAckError> {
        self.tally.check("a stopped child does not run", self.rtc.clear_alarm(), true);
        self.tally.check("child resumed", CHILD_ID.tcb().tcb_resume(), Ok(()));
        self.wait = Wait::ChildAnswer;
        RTC.irq_ack()
    }

    /// The monitor reports these; they are of higher priority, so that it does so at once.
    fn finish(&mut self) {
        self.tally.check("a resumed child runs", (), ());
        self.wait = Wait::Nothing;
        for channel in FAULTY {
            channel.notify();
        }
        self.tally.done();
    }

    fn notified_by(&mut self, channel: Channel) -> Result<(), IrqAckError> {
        match (self.wait, channel) {
            (Wait::Partner { rounds }, PARTNER) => self.partner(rounds),
            (Wait::Passive, PASSIVE) => self.passive(),
            (Wait::Alarm, RTC) => self.first_alarm()?,
            (Wait::AlarmAfterDeferredAck, RTC) => self.second_alarm()?,
            (Wait::ChildRestart, CHILD) => self.stop_child(),
            (Wait::AlarmWhileChildIsStopped, RTC) => self.resume_child()?,
            (Wait::ChildAnswer, CHILD) => self.finish(),
            (wait, channel) => self.tally.check("notified as expected", (wait, channel.index()), (wait, usize::MAX)),
        }
        Ok(())
    }
}

impl Handler for Tester {
    type Error = IrqAckError;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        channels.iter().try_for_each(|channel| self.notified_by(channel))
    }

    fn protected(&mut self, channel: Channel, msg_info: MessageInfo) -> Result<MessageInfo, Self::Error> {
        let (starts, entry) = (get_mr(0), get_mr(1));
        let expected = if self.wait == Wait::ChildRestart { 2 } else { 1 };
        let result = (channel, msg_info.label(), msg_info.count(), starts);
        self.tally.check("child starts", result, (CHILD, label::STARTED, 2, expected));
        self.child_entry = Some(entry);
        match self.wait {
            Wait::ChildStart => self.fault_child(),
            // It is stopped when it has answered this, and waits.
            Wait::ChildRestart => CHILD.notify(),
            _ => {}
        }
        set_mr(0, 0);
        Ok(MessageInfo::new(label::STARTED, 0))
    }

    fn fault(&mut self, child: Child, msg_info: MessageInfo) -> Result<Option<MessageInfo>, Self::Error> {
        let address = match msg_info.fault() {
            sel4::Fault::VmFault(fault) => Some(fault.addr()),
            _ => None,
        };
        let expected = (Wait::ChildFault, CHILD_ID, Some(CHILD_FAULT_ADDRESS));
        self.tally.check("child's fault", (self.wait, child, address), expected);
        if let Some(entry) = self.child_entry {
            self.wait = Wait::ChildRestart;
            let mut context = sel4::UserContext::default();
            *context.pc_mut() = entry;
            let restarted = child.tcb().tcb_write_registers(true, PC_ONLY, &mut context);
            self.tally.check("child restarted", restarted, Ok(()));
        }
        Ok(None)
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("native_tester is a protection domain: it runs on quoll only");
}
