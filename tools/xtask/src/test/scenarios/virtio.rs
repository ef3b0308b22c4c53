//! Devices that guests share: a disk, a network, random bytes, a second console.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::linux::{power_off, prompt, reboot};
use super::{CHORD, ECHO, ask_echo, judges_itself};
use crate::cli::{BuildOptions, Config};
use crate::guest::{Kernel, PROMPT};
use crate::machine::{CPUS, Gic};
use crate::peripherals::PARTITIONS;
use crate::test::scenario::{Boots, Case, Scenario, Talk};

/// The console's clients in the systems here.
const LINUX: &str = "1";
const PORT: &str = "3";

const LINUX_CASES: [Case; 8] = [
    Case { name: "reaches the prompt", check: prompt },
    Case { name: "has its devices", check: devices },
    Case { name: "has random bytes from the first instruction on", check: random },
    Case { name: "has a file system on its disk", check: file_system },
    Case { name: "cannot reach beyond its part", check: beyond },
    Case { name: "has a second console", check: second_console },
    Case { name: "finds its files again after a reboot", check: files_stay },
    Case { name: "powers off, and the others go on", check: power_off },
];

const PARTITION_CASES: [Case; 3] = [
    Case { name: "reaches the prompt", check: prompt },
    Case { name: "has the partition as its disk", check: partition },
    Case { name: "has a file system on its disk", check: file_system },
];

const NETWORK_CASES: [Case; 5] = [
    Case { name: "all reach the prompt", check: all_boot },
    Case { name: "two guests reach each other", check: ping },
    Case { name: "one that may not reaches nobody", check: no_ping },
    Case { name: "one reaches the world outside, the other does not", check: outside },
    Case { name: "one that uses another's address is not heard", check: impostor },
];

const HOSTILE_CASES: [Case; 3] = [
    Case { name: "stops its devices, which work again after a reset", check: judges_itself },
    Case { name: "is told of once for each mistake", check: reports },
    Case { name: "leaves a guest undisturbed that shares disk and network", check: neighbour },
];

/// What the VMM says of each device, once however often the guest does it.
const FAULTS: [&str; 8] = [
    "a queue cannot have this size",
    "the queue is misaligned or not in memory",
    "more buffers are available than the queue has room for",
    "a descriptor is not in the queue",
    "a chain of descriptors loops",
    "a buffer is not in memory",
    "a buffer to read is behind one to write",
    "a table of descriptors is where none may be, or is broken",
];

/// Each kernel, on both interrupt controllers between them, and a network.
pub fn scenarios() -> Vec<Scenario> {
    let machines = [(Kernel::V6_1, Gic::V2, CPUS[0]), (Kernel::V6_12, Gic::V3, CPUS[2])];
    let linux = machines.map(|(kernel, gic, cpu)| Scenario {
        name: format!("virtio, Linux {}, GICv{}, {cpu}", kernel.version(), gic.version()),
        boots: Boots::System(BuildOptions::of("tests/systems/virtio-linux.xml", Config::Debug, kernel)),
        cpu,
        gic,
        counted: false,
        cases: LINUX_CASES.to_vec(),
    });
    let several = Scenario {
        name: "virtio, Linux 6.1 with 4 CPUs, 4 cores".to_owned(),
        boots: Boots::System(BuildOptions {
            vcpus: Some(4),
            ..BuildOptions::of("tests/systems/virtio-linux.xml", Config::SmpDebug, Kernel::V6_1)
        }),
        ..linux[0].clone()
    };
    let network = Scenario {
        name: "virtio network, three Linux 6.1".to_owned(),
        boots: Boots::System(BuildOptions::of("tests/systems/virtio-net.xml", Config::Debug, Kernel::V6_1)),
        cpu: CPUS[0],
        gic: Gic::V2,
        counted: false,
        cases: NETWORK_CASES.to_vec(),
    };
    let hostile = Gic::ALL.map(|gic| Scenario {
        name: format!("virtio drivers that do wrong, GICv{}", gic.version()),
        boots: Boots::System(BuildOptions::of("tests/systems/bad-virtio.xml", Config::Debug, Kernel::V6_1)),
        cpu: CPUS[0],
        gic,
        counted: false,
        cases: HOSTILE_CASES.to_vec(),
    });
    let partitioned = Scenario {
        name: "virtio, Linux 6.1 on a partition".to_owned(),
        boots: Boots::Partitioned(BuildOptions::of("tests/systems/partitions.xml", Config::Debug, Kernel::V6_1)),
        cpu: CPUS[0],
        gic: Gic::V2,
        counted: false,
        cases: PARTITION_CASES.to_vec(),
    };
    linux.into_iter().chain([several, partitioned, network]).chain(hostile).collect()
}

/// Gives a client the terminal.
fn focus(talk: &mut Talk, client: &str) -> Result<()> {
    talk.session.send(&format!("{CHORD}{client}"))?;
    talk.session.wait_until_quiet(Duration::from_millis(500))?;
    Ok(())
}

/// Gives a Linux the terminal, and waits for its prompt.
fn focus_linux(talk: &mut Talk, client: &str) -> Result<()> {
    focus(talk, client)?;
    // An empty line brings a fresh prompt behind the history that the server shows again.
    talk.session.send("\r")?;
    talk.session.expect(PROMPT)?;
    Ok(())
}

fn devices(talk: &mut Talk) -> Result<Option<String>> {
    let answer = talk.session.ask("ls /dev/hvc0 /dev/hwrng; cat /sys/block/vda/size", PROMPT)?;
    ensure!(!answer.contains("No such") && answer.contains("32768"), "{answer}");
    let answer = talk.session.ask("cat /sys/class/misc/hw_random/rng_current", PROMPT)?;
    ensure!(answer.contains("virtio_rng"), "{answer}");
    let answer = talk.session.ask("cat /sys/block/vda/serial", PROMPT)?;
    ensure!(answer.trim().starts_with("linux"), "{answer}");
    Ok(None)
}

fn random(talk: &mut Talk) -> Result<Option<String>> {
    let answer = talk.session.ask("dmesg | grep 'crng init done'", PROMPT)?;
    ensure!(answer.contains("[    0.000000]"), "the guest had no seed: {answer}");
    let mut draw = || talk.session.ask("head -c 64 /dev/hwrng | md5sum", PROMPT);
    let (one, other) = (draw()?, draw()?);
    ensure!(one.contains("  -") && one != other, "twice the same: {one}");
    Ok(None)
}

fn file_system(talk: &mut Talk) -> Result<Option<String>> {
    let session = &mut talk.session;
    session.ask("mke2fs /dev/vda > /dev/null && mount /dev/vda /mnt && echo mounted", "mounted")?;
    session.expect(PROMPT)?;
    session.ask("dd if=/dev/urandom of=/mnt/file bs=64k count=64", PROMPT)?;
    let written = session.ask("md5sum /mnt/file", PROMPT)?;
    session.ask("umount /mnt; mount /dev/vda /mnt", PROMPT)?;
    let read = session.ask("md5sum /mnt/file", PROMPT)?;
    ensure!(sum(&written).is_some() && sum(&written) == sum(&read), "written {written}, read {read}");
    session.ask("md5sum /mnt/file > /mnt/sum; sync; umount /mnt", PROMPT)?;
    Ok(None)
}

/// The sum in an answer of `md5sum`.
fn sum(answer: &str) -> Option<&str> {
    answer.split_whitespace().find(|word| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What it writes at its disk's end is at the end of the partition, and the table is as it was.
fn partition(talk: &mut Talk) -> Result<Option<String>> {
    let [_, (_, first, sectors)] = PARTITIONS;
    let size = talk.session.ask("cat /sys/block/vda/size", PROMPT)?;
    ensure!(size.lines().any(|line| line.trim() == sectors.to_string()), "{size}");
    let last = sectors - 1;
    // By a file: what comes through a pipe may come in pieces.
    talk.session.ask("yes | head -c 512 > /tmp/sector", PROMPT)?;
    talk.session.ask(&format!("dd if=/tmp/sector of=/dev/vda bs=512 seek={last} conv=fsync"), PROMPT)?;
    let content = std::fs::read(talk.disk.as_ref().context("this machine has a disk")?)?;
    let place = |sector: u64| usize::try_from(sector * 512);
    let written = &content[place(first + last)?..place(first + sectors)?];
    ensure!(written.chunks(2).all(|pair| pair == b"y\n"), "{}", written.escape_ascii());
    let around = [place(34)?..place(first)?, place(first + sectors)?..content.len() - place(33)?];
    ensure!(around.into_iter().all(|range| content[range].iter().all(|&byte| byte == 0)), "something else was written");
    Ok(None)
}

fn beyond(talk: &mut Talk) -> Result<Option<String>> {
    // What lies on the machine's disk before the guest's part has never been written.
    let answer = talk.session.ask("dd if=/dev/vda of=/dev/null bs=1M skip=15", PROMPT)?;
    ensure!(answer.contains("1+0 records in"), "more or less than the last MiB was read: {answer}");
    let disk = talk.disk.as_ref().context("this machine has a disk")?;
    let content = std::fs::read(disk)?;
    let (first, own) = (32 << 20, 16 << 20);
    ensure!(content[..first].iter().all(|&byte| byte == 0), "the guest has written in front of its part");
    ensure!(content[first..first + own].iter().any(|&byte| byte != 0), "the guest has not written into its part");
    ensure!(content[first + own..].iter().all(|&byte| byte == 0), "the guest has written behind its part");
    Ok(None)
}

fn second_console(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.ask("(read line < /dev/hvc0; echo heard $line) &", PROMPT)?;
    talk.session.ask("echo hello from hvc0 > /dev/hvc0", PROMPT)?;
    focus(talk, PORT)?;
    talk.session.expect("hello from hvc0")?;
    talk.session.send("something typed\r")?;
    talk.session.wait_until_quiet(Duration::from_millis(500))?;
    talk.session.send(&format!("{CHORD}{LINUX}"))?;
    talk.session.expect("heard something typed")?;
    talk.session.send("\r")?;
    talk.session.expect(PROMPT)?;
    Ok(None)
}

fn files_stay(talk: &mut Talk) -> Result<Option<String>> {
    reboot(talk)?;
    let answer = talk.session.ask("mount /dev/vda /mnt && cd /mnt && md5sum -c sum; cd /", PROMPT)?;
    ensure!(answer.contains("/mnt/file: OK"), "{answer}");
    Ok(None)
}

/// The guests' places on the terminal; guest n is 10.0.0.n.
const GUESTS: [&str; 3] = ["1", ECHO, "3"];

fn all_boot(talk: &mut Talk) -> Result<Option<String>> {
    prompt(talk)?;
    for guest in GUESTS {
        focus_linux(talk, guest)?;
        talk.session.ask(&format!("ip addr add 10.0.0.{guest}/24 dev eth0"), PROMPT)?;
        talk.session.ask("ip link set eth0 up", PROMPT)?;
    }
    Ok(None)
}

/// Whether so many pings to `address` are answered by the guest that has the terminal.
fn reaches(talk: &mut Talk, address: &str) -> Result<bool> {
    let answer = talk.session.ask(&format!("ping -c 3 -W 2 {address}"), "packet loss")?;
    talk.session.expect(PROMPT)?;
    Ok(answer.contains(" 0% "))
}

fn ping(talk: &mut Talk) -> Result<Option<String>> {
    for (guest, other) in [(GUESTS[0], "10.0.0.2"), (GUESTS[1], "10.0.0.1")] {
        focus_linux(talk, guest)?;
        ensure!(reaches(talk, other)?, "guest {guest} does not reach {other}");
    }
    Ok(None)
}

fn no_ping(talk: &mut Talk) -> Result<Option<String>> {
    focus_linux(talk, GUESTS[2])?;
    for other in ["10.0.0.1", "10.0.0.2"] {
        ensure!(!reaches(talk, other)?, "the third guest reaches {other}");
    }
    let answer = talk.session.ask("cat /sys/class/net/eth0/statistics/rx_packets", PROMPT)?;
    ensure!(answer.trim() == "0", "the third guest has heard {answer}");
    Ok(None)
}

fn outside(talk: &mut Talk) -> Result<Option<String>> {
    for (guest, may) in [(GUESTS[0], true), (GUESTS[1], false)] {
        focus_linux(talk, guest)?;
        talk.session.ask(&format!("ip addr add 10.0.2.1{guest}/24 dev eth0"), PROMPT)?;
        ensure!(reaches(talk, "10.0.2.2")? == may, "guest {guest}: {may} was expected");
    }
    Ok(None)
}

fn impostor(talk: &mut Talk) -> Result<Option<String>> {
    focus_linux(talk, GUESTS[1])?;
    talk.session.ask("ip link set eth0 down", PROMPT)?;
    talk.session.ask("ip link set eth0 address 52:54:00:00:01:0c", PROMPT)?;
    // What the switch says of that comes in the middle of whatever is typed: it is waited for.
    talk.session.send("ip link set eth0 up; ping -c 1 -W 1 10.0.0.1 > /dev/null\r")?;
    talk.session.expect("under an address that it has not: dropped")?;
    talk.session.wait_until_quiet(Duration::from_secs(3))?;
    ensure!(!reaches(talk, "10.0.0.1")?, "an impostor is heard");
    let times = talk.session.transcript().matches("switch: b sends under an address that it has not").count();
    ensure!(times == 1, "it was told {times} times");
    Ok(None)
}

fn reports(talk: &mut Talk) -> Result<Option<String>> {
    let transcript = talk.session.transcript();
    for device in ["disk device, queue 0", "network device, queue 1"] {
        for fault in FAULTS {
            let report = format!("bad_vmm: its virtio {device}: {fault}");
            let times = transcript.matches(&report).count();
            ensure!(times == 1, "`{report}` was told {times} times");
        }
    }
    let all = transcript.matches("; the device stops").count();
    ensure!(all == 2 * FAULTS.len() + 1, "there are {all} reports");
    Ok(None)
}

fn neighbour(talk: &mut Talk) -> Result<Option<String>> {
    focus_linux(talk, "3")?;
    file_system(talk)?;
    talk.session.ask("ip link set eth0 up; cat /sys/class/net/eth0/carrier", PROMPT)?;
    focus(talk, ECHO)?;
    ask_echo(talk)?;
    Ok(None)
}
