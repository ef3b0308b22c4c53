//! Guests without an operating system: one that does what it must not, judges the answers, and leaves the others alone; one that
//! does what exits do not describe; one that shares memory with others; and two that send each other messages.

use anyhow::{Context, Result, ensure};

use ivc::text::PORT;

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
const LINUX: [Case; 3] = [
    Case { name: "reaches the prompt", check: prompt },
    Case { name: "its program sends, takes answers, and tells how that ended", check: program },
    Case { name: "the port takes lines of text", check: text },
];
/// In the first word: the other guest takes no more until its first channel is signalled.
const HOLD: u64 = 1 << 32;

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
fn open_port(talk: &mut Talk) -> Result<()> {
    let find = format!("p=$(dirname $(grep -l {PORT} */name))");
    for line in ["cd /sys/class/virtio-ports", &find, "exec 3<>/dev/$p"] {
        let answer = talk.session.ask(line, PROMPT)?;
        ensure!(!answer.contains(": "), "{line}: {answer}");
    }
    talk.session.ask("r() { read l <&3; echo \"got $l.\"; }", PROMPT)?;
    Ok(())
}

/// Writes a request and reads a line.
fn request(talk: &mut Talk, request: &str) -> Result<String> {
    let answer = talk.session.ask(&format!("echo {request} >&3; r"), PROMPT)?;
    let (_, got) = answer.split_once("got ").with_context(|| answer.clone())?;
    Ok(got.rsplit_once('.').map_or(got, |(line, _)| line).to_owned())
}

/// Has the shell execute a line, and tells what was said and how that ended: `text; 0`.
fn told(talk: &mut Talk, line: &str) -> Result<String> {
    let answer = talk.session.ask(&format!("{line}; echo \"= $?.\""), PROMPT)?;
    let lines: Vec<&str> = answer.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let (code, said) = lines.split_last().with_context(|| answer.clone())?;
    let code = code.trim_start_matches("= ").trim_end_matches('.');
    Ok([said, &[code]].concat().join("; "))
}

fn ends(talk: &mut Talk, cases: &[(&str, &str)]) -> Result<Option<String>> {
    for &(line, expected) in cases {
        let said = told(talk, line)?;
        ensure!(said == expected, "{line}: {said}");
    }
    Ok(None)
}

fn program(talk: &mut Talk) -> Result<Option<String>> {
    let hold = format!("ivc send 2 {HOLD:#x} 0 0");
    ends(
        talk,
        &[
            ("ivc send 0 1 0xff 3", "0"),
            ("ivc receive", "message 0 0x2 0x100 0x4; 0"),
            ("ivc send 2 7 8 9 && ivc receive 2", "message 2 0x8 0x9 0xa; 0"),
            ("ivc broadcast 1 1 1 && ivc receive", "message 0 0x2 0x2 0x2; 0"),
            ("ivc receive -t 1", "5"),
            // The partner takes this, and nothing more until it is signalled.
            (&hold, "0"),
            ("ivc receive", "message 2 0x100000001 0x1 0x1; 0"),
            ("ivc send 0 5 5 5", "0"),
            ("ivc send 0 6 6 6", "ivc: busy: the message before has not been taken; 3"),
            ("ivc signal 0", "0"),
            ("ivc listen -t 1", "message 0 0x6 0x6 0x6; 5"),
            ("ivc send 61 1 2 3", "ivc: refused: this guest may not do that; 4"),
            ("ivc signal 7 2>/dev/null", "4"),
            ("ivc send 0 1 x 3 2>&1 | head -1", "ivc: `x` is not a word of 64 bits; 0"),
            ("ivc send 0 2>/dev/null", "2"),
        ],
    )
}

/// What the manual says of the port itself, for programs of others.
fn text(talk: &mut Talk) -> Result<Option<String>> {
    open_port(talk)?;
    ends(talk, &[("ivc receive", &format!("ivc: another program uses the port {PORT}; 1"))])?;
    let cases = [
        ("send 0 1 0xff 3", "sent"),
        ("receive", "message 0 0x2 0x100 0x4"),
        ("send 61 1 2 3", "refused"),
        ("stop", "stopped"),
    ];
    for (asked, expected) in cases {
        let got = request(talk, asked)?;
        ensure!(got == expected, "{asked}: {got}");
    }
    let got = request(talk, "hello")?;
    ensure!(got.starts_with("unknown: "), "{got}");
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
