//! Virtual CPUs that do not run.

use sel4::abi::label::InvocationLabel;
use sel4::init_thread::slot;
use sel4::quoll::{self, GicInfo, VCpuFlags};
use sel4::{Error, VCpuReg, Word, cap_type};

use crate::kit::{Kit, invoke, refuses};

pub fn run(kit: &mut Kit) {
    kit.section("6.4.1");
    let vcpu = kit.memory.make::<cap_type::VCpu>().cap();
    let tcb = kit.memory.make::<cap_type::Tcb>().cap();
    refuses(kit, "a vCPU needs its labels and arguments", vcpu, InvocationLabel::ARMVCPUWriteReg);
    kit.check("set the thread", vcpu.vcpu_set_tcb(tcb), Ok(()));
    let wrong = vcpu.vcpu_set_tcb(slot::CNODE.cap().cast());
    kit.check("a thread that is none", wrong, Err(Error::IllegalOperation));
    for register in [VCpuReg::TTBR0, VCpuReg::VBAR, VCpuReg::ELR_EL1, VCpuReg::SP_EL1, VCpuReg::CNTVOFF] {
        let value = 0x1_2345_6000;
        let written = vcpu.vcpu_write_regs(register, value).and_then(|()| vcpu.vcpu_read_regs(register));
        kit.check("a register of the guest", written, Ok(value));
    }
    let unknown = invoke(vcpu, InvocationLabel::ARMVCPUReadReg as Word, &[], &[0x800]);
    kit.check("a register that there is not", unknown, Err(Error::InvalidArgument));
    interrupts(kit, vcpu);
    let flags = VCpuFlags::default().with_wfi_in_kernel(true).into_word();
    let written = vcpu.vcpu_write_regs(quoll::VCpuReg::Flags, flags);
    let read = written.and_then(|()| vcpu.vcpu_read_regs(quoll::VCpuReg::Flags));
    kit.check("flags of a vCPU", read, Ok(flags));
}

fn interrupts(kit: &mut Kit, vcpu: sel4::cap::VCpu) {
    kit.section("6.4.1");
    let info = vcpu.vcpu_read_regs(quoll::VCpuReg::GicInfo).map(GicInfo::from_word);
    let plausible = info.is_ok_and(|info| matches!(info.version(), 2 | 3) && (1..=64).contains(&info.list_registers()));
    kit.check("what the interrupt controller offers", plausible, true);
    let count = info.map_or(4, GicInfo::list_registers) as u8;
    kit.check("inject", vcpu.vcpu_inject_irq(40, 0, 0, 0), Ok(()));
    kit.check("inject into a used register", vcpu.vcpu_inject_irq(41, 0, 0, 0), Err(Error::DeleteFirst));
    let beyond = vcpu.vcpu_inject_irq(41, 0, 0, count);
    kit.check("inject into a register that there is not", beyond, Err(Error::RangeError));
    kit.check("inject an interrupt that there is not", vcpu.vcpu_inject_irq(1024, 0, 0, 1), Err(Error::RangeError));
    kit.check("acknowledge a timer", vcpu.vcpu_ack_vppi(27), Ok(()));
    kit.check("acknowledge another", vcpu.vcpu_ack_vppi(26), Err(Error::InvalidArgument));
}
