//! Clients with terminals of their own: `cargo xtask console` as a user has it, beside the terminal that all share.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::{CHORD, linux};
use crate::cli::{BuildOptions, Config};
use crate::console::Session;
use crate::guest::{self, Kernel};
use crate::machine::Gic;
use crate::process::capture;
use crate::terminals::running;
use crate::test::scenario::{Boots, Case, Scenario, Talk};

const PROMPT: &str = "echo> ";
/// Bytes that go to each of three terminals and come back.
const MUCH: usize = 1_000_000;
/// The shared terminal drops what is typed faster than the client reads: it is typed in pieces, each when the one before is back.
const PIECE: usize = 8 * 1024;

/// On both interrupt controllers, without logs and with.
pub fn scenarios() -> Vec<Scenario> {
    let terminals = [
        Case { name: "lists the clients", check: lists },
        Case { name: "1 MB to and from three clients at the same time", check: much_at_once },
        Case { name: "a flood that nobody reads costs the others nothing", check: flood },
        Case { name: "a client has two terminals, and nonsense is survived", check: two_and_nonsense },
        Case { name: "who comes back sees what was missed", check: history },
        Case { name: "a terminal has keys, and a size that its client learns", check: at_a_terminal },
        Case { name: "`cargo xtask top` shows what happens, each second", check: live_figures },
    ];
    let logs = [Case { name: "a log has each client's output", check: logs }];
    let linux = [
        Case { name: "reaches the prompt", check: linux::prompt },
        Case { name: "learns its terminal's size, and each new one", check: sizes_of_linux },
    ];
    let of_linux = |kernel: Kernel, gic: Gic, cpu| {
        let options = BuildOptions::of("tests/systems/virtio-linux.xml", Config::Debug, kernel);
        let name = format!("terminals of Linux {}, GICv{}, {cpu}", kernel.version(), gic.version());
        Scenario { boots: Boots::Terminals { options, logged: false }, ..scenario(&name, cpu, gic, false, &linux) }
    };
    vec![
        scenario("terminals, GICv2, cortex-a53", "cortex-a53", Gic::V2, false, &terminals),
        scenario("terminals with logs, GICv3, max", "max", Gic::V3, true, &logs),
        of_linux(Kernel::V6_1, Gic::V2, "cortex-a53"),
        of_linux(Kernel::V6_12, Gic::V3, "max"),
    ]
}

fn scenario(name: &str, cpu: &'static str, gic: Gic, logged: bool, cases: &[Case]) -> Scenario {
    // It reports on the debug console.
    let options = BuildOptions::of("tests/systems/terminals.xml", Config::Debug, Kernel::V6_1);
    let boots = Boots::Terminals { options, logged };
    Scenario { name: name.to_owned(), boots, cpu, gic, counted: false, cases: cases.to_vec() }
}

/// `cargo xtask console` with these arguments, for this scenario's system.
fn console(talk: &Talk, arguments: &[&str]) -> Result<Command> {
    let system = talk.terminals.as_ref().context("this has no further terminals")?.name();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["console", "--name", system]).args(arguments);
    Ok(command)
}

fn lists(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.expect(PROMPT)?;
    let answer = type_into(talk, "one", b"ping\r")?;
    ensure!(answer.ends_with(b"ping\r\npong\r\necho> "), "{}", answer.escape_ascii());
    let list = capture(&mut console(talk, &[])?)?;
    let names: Vec<&str> = list.lines().skip(1).map(str::trim).collect();
    ensure!(names == ["one", "two", "three", "top"], "{list}");
    let error = capture(&mut console(talk, &["twoo"])?).expect_err("there is no such client").to_string();
    ensure!(error.contains("but one, two, three, top; did you mean `two`?"), "{error}");
    Ok(None)
}

/// A terminal without a keyboard: its input is piped.
struct Piped {
    child: Child,
}

impl Piped {
    fn start(talk: &Talk, client: &str, more: &[&str]) -> Result<Self> {
        let mut command = console(talk, &[&[client], more].concat())?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(Self { child: command.spawn().context("cannot start a terminal")? })
    }

    /// Types all of this, and returns all output, when the client has said it.
    fn converse(mut self, input: Vec<u8>) -> Result<Vec<u8>> {
        let mut stdin = self.child.stdin.take().context("no input")?;
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = self.output()?;
        if !matches!(writer.join(), Ok(Ok(()))) {
            bail!("the terminal took no more input");
        }
        Ok(output)
    }

    /// All output, to its end.
    fn output(&mut self) -> Result<Vec<u8>> {
        let mut output = Vec::new();
        self.child.stdout.as_mut().context("no output")?.read_to_end(&mut output)?;
        Ok(output)
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        // Gone already: all the better.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn type_into(talk: &Talk, client: &str, input: &[u8]) -> Result<Vec<u8>> {
    Piped::start(talk, client, &[])?.converse(input.to_vec())
}

fn wait_until_attached(talk: &Talk, client: &str) -> Result<()> {
    let attached = format!("{client} (1 attached)");
    let started = Instant::now();
    while !capture(&mut console(talk, &[])?)?.contains(&attached) {
        ensure!(started.elapsed().as_secs() < 60, "{client} has no terminal");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Ok(())
}

/// Bytes of all values in an order that repeats after a long time only.
fn pattern(seed: u8) -> Vec<u8> {
    (0..MUCH as u32).map(|n| (n ^ n >> 8 ^ n >> 16).to_le_bytes()[0].wrapping_add(seed)).collect()
}

fn mirrored(output: &[u8], bytes: &[u8], client: &str) -> Result<()> {
    let begin = format!("mirror {}\r\nready\r\n", bytes.len());
    let at = output.windows(begin.len()).position(|window| window == begin.as_bytes());
    let at = at.with_context(|| format!("{client} is not ready"))? + begin.len();
    let rest = output.get(at..).unwrap_or_default();
    let same = rest.iter().zip(bytes).take_while(|(one, other)| one == other).count();
    ensure!(same == bytes.len(), "{client}: byte {same} of {} is another, or missing", bytes.len());
    ensure!(rest[same..] == *PROMPT.as_bytes(), "{client}: something came behind the last byte");
    Ok(())
}

fn much_at_once(talk: &mut Talk) -> Result<Option<String>> {
    let started = Instant::now();
    let mut others = Vec::new();
    for (seed, client) in [(1, "two"), (2, "three")] {
        let bytes = pattern(seed);
        let terminal = Piped::start(talk, client, &[])?;
        others.push(std::thread::spawn(move || {
            let output = terminal.converse([format!("mirror {MUCH}\r").as_bytes(), &bytes].concat())?;
            mirrored(&output, &bytes, client)
        }));
    }
    much_on_the_shared_terminal(&mut talk.session)?;
    for other in others {
        other.join().unwrap_or_else(|_| bail!("a terminal's thread has failed"))?;
    }
    let seconds = started.elapsed().as_secs_f32();
    Ok(Some(format!("{:.0} KB/s each way", 3.0 * MUCH as f32 / 1000.0 / seconds)))
}

/// Text here: the chord's and QEMU's own keys would not get through.
fn much_on_the_shared_terminal(session: &mut Session) -> Result<()> {
    session.send(&format!("mirror {MUCH}\r"))?;
    session.expect("ready\n")?;
    let text: Vec<u8> = pattern(0).into_iter().map(|byte| b' ' + byte % 0x5f).collect();
    for piece in text.chunks(PIECE) {
        let piece = String::from_utf8(piece.to_vec())?;
        session.send(&piece)?;
        let before = session.expect(&piece)?;
        ensure!(before.is_empty(), "{before:?} came between");
    }
    let before = session.expect(PROMPT)?;
    ensure!(before.is_empty(), "{before:?} came behind the last byte");
    Ok(())
}

fn flood(talk: &mut Talk) -> Result<Option<String>> {
    let mut never_reads = Piped::start(talk, "two", &[])?;
    let stdin = never_reads.child.stdin.as_mut().context("no input")?;
    stdin.write_all(b"flood 1000000000\r")?;
    stdin.flush()?;
    // Its output fills every buffer up to the pipe that nobody reads.
    wait_until_attached(talk, "two")?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    let bytes = pattern(3);
    let input = [format!("mirror {MUCH}\r").as_bytes(), &bytes].concat();
    mirrored(&type_into(talk, "three", &input)?, &bytes, "three")?;
    for number in 0..20 {
        talk.session.ask(&format!("echo still {number}"), &format!("still {number}\n{PROMPT}"))?;
    }
    drop(never_reads);
    // What was held back comes first, and may take longer than a terminal without a person waits for more.
    let mut end = type_into(talk, "two", b"\x03ping\r")?;
    for _ in 0..3 {
        if end.ends_with(b"ping\r\npong\r\necho> ") {
            return Ok(None);
        }
        end = type_into(talk, "two", b"ping\r")?;
    }
    bail!("{}", end[end.len().saturating_sub(200)..].escape_ascii())
}

/// What one of them types, the other one sees; meanwhile somebody talks nonsense to the broker, and somebody leaves in the middle.
fn two_and_nonsense(talk: &mut Talk) -> Result<Option<String>> {
    let system = talk.terminals.as_ref().context("this has no further terminals")?.name().to_owned();
    let (_, mut nonsense) = running::connect(talk.workspace, Some(&system))?;
    let (_, mut leaves) = running::connect(talk.workspace, Some(&system))?;
    nonsense.write_all(&pattern(4)[..100_000])?;
    leaves.write_all(b"\x03half a mess")?;
    drop(leaves);
    let mut watching = Piped::start(talk, "two", &[])?;
    wait_until_attached(talk, "two")?;
    let typing = type_into(talk, "two", b"echo for both\r")?;
    ensure!(typing.ends_with(b"echo for both\r\nfor both\r\necho> "), "{}", typing.escape_ascii());
    drop(watching.child.stdin.take());
    let seen = watching.output()?;
    ensure!(seen.ends_with(b"echo for both\r\nfor both\r\necho> "), "{}", seen.escape_ascii());
    let long = "x".repeat(1000);
    let error = capture(&mut console(talk, &[&long])?).expect_err("there is no such client").to_string();
    ensure!(error.contains("but one, two, three"), "{error}");
    Ok(None)
}

fn history(talk: &mut Talk) -> Result<Option<String>> {
    let first = type_into(talk, "three", b"echo first time\r")?;
    ensure!(first.ends_with(b"first time\r\necho> "), "{}", first.escape_ascii());
    // Meanwhile it says something to the shared terminal.
    talk.session.send(&format!("{CHORD}3"))?;
    talk.session.expect("three")?;
    talk.session.ask("echo meanwhile", "meanwhile")?;
    talk.session.send(&format!("{CHORD}1"))?;
    let log = talk.logs.with_file_name("console-log.txt");
    let back = Piped::start(talk, "three", &["--log", &log.to_string_lossy()])?.converse(b"echo back\r".to_vec())?;
    ensure!(fs::read(&log)? == back, "the log is not what was printed");
    let expected = "echo> echo meanwhile\r\nmeanwhile\r\necho> echo back\r\nback\r\necho> ";
    ensure!(back == expected.as_bytes(), "{}", back.escape_ascii());
    let all = Piped::start(talk, "three", &["--history"])?.converse(Vec::new())?;
    let (first, end) = (all.escape_ascii().to_string(), &all[all.len().saturating_sub(200)..]);
    ensure!(first.contains("first time") && end.ends_with(expected.as_bytes()), "{}", end.escape_ascii());
    Ok(None)
}

/// The command as at a terminal of 132 columns and 50 rows.
fn at_terminal(talk: &Talk, command: &Command, log: &str) -> Result<Session> {
    at_terminal_of(talk, command, log, (132, 50))
}

/// The command as at a terminal of so many columns and rows.
fn at_terminal_of(talk: &Talk, command: &Command, log: &str, (columns, rows): (u32, u32)) -> Result<Session> {
    let inner = format!("stty cols {columns} rows {rows}; exec {}", crate::process::command_line(command));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--flush", "--command", &inner, "/dev/null"]);
    Session::start(script, &talk.logs.with_file_name(log))
}

/// Figures of a picture: milliseconds since the start, hundredths of a percent and bytes of the console server.
type Figures = [u64; 3];

/// The next picture.
fn picture(terminal: &mut Session) -> Result<Figures> {
    terminal.expect("since the start: ")?;
    let heading = terminal.expect("totals; h for help")?;
    terminal.expect("console ")?;
    let row = terminal.expect(" bytes")?;
    terminal.expect("one ")?;
    let number = |text: &str| text.trim().replace('.', "").parse().with_context(|| format!("{heading} {row}"));
    let (seconds, _) = heading.split_once(" s").with_context(|| heading.clone())?;
    let (share, bytes) = row.split_once('%').with_context(|| row.clone())?;
    Ok([number(seconds)?, number(share)?, number(bytes)?])
}

fn live_figures(talk: &mut Talk) -> Result<Option<String>> {
    const LINES: u64 = 3000;
    let system = talk.terminals.as_ref().context("this has no further terminals")?.name();
    let mut top = Command::new(std::env::current_exe()?);
    top.args(["top", "--name", system]);
    let mut terminal = at_terminal(talk, &top, "live-figures.txt")?;
    terminal.expect("in a second; h for help")?;
    terminal.send("t")?;
    let first = picture(&mut terminal)?;
    talk.session.ask(&format!("flood {LINES}"), &format!("line {LINES} of {LINES}"))?;
    // One may have been under way; the next ones come by themselves.
    let mut last = first;
    while last[2] < first[2] + LINES * "line 1 of 3000\r\n".len() as u64 {
        let next = picture(&mut terminal)?;
        ensure!(next[0] > last[0] && next[2] >= last[2], "{last:?}, then {next:?}");
        ensure!(next[0] < first[0] + 60_000, "bytes are not counted: {first:?}, then {next:?}");
        last = next;
    }
    ensure!(last[1] > 0, "it runs, and no time is shown: {last:?}");
    terminal.send(&format!("{CHORD}d"))?;
    terminal.expect("detached from top")?;
    Ok(Some(format!("{} bytes in {} ms", last[2] - first[2], last[0] - first[0])))
}

/// The second console of a Linux on two terminals, one after the other.
fn sizes_of_linux(talk: &mut Talk) -> Result<Option<String>> {
    let size = |talk: &mut Talk, expected: &str| -> Result<()> {
        let answer = talk.session.ask("sleep 1; stty -F /dev/hvc0 size", guest::PROMPT)?;
        ensure!(answer.trim() == expected, "{answer}");
        Ok(())
    };
    talk.session.ask("sleep 1000 < /dev/hvc0 &", guest::PROMPT)?;
    for (columns, rows) in [(132, 50), (81, 23)] {
        let mut terminal = at_terminal_of(talk, &console(talk, &["port"])?, "size-of-linux.txt", (columns, rows))?;
        terminal.expect("port of ")?;
        size(talk, &format!("{rows} {columns}"))?;
        terminal.send(&format!("{CHORD}d"))?;
        terminal.expect("detached from port")?;
    }
    Ok(None)
}

fn at_a_terminal(talk: &mut Talk) -> Result<Option<String>> {
    let mut terminal = at_terminal(talk, &console(talk, &["two"])?, "at-a-terminal.txt")?;
    terminal.expect("two of ")?;
    terminal.expect(PROMPT)?;
    terminal.ask("size", "132 columns, 50 rows")?;
    // A Ctrl-C is the client's, and a chord is not.
    terminal.send("ech\x03")?;
    terminal.expect("ech^C")?;
    terminal.send(&format!("{CHORD}?"))?;
    terminal.expect("d leaves")?;
    terminal.send(&format!("{CHORD}d"))?;
    terminal.expect("detached from two")?;
    ensure!(!terminal.wait_until_quiet(std::time::Duration::from_secs(20))?, "it is still there");
    talk.session.ask("echo and the system", "and the system")?;
    Ok(None)
}

fn logs(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.expect(PROMPT)?;
    talk.session.ask("flood 3000", "line 3000 of 3000")?;
    let answer = type_into(talk, "two", b"echo two\r")?;
    ensure!(answer.ends_with(b"two\r\necho> "), "{}", answer.escape_ascii());
    // The last of it may be under way.
    let read = |client: &str| fs::read_to_string(talk.logs.join(format!("{client}.log"))).unwrap_or_default();
    let lines: String = (1..=3000).map(|number| format!("line {number} of 3000\r\n")).collect();
    let started = Instant::now();
    while !read("one").ends_with(&format!("{lines}{PROMPT}")) {
        ensure!(started.elapsed().as_secs() < 60, "the log of one has {} bytes", read("one").len());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    ensure!(read("one").starts_with("A native protection domain."), "{}", read("one"));
    ensure!(read("two").ends_with("echo> echo two\r\ntwo\r\necho> "), "{}", read("two"));
    Ok(None)
}
