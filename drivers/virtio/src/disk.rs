//! The driver of a disk, for one user.

use ivc::block::{self, Answer, Operation, Request, Server, Status};

/// Requests that the device has at the same time.
pub const SLOTS: usize = 16;

/// What the driver needs of a disk.
pub trait Sectors {
    /// What it is.
    fn disk(&self) -> block::Disk;

    /// Starts a request in a slot below [`SLOTS`] that is free. Its data are where it says in the memory that is shared with the
    /// user.
    fn start(&mut self, slot: usize, request: &Request);

    /// The next request that has ended: its slot, and whether it was done.
    fn finish(&mut self) -> Option<(usize, bool)>;
}

/// The driver's state between two interrupts or signals.
pub struct Disk<'m, D> {
    device: D,
    disk: block::Disk,
    server: Server<'m>,
    /// The tags of the requests that the device has.
    open: [Option<u32>; SLOTS],
}

impl<'m, D: Sectors> Disk<'m, D> {
    /// A driver of `device` for the user behind `server`. Begin with a [`run`](Self::run).
    pub fn new(device: D, server: Server<'m>) -> Self {
        let disk = device.disk();
        server.set_disk(&disk);
        Self { device, disk, server, open: [None; SLOTS] }
    }

    /// The device.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// Does all that can be done now, after an interrupt or a signal. Returns whether to signal the user.
    #[must_use = "the user may be waiting for this signal"]
    pub fn run(&mut self) -> bool {
        loop {
            while let Some((slot, done)) = self.device.finish() {
                let status = if done { Status::Done } else { Status::Failed };
                let Some(tag) = self.open.get_mut(slot).and_then(Option::take) else { continue };
                self.server.send(Answer { tag, status });
            }
            let slots_are_full = !self.start();
            if slots_are_full || self.server.await_request() {
                return self.server.owes_signal();
            }
        }
    }

    /// Starts what the user has asked for. False if the device has as much as it takes.
    fn start(&mut self) -> bool {
        while let Some(slot) = self.open.iter().position(Option::is_none) {
            let request = match self.server.receive() {
                None => return true,
                Some(Ok(request)) => request,
                Some(Err(tag)) => {
                    self.server.send(Answer { tag, status: Status::Refused });
                    continue;
                }
            };
            if request.is_valid(&self.disk, self.server.data().size()) {
                self.open[slot] = Some(request.tag);
                self.device.start(slot, &request);
            } else {
                self.server.send(Answer { tag: request.tag, status: Status::Refused });
            }
        }
        false
    }
}

/// What the device is asked to do.
pub(crate) fn request_type(operation: Operation) -> u32 {
    match operation {
        Operation::Read => 0,
        Operation::Write => 1,
        Operation::Flush => 4,
    }
}
