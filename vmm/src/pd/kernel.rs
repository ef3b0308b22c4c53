//! The kernel below this monitor: quoll, with what it adds to seL4 16 ([`sel4::quoll`]).

use core::fmt;

use sel4::{
    VCpuReg, Word,
    abi::{
        fault::{FaultTag, cap_fault, vcpu_fault, vgic_maintenance, vm_fault, vppi_event},
        microkit::slot,
        quoll::vcpu_reg,
    },
    cap::VSpace,
    quoll::{GicInfo, VCpuFlags, VCpuReg as Extension},
};
use sel4_microkit::{Child, MessageInfo, debug_println, with_msg_regs};
use vmm::{
    guest::Exit,
    hypervisor::{Entry, HostGic, Hypervisor, SystemRegister},
    machine::{MAX_VCPUS, Region},
    syndrome::Syndrome,
    vgic::{ListRegister, ListRegisters, MAX_LIST_REGISTERS, Maintenance, Version},
};

use super::frame::Frame;

const VSPACE: VSpace = sel4::Cap::from_bits(slot::VSPACE);

/// Cache maintenance must not cross a page: the sizes that the memory may be mapped with.
const PAGE_SIZES: [u64; 2] = [2 << 20, 4 << 10];

/// The position of `EOIcount` in `ICH_HCR_EL2`.
const EOI_COUNT_SHIFT: u32 = 27;
const EOI_COUNT_MASK: u64 = 0x1f;

/// quoll, as the monitor of one virtual machine uses it.
pub struct Kernel {
    vcpus: usize,
    gic: GicInfo,
    /// The registers of the vCPU whose exit is being handled.
    frame: Frame,
    /// The maintenance interrupts that are asked for.
    maintenance: [Maintenance; MAX_VCPUS],
}

/// This protection domain's name, under which the operator knows the guest.
pub fn name() -> &'static str {
    sel4_microkit::pd_name().unwrap_or("vmm")
}

impl Kernel {
    /// Finds out what the system description and the kernel give.
    pub fn new() -> Self {
        let gic_of = |vcpu| Child::new(vcpu).vcpu_read_reg(Extension::GicInfo).ok();
        let vcpus = (0..MAX_VCPUS).take_while(|&vcpu| gic_of(vcpu).is_some()).count();
        let flags = VCpuFlags::default().with_wfi_in_kernel(true).into_word();
        for vcpu in 0..vcpus {
            // Without it a WFI is an exit like any other.
            done("let a vCPU wait in the kernel", Child::new(vcpu).vcpu_write_reg(Extension::Flags, flags));
        }
        Self {
            vcpus,
            gic: GicInfo::from_word(gic_of(0).unwrap_or_default()),
            frame: Frame::new(),
            maintenance: [Maintenance::empty(); MAX_VCPUS],
        }
    }

    /// What a fault message of a vCPU says; `None` if it is not one of a guest's.
    pub fn exit(&mut self, child: Child, message: MessageInfo) -> Option<Exit> {
        let frame = &mut self.frame;
        with_msg_regs(|mrs| {
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
        })
    }

    /// The answer to the exit.
    pub fn answer(&mut self) -> MessageInfo {
        done("write a vCPU's registers", self.frame.answer()).unwrap_or_default()
    }

    /// The exit is not answered; what has changed of its registers stays.
    pub fn leave(&mut self) {
        done("write a vCPU's registers", self.frame.write_back());
    }

    fn with_frame<T: Default>(&mut self, access: impl FnOnce(&mut Frame) -> sel4::Result<T>) -> T {
        done("access a vCPU's registers", access(&mut self.frame)).unwrap_or_default()
    }

    fn read(&mut self, vcpu: usize, register: Extension) -> u64 {
        done("read a vCPU's interrupts", Child::new(vcpu).vcpu_read_reg(register)).unwrap_or_default()
    }

    fn write(&mut self, vcpu: usize, register: Extension, value: u64) {
        done("write a vCPU's interrupts", Child::new(vcpu).vcpu_write_reg(register, value));
    }
}

/// The result of a kernel call. That one fails means that the system description is wrong (or the kernel): it is told,
/// and the guest gets what it gets.
fn done<T>(what: &str, result: sel4::Result<T>) -> Option<T> {
    result.inspect_err(|error| debug_println!("{}: cannot {what}: {error}", name())).ok()
}

impl ListRegisters for Kernel {
    fn count(&self) -> usize {
        self.gic.list_registers()
    }

    fn read(&mut self, vcpu: usize, index: usize) -> ListRegister {
        ListRegister::from_bits(Self::read(self, vcpu, Extension::ListRegister(index)))
    }

    fn write(&mut self, vcpu: usize, index: usize, value: ListRegister) {
        Self::write(self, vcpu, Extension::ListRegister(index), value.bits());
    }

    fn empty(&mut self, vcpu: usize) -> u16 {
        Self::read(self, vcpu, Extension::Elrsr) as u16
    }

    fn set_maintenance(&mut self, vcpu: usize, enabled: Maintenance) {
        self.maintenance[vcpu] = enabled;
        Self::write(self, vcpu, Extension::Hcr, enabled.bits());
    }

    fn take_eoi_count(&mut self, vcpu: usize) -> u32 {
        let count = Self::read(self, vcpu, Extension::Hcr) >> EOI_COUNT_SHIFT & EOI_COUNT_MASK;
        if count != 0 {
            Self::write(self, vcpu, Extension::Hcr, self.maintenance[vcpu].bits());
        }
        count as u32
    }
}

/// The kernel's name of a system register.
const fn vcpu_register(register: SystemRegister) -> VCpuReg {
    match register {
        SystemRegister::SctlrEl1 => VCpuReg::SCTLR,
        SystemRegister::CpacrEl1 => VCpuReg::CPACR,
        SystemRegister::Ttbr0El1 => VCpuReg::TTBR0,
        SystemRegister::Ttbr1El1 => VCpuReg::TTBR1,
        SystemRegister::TcrEl1 => VCpuReg::TCR,
        SystemRegister::MairEl1 => VCpuReg::MAIR,
        SystemRegister::AmairEl1 => VCpuReg::AMAIR,
        SystemRegister::ContextidrEl1 => VCpuReg::CIDR,
        SystemRegister::Afsr0El1 => VCpuReg::AFSR0,
        SystemRegister::Afsr1El1 => VCpuReg::AFSR1,
        SystemRegister::EsrEl1 => VCpuReg::ESR,
        SystemRegister::FarEl1 => VCpuReg::FAR,
        SystemRegister::ParEl1 => VCpuReg::PAR,
        SystemRegister::VbarEl1 => VCpuReg::VBAR,
        SystemRegister::TpidrEl1 => VCpuReg::TPIDR_EL1,
        SystemRegister::VmpidrEl2 => VCpuReg::VMPIDR_EL2,
        SystemRegister::SpEl1 => VCpuReg::SP_EL1,
        SystemRegister::ElrEl1 => VCpuReg::ELR_EL1,
        SystemRegister::SpsrEl1 => VCpuReg::SPSR_EL1,
        SystemRegister::CntvCtlEl0 => VCpuReg::CNTV_CTL,
        SystemRegister::CntvCvalEl0 => VCpuReg::CNTV_CVAL,
        SystemRegister::CntkctlEl1 => VCpuReg::CNTKCTL_EL1,
    }
}

impl Hypervisor for Kernel {
    fn vcpus(&self) -> usize {
        self.vcpus
    }

    fn gic(&self) -> HostGic {
        let version = if self.gic.version() == 2 { Version::V2 } else { Version::V3 };
        HostGic { version, priority_bits: self.gic.priority_bits() as u32, linked_timer: true }
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

    fn system_register(&mut self, vcpu: usize, register: SystemRegister) -> u64 {
        let value = Child::new(vcpu).vcpu_read_reg(vcpu_register(register));
        done("read a vCPU's system register", value).unwrap_or_default()
    }

    fn set_system_register(&mut self, vcpu: usize, register: SystemRegister, value: u64) {
        let written = Child::new(vcpu).vcpu_write_reg(vcpu_register(register), value);
        done("write a vCPU's system register", written);
    }

    fn start(&mut self, vcpu: usize, entry: Entry) {
        let mut context = sel4::UserContext::default();
        *context.pc_mut() = entry.pc;
        *context.spsr_mut() = entry.pstate;
        *context.gpr_mut(0) = entry.argument;
        Self::write(self, vcpu, Extension::Vmcr, 0);
        for number in 0..vcpu_reg::ACTIVE_COUNT as usize {
            Self::write(self, vcpu, Extension::Active0(number), 0);
            Self::write(self, vcpu, Extension::Active1(number), 0);
        }
        done("start a vCPU", Child::new(vcpu).vm_tcb().tcb_write_all_registers(true, &mut context));
    }

    fn stop(&mut self, vcpu: usize) {
        // What the vCPU has asked for by the exit that is being handled dies with it.
        self.frame.forget();
        done("stop a vCPU", Child::new(vcpu).vcpu_stop());
    }

    fn resume(&mut self, vcpu: usize) {
        done("resume a vCPU", Child::new(vcpu).vm_tcb().tcb_resume());
    }

    fn unmask_private(&mut self, vcpu: usize, intid: u32) {
        done("unmask a vCPU's interrupt", Child::new(vcpu).vcpu_ack_vppi(Word::from(intid)));
    }

    fn publish(&mut self, region: Region) {
        let result =
            PAGE_SIZES.iter().map(|&size| clean(region, size)).find(|result| *result != Err(sel4::Error::RangeError));
        done("clean the caches", result.unwrap_or(Err(sel4::Error::RangeError)));
    }

    fn report(&mut self, message: fmt::Arguments<'_>) {
        debug_println!("{}: {message}", name());
    }
}

/// Writes a region back to memory and makes it fit for execution, page by page.
fn clean(region: Region, page_size: u64) -> sel4::Result<()> {
    let mut start = region.base;
    while start < region.end() {
        let end = (start + 1).next_multiple_of(page_size).min(region.end());
        VSPACE.vspace_clean_data(start as usize, end as usize)?;
        VSPACE.vspace_unify_instruction(start as usize, end as usize)?;
        start = end;
    }
    Ok(())
}
