//! The kernel below this monitor, as far as every kernel with seL4's interface is alike; the rest is [`Below`]'s.

use core::fmt;

use sel4::{Word, cap::VSpace};
use sel4_abi::{
    error::ErrorCode,
    fault::{FaultTag, cap_fault, vcpu_fault, vgic_maintenance, vm_fault, vppi_event},
    label::InvocationLabel,
    microkit::slot,
    vcpu::VCpuReg,
};
use sel4_microkit::{ChannelSet, Child, MessageInfo, debug_println, with_msg_regs};
use vmm::{
    guest::Exit,
    hypervisor::{Conduit, Entry, HostGic, Hypervisor, SystemRegister},
    machine::{MAX_VCPUS, Region},
    syndrome::Syndrome,
    vgic::MAX_LIST_REGISTERS,
};

use super::{
    Below, Frame,
    below::{Kind, invoke, tcb, vcpu_object},
    devices,
    timer::Timer,
};

const VSPACE: VSpace = sel4::Cap::from_bits(slot::VSPACE);

/// Cache maintenance must not cross a page: the sizes that the memory may be mapped with.
const PAGE_SIZES: [u64; 2] = [2 << 20, 4 << 10];

/// The kernel, as the monitor of one virtual machine uses it.
pub struct Kernel {
    vcpus: usize,
    below: Below,
    timer: Timer,
    /// The registers of the vCPU whose exit is being handled.
    frame: Frame,
}

/// This protection domain's name, under which the operator knows the guest.
pub fn name() -> &'static str {
    sel4_microkit::pd_name().unwrap_or("vmm")
}

impl Kernel {
    /// Finds out what the system description and the kernel give.
    pub fn new() -> Self {
        let exists = |vcpu: &usize| read_register(*vcpu, VCpuReg::Sctlr).is_ok();
        let vcpus = (0..MAX_VCPUS).take_while(exists).count();
        Self { vcpus, below: Below::new(vcpus), timer: Timer::new(), frame: Frame::new() }
    }

    /// Something has notified the monitor.
    pub fn notified(&mut self, channels: ChannelSet) {
        self.timer.notified(channels);
    }

    /// Whether devices can be polled at exact times.
    pub fn has_timer(&self) -> bool {
        self.timer.exists()
    }

    /// What a fault message of a vCPU says; `None` if it is not one of a guest's.
    pub fn exit(&mut self, child: Child, message: MessageInfo) -> Option<Exit> {
        let frame = &mut self.frame;
        self.below.begin(child.index());
        let exit = with_msg_regs(|mrs| {
            Some(match FaultTag::from_label(message.label()) {
                Some(FaultTag::VMFault) => {
                    frame.begin_at(child, mrs[vm_fault::IP]);
                    Exit::Memory { address: mrs[vm_fault::ADDR], syndrome: Syndrome(mrs[vm_fault::FSR]) }
                }
                Some(FaultTag::UnknownSyscall) => {
                    frame.begin_unknown_syscall(child, mrs);
                    Exit::Hypercall
                }
                // An HVC that looks like a system call whose capability the guest does not have.
                Some(FaultTag::CapFault) => {
                    frame.begin_at(child, mrs[cap_fault::IP]);
                    Exit::Hypercall
                }
                Some(FaultTag::VCPUFault) => {
                    frame.begin(child);
                    Exit::Trap(Syndrome(mrs[vcpu_fault::HSR]))
                }
                Some(FaultTag::VGICMaintenance) => {
                    frame.begin(child);
                    let index = usize::try_from(mrs[vgic_maintenance::IDX]).ok();
                    Exit::Maintenance { ended: index.filter(|&index| index < MAX_LIST_REGISTERS) }
                }
                Some(FaultTag::VPPIEvent) => {
                    frame.begin(child);
                    Exit::PrivateInterrupt(mrs[vppi_event::IRQ] as u32)
                }
                other => {
                    debug_println!("{}: vCPU {} stands still after {other:?}", name(), child.index());
                    return None;
                }
            })
        })?;
        // The end of one interrupt may bring another, by a system call: the message must have been read by then.
        Some(match exit {
            Exit::Maintenance { ended } => {
                Exit::Maintenance { ended: ended.and_then(|index| self.below.ended(child.index(), index)) }
            }
            other => other,
        })
    }

    /// What has happened is handled, but for the answer to an exit.
    pub fn finish(&mut self) {
        self.below.finish();
    }

    /// The answer to the exit.
    pub fn answer(&mut self) -> MessageInfo {
        done("write a vCPU's registers", self.frame.answer()).unwrap_or(MessageInfo::new(0, 0))
    }

    /// The exit is not answered; what has changed of its registers stays.
    pub fn leave(&mut self) {
        done("write a vCPU's registers", self.frame.write_back());
        self.below.leave();
    }

    fn with_frame<T: Default>(&mut self, access: impl FnOnce(&mut Frame) -> sel4::Result<T>) -> T {
        done("access a vCPU's registers", access(&mut self.frame)).unwrap_or_default()
    }
}

/// The result of a kernel call. That one fails means that the system description is wrong (or the kernel): it is told,
/// and the guest gets what it gets.
pub fn done<T, E: fmt::Debug>(what: &str, result: Result<T, E>) -> Option<T> {
    result.inspect_err(|error| debug_println!("{}: cannot {what}: {error:?}", name())).ok()
}

/// A register of a vCPU.
pub fn read_register(vcpu: usize, register: VCpuReg) -> Result<Word, ErrorCode> {
    invoke(vcpu_object(vcpu), InvocationLabel::ARMVCPUReadReg, &[register as Word])
}

/// The kernel's name of a system register.
const fn vcpu_register(register: SystemRegister) -> VCpuReg {
    match register {
        SystemRegister::SctlrEl1 => VCpuReg::Sctlr,
        SystemRegister::CpacrEl1 => VCpuReg::Cpacr,
        SystemRegister::Ttbr0El1 => VCpuReg::Ttbr0,
        SystemRegister::Ttbr1El1 => VCpuReg::Ttbr1,
        SystemRegister::TcrEl1 => VCpuReg::Tcr,
        SystemRegister::MairEl1 => VCpuReg::Mair,
        SystemRegister::AmairEl1 => VCpuReg::Amair,
        SystemRegister::ContextidrEl1 => VCpuReg::Cidr,
        SystemRegister::Afsr0El1 => VCpuReg::Afsr0,
        SystemRegister::Afsr1El1 => VCpuReg::Afsr1,
        SystemRegister::EsrEl1 => VCpuReg::Esr,
        SystemRegister::FarEl1 => VCpuReg::Far,
        SystemRegister::ParEl1 => VCpuReg::Par,
        SystemRegister::VbarEl1 => VCpuReg::Vbar,
        SystemRegister::TpidrEl1 => VCpuReg::TpidrEl1,
        SystemRegister::VmpidrEl2 => VCpuReg::VmpidrEl2,
        SystemRegister::SpEl1 => VCpuReg::SpEl1,
        SystemRegister::ElrEl1 => VCpuReg::ElrEl1,
        SystemRegister::SpsrEl1 => VCpuReg::SpsrEl1,
        SystemRegister::CntvCtlEl0 => VCpuReg::CntvCtl,
        SystemRegister::CntvCvalEl0 => VCpuReg::CntvCval,
        SystemRegister::CntkctlEl1 => VCpuReg::CntkctlEl1,
    }
}

impl Hypervisor for Kernel {
    type Lists = <Below as Kind>::Lists;

    fn lists(&mut self) -> &mut Self::Lists {
        self.below.lists()
    }

    fn vcpus(&self) -> usize {
        self.vcpus
    }

    fn gic(&self) -> HostGic {
        self.below.gic()
    }

    fn conduit(&self) -> Conduit {
        Below::CONDUIT
    }

    fn gpr(&mut self, _: usize, number: u8) -> u64 {
        self.with_frame(|frame| frame.gpr(number))
    }

    fn set_gpr(&mut self, _: usize, number: u8, value: u64) {
        self.with_frame(|frame| frame.set_gpr(number, value));
    }

    fn pc(&mut self, _: usize) -> u64 {
        self.with_frame(Frame::pc)
    }

    fn set_pc(&mut self, _: usize, value: u64) {
        self.with_frame(|frame| frame.set_pc(value));
    }

    fn pstate(&mut self, _: usize) -> u64 {
        self.with_frame(Frame::pstate)
    }

    fn set_pstate(&mut self, _: usize, value: u64) {
        self.with_frame(|frame| frame.set_pstate(value));
    }

    fn sp_el0(&mut self, _: usize) -> u64 {
        self.with_frame(Frame::sp)
    }

    fn set_sp_el0(&mut self, _: usize, value: u64) {
        self.with_frame(|frame| frame.set_sp(value));
    }

    fn system_register(&mut self, vcpu: usize, register: SystemRegister) -> u64 {
        let value = read_register(vcpu, vcpu_register(register));
        done("read a vCPU's system register", value).unwrap_or_default()
    }

    fn set_system_register(&mut self, vcpu: usize, register: SystemRegister, value: u64) {
        let words = [vcpu_register(register) as Word, value];
        let written = invoke(vcpu_object(vcpu), InvocationLabel::ARMVCPUWriteReg, &words);
        done("write a vCPU's system register", written);
    }

    fn start(&mut self, vcpu: usize, entry: Entry) {
        let mut context = sel4::UserContext::default();
        *context.pc_mut() = entry.pc;
        *context.spsr_mut() = entry.pstate;
        *context.gpr_mut(0) = entry.argument;
        self.below.reset_interface(vcpu);
        self.below.forget(vcpu);
        done("start a vCPU", tcb(vcpu).tcb_write_all_registers(true, &mut context));
    }

    fn stop(&mut self, vcpu: usize) {
        // What the vCPU has asked for by the exit that is being handled dies with it.
        self.frame.forget();
        done("stop a vCPU", tcb(vcpu).tcb_suspend());
        self.below.forget(vcpu);
    }

    fn pause(&mut self, vcpu: usize) {
        done("pause a vCPU", tcb(vcpu).tcb_suspend());
    }

    fn resume(&mut self, vcpu: usize) {
        done("resume a vCPU", tcb(vcpu).tcb_resume());
    }

    fn watch_timer(&mut self, vcpu: usize) -> bool {
        self.below.watch_timer(vcpu, &mut self.timer)
    }

    fn poll_at(&mut self, deadline: Option<u64>) {
        self.timer.poll_at(deadline);
    }

    fn unmask_private(&mut self, vcpu: usize, intid: u32) {
        done("unmask a vCPU's interrupt", vcpu_object(vcpu).vcpu_ack_vppi(Word::from(intid)));
    }

    fn unmask_line(&mut self, intid: u32) {
        devices::unmask(intid);
    }

    fn publish(&mut self, region: Region) {
        let mut attempts = PAGE_SIZES.iter().map(|&size| clean(region, size));
        let result = attempts.find(|result| *result != Err(ErrorCode::RangeError));
        done("clean the caches", result.unwrap_or(Err(ErrorCode::RangeError)));
    }

    fn report(&mut self, message: fmt::Arguments<'_>) {
        debug_println!("{}: {message}", name());
    }
}

/// Writes a region back to memory and makes it fit for execution, page by page.
fn clean(region: Region, page_size: u64) -> Result<(), ErrorCode> {
    let mut start = region.base;
    while start < region.end() {
        let end = (start + 1).next_multiple_of(page_size).min(region.end());
        invoke(VSPACE, InvocationLabel::ARMVSpaceClean_Data, &[start, end])?;
        invoke(VSPACE, InvocationLabel::ARMVSpaceUnify_Instruction, &[start, end])?;
        start = end;
    }
    Ok(())
}
