//! The driver of an entropy device, for several users: each byte goes to one of them.

use alloc::vec::Vec;

use clients::Signals;
use ivc::{Producer, entropy::DRY};

/// What the driver needs of a source of random bytes.
pub trait Source {
    /// Asks for bytes, unless that was done and they have not come.
    fn request(&mut self);

    /// Bytes that have come.
    fn finish(&mut self) -> Option<Vec<u8>>;
}

/// Tells `users` that there is no source. Returns whom to signal.
pub fn tell_dry(users: &mut [(usize, Producer<'_>)]) -> Signals {
    let mut signals = Signals::default();
    for (channel, user) in users {
        user.set_note(DRY);
        signals.add(*channel, user.owes_signal());
    }
    signals
}

/// The driver's state between two interrupts or signals.
pub struct Entropy<'m, D> {
    device: D,
    /// The users with their channels.
    users: Vec<(usize, Producer<'m>)>,
}

impl<'m, D: Source> Entropy<'m, D> {
    /// A driver of `device` for `users`, each with its channel. Begin with a [`run`](Self::run).
    pub fn new(device: D, mut users: Vec<(usize, Producer<'m>)>) -> Self {
        users.iter_mut().for_each(|(_, user)| user.set_note(0));
        Self { device, users }
    }

    /// The device.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// Does all that can be done now, after an interrupt or a signal. Returns whom to signal.
    pub fn run(&mut self) -> Signals {
        loop {
            if let Some(bytes) = self.device.finish() {
                self.distribute(&bytes);
                continue;
            }
            // All of them, so that each is asked for a signal.
            let hungry = self.users.iter_mut().filter_map(|(_, user)| (!user.await_space()).then_some(())).count();
            if hungry != 0 {
                self.device.request();
            }
            let mut signals = Signals::default();
            self.users.iter_mut().for_each(|(channel, user)| signals.add(*channel, user.owes_signal()));
            return signals;
        }
    }

    /// Gives the bytes out, first to those that have fewest.
    fn distribute(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let spaces = self.users.iter_mut().map(|(_, user)| user.space());
            let neediest = spaces.enumerate().max_by_key(|&(_, space)| space);
            let given = neediest.map_or(0, |(user, _)| self.users[user].1.push(bytes));
            if given == 0 {
                return;
            }
            bytes = &bytes[given..];
        }
    }
}
