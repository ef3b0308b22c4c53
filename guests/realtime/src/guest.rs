//! Its life: a timer, messages, a console. Interrupts stay masked, and end its waiting all the same.

use core::fmt::Write;

use bare_guest::answers::Answers;
use bare_guest::console::Console;
use bare_guest::gic::{Gic, MESSAGES_PPI, TIMER_PPI, number_of};
use bare_guest::machine::{off, read_register, skip_instruction, wait_for_interrupt, write_register};
use bare_guest::{memory, tree::Tree};
use ivc::guest::{Words, pending, receive, send};
use realtime::{Lateness, Task};
use smccc::Hvc;

/// In microseconds, unless the command line says otherwise.
const PERIOD: u64 = 1_000;
const NS: u128 = 1_000_000_000;

const HELP: &str = "Keys: l lateness, r begin anew, o off, ? this\r\n";

struct Realtime {
    gic: Gic,
    console: Option<Console>,
    /// Those to a native program, which has no mailbox.
    answers: Option<Answers>,
    /// Ticks of the counter in a second.
    frequency: u64,
    /// The same of a period.
    period: u64,
    /// When the next one begins.
    next: u64,
    task: Task,
}

#[unsafe(no_mangle)]
extern "C" fn guest_main(tree: usize) -> ! {
    memory::switch_on();
    // SAFETY: it is what the guest was started with, and nothing was written but this program's own variables.
    let tree = unsafe { Tree::at(tree) };
    let argument = |name| tree.and_then(|tree| tree.argument(name)?.parse().ok());
    let task = Task::new(argument("period").unwrap_or(PERIOD));
    let frequency = read_register!("cntfrq_el0");
    let gic = Gic::set_up();
    gic.enable(TIMER_PPI);
    gic.enable(MESSAGES_PPI);
    let console = tree.and_then(|tree| Console::open(&tree));
    let answers = tree.and_then(|tree| Answers::open(&tree));
    let mut guest = Realtime { gic, console, answers, frequency, period: 0, next: 0, task };
    guest.print(format_args!("A guest without an operating system. {HELP}"));
    guest.live()
}

fn now() -> u64 {
    read_register!("cntvct_el0")
}

impl Realtime {
    fn live(&mut self) -> ! {
        self.begin();
        // What has come before the interrupt was enabled makes none.
        self.messages();
        loop {
            wait_for_interrupt();
            let acknowledged = self.gic.acknowledge();
            match number_of(acknowledged) {
                TIMER_PPI => self.tick(),
                MESSAGES_PPI => self.messages(),
                _ => continue,
            }
            self.gic.end(acknowledged);
        }
    }

    /// The period that is to be, in ticks.
    fn ticks(&self) -> u64 {
        (self.frequency * self.task.period() / 1_000_000).max(1)
    }

    /// The first period of this length begins now.
    fn begin(&mut self) {
        self.period = self.ticks();
        self.next = now() + self.period;
        write_register!("cntv_cval_el0", self.next);
        write_register!("cntv_ctl_el0", 1);
        self.print(format_args!("The period is {} us.\r\n", self.task.period()));
    }

    /// A period has begun.
    fn tick(&mut self) {
        let late = now().saturating_sub(self.next);
        let missed = late / self.period;
        self.task.lateness.record((u128::from(late) * NS / u128::from(self.frequency)) as u64, missed);
        self.next += (missed + 1) * self.period;
        write_register!("cntv_cval_el0", self.next);
    }

    /// Something has come: messages, or a signal of the console server.
    fn messages(&mut self) {
        loop {
            let found = pending::<Hvc>();
            let mut channels = found.messages;
            while channels != 0 {
                let channel = u64::from(channels.trailing_zeros());
                channels &= channels - 1;
                if let Some(message) = receive::<Hvc>(channel) {
                    self.answer(channel, message);
                }
            }
            if self.ticks() != self.period {
                self.begin();
            }
            self.typed();
            if found.messages == 0 && found.signals == 0 {
                return;
            }
        }
    }

    fn answer(&mut self, channel: u64, message: Words) {
        let answer = self.task.answer(message);
        // Who has not taken the answer before misses this one.
        let _ = match &mut self.answers {
            Some(answers) if answers.channel() == channel => answers.send(answer),
            _ => send::<Hvc>(channel, answer),
        };
    }

    /// Does what is typed at the console.
    fn typed(&mut self) {
        while let Some(console) = &mut self.console {
            match console.read() {
                Some(b'l') => self.print(format_args!("{}\r\n", self.task.lateness.clone())),
                Some(b'r') => self.task.lateness = Lateness::default(),
                Some(b'o') => off(),
                Some(b'?') => self.print(format_args!("{HELP}")),
                Some(_) => {}
                None if console.settle() => return,
                None => {}
            }
        }
    }

    fn print(&mut self, text: core::fmt::Arguments<'_>) {
        if let Some(console) = &mut self.console {
            // It takes everything.
            let _ = console.write_fmt(text);
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}

#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    skip_instruction();
}
