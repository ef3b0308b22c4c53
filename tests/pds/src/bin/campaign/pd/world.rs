//! What the campaign sees of the system, and how it waits.

use core::fmt::{self, Write};
use core::sync::atomic::Ordering::Relaxed;

use arm_sysregs::el0::{
    accessors::{read_cntfrq_el0, read_cntpct_el0, write_cntp_ctl_el0, write_cntp_cval_el0},
    registers::{CntpCtlEl0, CntpCvalEl0},
};
use ivc::{Region, console::Port};
use sel4_abi::microkit::slot;
use sel4_microkit::{Channel, MessageInfo, get_mr, memory_region_symbol, set_mr, var};
use supervisor::request;
use test_pds::campaign::{Reader, TARGETS, Target, Ticks};

const SUPERVISOR: Channel = Channel::new(0);
const LINUX: Channel = Channel::new(1);
const CONSOLE: Channel = Channel::new(2);
const TIMER: Channel = Channel::new(3);

/// How often it looks, and how often in vain before it gives up. The machine's time flies while all wait for the host's disk.
const LOOK_US: u64 = 5_000;
const PATIENCE: u64 = 200_000;
const SECOND_US: u64 = 1_000_000;

/// What Linux is told in its first life, and in later ones.
const FIRST: &str = "mke2fs /dev/vda > /dev/null && mount /dev/vda /mnt && head -c 100000 /dev/urandom > /mnt/keep && md5sum /mnt/keep > /mnt/sum && sync";
const LATER: &str = "mount /dev/vda /mnt";
const CHECK: &str = "md5sum -c /mnt/sum";
const SET_UP: &str = "echo 1 > /proc/sys/kernel/panic; ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up";
/// Writes, makes sure that it is on the disk, reads it from there, takes random bytes, and has the world outside answer.
const LOAD: &str = "(while :; do dd if=/dev/urandom of=/mnt/f bs=4k count=16 2> /dev/null; md5sum /mnt/f > /tmp/s; sync; \
    echo 3 > /proc/sys/vm/drop_caches; head -c 16 /dev/hwrng > /tmp/r; until ping -c 1 -W 1 10.0.2.2 > /tmp/p; do :; done; \
    md5sum -c /tmp/s > /tmp/o && echo be\"\"at || echo ba\"\"d; done) &";

/// What has not happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Linux's prompt.
    Prompt,
    /// The file of its first life.
    File,
    /// Rounds of its load.
    Beats,
    /// The other guest's ticks.
    Ticks,
    /// One restart of the right child, and none of others; those that there were, a bit each.
    Restart(u64),
    /// The console server takes no output.
    Console,
}

/// How things stand.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    beats: u64,
    ticks: u64,
    starts: u64,
    restarts: [u64; TARGETS.len()],
}

pub struct World {
    line: Port<'static>,
    console: Port<'static>,
    pub linux: Reader,
    pub ticks: &'static Ticks,
}

impl World {
    pub fn new() -> Self {
        // SAFETY: the page is mapped for good, and both parties use it as atomics only.
        let ticks = unsafe { memory_region_symbol!(ticks_vaddr: *mut Ticks).as_ref() };
        let line = memory_region_symbol!(linux_vaddr: *mut u8);
        // SAFETY: the region is mapped for good, and only this line uses it.
        let line = unsafe { Region::from_raw(line, *var!(linux_size: usize = 0)) };
        let console = memory_region_symbol!(console_vaddr: *mut u8);
        // SAFETY: as above.
        let console = unsafe { Region::from_raw(console, *var!(console_size: usize = 0)) };
        Self {
            line: line.and_then(Port::server).expect("a region for two rings"),
            console: console.and_then(Port::client).expect("a region for two rings"),
            linux: Reader::default(),
            ticks,
        }
    }

    /// Prints a line on the console.
    pub fn say(&mut self, line: fmt::Arguments<'_>) {
        // What there is no room for is not said.
        let _ = writeln!(Console(&mut self.console), "{line}");
        if self.console.owes_signal() {
            CONSOLE.notify();
        }
    }

    /// Types a line at Linux's shell.
    pub fn type_line(&mut self, line: &str) {
        self.linux.prompt = false;
        for bytes in [line.as_bytes(), b"\r"] {
            let mut rest = bytes;
            let mut looks = 0;
            while !rest.is_empty() && looks < PATIENCE {
                let sent = self.line.write(rest);
                rest = &rest[sent..];
                if !rest.is_empty() {
                    looks += 1;
                    self.sleep(LOOK_US);
                }
                self.read();
            }
        }
    }

    /// Reads what Linux prints.
    fn read(&mut self) {
        let mut buffer = [0; 256];
        loop {
            let length = self.line.read(&mut buffer);
            self.linux.feed(&buffer[..length]);
            if length == 0 && self.line.await_input() {
                break;
            }
        }
        if self.line.owes_signal() {
            LINUX.notify();
        }
    }

    /// Sleeps so many microseconds at most: until something happens.
    fn sleep(&mut self, us: u64) {
        wait_until(now() + us * frequency() / SECOND_US);
    }

    /// Lets time go by.
    pub fn pause(&mut self, us: u64) {
        let until = now() + us * frequency() / SECOND_US;
        while now() < until {
            wait_until(until);
            self.read();
        }
    }

    /// Waits until something is the case.
    fn wait_for(&mut self, missing: Missing, condition: impl Fn(&Self) -> bool) -> Result<(), Missing> {
        for _ in 0..PATIENCE {
            self.read();
            if condition(self) {
                return Ok(());
            }
            self.sleep(LOOK_US);
        }
        Err(missing)
    }

    fn tell_linux(&mut self, line: &str) -> Result<(), Missing> {
        self.wait_for(Missing::Prompt, |world| world.linux.prompt)?;
        self.type_line(line);
        self.wait_for(Missing::Prompt, |world| world.linux.prompt)
    }

    /// Linux boots, makes a file system, keeps a file there, and begins to work.
    pub fn first_life(&mut self) -> Result<(), Missing> {
        self.tell_linux(FIRST)?;
        self.work()
    }

    /// What Linux has said is of a life that ends now: the next prompt is the next life's.
    pub fn expect_boot(&mut self) {
        self.read();
        self.linux.prompt = false;
    }

    /// Linux, which has booted again, finds its file, and begins to work.
    fn later_life(&mut self) -> Result<(), Missing> {
        self.tell_linux(LATER)?;
        self.work()
    }

    fn work(&mut self) -> Result<(), Missing> {
        self.linux.kept = false;
        self.tell_linux(CHECK)?;
        self.wait_for(Missing::File, |world| world.linux.kept)?;
        self.tell_linux(SET_UP)?;
        self.type_line(LOAD);
        let beats = self.linux.beats;
        self.wait_for(Missing::Beats, |world| world.linux.beats > beats)
    }

    /// How things stand.
    pub fn look(&mut self) -> Standing {
        self.read();
        Standing {
            beats: self.linux.beats,
            ticks: self.ticks.ticks.load(Relaxed),
            starts: self.ticks.starts.load(Relaxed),
            restarts: TARGETS.map(|(_, target)| restarts(target)),
        }
    }

    /// Waits until all goes on that was so `before` some were killed; how many microseconds that took.
    pub fn recover(&mut self, killed: &[Target], before: &Standing, beats: u64, ticks: u64) -> Result<u64, Missing> {
        let began = now();
        let places = TARGETS.iter().enumerate().filter(|(_, (_, target))| killed.contains(target));
        let children = places.filter(|(_, (_, target))| matches!(target, Target::Child(_)));
        let expected = children.fold(0, |all, (place, _)| all | 1 << place);
        // They fault when it is their turn.
        self.wait_for(Missing::Restart(0), |_| changed(before) & expected == expected)?;
        if killed.iter().any(|target| target.takes_ticker_along()) {
            self.wait_for(Missing::Ticks, |world| world.ticks.starts.load(Relaxed) == before.starts + 1)?;
        }
        let enough = before.ticks + ticks;
        self.wait_for(Missing::Ticks, |world| world.ticks.ticks.load(Relaxed) >= enough)?;
        if killed.iter().any(|target| target.takes_linux_along()) {
            self.later_life()?;
        }
        let enough = self.linux.beats.max(before.beats) + beats;
        self.wait_for(Missing::Beats, |world| world.linux.beats >= enough)?;
        self.wait_for_console()?;
        let took = (now() - began) * SECOND_US / frequency();
        check_restarts(expected, before)?;
        Ok(took)
    }

    /// The console server has taken what was said.
    fn wait_for_console(&mut self) -> Result<(), Missing> {
        for _ in 0..PATIENCE {
            if self.console.space() >= CONSOLE_ROOM {
                return Ok(());
            }
            let _ = self.console.await_space();
            self.sleep(LOOK_US);
        }
        Err(Missing::Console)
    }
}

/// How often each was restarted since.
fn changes(before: &Standing) -> [u64; TARGETS.len()] {
    core::array::from_fn(|place| restarts(TARGETS[place].1) - before.restarts[place])
}

/// The places of those that were restarted since, a bit each.
fn changed(before: &Standing) -> u64 {
    changes(before).iter().enumerate().fold(0, |all, (place, count)| all | u64::from(*count != 0) << place)
}

/// Whether those of these places, a bit each, have been restarted once, and no others.
fn check_restarts(expected: u64, before: &Standing) -> Result<(), Missing> {
    let once = changes(before).iter().all(|count| *count <= 1);
    let restarted = changed(before);
    if once && restarted == expected { Ok(()) } else { Err(Missing::Restart(restarted)) }
}

/// Has the supervisor stop a child and start it anew. That it did not shows: it counts no restart.
pub fn restart(id: u64) {
    set_mr(0, id);
    SUPERVISOR.pp_call(MessageInfo::new(request::RESTART, 1));
}

/// Room in the ring to the console when nothing is in it: a half of the region, without what precedes the bytes.
const CONSOLE_ROOM: usize = 0x8000 - 256;

/// How often a child was restarted; guests are no children.
pub fn restarts(target: Target) -> u64 {
    let Target::Child(id) = target else { return 0 };
    set_mr(0, id);
    let answer = SUPERVISOR.pp_call(MessageInfo::new(request::STATUS, 1));
    // Whoever does not run has not come back.
    if answer.label() == request::DONE && get_mr(1) == 1 { get_mr(0) } else { u64::MAX / 2 }
}

fn now() -> u64 {
    read_cntpct_el0().bits()
}

fn frequency() -> u64 {
    read_cntfrq_el0().bits()
}

/// Waits until a moment, or until a signal comes.
fn wait_until(moment: u64) {
    const INPUT: sel4::cap::Notification = sel4::Cap::from_bits(slot::INPUT);
    write_cntp_cval_el0(CntpCvalEl0::from_bits_retain(moment));
    write_cntp_ctl_el0(CntpCtlEl0::ENABLE);
    let (_, badge) = INPUT.wait();
    write_cntp_ctl_el0(CntpCtlEl0::empty());
    if badge & 1 << TIMER.index() != 0 {
        // The description gives it this interrupt.
        TIMER.irq_ack().expect("an interrupt's channel");
    }
}

struct Console<'a>(&'a mut Port<'static>);

impl fmt::Write for Console<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
