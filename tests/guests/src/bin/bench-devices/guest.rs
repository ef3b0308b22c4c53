//! What it does. Interrupts stay masked, and end its waiting all the same.

use bare_guest::gic::{Gic, MESSAGES_PPI, number_of};
use bare_guest::machine::{off, skip_instruction, wait_for_interrupt};
use bare_guest::{memory, tree::Tree};
use ivc::guest::{receive, send};
use marker::throughput::{DATA, LONG, PARTNER, SHORT, Work, address, neighbour};
use marker::{DONE, marker};
use smccc::Hvc;

use crate::disk::{self, Direction, Disk};
use crate::net::{self, Net};

/// The channel to the neighbour.
const NEIGHBOUR: u64 = 0;

struct Guest {
    gic: Gic,
    disk: Disk,
    net: Net,
    /// How many guests there are.
    guests: u8,
    /// Frames of data that were sent.
    sent: usize,
    /// A message has come.
    told: bool,
}

#[unsafe(no_mangle)]
extern "C" fn guest_main(tree: usize) -> ! {
    memory::switch_on();
    // SAFETY: it is what the guest was started with, and nothing was written but this program's own variables.
    let tree = unsafe { Tree::at(tree) };
    let guests = tree.and_then(|tree| tree.argument("guests")?.parse().ok()).expect("how many guests there are");
    let gic = Gic::set_up();
    [MESSAGES_PPI, disk::SPI, net::SPI].into_iter().for_each(|intid| gic.enable(intid));
    let mut guest = Guest { gic, disk: Disk::set_up(), net: Net::set_up(), guests, sent: 0, told: false };
    for work in Work::ALL {
        for batches in [SHORT, LONG] {
            guest.meet();
            (0..batches).for_each(|_| guest.batch(work));
        }
    }
    guest.meet();
    if guest.net.number() == 1 {
        marker::<DONE>();
    }
    off()
}

impl Guest {
    /// Waits until all guests have come here.
    fn meet(&mut self) {
        self.net.tell(PARTNER, self.guests);
        let others = self.net.others + 1;
        self.wait_until(|guest| {
            guest.net.receive();
            guest.net.others == others
        });
    }

    fn batch(&mut self, work: Work) {
        match work {
            Work::Write => self.requests(work, Direction::Write),
            Work::Read | Work::SmallRead => self.requests(work, Direction::Read),
            Work::ShortFrames | Work::LongFrames => self.frames(work, PARTNER),
            // The others have no neighbour.
            _ if self.guests == 1 => {}
            Work::Neighbour => self.frames(work, address(neighbour(self.net.number()))),
            Work::Messages => (0..work.batch()).for_each(|_| self.message()),
        }
    }

    fn requests(&mut self, work: Work, direction: Direction) {
        self.disk.begin(work, direction);
        self.wait_until(|guest| guest.disk.finished(work, direction));
    }

    /// Sends a batch, and waits until as many have come as were sent: a neighbour may be a batch ahead.
    fn frames(&mut self, work: Work, to: [u8; 6]) {
        self.sent += work.batch();
        self.net.send(to, DATA, work.batch(), work.size());
        self.wait_until(|guest| {
            guest.net.receive();
            guest.net.data >= guest.sent
        });
    }

    /// Sends a message and waits for one, or the other way around.
    fn message(&mut self) {
        let begins = self.net.number() % 2 == 1;
        if begins {
            self.send();
        }
        self.wait_until(|guest| guest.told);
        self.told = false;
        assert!(receive::<Hvc>(NEIGHBOUR).is_some(), "the message");
        if !begins {
            self.send();
        }
    }

    fn send(&mut self) {
        assert!(send::<Hvc>(NEIGHBOUR, [1, 2, 3]).is_ok(), "the right to send");
    }

    /// Sleeps from one interrupt to the next until it is so.
    fn wait_until(&mut self, mut is_so: impl FnMut(&mut Self) -> bool) {
        while !is_so(self) {
            wait_for_interrupt();
            let acknowledged = self.gic.acknowledge();
            match number_of(acknowledged) {
                disk::SPI => self.disk.acknowledge(),
                net::SPI => self.net.acknowledge(),
                MESSAGES_PPI => self.told = true,
                _ => continue,
            }
            self.gic.end(acknowledged);
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn guest_irq() {}

#[unsafe(no_mangle)]
extern "C" fn guest_exception() {
    skip_instruction();
}
