//! What a guest that knows nothing of the hypervisor's calls may send and has been sent: its monitor has the guest's own
//! capabilities, and reads the mailboxes of its vCPUs.

use sel4::{
    Cap, Error,
    cap::Notification,
    quoll::{Port, VCpuReg},
};
use sel4_abi::quoll::{port, slot};
use sel4_microkit::var;
use vmm::messages::{Exchange, Refused, Words};

use super::{below::vcpu_object, kernel::done};

/// The description gives the guest no channel to its monitor.
const NO_CHANNEL: usize = usize::MAX;

/// The guest's channel to its monitor, if it has one: then the monitor acts for it.
pub fn notification() -> Option<usize> {
    let channel = *var!(guest_notification: usize = NO_CHANNEL);
    (channel != NO_CHANNEL).then_some(channel)
}

/// The guest's channels.
pub struct Channels {
    vcpus: usize,
}

/// The guest's capability for a channel, if the channel is one of `among`.
fn capability<T: sel4::CapType>(channel: u8, among: usize) -> Option<Cap<T>> {
    (among & 1 << channel != 0).then(|| Cap::from_bits(slot::BASE_GUEST_PORT + u64::from(channel)))
}

fn read(vcpu: usize, register: VCpuReg) -> u64 {
    done("read a mailbox", vcpu_object(vcpu).vcpu_read_regs(register)).unwrap_or_default()
}

fn write(vcpu: usize, register: VCpuReg, value: u64) {
    done("write a mailbox", vcpu_object(vcpu).vcpu_write_regs(register, value));
}

impl Channels {
    /// Those of the guest of this monitor.
    pub const fn new(vcpus: usize) -> Self {
        Self { vcpus }
    }
}

impl Exchange for Channels {
    fn send(&mut self, channel: u8, message: Words) -> Result<(), Refused> {
        let port: Port = capability(channel, *var!(guest_ports: usize = 0)).ok_or(Refused::NoRight)?;
        port.port_send(message).map_err(|error| match error {
            Error::DeleteFirst => Refused::Busy,
            _ => Refused::NoRight,
        })
    }

    fn broadcast(&mut self, message: Words) -> Result<(), Refused> {
        let among = *var!(guest_broadcasts: usize = 0);
        if among == 0 {
            return Err(Refused::NoRight);
        }
        // Nothing is learnt of the receivers.
        for port in
            (0..port::SLOTS as u8).filter_map(|channel| capability::<sel4::quoll::cap_type::Port>(channel, among))
        {
            let _ = port.port_send(message);
        }
        Ok(())
    }

    fn signal(&mut self, channel: u8) -> Result<(), Refused> {
        let notification: Notification =
            capability(channel, *var!(guest_signals: usize = 0)).ok_or(Refused::NoRight)?;
        notification.signal();
        Ok(())
    }

    fn take_signals(&mut self) -> u64 {
        (0..self.vcpus).fold(0, |all, vcpu| {
            let signals = read(vcpu, VCpuReg::MailboxSignals);
            if signals != 0 {
                write(vcpu, VCpuReg::MailboxSignals, signals);
            }
            all | signals
        })
    }

    fn full(&mut self) -> u64 {
        (0..self.vcpus).fold(0, |all, vcpu| all | read(vcpu, VCpuReg::MailboxFull))
    }

    fn receive(&mut self, channel: u8) -> Option<Words> {
        let slot = usize::from(channel);
        let vcpu = (0..self.vcpus).find(|&vcpu| read(vcpu, VCpuReg::MailboxFull) & 1 << slot != 0)?;
        let message = [0, 1, 2].map(|word| read(vcpu, VCpuReg::MailboxWord { slot, word }));
        write(vcpu, VCpuReg::MailboxWord { slot, word: 0 }, 0);
        Some(message)
    }
}
