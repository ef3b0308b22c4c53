//! Running what is measured, and what the markers of a run say.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use marker_plugin::{Event, Range, What, parse_log};

use super::throughput;
use crate::build;
use crate::cli::{BuildOptions, Config};
use crate::console::Session;
use crate::guest::{Kernel, PROMPT};
use crate::machine::{Boot, Clock, Counter, Gic, Machine};
use crate::peripherals::Peripherals;
use crate::sizes;
use crate::workspace::Workspace;

/// Who runs the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// Nobody: the guest has QEMU's machine for itself.
    Bare,
    /// quoll.
    Quoll,
}

/// The last marker of the programs that measure.
const DONE: What = What::Marker(marker::DONE);

/// Where quoll executes: protection domains between where they are linked and where a Linux program is, which none of
/// them reaches; kernel and loader in the machine's memory, at addresses that no guest uses.
const HOST: [Range; 2] = [Range { start: 0x20_0000, size: 0x20_0000 }, Range { start: 0x6000_0000, size: 0x2000_0000 }];

/// What is said to a machine, and done until it ends; the path is that of the markers' log.
type Script = fn(&mut Session, &Path) -> Result<()>;

/// What a machine boots, and the devices for it.
type Start = (Boot, Peripherals);

/// Runs, each made once however many rows read it.
pub struct Bench<'a> {
    workspace: &'a Workspace,
    cpu: &'a str,
    gic: Gic,
    /// Events, or why there are none.
    runs: HashMap<String, Result<Vec<Event>, String>>,
}

impl<'a> Bench<'a> {
    /// Without any run yet.
    pub fn new(workspace: &'a Workspace, cpu: &'a str, gic: Gic) -> Self {
        Self { workspace, cpu, gic, runs: HashMap::new() }
    }

    /// Events of a Linux guest from power-on to its prompt, and through [`idle`].
    ///
    /// # Errors
    /// When it does not build or does not come up.
    pub fn linux(&mut self, host: Host, kernel: Kernel) -> Result<&[Event]> {
        let name = format!("bench-{host:?}-linux-{}", kernel.version()).to_lowercase();
        self.run(
            name,
            |session, _| idle(session),
            |workspace| match host {
                Host::Bare => Ok((Boot::bare(workspace, kernel), Peripherals::default())),
                Host::Quoll => system(workspace, LINUX_SYSTEM, kernel),
            },
        )
    }

    /// Events of the guest without an operating system.
    ///
    /// # Errors
    /// When it does not build or does not come to its end.
    pub fn program(&mut self, host: Host) -> Result<&[Event]> {
        let name = format!("bench-{host:?}-program").to_lowercase();
        let events = self.run(name, to_the_end, |workspace| {
            let (image, peripherals) = system(workspace, GUEST_SYSTEM, Kernel::V6_1)?;
            let boot = match host {
                Host::Bare => {
                    Boot::Linux { kernel: workspace.output(CONFIG.name()).join("bench-guest.bin"), initrd: None }
                }
                Host::Quoll => image,
            };
            Ok((boot, peripherals))
        })?;
        until(events, DONE)?;
        Ok(events)
    }

    /// Events of the same guest above the VMM for other kernels, which injects the interrupts of devices and ends them.
    ///
    /// # Errors
    /// When it does not build or does not come to its end.
    pub fn injected(&mut self) -> Result<&[Event]> {
        let events = self.run("bench-injected".to_owned(), to_the_end, |workspace| {
            start(workspace, &BuildOptions { plain: true, ..options(GUEST_SYSTEM, Kernel::V6_1) })
        })?;
        until(events, DONE)?;
        Ok(events)
    }

    /// Events of a Linux guest that reads its disk: see [`read_disk`].
    ///
    /// # Errors
    /// When it does not build or does not come up.
    pub fn disk(&mut self, host: Host) -> Result<&[Event]> {
        let name = format!("bench-{host:?}-disk").to_lowercase();
        let script: Script = |session, _| read_disk(session);
        self.run(name, script, |workspace| {
            let (image, peripherals) = system(workspace, DISK_SYSTEM, Kernel::V6_1)?;
            let boot = match host {
                Host::Bare => Boot::bare_with_modules(workspace, Kernel::V6_1),
                Host::Quoll => image,
            };
            Ok((boot, peripherals))
        })
    }

    /// Events of two Linux guests that ping each other: see [`ping`].
    ///
    /// # Errors
    /// When they do not build or do not come up.
    pub fn network(&mut self) -> Result<&[Event]> {
        let script: Script = |session, _| ping(session);
        self.run("bench-network".to_owned(), script, |workspace| system(workspace, NETWORK_SYSTEM, Kernel::V6_1))
    }

    /// Events of so many guests that use their disks, their networks and each other at the same time, and of the native program that they
    /// meet in.
    ///
    /// # Errors
    /// When they do not build or do not come to their end.
    pub fn throughput(&mut self, guests: u8) -> Result<&[Event]> {
        let name = format!("bench-throughput-{guests}");
        let events = self.run_by(Clock::InstructionsWaiting, name, to_the_end, |workspace| {
            let description = throughput::describe(&workspace.output(CONFIG.name()), guests)?;
            start(workspace, &BuildOptions { system: description, ..options(DEFAULT_SYSTEM, Kernel::V6_1) })
        })?;
        until(events, DONE)?;
        Ok(events)
    }

    /// Events of two guests without an operating system on one core.
    ///
    /// # Errors
    /// When they do not build or do not come to their end.
    pub fn worlds(&mut self) -> Result<&[Event]> {
        let events = self.run("bench-worlds".to_owned(), to_the_end, |workspace| {
            system(workspace, "tests/systems/bench-worlds.xml", Kernel::V6_1)
        })?;
        until(events, DONE)?;
        Ok(events)
    }

    /// Events of the protection domains that measure the kernel.
    ///
    /// # Errors
    /// When they do not build or do not come to their end.
    pub fn native(&mut self) -> Result<&[Event]> {
        let events = self.run("bench-native".to_owned(), to_the_end, |workspace| {
            system(workspace, "tests/systems/bench-native.xml", Kernel::V6_1)
        })?;
        until(events, DONE)?;
        Ok(events)
    }

    fn run(&mut self, name: String, script: Script, boot: impl Fn(&Workspace) -> Result<Start>) -> Result<&[Event]> {
        self.run_by(Clock::Instructions, name, script, boot)
    }

    fn run_by(
        &mut self,
        clock: Clock,
        name: String,
        script: Script,
        boot: impl Fn(&Workspace) -> Result<Start>,
    ) -> Result<&[Event]> {
        if !self.runs.contains_key(&name) {
            let events = boot(self.workspace).and_then(|start| self.events(&name, clock, start, script));
            self.runs.insert(name.clone(), events.map_err(|error| format!("{error:#}")));
        }
        match self.runs.get(&name).context("the run was just made")? {
            Ok(events) => Ok(events),
            Err(error) => bail!("{error}"),
        }
    }

    /// Bytes of code of the kernel.
    ///
    /// # Errors
    /// When it does not build.
    pub fn kernel_code(&self) -> Result<u64> {
        build::image(self.workspace, &options(DEFAULT_SYSTEM, Kernel::V6_1))?;
        sizes::code(&Workspace::sdk_elf(&self.workspace.sdk(), CONFIG.name()).join("sel4.elf"))
    }

    /// Lines of code of the kernel.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn kernel_lines(&self) -> Result<u64> {
        sizes::kernel_lines(self.workspace)
    }

    /// Milliseconds from an edited description to the image, all else being built.
    ///
    /// # Errors
    /// When it does not build.
    pub fn image_time(&self) -> Result<u64> {
        let options = options(DEFAULT_SYSTEM, Kernel::V6_1);
        build::image(self.workspace, &options)?;
        let start = Instant::now();
        build::image(self.workspace, &options)?;
        Ok(u64::try_from(start.elapsed().as_millis())?)
    }

    fn events(&self, name: &str, clock: Clock, (boot, peripherals): Start, script: Script) -> Result<Vec<Event>> {
        let counter = Counter { host: HOST.to_vec(), ..super::counter(self.workspace, name)? };
        let log = counter.output.clone();
        let machine = Machine {
            cpu: self.cpu.to_owned(),
            gic: self.gic,
            cores: 1,
            clock,
            boot,
            peripherals,
            counter: Some(counter),
            terminals: None,
        };
        let mut session = Session::start(machine.command(), &self.workspace.transcripts().join(format!("{name}.txt")))?;
        script(&mut session, &log).with_context(|| format!("{name} printed\n{}", session.transcript()))?;
        session.quit();
        let text = fs::read_to_string(&log).with_context(|| format!("cannot read {}", log.display()))?;
        Ok(parse_log(&text))
    }
}

/// What is measured is what would be shipped.
const CONFIG: Config = Config::Release;

const DEFAULT_SYSTEM: &str = "system.xml";
const LINUX_SYSTEM: &str = "tests/systems/linux.xml";
/// The guest without an operating system.
const GUEST_SYSTEM: &str = "tests/systems/bench-guest.xml";
const DISK_SYSTEM: &str = "tests/systems/virtio-linux.xml";
const NETWORK_SYSTEM: &str = "tests/systems/virtio-net.xml";

fn options(system: &str, linux: Kernel) -> BuildOptions {
    BuildOptions::of(system, CONFIG, linux)
}

fn system(workspace: &Workspace, system: &str, linux: Kernel) -> Result<Start> {
    start(workspace, &options(system, linux))
}

fn start(workspace: &Workspace, options: &BuildOptions) -> Result<Start> {
    let image = build::image(workspace, options)?;
    Ok((Boot::Image(image), build::fresh_peripherals(workspace, options, "bench")?))
}

/// Waits until the last marker is in the log.
fn to_the_end(session: &mut Session, log: &Path) -> Result<()> {
    let done = || fs::read_to_string(log).is_ok_and(|text| until(&parse_log(&text), DONE).is_ok());
    session.wait_until(done)
}

/// Leaves a Linux guest alone at its prompt: 5 virtual seconds, marker 1, 10 virtual seconds, marker 2.
///
/// # Errors
/// When the guest does not come to its prompt or does not answer.
pub fn idle(session: &mut Session) -> Result<()> {
    session.expect(PROMPT)?;
    session.ask("(sleep 5; marker1; sleep 10; marker2; echo rested) &", PROMPT)?;
    session.expect("rested").map(drop)
}

/// KiB of the disk that [`read_disk`] reads more between markers 2 and 3 than between 1 and 2.
const DISK_KIB: u64 = 128 * 64;

/// Reads from the disk what was not read before: 1 MiB between markers 1 and 2, 9 between 2 and 3.
///
/// # Errors
/// When the guest does not come to its prompt or does not answer.
pub fn read_disk(session: &mut Session) -> Result<()> {
    session.expect(PROMPT)?;
    session.ask("marker1; dd if=/dev/vda of=/dev/null bs=64k count=16; marker2", PROMPT)?;
    session.ask("dd if=/dev/vda of=/dev/null bs=64k skip=16 count=144; marker3", PROMPT).map(drop)
}

/// Round trips that [`ping`] makes more between markers 2 and 3 than between 1 and 2.
const PINGS: u64 = 200;

/// Sends frames of 1,442 bytes from the first guest to the second and back: 50 between markers 1 and 2, 250 between 2 and 3.
///
/// # Errors
/// When a guest does not come to its prompt or does not answer.
pub fn ping(session: &mut Session) -> Result<()> {
    // The console's prefix key, and what it says when a client gets the terminal.
    const FOCUS: [(&str, &str); 2] = [("\x1e2", "--- b"), ("\x1e1", "--- a")];
    session.expect(PROMPT)?;
    for (guest, (keys, answer)) in [2, 1].into_iter().zip(FOCUS) {
        session.send(keys)?;
        session.expect(answer)?;
        session.expect(PROMPT)?;
        session.ask(&format!("ip addr add 10.0.0.{guest}/24 dev eth0"), PROMPT)?;
        session.ask("ip link set eth0 up", PROMPT)?;
    }
    session.ask("ping -q -A -c 50 -s 1400 10.0.0.2", PROMPT)?;
    session.ask("marker1; ping -q -A -c 50 -s 1400 10.0.0.2; marker2", PROMPT)?;
    session.ask("ping -q -A -c 250 -s 1400 10.0.0.2; marker3", PROMPT).map(drop)
}

/// Instructions for each of the `count` steps that the second of two spans has more than the first, each of which begins where the other
/// ends: from marker 1 to 2, and to 3. What both cost once does not show.
fn per_step(events: &[Event], count: u64) -> Result<u64> {
    let (start, middle, end) =
        (until(events, What::Marker(1))?, until(events, What::Marker(2))?, until(events, What::Marker(3))?);
    Ok((end - middle).saturating_sub(middle - start) / count)
}

/// Instructions for a KiB that is read from a disk.
///
/// # Errors
/// When the run did not come to its end.
pub fn disk_kib(events: &[Event]) -> Result<u64> {
    per_step(events, DISK_KIB)
}

/// Instructions for two frames, there and back.
///
/// # Errors
/// When the run did not come to its end.
pub fn round_trip(events: &[Event]) -> Result<u64> {
    per_step(events, PINGS)
}

/// Instructions from power-on to the first time that `what` happened.
///
/// # Errors
/// When it did not.
pub fn until(events: &[Event], what: What) -> Result<u64> {
    first(events, what).map(|event| event.count)
}

fn first(events: &[Event], what: What) -> Result<&Event> {
    events.iter().find(|event| event.what == what).with_context(|| format!("{what:?} is not in the log"))
}

/// Millionths of the guest's instructions that were executed outside of it, from its first to the first `to`.
///
/// # Errors
/// When the log has nothing of the guest, or not `to`.
pub fn outside_guest(events: &[Event], to: What) -> Result<u64> {
    let (from, to) = (first(events, What::Guest)?, first(events, to)?);
    let guest = to.guest - from.guest;
    let all = to.count - from.count;
    Ok((all - guest) * 1_000_000 / guest.max(1))
}

/// The median of the instructions strictly between `from` and the next `to`.
///
/// # Errors
/// When there is no such pair.
pub fn between(events: &[Event], from: What, to: What) -> Result<u64> {
    let mut counts = Vec::new();
    let mut start = None;
    for event in events {
        if event.what == to {
            // A marker is an instruction itself.
            let end = event.count - u64::from(matches!(to, What::Marker(_)));
            counts.extend(start.take().map(|start: u64| end - start));
        }
        if event.what == from {
            start = Some(event.count);
        }
    }
    if counts.is_empty() {
        bail!("no {to:?} behind a {from:?}");
    }
    counts.sort_unstable();
    Ok(counts[counts.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    use What::{Guest, Marker, Wait};

    fn log(events: &[(What, u64)]) -> Vec<Event> {
        events.iter().map(|&(what, count)| Event { what, count, guest: 0 }).collect()
    }

    fn markers(events: &[(u32, u64)]) -> Vec<Event> {
        events.iter().map(|&(marker, count)| Event { what: Marker(marker), count, guest: 0 }).collect()
    }

    #[test]
    fn the_end_marker_is_not_counted() {
        assert_eq!(between(&markers(&[(0, 10), (1, 11)]), Marker(0), Marker(1)).expect("a pair"), 0);
        let woken = log(&[(Wait, 3), (Wait, 10), (Marker(1), 15)]);
        assert_eq!(between(&woken, Wait, Marker(1)).expect("a pair"), 4);
    }

    #[test]
    fn takes_the_median_of_adjacent_pairs() {
        let events = markers(&[(1, 5), (0, 10), (1, 111), (0, 200), (2, 210), (1, 221), (0, 300), (1, 331), (0, 400)]);
        assert_eq!(between(&events, Marker(0), Marker(1)).expect("pairs"), 30);
        assert!(between(&events, Marker(3), Marker(1)).is_err());
    }

    #[test]
    fn what_both_spans_cost_does_not_show() {
        let events = markers(&[(0, 5), (1, 100), (2, 100 + 30 + 16 * 7), (3, 100 + 60 + 16 * 7 + 144 * 7)]);
        assert_eq!(per_step(&events, 128).expect("three markers"), 7);
        assert!(per_step(&events[..3], 128).is_err());
    }

    #[test]
    fn power_on_is_zero() {
        assert_eq!(until(&markers(&[(1, 5), (0, 10), (0, 20)]), Marker(0)).expect("marker"), 10);
        assert!(until(&[], Marker(0)).is_err());
    }

    #[test]
    fn what_is_outside_the_guest_is_compared_with_it() {
        let event = |what, count, guest| Event { what, count, guest };
        let events = [event(Guest, 500, 0), event(Marker(0), 1_501_500, 1_500_000), event(Marker(0), 9_000_000, 0)];
        assert_eq!(outside_guest(&events, Marker(0)).expect("both"), 1000 * 1_000_000 / 1_500_000);
        assert!(outside_guest(&events[1..], Marker(0)).is_err());
    }
}
