//! Devices of the machine that a guest has for itself.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::judges_itself;
use super::linux::{power_off, prompt, reboot};
use crate::cli::{BuildOptions, Config};
use crate::guest::{Kernel, PROMPT};
use crate::machine::{CPUS, Gic};
use crate::test::scenario::{Boots, Case, Scenario, Talk};

const SYSTEM: &str = "tests/systems/passthrough.xml";

const CASES: [Case; 8] = [
    Case { name: "reaches the prompt", check: prompt },
    Case { name: "has the machine's second UART", check: serial },
    Case { name: "drives a disk of the machine's", check: disk },
    Case { name: "has their interrupts", check: interrupts },
    Case { name: "has both again after a reboot", check: again },
    Case { name: "loses nothing of a flood", check: flood },
    Case { name: "has a dual timer, and can live by its clock", check: dual_timer },
    Case { name: "powers off, and the others go on", check: power_off },
];

/// Where Linux lists its clocks.
const CLOCKS: &str = "/sys/devices/system/clocksource/clocksource0";

/// The guest with the device whose pointers the VMM translates.
const TRANSLATED: [Case; 2] = [
    Case { name: "copies reach its memory, and nothing else", check: judges_itself },
    Case { name: "what is refused is told", check: told },
];

/// Both kinds of interrupt controller, and the VMM for kernels that cannot link interrupts.
pub fn scenarios() -> Vec<Scenario> {
    let scenario = |kernel: Kernel, gic: Gic, cpu, plain| Scenario {
        name: format!(
            "devices of its own, Linux {}{}, GICv{}, {cpu}",
            kernel.version(),
            if plain { ", VMM for other kernels" } else { "" },
            gic.version()
        ),
        boots: Boots::System(BuildOptions { plain, ..BuildOptions::of(SYSTEM, Config::Debug, kernel) }),
        cpu,
        gic,
        counted: false,
        cases: CASES.to_vec(),
    };
    let translated = |gic: Gic, cpu| Scenario {
        name: format!("pointers that are translated, GICv{}, {cpu}", gic.version()),
        boots: Boots::System(BuildOptions::of("tests/systems/edu-guest.xml", Config::Debug, Kernel::V6_1)),
        cpu,
        gic,
        counted: false,
        cases: TRANSLATED.to_vec(),
    };
    let several = |gic: Gic, cpu| Scenario {
        name: format!("devices of its own, Linux with 4 CPUs, 4 cores, GICv{}, {cpu}", gic.version()),
        boots: Boots::System(BuildOptions {
            vcpus: Some(4),
            ..BuildOptions::of(SYSTEM, Config::SmpDebug, Kernel::V6_1)
        }),
        ..scenario(Kernel::V6_1, gic, cpu, false)
    };
    vec![
        several(Gic::V2, CPUS[0]),
        several(Gic::V3, CPUS[2]),
        scenario(Kernel::V6_1, Gic::V2, CPUS[0], false),
        scenario(Kernel::V6_12, Gic::V3, CPUS[2], false),
        scenario(Kernel::V6_1, Gic::V2, CPUS[0], true),
        translated(Gic::V2, CPUS[0]),
        translated(Gic::V3, CPUS[2]),
    ]
}

/// The operator reads of each pointer that is refused.
fn told(talk: &mut Talk) -> Result<Option<String>> {
    let transcript = talk.session.transcript();
    for address in ["0x41000000", "0x40ffff04", "0x3fffff00", "0x60000000", "0x41000"] {
        let report = format!("a device was to copy 256 bytes at {address}, which it must not");
        ensure!(transcript.matches(&report).count() == 1, "`{report}` was not told once");
    }
    Ok(None)
}

/// The other end of the second serial line.
fn line(talk: &Talk) -> Result<UnixStream> {
    let path = talk.serial.as_ref().context("this machine has a second serial line")?;
    let line = UnixStream::connect(path).with_context(|| format!("cannot connect to {}", path.display()))?;
    line.set_read_timeout(Some(Duration::from_secs(60)))?;
    Ok(line)
}

/// Reads until `pattern` has come.
fn read_until(line: &mut UnixStream, pattern: &str) -> Result<String> {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.contains(pattern) {
        let count = line.read(&mut bytes).with_context(|| format!("`{pattern}` was expected behind `{text}`"))?;
        ensure!(count != 0, "the line was closed behind `{text}`");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    Ok(text)
}

fn serial(talk: &mut Talk) -> Result<Option<String>> {
    let mut line = line(talk)?;
    let session = &mut talk.session;
    session.ask("(read line < /dev/ttyAMA1; echo heard $line) &", PROMPT)?;
    session.ask("echo hello from the guest > /dev/ttyAMA1", PROMPT)?;
    read_until(&mut line, "hello from the guest")?;
    line.write_all(b"something typed\n")?;
    session.expect("heard something typed")?;
    session.send("\r")?;
    session.expect(PROMPT)?;
    Ok(None)
}

fn disk(talk: &mut Talk) -> Result<Option<String>> {
    let session = &mut talk.session;
    session.ask("dd if=/dev/urandom of=/data bs=64k count=16", PROMPT)?;
    session.ask("dd if=/data of=/dev/vda bs=64k; sync", PROMPT)?;
    session.ask("echo 3 > /proc/sys/vm/drop_caches", PROMPT)?;
    let answer = session.ask("head -c 1048576 /dev/vda | cmp - /data && echo the same", PROMPT)?;
    ensure!(answer.lines().any(|line| line.trim() == "the same"), "{answer}");
    let image = talk.disk.as_ref().context("this machine has a disk")?;
    let content = std::fs::read(image)?;
    ensure!(content[..1 << 20].iter().any(|&byte| byte != 0), "nothing has reached the disk");
    Ok(None)
}

fn dual_timer(talk: &mut Talk) -> Result<Option<String>> {
    let session = &mut talk.session;
    session.ask(&format!("cd {CLOCKS}"), PROMPT)?;
    let known = session.ask("cat available_clocksource", PROMPT)?;
    ensure!(known.contains("arm,sp804"), "Linux knows {known}");
    session.ask("echo arm,sp804 > current_clocksource", PROMPT)?;
    let current = session.ask("cat current_clocksource", PROMPT)?;
    ensure!(current.contains("arm,sp804"), "Linux uses {current}");
    let before = uptime(talk)?;
    talk.session.ask("sleep 2", PROMPT)?;
    let passed = uptime(talk)? - before;
    talk.session.ask("echo arch_sys_counter > current_clocksource; cd /", PROMPT)?;
    ensure!((1.9..20.0).contains(&passed), "sleep 2 took {passed} s");
    Ok(None)
}

/// Seconds since the guest's start, by its clock.
fn uptime(talk: &mut Talk) -> Result<f64> {
    let answer = talk.session.ask("cat /proc/uptime", PROMPT)?;
    let seconds = answer.split_whitespace().next().and_then(|word| word.parse().ok());
    seconds.with_context(|| format!("no time: {answer}"))
}

fn interrupts(talk: &mut Talk) -> Result<Option<String>> {
    // Linux has the interrupt of a line only while that is open.
    talk.session.ask("exec 4<>/dev/ttyAMA1", PROMPT)?;
    talk.session.ask("echo open >&4; sleep 1", PROMPT)?;
    let answer = talk.session.ask("cat /proc/interrupts", PROMPT)?;
    talk.session.ask("exec 4>&-", PROMPT)?;
    for device in ["40 Level", "72 Edge"] {
        let line = answer.lines().find(|line| line.contains(device));
        let line = line.with_context(|| format!("no interrupt {device} in {answer}"))?;
        let count: u64 = line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        ensure!(count > 0, "it has not come: {line}");
    }
    Ok(None)
}

fn again(talk: &mut Talk) -> Result<Option<String>> {
    reboot(talk)?;
    serial(talk)?;
    disk(talk)
}

fn flood(talk: &mut Talk) -> Result<Option<String>> {
    let mut line = line(talk)?;
    talk.session.ask("exec 4<>/dev/ttyAMA1", PROMPT)?;
    talk.session.ask("stty -F /dev/ttyAMA1 raw", PROMPT)?;
    // QEMU stands still while nobody reads what it has written.
    talk.session.send("seq 1 5000 >&4; echo end >&4\r")?;
    let text = read_until(&mut line, "end\n")?;
    talk.session.expect(PROMPT)?;
    let expected: String = (1..=5000).map(|number| format!("{number}\n")).collect();
    ensure!(text == format!("{expected}end\n"), "of 5000 lines came {}", text.lines().count());
    Ok(None)
}
