//! From the vectors to the kernel proper: sorts exceptions by their syndrome.

use super::cores::Inside;
use super::sysreg::{barrier, read, write};
use super::{fpu, guest};
use crate::fault::Fault;
use crate::mem::Ref;
use crate::object::tcb::Tcb;
use crate::object::{mailbox, vcpu};
use crate::trap;
#[cfg(sel4_debug)]
use quoll_kernel_core::breakpoint::Kind;
use quoll_kernel_core::cap::Addr;
use quoll_kernel_core::esr::{Class, Syndrome, fault_ipa, translated_ipa};
use quoll_kernel_core::{vcpu_id, vcpu_trap};
#[cfg(sel4_debug)]
use sel4_abi::fault::debug_exception::SOFTWARE_BREAK_REQUEST;
use sel4_abi::object::TCB_FLAG_FPU_DISABLED;
use sel4_abi::syscall::register;

/// Bytes of an instruction.
const INSTRUCTION: u64 = 4;

/// `SVC` at EL0.
#[unsafe(no_mangle)]
extern "C" fn quoll_trap_system_call(tcb: u64) -> u64 {
    let tcb = thread(tcb);
    let inside = Inside::enter_from(tcb, INSTRUCTION);
    let next = if inside.is_abandoned() { trap::resume() } else { trap::syscall(tcb) };
    next.addr().get()
}

/// An interrupt.
#[unsafe(no_mangle)]
extern "C" fn quoll_trap_interrupt(_tcb: u64) -> u64 {
    let _inside = Inside::enter();
    trap::interrupt().addr().get()
}

/// Every other synchronous exception of a lower level.
#[unsafe(no_mangle)]
extern "C" fn quoll_trap_synchronous(tcb: u64, syndrome: u64) -> u64 {
    let (tcb, syndrome) = (thread(tcb), Syndrome(syndrome));
    let advanced = if syndrome.class() == Class::Hvc { INSTRUCTION } else { 0 };
    let inside = Inside::enter_from(tcb, advanced);
    let next = match syndrome.class() {
        _ if inside.is_abandoned() => trap::resume(),
        Class::Hvc => hypervisor_call(tcb, syndrome),
        Class::DataAbort | Class::InstructionAbort => memory_fault(tcb, syndrome),
        Class::FloatingPoint => floating_point(tcb, syndrome),
        Class::SystemRegister if tcb.vcpu.get().is_some() => system_register(tcb, syndrome),
        Class::Wait if tcb.vcpu.get().is_some() => wait(tcb, syndrome),
        #[cfg(sel4_debug)]
        Class::HardwareBreakpoint | Class::Watchpoint | Class::SoftwareStep | Class::Breakpoint
            if tcb.vcpu.get().is_none() =>
        {
            debug_exception(tcb, syndrome.class())
        }
        _ => exception(tcb, syndrome),
    };
    next.addr().get()
}

/// An SError that a lower level caused, or that was pending there. It cannot be said to which access it belongs, so the
/// thread that ran has it.
#[unsafe(no_mangle)]
extern "C" fn quoll_trap_error(tcb: u64) -> u64 {
    let (tcb, syndrome) = (thread(tcb), Syndrome(read!("esr_el2")));
    let inside = Inside::enter_from(tcb, 0);
    let next = if inside.is_abandoned() { trap::resume() } else { exception(tcb, syndrome) };
    next.addr().get()
}

/// An exception of the kernel itself: there is no way on.
#[unsafe(no_mangle)]
extern "C" fn quoll_trap_kernel(vector: u64, esr: u64, elr: u64, far: u64) -> ! {
    panic!("exception in the kernel: vector {vector}, esr {esr:#x}, elr {elr:#x}, far {far:#x}")
}

fn thread(tcb: u64) -> Ref<Tcb> {
    Ref::at(Addr::new(tcb))
}

/// What no other fault describes: a guest's is its VMM's business.
fn exception(tcb: Ref<Tcb>, syndrome: Syndrome) -> Ref<Tcb> {
    let fault = match tcb.vcpu.get() {
        Some(_) => Fault::VCpu { hsr: syndrome.0 },
        None => Fault::UserException { number: syndrome.0, code: 0 },
    };
    trap::fault(tcb, fault)
}

/// A breakpoint, a watchpoint, a step, or `BRK` of a native thread.
#[cfg(sel4_debug)]
fn debug_exception(tcb: Ref<Tcb>, class: Class) -> Ref<Tcb> {
    use crate::object::breakpoint;
    let pc = tcb.regs.pc.get();
    let fault = match class {
        Class::SoftwareStep => match breakpoint::step(tcb) {
            Some(fault) => fault,
            None => return tcb,
        },
        Class::HardwareBreakpoint => breakpoint::hit(tcb, Kind::Instruction, pc),
        Class::Watchpoint => breakpoint::hit(tcb, Kind::Data, read!("far_el2")),
        _ => Fault::Debug { reason: SOFTWARE_BREAK_REQUEST, address: pc, number: 0 },
    };
    trap::fault(tcb, fault)
}

/// A guest's `HVC`: a fast call of the SMC Calling Convention is for messages or goes to the VMM, all else is a system call of
/// the thread.
fn hypervisor_call(tcb: Ref<Tcb>, syndrome: Syndrome) -> Ref<Tcb> {
    const FAST_CALL: u64 = 1 << 31;
    let function = tcb.regs.x[0].get();
    if function >> 32 == 0 && function & FAST_CALL != 0 {
        if tcb.vcpu.get().is_some_and(|vcpu| vcpu.takes_messages() && mailbox::hypercall(tcb, vcpu, function)) {
            return trap::resume();
        }
        tcb.step_back();
        let fault = match tcb.vcpu.get() {
            Some(vcpu) if vcpu.tells_context() => Fault::VCpu { hsr: syndrome.0 },
            _ => Fault::UnknownSyscall { number: tcb.regs.x[register::NUMBER].get() },
        };
        trap::fault(tcb, fault)
    } else {
        trap::syscall(tcb)
    }
}

/// An access that stage 2 does not allow.
fn memory_fault(tcb: Ref<Tcb>, syndrome: Syndrome) -> Ref<Tcb> {
    let far = read!("far_el2");
    let address = match tcb.vcpu.get() {
        // Stage 1 is off.
        None => far,
        Some(_) if syndrome.is_address_invalid() => 0,
        Some(_) if syndrome.is_ipa_told() => fault_ipa(read!("hpfar_el2"), far),
        Some(_) => {
            // Translated by hand. If the guest changed its tables meanwhile, it simply tries again.
            let Some(ipa) = translate(far, syndrome.is_write()) else { return trap::go_on(tcb) };
            ipa
        }
    };
    let instruction = syndrome.class() == Class::InstructionAbort;
    trap::fault(tcb, Fault::Vm { address, fsr: syndrome.0, instruction })
}

/// The intermediate physical address of a virtual one of the guest that is loaded.
fn translate(address: u64, write: bool) -> Option<u64> {
    let guests = read!("par_el1");
    // SAFETY: a translation changes `PAR_EL1` only, which is put back.
    unsafe {
        if write {
            core::arch::asm!("at s1e1w, {}", "isb", in(reg) address, options(nostack, preserves_flags));
        } else {
            core::arch::asm!("at s1e1r, {}", "isb", in(reg) address, options(nostack, preserves_flags));
        }
    }
    let result = read!("par_el1");
    write!("par_el1", guests);
    barrier!("isb");
    translated_ipa(result, address)
}

/// The first use of the FPU since another thread had it.
fn floating_point(tcb: Ref<Tcb>, syndrome: Syndrome) -> Ref<Tcb> {
    if tcb.flags.get() & TCB_FLAG_FPU_DISABLED != 0 {
        return exception(tcb, syndrome);
    }
    fpu::acquire(tcb);
    trap::go_on(tcb)
}

/// A guest's access to a system register that traps.
fn system_register(tcb: Ref<Tcb>, syndrome: Syndrome) -> Ref<Tcb> {
    let access = syndrome.system_access();
    let value = match vcpu_trap::answer(access) {
        vcpu_trap::Answer::Identification { crm, op2 } => vcpu_id::guest_view(crm, op2, identification(crm, op2)),
        vcpu_trap::Answer::Constant(value) => value,
        vcpu_trap::Answer::Vmm => return exception(tcb, syndrome),
    };
    if access.is_read
        && let Some(cell) = tcb.regs.x.get(usize::from(access.rt))
    {
        cell.set(value);
    }
    skip(tcb);
    trap::go_on(tcb)
}

/// The processor's value of an identification register of which a guest sees something.
fn identification(crm: u8, op2: u8) -> u64 {
    match (crm, op2) {
        (4, 0) => read!("id_aa64pfr0_el1"),
        (4, 1) => read!("id_aa64pfr1_el1"),
        (5, 0) => read!("id_aa64dfr0_el1"),
        (6, 0) => read!("id_aa64isar0_el1"),
        (6, 1) => read!("id_aa64isar1_el1"),
        (6, 2) => read!("id_aa64isar2_el1"),
        (7, 0) => read!("id_aa64mmfr0_el1"),
        (7, 1) => read!("id_aa64mmfr1_el1"),
        (7, 2) => read!("id_aa64mmfr2_el1"),
        _ => 0,
    }
}

/// A guest waits for an interrupt: in the kernel if its VMM asked for that, else as a fault.
fn wait(tcb: Ref<Tcb>, syndrome: Syndrome) -> Ref<Tcb> {
    let Some(vcpu) = tcb.vcpu.get().filter(|vcpu| syndrome.is_wfi() && vcpu.waits_in_kernel()) else {
        return exception(tcb, syndrome);
    };
    skip(tcb);
    let timer = guest::timer_deadline();
    vcpu::wait_for_interrupt(tcb, vcpu, timer)
}

/// Goes on behind an instruction that was trapped.
fn skip(tcb: Ref<Tcb>) {
    tcb.regs.pc.set(tcb.regs.pc.get() + INSTRUCTION);
}
