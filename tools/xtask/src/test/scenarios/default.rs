//! The default system, all of it at work: two Linux guests, a real-time guest, a native program. Time is counted in instructions, so that
//! what one guest notices of another is not what it notices of the host.

use anyhow::{Context, Result, ensure};

use super::{CHORD, ask_echo};
use crate::cli::{BuildOptions, Config};
use crate::guest::{Kernel, READY};
use crate::machine::{CPUS, Gic};
use crate::test::scenario::{Boots, Case, Scenario, Talk};

/// A client of the console: its key and its name.
type Client = (&'static str, &'static str);
const A: Client = ("1", "linux_a");
const B: Client = ("2", "linux_b");
const REALTIME: Client = ("3", "realtime");
const ECHO: Client = ("4", "echo");
const TOP: Client = ("5", "top");

const CASES: [Case; 12] = [
    Case { name: "all guests come up", check: all_come_up },
    Case { name: "the second Linux begins to watch itself", check: witness },
    Case { name: "the first one's words are answered by the real-time guest", check: words },
    Case { name: "it reaches the second one through the switch", check: ping },
    Case { name: "it reads back what it has written to its disk", check: file },
    Case { name: "it reboots, and finds its file again", check: reboot },
    Case { name: "its words and pings are answered again", check: words_and_ping },
    Case { name: "the second one has noticed nothing", check: undisturbed },
    Case { name: "the others answer", check: others },
    Case { name: "a native program's words are answered by the real-time guest", check: native_words },
    Case { name: "the program fails, is started anew, and exchanges words again", check: fails },
    Case { name: ON_TIME, check: keeps_its_period },
];
const ON_TIME: &str = "the real-time guest keeps its period while both Linux guests spin";

/// On both interrupt controllers.
pub fn scenarios() -> Vec<Scenario> {
    let machines = [(Config::Debug, Gic::V2, CPUS[0]), (Config::Release, Gic::V3, CPUS[2])];
    let scenario = |(config, gic, cpu): (Config, Gic, &'static str)| Scenario {
        name: format!("default system, GICv{}, {cpu}", gic.version()),
        boots: Boots::System(BuildOptions::of("system.xml", config, Kernel::V6_1)),
        cpu,
        gic,
        counted: true,
        cases: CASES.to_vec(),
    };
    // Each guest on a core of its own. What is on time there is the host's business.
    let spread = Scenario {
        name: "default system, 4 cores".to_owned(),
        boots: Boots::System(BuildOptions {
            vcpus: Some(1),
            ..BuildOptions::of("system.xml", Config::SmpDebug, Kernel::V6_1)
        }),
        counted: false,
        cases: CASES.into_iter().filter(|case| case.name != ON_TIME).collect(),
        ..scenario(machines[0])
    };
    machines.into_iter().map(scenario).chain([spread]).collect()
}

/// Gives a client the terminal. The machine need not be quiet.
fn switch_to(talk: &mut Talk, (key, name): Client) -> Result<()> {
    talk.session.send(&format!("{CHORD}{key}"))?;
    talk.session.expect(&format!("--- {name}"))?;
    Ok(())
}

fn prompt((_, name): Client) -> String {
    format!("{name}# ")
}

/// Has the Linux that has the terminal execute a line, short enough that the shell does not wrap it.
fn ask(talk: &mut Talk, guest: Client, line: &str) -> Result<String> {
    talk.session.ask(line, &prompt(guest))
}

fn all_come_up(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.expect(READY)?;
    talk.session.expect(&prompt(A))?;
    let version = ask(talk, A, "uname -r")?;
    ensure!(version.trim().starts_with("6.1."), "linux_a is {version}");
    switch_to(talk, B)?;
    talk.session.expect(&prompt(B))?;
    let version = ask(talk, B, "uname -r")?;
    ensure!(version.trim().starts_with("6.12."), "linux_b is {version}");
    switch_to(talk, REALTIME)?;
    talk.session.expect("The period is 10000 us.")?;
    Ok(None)
}

/// Each second the second Linux notes its time, and reads a file from its disk.
fn witness(talk: &mut Talk) -> Result<Option<String>> {
    switch_to(talk, B)?;
    for line in [
        "dd if=/dev/urandom of=/mnt/file bs=64k count=16",
        "md5sum /mnt/file > /mnt/sum; sync",
        "drop() { echo 3 > /proc/sys/vm/drop_caches; }",
        "look() { drop; cut -d. -f1 /proc/uptime; md5sum -c /mnt/sum; }",
        "(while sleep 1; do look; done > /tmp/watch 2>&1) &",
    ] {
        ask(talk, B, line)?;
    }
    ask(talk, B, "id=/proc/sys/kernel/random/boot_id; cp $id /tmp/life")?;
    switch_to(talk, A)?;
    Ok(None)
}

fn words(talk: &mut Talk) -> Result<Option<String>> {
    let answer = ask(talk, A, "ivc send 0 0 7 0x8 && ivc receive 0")?;
    ensure!(answer.contains("message 0 0x0 0x7 0x8"), "{answer}");
    let answer = ask(talk, A, "ivc send 0 1 0 0 && ivc receive 0")?;
    let figures = answer.split("message 0 0x1 ").nth(1).and_then(|rest| rest.lines().next()).context(answer.clone())?;
    let number = |word: &str| u64::from_str_radix(word.trim().trim_start_matches("0x"), 16);
    let (periods, worst) = figures.split_once(' ').context(answer.clone())?;
    ensure!(number(periods)? > 0, "{answer}");
    Ok(Some(format!("{} periods, at most {} ns late", number(periods)?, number(worst)?)))
}

fn ping(talk: &mut Talk) -> Result<Option<String>> {
    let answer = ask(talk, A, "ping -c 3 -W 5 10.0.0.2")?;
    ensure!(answer.contains(" 0% packet loss"), "{answer}");
    Ok(None)
}

fn words_and_ping(talk: &mut Talk) -> Result<Option<String>> {
    let figures = words(talk)?;
    ping(talk)?;
    Ok(figures)
}

fn file(talk: &mut Talk) -> Result<Option<String>> {
    for line in [
        "dd if=/dev/urandom of=/mnt/file bs=64k count=64",
        "md5sum /mnt/file > /mnt/sum",
        "umount /mnt && mount /dev/vda /mnt",
    ] {
        ask(talk, A, line)?;
    }
    file_is_there(talk)
}

fn file_is_there(talk: &mut Talk) -> Result<Option<String>> {
    let answer = ask(talk, A, "md5sum -c /mnt/sum")?;
    ensure!(answer.contains("/mnt/file: OK"), "{answer}");
    Ok(None)
}

fn reboot(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.ask("touch /tmp/trace; reboot", READY)?;
    talk.session.expect(&prompt(A))?;
    let answer = ask(talk, A, "ls /tmp")?;
    ensure!(!answer.contains("trace"), "something of the life before is left: {answer}");
    file_is_there(talk)
}

/// The most seconds between two looks, of which it sleeps for one: while the other one boots, each has half of the core.
const LONGEST: u64 = 3;

fn undisturbed(talk: &mut Talk) -> Result<Option<String>> {
    switch_to(talk, B)?;
    let life = ask(talk, B, "cmp /tmp/life $id && echo same")?;
    ensure!(life.contains("same"), "{life}");
    let watched = ask(talk, B, "cat /tmp/watch")?;
    let times: Vec<u64> = watched.lines().filter_map(|line| line.trim().parse().ok()).collect();
    let sound = watched.matches("/mnt/file: OK").count();
    ensure!(times.len() > 5 && sound.abs_diff(times.len()) <= 1 && !watched.contains("FAILED"), "{watched}");
    let steps: Vec<u64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let longest = steps.iter().copied().max().unwrap_or(0);
    ensure!(steps.iter().all(|step| (1..=LONGEST).contains(step)), "it looked at {times:?}");
    let complaints = ask(talk, B, "dmesg | grep -i -e error -e stall -e hung -e 'timed out' | wc -l")?;
    ensure!(complaints.trim() == "0", "it complains {complaints} times");
    Ok(Some(format!("{} looks in {} s, {longest} s apart at most", times.len(), times[times.len() - 1] - times[0])))
}

fn others(talk: &mut Talk) -> Result<Option<String>> {
    switch_to(talk, ECHO)?;
    ask_echo(talk)?;
    switch_to(talk, REALTIME)?;
    talk.session.send("l")?;
    let figures = talk.session.expect(" at most")?;
    switch_to(talk, TOP)?;
    talk.session.send(" ")?;
    for (_, name) in [A, B, REALTIME] {
        talk.session.expect(&format!("\n{name} "))?;
    }
    counted(talk)?;
    Ok(figures.lines().next_back().map(str::to_owned))
}

fn native_words(talk: &mut Talk) -> Result<Option<String>> {
    switch_to(talk, ECHO)?;
    exchange_natively(talk)?;
    // The real-time guest's figures, as it tells them to Linux.
    let answer = talk.session.ask("words 1 0 0", "\necho> ")?;
    ensure!(answer.trim().starts_with("0x1 0x") && !answer.contains("0x1 0x0 "), "{answer}");
    Ok(None)
}

fn exchange_natively(talk: &mut Talk) -> Result<()> {
    for number in 0..20 {
        talk.session.ask(&format!("words 0 {number} 0xff"), &format!("\n0x0 {number:#x} 0xff\necho> "))?;
    }
    Ok(())
}

/// What `top`, which has the terminal, tells of messages and servers since the start.
fn counted(talk: &mut Talk) -> Result<()> {
    talk.session.send("t")?;
    talk.session.expect("since the start: ")?;
    let table = talk.session.expect("\nswitch ")?;
    ensure!(table.contains("  messages sent 4") && table.contains("  messages taken 4"), "{table}");
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).with_context(|| table.clone());
    let switch = format!("switch {} frames", talk.session.expect(" frames")?);
    for (row, first) in [(row("console ")?, "bytes"), (row("disk ")?, "requests"), (&switch, "frames")] {
        let mut words = row.split_whitespace();
        let number = words.by_ref().skip_while(|word| *word != "%").nth(1).and_then(|word| word.parse::<u64>().ok());
        ensure!(number > Some(0) && words.next() == Some(first), "{row}");
    }
    talk.session.send("t")?;
    Ok(())
}

/// It has the terminal.
fn fails(talk: &mut Talk) -> Result<Option<String>> {
    talk.session.send("fault\r")?;
    talk.session.expect("--- echo has started anew")?;
    ask_echo(talk)?;
    exchange_natively(talk)?;
    Ok(None)
}

/// The most that the real-time guest is late, in nanoseconds, which are instructions: the way from a timer to a guest, and what
/// cannot be interrupted.
const LATEST: u64 = 20_000;
/// So long it is watched at least, in seconds of the second Linux, whose clock stands still while the first one runs.
const WATCHED: u64 = 2;

fn keeps_its_period(talk: &mut Talk) -> Result<Option<String>> {
    for guest in [A, B] {
        switch_to(talk, guest)?;
        ask(talk, guest, "while :; do :; done &")?;
    }
    let answer = ask(talk, B, "ivc send 0 3 1000 0 && ivc receive 0")?;
    ensure!(answer.contains("message 0 0x3 0x3e8 0x0"), "{answer}");
    ask(talk, B, &format!("sleep {WATCHED}"))?;
    switch_to(talk, REALTIME)?;
    talk.session.send("l")?;
    let figures = talk.session.expect(" at most")?;
    let words = figures.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok());
    let numbers: Vec<u64> = words.collect();
    let [.., periods, missed, _, _, worst] = *numbers.as_slice() else { anyhow::bail!("{figures}") };
    ensure!(periods >= 900 * WATCHED && missed == 0 && worst <= LATEST, "{figures}");
    Ok(Some(format!("{periods} periods of a millisecond, at most {worst} ns late")))
}
