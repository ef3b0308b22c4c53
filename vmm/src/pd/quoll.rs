//! quoll, with what it adds to seL4 16 ([`sel4::quoll`]): list registers to read and write, guests that wait in the
//! kernel, and registers that come with the fault ([`super::context`]).

use alloc::{boxed::Box, vec::Vec};

use ivc::statistics::Table;
use sel4::cap::IrqHandler;
use sel4::quoll::{GicInfo, VCpuFlags, VCpuLists, VCpuReg as Extension};
use sel4_abi::microkit::slot;
use sel4_abi::quoll::{line_state, mailbox_state, vcpu_reg};
use sel4_microkit::{debug_println, pd_life, var, vcpu_lists};
use vmm::{
    devices::pl011::Line,
    hypervisor::{Conduit, HostGic},
    machine::MAX_VCPUS,
    messages::MessageLine,
    vgic::{ExitLists, LineState, ListRegister, ListRegisters, Maintenance, Page, Told, Version},
};

use super::{
    below::{Kind, vcpu_object},
    devices,
    kernel::{done, name},
    messages::{self, Channels},
    timer::Timer,
};

/// The position of `EOIcount` in `ICH_HCR_EL2`.
const EOI_COUNT_SHIFT: u32 = 27;
const EOI_COUNT_MASK: u64 = 0x1f;

/// What comes with faults and goes with answers.
struct Lists(VCpuLists);

impl Page for Lists {
    fn told(&self) -> u16 {
        self.0.told()
    }

    fn set_told(&mut self, lists: u16) {
        self.0.set_told(lists);
    }

    fn written(&self) -> u16 {
        self.0.written()
    }

    fn get(&self, index: usize) -> u64 {
        self.0.get(index)
    }

    fn set(&mut self, index: usize, value: u64) {
        self.0.set(index, value);
    }

    fn forget_written(&mut self, lists: u16) {
        let _ = self.0.take_written(lists);
    }
}

/// quoll.
pub struct Below {
    gic: GicInfo,
    /// The maintenance interrupts that are asked for.
    maintenance: [Maintenance; MAX_VCPUS],
    /// Those of the vCPU whose exit is being handled: it stands still.
    exit: ExitLists<Lists>,
    /// vCPUs that stand still because they are looked at, a bit each.
    held: u32,
    /// Interrupts of devices of the machine, and the vCPU that each is linked to.
    lines: Vec<(u32, usize)>,
}

/// With several cores, a vCPU may run on another one while this monitor looks at it. On one core it cannot: a monitor has
/// the higher priority.
const RUN_BESIDE: bool = cfg!(sel4_smp);

/// Sets a vCPU's flags: whether it stands still, and always that it waits in the kernel and that its faults tell its
/// registers.
fn set_flags(vcpu: usize, held: bool) {
    let flags = VCpuFlags::default().with_wfi_in_kernel(true).with_context_in_message(true).with_held(held);
    let flags = flags.with_messages(takes_messages()).with_virtual_time(*var!(guest_virtual_time: usize = 0) != 0);
    write_to(vcpu, Extension::Flags, flags.into_word());
}

/// Whether the guest has channels of its own.
fn takes_messages() -> bool {
    *var!(guest_channels: usize = 0) != 0
}

fn read_from(vcpu: usize, register: Extension) -> u64 {
    done("read a vCPU's register", vcpu_object(vcpu).vcpu_read_regs(register)).unwrap_or_default()
}

fn write_to(vcpu: usize, register: Extension, value: u64) {
    done("write a vCPU's register", vcpu_object(vcpu).vcpu_write_regs(register, value));
}

/// Gives an interrupt to a vCPU. It is masked until something is told.
fn link(intid: u32, channel: usize, vcpu: usize) {
    let handler: IrqHandler = sel4::Cap::from_bits(slot::BASE_IRQ + channel as u64);
    if done("link an interrupt", handler.irq_handler_set_vcpu(vcpu_object(vcpu))).is_none() {
        debug_println!("{}: interrupt {intid} will not come", name());
    }
}

impl Below {
    /// The vCPU that an interrupt is linked to.
    fn linked(&mut self, intid: u32) -> Option<&mut usize> {
        self.lines.iter_mut().find(|(line, _)| *line == intid).map(|(_, vcpu)| vcpu)
    }

    /// Makes a vCPU stand still until what has happened is handled.
    fn hold(&mut self, vcpu: usize) {
        if RUN_BESIDE && !self.exit.is_exiting(vcpu) && self.held & 1 << vcpu == 0 {
            self.held |= 1 << vcpu;
            set_flags(vcpu, true);
        }
    }

    /// Lets a vCPU go on that was held.
    fn let_go(&mut self, vcpu: usize) {
        if RUN_BESIDE && self.held & 1 << vcpu != 0 {
            self.held &= !(1 << vcpu);
            set_flags(vcpu, false);
        }
    }

    /// Has a register for what the kernel will put into it by itself.
    fn leave_to_kernel(&mut self, index: usize) {
        if let Some((vcpu, value)) = self.exit.leave_to_kernel(index) {
            self.write(vcpu, Extension::ListRegister(index), value.bits());
        }
    }

    fn read(&mut self, vcpu: usize, register: Extension) -> u64 {
        self.hold(vcpu);
        read_from(vcpu, register)
    }

    fn write(&mut self, vcpu: usize, register: Extension, value: u64) {
        self.hold(vcpu);
        write_to(vcpu, register, value);
    }
}

impl Kind for Below {
    type Lists = Self;

    fn lists(&mut self) -> &mut Self {
        self
    }

    const CONDUIT: Conduit = Conduit::Hvc;

    fn new(vcpus: usize) -> Self {
        (0..vcpus).for_each(|vcpu| set_flags(vcpu, false));
        if let Some(channel) = messages::notification() {
            (0..vcpus).for_each(|vcpu| write_to(vcpu, Extension::MailboxNotification, channel as u64));
        }
        let gic = if vcpus == 0 { 0 } else { read_from(0, Extension::GicInfo) };
        let lines = devices::lines().filter(|_| vcpus != 0).map(|(intid, channel)| {
            link(intid, channel, 0);
            (intid, 0)
        });
        Self {
            gic: GicInfo::from_word(gic),
            maintenance: [Maintenance::empty(); MAX_VCPUS],
            // SAFETY: there is one `Below`.
            exit: ExitLists::new(Lists(unsafe { vcpu_lists() })),
            held: 0,
            lines: lines.collect(),
        }
    }

    fn gic(&self) -> HostGic {
        let version = if self.gic.version() == 2 { Version::V2 } else { Version::V3 };
        HostGic {
            version,
            priority_bits: self.gic.priority_bits() as u32,
            linked_timer: true,
            messages: takes_messages(),
        }
    }

    fn ended(&mut self, _: usize, index: usize) -> Option<usize> {
        Some(index)
    }

    fn reset_interface(&mut self, vcpu: usize) {
        self.write(vcpu, Extension::Vmcr, 0);
        for number in 0..vcpu_reg::ACTIVE_COUNT as usize {
            self.write(vcpu, Extension::Active0(number), 0);
            self.write(vcpu, Extension::Active1(number), 0);
        }
    }

    fn begin(&mut self, vcpu: usize) {
        self.exit.begin(vcpu);
    }

    fn forget(&mut self, vcpu: usize) {
        if self.exit.is_exiting(vcpu) {
            self.leave();
        }
        self.let_go(vcpu);
    }

    fn leave(&mut self) {
        while let Some((vcpu, index, value)) = self.exit.take_unanswered() {
            self.write(vcpu, Extension::ListRegister(index), value.bits());
        }
        self.exit.end();
    }

    fn finish(&mut self) {
        self.exit.end();
        if RUN_BESIDE {
            (0..MAX_VCPUS).for_each(|vcpu| self.let_go(vcpu));
        }
    }

    /// The kernel wakes vCPUs that wait.
    fn watch_timer(&mut self, _: usize, _: &mut Timer) -> bool {
        false
    }

    fn is_reloaded() -> bool {
        pd_life() > 0
    }

    fn message_line(vcpus: usize, table: &mut Table<'static>) -> Option<Box<dyn Line>> {
        messages::notification().map(|_| Box::new(MessageLine::new(Channels::new(vcpus), table)) as _)
    }
}

impl ListRegisters for Below {
    fn count(&self) -> usize {
        self.gic.list_registers()
    }

    fn read(&mut self, vcpu: usize, index: usize) -> ListRegister {
        let told = self.exit.read(vcpu, index);
        told.unwrap_or_else(|| ListRegister::from_bits(Self::read(self, vcpu, Extension::ListRegister(index))))
    }

    fn write(&mut self, vcpu: usize, index: usize, value: ListRegister) {
        if !self.exit.write(vcpu, index, value) {
            Self::write(self, vcpu, Extension::ListRegister(index), value.bits());
        }
    }

    fn empty(&mut self, vcpu: usize) -> u16 {
        let empty = Self::read(self, vcpu, Extension::Elrsr) as u16;
        self.exit.empty(vcpu, empty)
    }

    fn set_maintenance(&mut self, vcpu: usize, enabled: Maintenance) {
        self.maintenance[vcpu] = enabled;
        Self::write(self, vcpu, Extension::Hcr, enabled.bits());
    }

    fn take_eoi_count(&mut self, vcpu: usize) -> u32 {
        let count = Self::read(self, vcpu, Extension::Hcr) >> EOI_COUNT_SHIFT & EOI_COUNT_MASK;
        if count != 0 {
            let enabled = self.maintenance[vcpu].bits();
            Self::write(self, vcpu, Extension::Hcr, enabled);
        }
        count as u32
    }

    fn tell_messages(&mut self, vcpu: usize, told: Option<(usize, ListRegister)>) {
        // Register 0 is as good as any to take the order back.
        let (index, interrupt) = told.unwrap_or_default();
        if told.is_some() {
            self.leave_to_kernel(index);
        }
        Self::write(self, vcpu, Extension::MailboxListRegister(index), interrupt.bits());
    }

    fn take_message(&mut self, vcpu: usize) -> bool {
        let came = Self::read(self, vcpu, Extension::MailboxState) & mailbox_state::INTERRUPT != 0;
        if came {
            Self::write(self, vcpu, Extension::MailboxState, 0);
        }
        came
    }

    fn tell_line(&mut self, intid: u32, told: Option<Told>) {
        let Some(linked) = self.linked(intid) else { return };
        let Some(Told { vcpu, index, interrupt }) = told else {
            write_to(*linked, Extension::LineListRegister(intid), 0);
            return;
        };
        self.leave_to_kernel(index);
        let Some(linked) = self.linked(intid) else { return };
        if *linked != vcpu {
            *linked = vcpu;
            devices::lines().filter(|(line, _)| *line == intid).for_each(|(_, channel)| link(intid, channel, vcpu));
        }
        let told = interrupt.bits() | (index as u64) << vcpu_reg::LINE_LR_INDEX_SHIFT;
        write_to(vcpu, Extension::LineListRegister(intid), told);
    }

    fn line_state(&mut self, intid: u32) -> Option<LineState> {
        let vcpu = *self.linked(intid)?;
        let state = read_from(vcpu, Extension::LineState(intid));
        Some(LineState { pending: state & line_state::PENDING != 0, active: state & line_state::ACTIVE != 0 })
    }

    fn set_line_state(&mut self, intid: u32, state: LineState) -> bool {
        let Some(&mut vcpu) = self.linked(intid) else { return false };
        let bit = |set: bool, bit: u64| if set { bit } else { 0 };
        let state = bit(state.pending, line_state::PENDING) | bit(state.active, line_state::ACTIVE);
        write_to(vcpu, Extension::LineState(intid), state);
        true
    }

    fn forget_messages(&mut self, vcpu: usize) {
        Self::write(self, vcpu, Extension::MailboxListRegister(0), 0);
        Self::write(self, vcpu, Extension::MailboxState, mailbox_state::EMPTY);
    }
}
