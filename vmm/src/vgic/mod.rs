//! The virtual interrupt controller: the distributor and the redistributors of a GICv2 or GICv3 in software. The CPU
//! interface that the guest uses is the hardware's, fed through list registers.
//!
//! Two copies of an interrupt's state exist while it is in a list register, and the hardware's is the true one. The
//! rules that keep them one:
//! - *fold* reads the list register and updates the bank; it happens before the bank is shown to the guest;
//! - *withdraw* folds and takes the interrupt out of its list register; it happens before the bank is changed;
//! - *settle*, the last step of every operation, puts what is due into list registers, the most urgent first.

mod bank;
mod delivery;
mod exit_lists;
mod injection;
mod lines;
mod list_register;
mod messages;
mod registers;
mod sgi;
#[cfg(test)]
pub(crate) mod tests;

use alloc::vec::Vec;

pub use self::exit_lists::{ExitLists, Page};
pub use self::injection::{Inject, Injected};
pub use self::lines::HardwareLine;
pub use self::list_register::{LineState, ListRegister, ListRegisters, MAX_LIST_REGISTERS, Maintenance, Told};
pub use self::registers::Block;
pub(crate) use self::sgi::SgiGroup;
use self::{
    bank::{BANK_SIZE, Bank, bits},
    delivery::Interface,
    lines::Line,
};

/// The generation of a GIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// GICv2 (Arm IHI 0048): memory-mapped CPU interface, eight CPUs at most.
    V2,
    /// GICv3 (Arm IHI 0069) with affinity routing, one security state, no LPIs.
    V3,
}

/// What a vGIC is built for.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The guest's GIC has the host's version: its CPU interface is the hardware's.
    pub version: Version,
    /// Number of vCPUs.
    pub vcpus: usize,
    /// Number of shared peripheral interrupts; rounded up to a multiple of 32.
    pub spis: usize,
    /// Priority bits that the hardware implements for virtual interrupts (`ICH_VTR_EL2.PRIbits` + 1).
    pub priority_bits: u32,
    /// Private interrupts whose line belongs to hardware that the hypervisor masks when it fires: see
    /// [`Vgic::hardware_interrupt`].
    pub hardware_lines: u32,
    /// The guest's end of such an interrupt unmasks it without an exit (list registers with a physical interrupt).
    pub linked: bool,
    /// The private, edge-triggered interrupt that the hypervisor makes pending when a message comes
    /// ([`ListRegisters::tell_messages`]); it has the last list register for itself.
    pub messages: Option<u32>,
}

/// First shared peripheral interrupt.
pub const FIRST_SPI: u32 = 32;
/// Software-generated interrupts are those below this.
const SGIS: usize = 16;
/// SGIs are edge-triggered, PPIs start as level-sensitive.
const PRIVATE_EDGE: u32 = (1 << SGIS) - 1;

/// What one vCPU has of its own: its private interrupts and its CPU interface.
struct Cpu {
    bank: Bank,
    /// GICv2: which CPUs have an SGI pending here.
    sgi_sources: [u8; SGIS],
    /// GICv2: whose SGI is active here.
    sgi_active_source: [u8; SGIS],
    /// `GICR_WAKER.ProcessorSleep`. It is kept for the guest to see; interrupts are delivered regardless.
    asleep: bool,
    /// Hardware lines to be sampled again.
    resample: u32,
    /// The hypervisor has been told the list register for messages.
    messages_told: bool,
    interface: Interface,
}

impl Cpu {
    fn new(edge: u32, hardware: u32) -> Self {
        Self {
            bank: Bank::new(edge, hardware),
            sgi_sources: [0; SGIS],
            sgi_active_source: [0; SGIS],
            asleep: true,
            resample: 0,
            messages_told: false,
            interface: Interface::default(),
        }
    }
}

/// 32 shared interrupts and where each of them goes.
struct SharedBank {
    bank: Bank,
    /// `GICD_ITARGETSR` (GICv2): a bit for each CPU.
    targets: [u8; BANK_SIZE],
    /// `GICD_IROUTER` (GICv3): an affinity.
    routes: [u64; BANK_SIZE],
    /// The vCPU that follows from the above; none when it does not exist.
    cpu: [Option<u8>; BANK_SIZE],
}

/// The emulated distributor with its redistributors.
pub struct Vgic {
    config: Config,
    /// `GICD_CTLR.EnableGrp0` and `EnableGrp1`.
    group_enabled: [bool; 2],
    cpus: Vec<Cpu>,
    shared: Vec<SharedBank>,
    /// Shared interrupts that are devices' of the machine.
    lines: Vec<Line>,
    /// How some of them are delivered may have to change.
    lines_change: bool,
    /// vCPUs whose list registers may have to change.
    dirty: u32,
    /// Some hardware lines are to be unmasked.
    ended: bool,
}

impl Vgic {
    /// A vGIC in its reset state.
    pub fn new(config: Config) -> Self {
        Self::with_lines(config, &[])
    }

    /// The same with shared interrupts that are devices' of the machine.
    pub fn with_lines(config: Config, lines: &[HardwareLine]) -> Self {
        let lines = lines.iter().copied().map(Line::new).collect();
        let mut gic = Self {
            config,
            group_enabled: [false; 2],
            cpus: Vec::new(),
            shared: Vec::new(),
            lines,
            lines_change: false,
            dirty: 0,
            ended: false,
        };
        gic.clear();
        gic
    }

    /// The version that the guest sees.
    pub fn version(&self) -> Version {
        self.config.version
    }

    /// Back to the reset state, list registers included.
    pub fn reset(&mut self, hw: &mut dyn ListRegisters) {
        self.silence_lines(hw);
        self.clear();
        for cpu in 0..self.config.vcpus {
            (0..hw.count()).for_each(|index| hw.write(cpu, index, ListRegister::EMPTY));
            hw.set_maintenance(cpu, Maintenance::empty());
            hw.forget_messages(cpu);
        }
        self.forget_lines(hw);
    }

    fn clear(&mut self) {
        let uniprocessor = self.config.vcpus == 1;
        // Affinity 0 is vCPU 0; a GICv2 with several CPUs starts with no target at all.
        let cpu = (uniprocessor || self.config.version == Version::V3).then_some(0);
        self.group_enabled = [false; 2];
        self.dirty = 0;
        let edge = PRIVATE_EDGE | self.messages(0, u32::MAX);
        self.cpus = (0..self.config.vcpus).map(|_| Cpu::new(edge, self.config.hardware_lines)).collect();
        self.shared = (0..self.config.spis.div_ceil(BANK_SIZE))
            .map(|n| SharedBank {
                bank: self.bank_of_lines(n + 1),
                targets: [u8::from(uniprocessor); BANK_SIZE],
                routes: [0; BANK_SIZE],
                cpu: [cpu; BANK_SIZE],
            })
            .collect();
    }

    /// Takes the level of an interrupt's input line: of vCPU `cpu`'s own for a PPI, any `cpu` for an SPI.
    pub fn set_line(&mut self, cpu: usize, intid: u32, high: bool, hw: &mut dyn ListRegisters) {
        let (number, mask) = split(intid);
        let Some(bank) = self.bank(cpu, number) else { return };
        if (bank.line & mask != 0) != high {
            self.change(cpu, number, mask, hw, |bank| bank.set_lines(mask, high));
            self.settle(hw);
        }
    }

    /// A hardware line has fired, `cpu`'s own if it is a PPI's. It counts as high until the guest has ended the interrupt, after
    /// which nobody knows its level: the hypervisor unmasks it then, and hears of it again if it is still high.
    pub fn hardware_interrupt(&mut self, cpu: usize, intid: u32, hw: &mut dyn ListRegisters) {
        let (number, mask) = split(intid);
        if self.hardware(number, mask) == 0 {
            return;
        }
        if number == 0 {
            self.forget_ended(cpu, intid);
        } else if !self.has_come(number, mask, intid, hw) {
            return;
        }
        self.set_line(cpu, intid, true, hw);
    }

    /// Whether there may be hardware lines that have to be unmasked. It is asked once.
    pub fn take_ended(&mut self) -> bool {
        core::mem::take(&mut self.ended)
    }

    /// The private hardware lines of `cpu` that have to be unmasked: the guest has ended them since the last call in a
    /// way that does not unmask them.
    pub fn take_resample(&mut self, cpu: usize) -> impl Iterator<Item = u32> + use<> {
        let mask = self.cpus.get_mut(cpu).map_or(0, |cpu| core::mem::take(&mut cpu.resample));
        bits(mask).map(|bit| bit as u32)
    }

    /// The hardware lines among interrupts `mask` of a bank.
    fn hardware(&self, number: usize, mask: u32) -> u32 {
        self.bank(0, number).map_or(0, |bank| bank.hardware & mask)
    }

    /// The guest is through with hardware lines `mask` of a bank; unless the end itself did, they are to be unmasked.
    fn hardware_ended(&mut self, cpu: usize, number: usize, mask: u32, unmasked: bool) {
        let Some(bank) = self.bank_mut(cpu, number) else { return };
        bank.line &= !mask;
        if unmasked {
            return;
        }
        self.ended = true;
        match number {
            0 => self.cpus[cpu].resample |= mask,
            _ => self.resample_lines(number, mask),
        }
    }

    /// Bank `number` as vCPU `cpu` sees it: 0 is its own, the others are shared.
    fn bank(&self, cpu: usize, number: usize) -> Option<&Bank> {
        match number.checked_sub(1) {
            None => self.cpus.get(cpu).map(|cpu| &cpu.bank),
            Some(n) => self.shared.get(n).map(|shared| &shared.bank),
        }
    }

    fn bank_mut(&mut self, cpu: usize, number: usize) -> Option<&mut Bank> {
        match number.checked_sub(1) {
            None => self.cpus.get_mut(cpu).map(|cpu| &mut cpu.bank),
            Some(n) => self.shared.get_mut(n).map(|shared| &mut shared.bank),
        }
    }

    /// The vCPU whose list registers hold interrupt `bit` of a bank.
    fn home(&self, cpu: usize, number: usize, bit: usize) -> Option<usize> {
        match number.checked_sub(1) {
            None => Some(cpu),
            Some(n) => self.shared[n].cpu[bit].map(usize::from),
        }
    }

    /// Changes the state of the interrupts in `mask`; the caller settles when it is done.
    fn change(
        &mut self,
        cpu: usize,
        number: usize,
        mask: u32,
        hw: &mut dyn ListRegisters,
        change: impl FnOnce(&mut Bank),
    ) {
        self.withdraw(cpu, number, mask, hw);
        let Some(bank) = self.bank_mut(cpu, number) else { return };
        change(bank);
        self.dirty |= if number == 0 { 1 << cpu } else { self.all_cpus() };
    }

    fn all_cpus(&self) -> u32 {
        (1 << self.config.vcpus) - 1
    }

    /// Switches groups on or off for the whole distributor.
    fn set_groups(&mut self, enabled: [bool; 2], hw: &mut dyn ListRegisters) {
        if enabled == self.group_enabled {
            return;
        }
        for cpu in 0..self.config.vcpus {
            self.change(cpu, 0, u32::MAX, hw, |_| ());
        }
        for number in 1..=self.shared.len() {
            self.change(0, number, u32::MAX, hw, |_| ());
        }
        self.group_enabled = enabled;
        self.settle(hw);
    }

    /// Sends shared interrupt `bit` of bank `number` to the vCPU that its target and route registers now name.
    fn retarget(&mut self, number: usize, bit: usize) {
        let version = self.config.version;
        let vcpus = self.config.vcpus;
        let shared = &mut self.shared[number - 1];
        let cpu = match version {
            _ if vcpus == 1 && version == Version::V2 => Some(0),
            Version::V2 => Some(shared.targets[bit].trailing_zeros() as usize),
            Version::V3 => vcpu_of_affinity(shared.routes[bit]),
        };
        shared.cpu[bit] = cpu.filter(|&cpu| cpu < vcpus).map(|cpu| cpu as u8);
    }
}

/// Bank and bit mask of an interrupt.
const fn split(intid: u32) -> (usize, u32) {
    (intid as usize / BANK_SIZE, 1 << (intid as usize % BANK_SIZE))
}

/// The affinity fields of `MPIDR_EL1` of a vCPU: Aff0 counts to 16, so that one SGI's target list reaches each vCPU of
/// a cluster.
pub const fn affinity_of_vcpu(vcpu: usize) -> u64 {
    (vcpu as u64 % 16) | (vcpu as u64 / 16) << 8
}

/// The vCPU with these affinity fields, which may be beyond those that exist. Other fields are ignored.
pub const fn vcpu_of_affinity(affinity: u64) -> Option<usize> {
    const AFFINITY: u64 = 0xff_00ff_ffff;
    let vcpu = (affinity & 0xf) | (affinity >> 8 & 0xff) << 4;
    if affinity_of_vcpu(vcpu as usize) == affinity & AFFINITY { Some(vcpu as usize) } else { None }
}
