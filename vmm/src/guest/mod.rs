//! A guest: its vCPUs, interrupt controller and devices, and what happens when it leaves its world.

mod access;
mod power;
mod statistics;
#[cfg(test)]
mod tests;
mod undescribed;

pub use self::statistics::Statistics;

use alloc::{vec, vec::Vec};

use ivc::statistics::Table;

use crate::{
    devices::{Bus, DeviceId},
    hypervisor::Hypervisor,
    inject::{self, pstate},
    machine::{MAX_VCPUS, MESSAGES, SPIS, Shared, VIRTUAL_TIMER},
    memory::Memory,
    passed::PassedDevice,
    report::{Mistake, Reports},
    syndrome::{Syndrome, Wait, class},
    vgic::{self, Vgic},
    virtio::entropy::Entropy,
};

/// What a guest is started from. It is read again whenever the guest reboots.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// An arm64 `Image`.
    pub kernel: &'a [u8],
    /// The initial ramdisk, empty if there is none.
    pub initrd: &'a [u8],
    /// The kernel's command line.
    pub command_line: &'a str,
}

/// Why a vCPU has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A load, store or fetch at a guest-physical address that is not memory.
    Memory {
        /// The guest-physical address.
        address: u64,
        /// The syndrome of the stage 2 abort.
        syndrome: Syndrome,
    },
    /// A trapped instruction, at which the vCPU stands.
    Trap(Syndrome),
    /// An HVC, at which the vCPU stands.
    Hypercall,
    /// A maintenance interrupt of the interrupt controller.
    Maintenance {
        /// The list register whose interrupt has ended and which is empty now; `None` if the reason is another.
        ended: Option<usize>,
    },
    /// A private hardware interrupt of the vCPU has fired and is masked until it is unmasked.
    PrivateInterrupt(u32),
}

/// What becomes of a vCPU after its exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the vCPU stands still until its exit is answered"]
pub enum Next {
    /// It goes on.
    Resume,
    /// It stands still, or has been started anew: the exit is not answered.
    Leave,
}

/// Whether a vCPU runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    Off,
    On,
    /// In a WFI that the kernel does not handle; its exit is not answered.
    Waiting,
}

/// A virtual machine.
pub struct Guest<'a, M> {
    files: Files<'a>,
    memory: M,
    power: Vec<Power>,
    /// How often each vCPU has tried an access again that the syndrome does not describe.
    retries: Vec<u32>,
    gic: Vgic,
    bus: Bus<'a>,
    /// Devices of the machine that it has for itself.
    passed: Vec<PassedDevice>,
    /// A device has to look at the time now and then.
    timed: bool,
    reports: Reports,
    entropy: Option<Entropy<'a>>,
    shared: Vec<Shared<'a>>,
    statistics: Statistics<'a>,
    /// The level of each device's interrupt line, a bit each.
    lines: u64,
}

impl<'a, M: Memory> Guest<'a, M> {
    /// A machine that is switched off. It has as many vCPUs as the system description says, [`MAX_VCPUS`] at most.
    pub fn new(hv: &impl Hypervisor, files: Files<'a>, memory: M, bus: Bus<'a>) -> Self {
        let vcpus = hv.vcpus().clamp(1, MAX_VCPUS);
        let gic = Vgic::new(gic_config(hv, vcpus));
        Self {
            files,
            memory,
            power: vec![Power::Off; vcpus],
            retries: vec![0; vcpus],
            gic,
            bus,
            passed: Vec::new(),
            timed: false,
            reports: Reports::default(),
            entropy: None,
            shared: Vec::new(),
            statistics: Statistics::default(),
            lines: 0,
        }
    }

    /// Gives the guest random bytes of its own at each boot.
    pub fn with_entropy(self, entropy: Entropy<'a>) -> Self {
        Self { entropy: Some(entropy), ..self }
    }

    /// Tells the guest of memory that it shares with others. It is mapped, and stays as it is when the guest reboots.
    pub fn with_shared(self, shared: Vec<Shared<'a>>) -> Self {
        Self { shared, ..self }
    }

    /// Gives the guest devices of the machine.
    pub fn with_devices(self, hv: &impl Hypervisor, passed: Vec<PassedDevice>) -> Self {
        let lines: Vec<_> = passed.iter().filter_map(|device| device.line).collect();
        let gic = Vgic::with_lines(gic_config(hv, self.power.len()), &lines);
        Self { gic, passed, ..self }
    }

    /// The interrupt of a device of the machine has come, and the hypervisor has left it to us.
    pub fn hardware_interrupt(&mut self, hv: &mut impl Hypervisor, intid: u32) {
        self.gic.hardware_interrupt(0, intid, hv.lists());
        self.after_interrupts(hv);
    }

    /// Counts exits, and in the table accesses to each device.
    pub fn with_statistics(self, statistics: Statistics<'a>, table: &mut Table<'a>) -> Self {
        Self { statistics: statistics.with_devices(table, &self.bus), ..self }
    }

    /// Handles an exit of `vcpu`.
    pub fn handle(&mut self, hv: &mut impl Hypervisor, vcpu: usize, exit: Exit) -> Next {
        if self.power.get(vcpu) != Some(&Power::On) {
            return Next::Leave;
        }
        self.statistics.exits.add(1);
        let next = match exit {
            Exit::Memory { address, syndrome } => self.memory_access(hv, vcpu, address, syndrome),
            Exit::Trap(syndrome) => self.trap(hv, vcpu, syndrome),
            Exit::Hypercall => self.firmware_call(hv, vcpu),
            Exit::Maintenance { ended } => {
                self.statistics.maintenance.add(1);
                self.gic.maintenance(vcpu, ended, hv.lists());
                Next::Resume
            }
            Exit::PrivateInterrupt(intid) => {
                self.statistics.timer.add(1);
                self.private_interrupt(hv, vcpu, intid);
                Next::Resume
            }
        };
        self.after_interrupts(hv);
        next
    }

    /// Somebody has notified the monitor: something has come in, or there is room again.
    pub fn notified(&mut self, hv: &mut impl Hypervisor) {
        self.statistics.signals.add(1);
        self.poll(hv);
    }

    /// Lets the devices look after the outside world.
    fn poll(&mut self, hv: &mut impl Hypervisor) {
        if self.is_off() {
            return;
        }
        self.bus.poll();
        self.timed = self.bus.is_timed();
        if self.bus.timer().is_some() {
            hv.poll_at(self.bus.deadline());
        }
        self.bus.devices().for_each(|id| self.update_line(hv, id));
        self.after_interrupts(hv);
        self.wake_by_timer(hv);
    }

    /// Lets those that wait go on whose virtual timer has fired: it fires again when they run.
    fn wake_by_timer(&mut self, hv: &mut impl Hypervisor) {
        for vcpu in 0..self.power.len() {
            if self.power[vcpu] == Power::Waiting && power::timer_is_armed(hv, vcpu) && !hv.watch_timer(vcpu) {
                self.power[vcpu] = Power::On;
                hv.resume(vcpu);
            }
        }
    }

    /// Whether no vCPU runs any more.
    pub fn is_off(&self) -> bool {
        self.power.iter().all(|&power| power == Power::Off)
    }

    fn trap(&mut self, hv: &mut impl Hypervisor, vcpu: usize, syndrome: Syndrome) -> Next {
        match syndrome.class() {
            class::WFX => self.wait(hv, vcpu, syndrome),
            class::SMC64 | class::HVC64 => self.firmware_call(hv, vcpu),
            class::SYSTEM_REGISTER => self.system_register(hv, vcpu, syndrome),
            other => {
                self.statistics.aborts.add(1);
                self.mistake(hv, Mistake::Exception(other));
                inject::undefined(hv, vcpu);
                Next::Resume
            }
        }
    }

    /// A WFI that the kernel has left to us, or a WFE.
    fn wait(&mut self, hv: &mut impl Hypervisor, vcpu: usize, syndrome: Syndrome) -> Next {
        self.statistics.waits.add(1);
        advance(hv, vcpu, syndrome);
        if syndrome.wait() == Wait::Event || self.gic.has_pending(vcpu, hv.lists()) {
            return Next::Resume;
        }
        // The kernel masks the timers of vCPUs that do not run. If nobody would wake this one it goes on, which a WFI
        // always may.
        if power::timer_is_armed(hv, vcpu) && !hv.watch_timer(vcpu) {
            return Next::Resume;
        }
        self.power[vcpu] = Power::Waiting;
        hv.pause(vcpu);
        Next::Leave
    }

    fn private_interrupt(&mut self, hv: &mut impl Hypervisor, vcpu: usize, intid: u32) {
        self.gic.hardware_interrupt(vcpu, intid, hv.lists());
        if self.timed {
            self.poll(hv);
        }
    }

    fn update_line(&mut self, hv: &mut impl Hypervisor, id: DeviceId) {
        let (intid, high) = self.bus.line(id);
        let before = self.lines;
        self.lines = before & !(1 << id.index()) | u64::from(high) << id.index();
        self.statistics.interrupts.add((self.lines & !before).count_ones().into());
        self.gic.set_line(0, intid, high, hv.lists());
        if let Some(complaint) = self.bus.take_complaint(id) {
            self.mistake(hv, Mistake::Virtio(complaint));
        }
    }

    /// What any change of interrupts may bring with it.
    fn after_interrupts(&mut self, hv: &mut impl Hypervisor) {
        if self.gic.take_ended() {
            self.gic.take_ended_lines().for_each(|intid| hv.unmask_line(intid));
            for vcpu in 0..self.power.len() {
                self.gic.take_resample(vcpu).for_each(|intid| hv.unmask_private(vcpu, intid));
            }
        }
        for vcpu in 0..self.power.len() {
            if self.power[vcpu] == Power::Waiting && self.gic.has_pending(vcpu, hv.lists()) {
                self.power[vcpu] = Power::On;
                hv.resume(vcpu);
            }
        }
    }

    fn mistake(&mut self, hv: &mut impl Hypervisor, mistake: Mistake) {
        if self.reports.is_new(mistake) {
            hv.report(format_args!("{mistake}"));
        }
    }
}

/// The interrupt controller of a guest of so many vCPUs.
fn gic_config(hv: &impl Hypervisor, vcpus: usize) -> vgic::Config {
    let host = hv.gic();
    vgic::Config {
        version: host.version,
        vcpus,
        spis: SPIS,
        priority_bits: host.priority_bits,
        hardware_lines: 1 << VIRTUAL_TIMER,
        linked: host.linked_timer,
        messages: host.messages.then_some(MESSAGES),
    }
}

/// Goes on after the instruction that has caused the exit.
fn advance(hv: &mut impl Hypervisor, vcpu: usize, syndrome: Syndrome) {
    let pc = hv.pc(vcpu);
    hv.set_pc(vcpu, pc.wrapping_add(syndrome.instruction_size()));
    let pstate = hv.pstate(vcpu);
    // In AArch32 state there is something else in those bits.
    if pstate & pstate::AARCH32 == 0 && pstate & pstate::BRANCH_TYPE != 0 {
        hv.set_pstate(vcpu, pstate & !pstate::BRANCH_TYPE);
    }
}

/// A general-purpose register as an instruction names it: 31 is zero.
fn operand(hv: &mut impl Hypervisor, vcpu: usize, number: u8) -> u64 {
    if number < 31 { hv.gpr(vcpu, number) } else { 0 }
}

fn set_operand(hv: &mut impl Hypervisor, vcpu: usize, number: u8, value: u64) {
    if number < 31 {
        hv.set_gpr(vcpu, number, value);
    }
}
