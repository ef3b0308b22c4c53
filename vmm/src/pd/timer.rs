//! The physical timer, which the description may give this protection domain (interrupt 30).

use arm_sysregs::el0::{
    accessors::{read_cntfrq_el0, read_cntpct_el0, write_cntp_ctl_el0, write_cntp_cval_el0},
    registers::{CntpCtlEl0, CntpCvalEl0},
};
use sel4_microkit::{Channel, ChannelSet, debug_println, var};
use vmm::{devices::sp804::Counter, machine::MAX_VCPUS};

use super::kernel::name;

/// No channel has this number: the description gives the monitor no timer.
const NO_CHANNEL: usize = usize::MAX;
/// The deadline that is the devices'; those before are the vCPUs'.
const DEVICES: usize = MAX_VCPUS;

/// The timer.
pub struct Timer {
    channel: Option<Channel>,
    /// When each vCPU that waits wants to be woken, and a device polled, on the physical counter.
    deadlines: [Option<u64>; MAX_VCPUS + 1],
}

impl Timer {
    /// As the description gives it.
    pub fn new() -> Self {
        let channel = *var!(timer_channel: usize = NO_CHANNEL);
        Self { channel: (channel != NO_CHANNEL).then(|| Channel::new(channel)), deadlines: [None; MAX_VCPUS + 1] }
    }

    /// Whether there is one.
    pub fn exists(&self) -> bool {
        self.channel.is_some()
    }

    /// Has the monitor notified at `deadline`, for a vCPU. False if it has come already, or if there is no timer.
    #[cfg(not(feature = "quoll"))]
    pub fn watch(&mut self, vcpu: usize, deadline: u64) -> bool {
        let fired = Physical.now() >= deadline;
        self.deadlines[vcpu] = (!fired).then_some(deadline);
        self.set();
        !fired
    }

    /// Has the monitor notified at `deadline`, for a device.
    pub fn poll_at(&mut self, deadline: Option<u64>) {
        if self.exists() && self.deadlines[DEVICES] != deadline {
            self.deadlines[DEVICES] = deadline;
            self.set();
        }
    }

    /// Lets the timer fire at the earliest deadline.
    fn set(&self) {
        match self.deadlines.iter().flatten().min() {
            Some(&deadline) => {
                write_cntp_cval_el0(CntpCvalEl0::from_bits_retain(deadline));
                write_cntp_ctl_el0(CntpCtlEl0::ENABLE);
            }
            None => write_cntp_ctl_el0(CntpCtlEl0::empty()),
        }
    }

    /// Those that still wait are watched anew when the guest is polled.
    pub fn notified(&mut self, channels: ChannelSet) {
        let Some(channel) = self.channel.filter(|&channel| channels.contains(channel)) else { return };
        self.deadlines = [None; MAX_VCPUS + 1];
        self.set();
        if let Err(error) = channel.irq_ack() {
            debug_println!("{}: the timer is lost: {error}", name());
        }
    }
}

/// The physical counter.
pub struct Physical;

impl Counter for Physical {
    fn now(&self) -> u64 {
        read_cntpct_el0().bits()
    }

    fn frequency(&self) -> u64 {
        read_cntfrq_el0().bits()
    }
}
