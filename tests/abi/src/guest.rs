//! A guest of a few instructions: how each way out of it is told, and how it goes on.

use core::ptr;

use sel4::init_thread::slot;
use sel4::{
    CNodeCapData, CapRights, Fault, MessageInfo, Time, UserContext, VCpuReg, Word, cap, cap_type, with_ipc_buffer,
    with_ipc_buffer_mut,
};

use crate::kit::Kit;

/// The guest: an instruction at each of these steps.
const PROGRAM: [u32; 7] = [
    0xd400_0002, // hvc #0
    0xd400_0002, // hvc #0
    0xd400_0003, // smc #0
    0xf940_0041, // ldr x1, [x2]
    0xb900_0041, // str w1, [x2]
    0xd503_207f, // wfi
    0x1400_0000, // b .
];
const HVC_FAST_CALL: usize = 0;
const HVC_SYSTEM_CALL: usize = 1;
const SMC: usize = 2;
const LOAD: usize = 3;
const STORE: usize = 4;
const WFI: usize = 5;
const LOOP: usize = 6;

/// Where the guest's memory and a device that is not there are.
const BASE: usize = 0x4000_0000;
const DEVICE: Word = 0x5000_0000;
/// EL1 on its own stack, interrupts masked.
const EL1H_MASKED: Word = 0x3c5;
/// A PSCI function id: a fast call of the SMC calling convention (Arm DEN0028).
const FAST_CALL: Word = 0x8400_0000;
/// No system call.
const NO_CALL: Word = 0x55;
/// The virtual timer's private interrupt.
const TIMER: Word = 27;
const SLICE: Time = 5000;

/// Exception classes and the write bit of the syndrome (Arm ARM, ESR_EL2).
const CLASS_WFI: Word = 0x01;
const CLASS_SMC: Word = 0x17;
const CLASS_DATA_ABORT: Word = 0x24;
const WRITE: Word = 1 << 6;

struct Guest {
    tcb: cap::Tcb,
    vcpu: cap::VCpu,
    faults: cap::Endpoint,
    reply: cap::Reply,
}

pub fn run(kit: &mut Kit) {
    kit.section("6.4.1");
    let guest = Guest::start(kit);
    hypercalls(kit, &guest);
    firmware_call(kit, &guest);
    accesses(kit, &guest);
    wait_for_interrupt(kit, &guest);
    timer(kit, &guest);
    kit.check("stop the guest", guest.tcb.tcb_suspend(), Ok(()));
}

const fn address(step: usize) -> Word {
    (BASE + 4 * step) as Word
}

impl Guest {
    fn start(kit: &mut Kit) -> Self {
        let vspace = address_space(kit);
        let faults = kit.memory.make::<cap_type::Endpoint>();
        let cspace = kit.memory.make_sized::<cap_type::CNode>(1).cap();
        let context = kit.memory.make_sized::<cap_type::SchedContext>(8).cap();
        let guest = Self {
            tcb: kit.memory.make::<cap_type::Tcb>().cap(),
            vcpu: kit.memory.make::<cap_type::VCpu>().cap(),
            faults: faults.cap(),
            reply: kit.memory.make::<cap_type::Reply>().cap(),
        };
        let root = slot::TCB.cap();
        let mut registers = UserContext::default();
        *registers.pc_mut() = address(HVC_FAST_CALL);
        *registers.spsr_mut() = EL1H_MASKED;
        *registers.gpr_mut(0) = FAST_CALL;
        *registers.gpr_mut(2) = DEVICE;
        let started = guest
            .vcpu
            .vcpu_set_tcb(guest.tcb)
            .and_then(|()| guest.tcb.tcb_set_space(faults.cptr(), cspace, CNodeCapData::skip(63), vspace))
            .and_then(|()| kit.sched_control.sched_control_configure_flags(context, SLICE, SLICE, 0, 0, 0))
            .and_then(|()| guest.tcb.tcb_set_sched_params(root, 0, 100, context, guest.faults))
            .and_then(|()| guest.tcb.tcb_write_all_registers(true, &mut registers));
        kit.check("start a guest", started, Ok(()));
        guest
    }

    fn fault(&self) -> Option<Fault> {
        let (info, _) = self.faults.recv(self.reply);
        with_ipc_buffer(|buffer| Fault::try_new(buffer, &info))
    }

    /// Lets the guest go on behind the instruction at `step`.
    fn skip(&self, step: usize) {
        let mut registers = UserContext::default();
        *registers.pc_mut() = address(step + 1);
        let written = self.tcb.tcb_write_registers(false, 1, &mut registers);
        assert_eq!(written, Ok(()), "write a guest's program counter");
        self.reply.send(MessageInfo::default());
    }

    fn pc(&self) -> Option<Word> {
        self.tcb.tcb_read_registers(false, 1).ok().map(|registers| *registers.pc())
    }
}

/// An address space with the program at its place.
fn address_space(kit: &mut Kit) -> cap::VSpace {
    let frame = kit.memory.make::<cap_type::Granule>();
    let copy = kit.memory.slot::<cap_type::Granule>();
    let copied = crate::memory::at(copy).copy(&crate::memory::at(frame), CapRights::all());
    kit.check("copy the guest's memory", copied, Ok(()));
    let page = ptr::with_exposed_provenance_mut(kit.memory.map(copy.cap(), CapRights::read_write()));
    // SAFETY: the page is mapped, to a frame that nothing else uses yet.
    unsafe { ptr::write_volatile(page, PROGRAM) };
    kit.check("make it code", copy.cap().frame_unify_instruction(0, 0x1000), Ok(()));
    let vspace = kit.memory.make::<cap_type::VSpace>().cap();
    kit.check("assign an identifier", slot::ASID_POOL.cap().asid_pool_assign(vspace), Ok(()));
    kit.memory.map_at(vspace, frame.cap(), BASE, CapRights::read_write());
    vspace
}

/// What an unknown system call tells: function or x0, number, address.
fn as_call(fault: Option<Fault>) -> Option<(Word, Word, Word)> {
    match fault {
        Some(Fault::UnknownSyscall(fault)) => Some((fault.gpr(0), fault.syscall(), fault.fault_ip())),
        _ => None,
    }
}

fn hypercalls(kit: &mut Kit, guest: &Guest) {
    let seen = as_call(guest.fault()).map(|(x0, _, ip)| (x0, ip));
    kit.check("a fast call reaches the VMM", seen, Some((FAST_CALL, address(HVC_FAST_CALL))));
    // The answer sets registers: x0 to x7, program counter, stack pointer, link register, status.
    let answer = [5, 0, DEVICE, 0, 0, 0, 0, NO_CALL, address(HVC_SYSTEM_CALL), 0, 0, EL1H_MASKED];
    with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut()[..answer.len()].copy_from_slice(&answer));
    guest.reply.send(MessageInfo::new(0, 0, 0, answer.len()));
    let seen = as_call(guest.fault());
    kit.check("another call names its number", seen, Some((5, NO_CALL, address(HVC_SYSTEM_CALL))));
    guest.skip(HVC_SYSTEM_CALL);
}

/// The class of a trap, where it was.
fn as_trap(guest: &Guest) -> Option<(Word, Option<Word>)> {
    match guest.fault() {
        Some(Fault::VCpuFault(fault)) => Some((fault.hsr() >> 26, guest.pc())),
        _ => None,
    }
}

fn firmware_call(kit: &mut Kit, guest: &Guest) {
    kit.check("a firmware call traps", as_trap(guest), Some((CLASS_SMC, Some(address(SMC)))));
    guest.skip(SMC);
}

/// An access: the class of its syndrome, whether it wrote, the address, where it was.
fn as_access(guest: &Guest) -> Option<(Word, bool, Word, Word)> {
    match guest.fault() {
        Some(Fault::VmFault(fault)) => Some((fault.fsr() >> 26, fault.fsr() & WRITE != 0, fault.addr(), fault.ip())),
        _ => None,
    }
}

fn accesses(kit: &mut Kit, guest: &Guest) {
    let load = Some((CLASS_DATA_ABORT, false, DEVICE, address(LOAD)));
    kit.check("a load from nowhere", as_access(guest), load);
    guest.skip(LOAD);
    let store = Some((CLASS_DATA_ABORT, true, DEVICE, address(STORE)));
    kit.check("a store to nowhere", as_access(guest), store);
    guest.skip(STORE);
}

fn wait_for_interrupt(kit: &mut Kit, guest: &Guest) {
    kit.check("a wait for interrupts traps", as_trap(guest), Some((CLASS_WFI, Some(address(WFI)))));
    let timer = guest.vcpu.vcpu_write_regs(VCpuReg::CNTV_CVAL, 0);
    let timer = timer.and_then(|()| guest.vcpu.vcpu_write_regs(VCpuReg::CNTV_CTL, 1));
    kit.check("set the guest's timer", timer, Ok(()));
    guest.skip(WFI);
}

fn timer(kit: &mut Kit, guest: &Guest) {
    let seen = match guest.fault() {
        Some(Fault::VPpiEvent(fault)) => Some((fault.irq(), guest.pc())),
        _ => None,
    };
    kit.check("the guest's timer is told", seen, Some((TIMER, Some(address(LOOP)))));
}
