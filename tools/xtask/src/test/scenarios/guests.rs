//! Guests without an operating system: one that does what it must not, judges the answers, and leaves the others alone; one that
//! does what exits do not describe; one that shares memory with others; and two that send each other messages.

use anyhow::{Context, Result, ensure};

use super::linux::prompt;
use super::{CHORD, ECHO, ask_echo, judges_itself};
use crate::cli::{BuildOptions, Config};
use crate::guest::{Kernel, PROMPT};
use crate::machine::{CPUS, Gic};
use crate::test::scenario::{Boots, Case, Scenario, Talk};

/// The system with the guest that does what it must not.
const BAD: &str = "tests/systems/bad-guest.xml";
const CASES: [Case; 3] = [
    Case { name: "gets the architecture's answers", check: judges_itself },
    Case { name: "is told of once for each misdeed", check: reports },
    Case { name: "leaves the others undisturbed", check: others },
];

/// The system with the guest whose accesses are not described.
const ODD: &str = "tests/systems/odd-access.xml";
const ODD_CASES: [Case; 2] = [
    Case { name: "pairs and moving bases do what they do on a machine", check: judges_itself },
    Case { name: "what they store arrives, in order", check: stored },
];
/// What the guest prints by each way of storing, in each of the places of its code.
const STORED: [&str; 9] =
    ["<post0>", "<pre-0>", "<pair0>", "<post1>", "<pre-1>", "<pair1>", "<post2>", "<pre-2>", "<pair2>"];

/// The system with the guest that shares regions with others.
const SHARED: &str = "tests/systems/shared-memory.xml";
const SHARED_CASES: [Case; 2] = [
    Case { name: "finds them, and may do what the description says", check: judges_itself },
    Case { name: "leaves the others undisturbed when it writes nonsense", check: others },
];

const MESSAGES: Case =
    Case { name: "arrive, wait, are refused, broadcast, and interrupt or do not", check: judges_itself };

/// A Linux that exchanges messages with a guest that answers each with every word one higher.
const LINUX: [Case; 4] = [
    Case { name: "reaches the prompt", check: prompt },
    Case { name: "has a port for messages", check: opens_port },
    Case { name: "sends and is answered", check: exchanges },
    Case { name: "is refused where it has no right, and told what is no request", check: refused },
];

/// What the VMM says on the debug console, each once however often the guest does it.
const REPORTS: [&str; 9] = [
    "access to 0xa000000, where nothing is",
    "instruction fetch from 0xa000000, where nothing is",
    "access to 0x70000000, where nothing is",
    // ldxr, of whichever registers; ldr s0, [x0].
    "access to a device at 0x9000018 by instruction 0x885f7",
    "access to a device at 0x9000018 by instruction 0xbd400000, which is not emulated",
    "call of firmware function 0x86001234",
    "call of firmware function 0xc6001234",
    "call of firmware function 0x84000099",
    "call of firmware function 0x80007fff",
];

/// On every interrupt controller and CPU.
pub fn scenarios() -> Vec<Scenario> {
    let machines = Gic::ALL.iter().flat_map(|&gic| CPUS.map(|cpu| (gic, cpu)));
    let bad_and_odd = machines.flat_map(|(gic, cpu)| {
        [
            scenario("bad guest", BAD, Config::Debug, gic, cpu, &CASES),
            scenario("odd access", ODD, Config::Debug, gic, cpu, &ODD_CASES),
        ]
    });
    let shared = [(Config::Debug, Gic::V2, CPUS[0]), (Config::Release, Gic::V3, CPUS[2])];
    let shared = shared.map(|(config, gic, cpu)| scenario("shared memory", SHARED, config, gic, cpu, &SHARED_CASES));
    let messages = [
        ("messages", "tests/systems/messages.xml", Config::Debug, Gic::V2, "cortex-a53"),
        ("messages", "tests/systems/messages.xml", Config::Release, Gic::V3, "max"),
        ("messages, 4 cores", "tests/systems/messages-smp.xml", Config::SmpDebug, Gic::V2, "max"),
        ("messages, 4 cores", "tests/systems/messages-smp.xml", Config::SmpDebug, Gic::V3, "cortex-a53"),
    ];
    let messages =
        messages.map(|(name, system, config, gic, cpu)| scenario(name, system, config, gic, cpu, &[MESSAGES]));
    let linux = [(Kernel::V6_1, Gic::V3, CPUS[0]), (Kernel::V6_12, Gic::V2, CPUS[2])];
    let linux = linux.map(|(kernel, gic, cpu)| Scenario {
        name: format!("messages of Linux {}, GICv{}, {cpu}", kernel.version(), gic.version()),
        boots: Boots::System(BuildOptions::of("tests/systems/messages-linux.xml", Config::Debug, kernel)),
        cpu,
        gic,
        counted: false,
        cases: LINUX.to_vec(),
    });
    bad_and_odd.chain([odd_on_plain_sel4()]).chain(shared).chain(messages).chain(linux).collect()
}

fn scenario(name: &str, system: &str, config: Config, gic: Gic, cpu: &'static str, cases: &[Case]) -> Scenario {
    Scenario {
        name: format!("{name}, GICv{}, {cpu}", gic.version()),
        boots: Boots::System(BuildOptions::of(system, config, Kernel::V6_1)),
        cpu,
        gic,
        counted: false,
        cases: cases.to_vec(),
    }
}

/// Lines that are typed are kept short: the shell would wrap them.
fn opens_port(talk: &mut Talk) -> Result<Option<String>> {
    for line in ["cd /sys/class/virtio-ports", "p=$(dirname $(grep -l quoll.messages */name))", "exec 3<>/dev/$p"] {
        let answer = talk.session.ask(line, PROMPT)?;
        ensure!(!answer.contains(": "), "{line}: {answer}");
    }
    talk.session.ask("r() { read l <&3; echo \"got $l.\"; }", PROMPT)?;
    Ok(None)
}

/// Writes a request and reads so many lines.
fn request(talk: &mut Talk, request: &str, lines: usize) -> Result<String> {
    let read = "; r".repeat(lines);
    let answer = talk.session.ask(&format!("echo {request} >&3{read}"), PROMPT)?;
    let got = answer.split("got ").skip(1).filter_map(|line| line.split_once('.'));
    Ok(got.map(|(line, _)| line).collect::<Vec<_>>().join("; "))
}

fn exchanges(talk: &mut Talk) -> Result<Option<String>> {
    let cases = [
        ("send 0 1 0xff 3", "sent 0; message 0 0x2 0x100 0x4"),
        ("send 2 7 8 9", "sent 2; message 2 0x8 0x9 0xa"),
        ("signal 0", "sent 0"),
    ];
    for (asked, expected) in cases {
        let got = request(talk, asked, expected.split("; ").count())?;
        ensure!(got == expected, "{asked}: {got}");
    }
    let got = request(talk, "broadcast 1 1 1", 1)?;
    ensure!(got == "message 0 0x2 0x2 0x2", "{got}");
    Ok(None)
}

fn refused(talk: &mut Talk) -> Result<Option<String>> {
    for (asked, expected) in [("send 61 1 2 3", "refused 61"), ("signal 7", "refused 7"), ("hello", "unknown: ")] {
        let got = request(talk, asked, 1)?;
        ensure!(got.starts_with(expected), "{asked}: {got}");
    }
    let got = request(talk, "send 0 5 5 5", 2)?;
    ensure!(got == "sent 0; message 0 0x6 0x6 0x6", "it goes on: {got}");
    Ok(None)
}

/// The VMM as it is built for other kernels reaches the guest's registers in another way.
fn odd_on_plain_sel4() -> Scenario {
    let name = "odd access, VMM for other kernels";
    let odd = scenario(name, ODD, Config::Debug, Gic::V2, "cortex-a53", &ODD_CASES);
    let options = BuildOptions { plain: true, ..BuildOptions::of(ODD, Config::Debug, Kernel::V6_1) };
    Scenario { boots: Boots::System(options), ..odd }
}

fn reports(talk: &mut Talk) -> Result<Option<String>> {
    let transcript = talk.session.transcript();
    for report in REPORTS {
        let times = transcript.matches(report).count();
        ensure!(times == 1, "`{report}` was told {times} times");
    }
    let registers = transcript.matches("system register").count();
    (registers <= 3).then_some(None).context("a system register was told of more than once")
}

fn stored(talk: &mut Talk) -> Result<Option<String>> {
    let mut rest = talk.session.transcript();
    for text in STORED {
        rest = rest.split_once(text).with_context(|| format!("{text} is missing, or came too early"))?.1;
    }
    Ok(None)
}

fn others(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.send(&format!("{CHORD}{ECHO}"))?;
    ask_echo(talk)?;
    Ok(None)
}
