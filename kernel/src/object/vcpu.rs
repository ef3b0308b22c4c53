//! Virtual CPUs: the EL1 state of a guest, its virtual interrupts and timer (seL4 manual, section 10.5; our additions:
//! [`sel4_abi::quoll`]).
//!
//! A vCPU belongs to one thread, which is the guest while it runs. `arch::guest` loads the state when the thread runs and
//! leaves it loaded until another vCPU's thread does; then the object holds it.

use crate::arch::{self, guest, vgic};
use crate::cpu;
use crate::error::SysError;
use crate::fault::{self, Fault};
use crate::invoke::{Args, Outcome};
use crate::mem::{Link, Ref};
use crate::object::irq;
use crate::object::mailbox::{self, Mailbox};
use crate::object::tcb::{State, Tcb};
use crate::state;
use crate::trap;
use crate::waits;
use core::cell::Cell;
use kernel_config::SELECTED;
use quoll_kernel_core::cap::{Addr, Cap};
use quoll_kernel_core::gic::{self, ListRegister};
use quoll_kernel_core::psr;
use sel4_abi::label::InvocationLabel as Label;
use sel4_abi::object::VCPU_BITS;
use sel4_abi::quoll::{vcpu_flags, vcpu_reg};
use sel4_abi::vcpu::{NUM_REGS, VCpuReg};

/// Most list registers that a GIC has.
pub const MAX_LIST_REGISTERS: usize = 16;

/// EL1 registers, while they are not loaded.
#[derive(Debug)]
pub struct Registers {
    values: [Cell<u64>; NUM_REGS],
    /// `CSSELR_EL1`, which selects what `CCSIDR_EL1` shows.
    pub csselr: Cell<u64>,
}

impl Registers {
    fn new() -> Self {
        /// Stage 1 and caches off; the bits that are RES1 in ARMv8.0, and those that let EL0 use caches and WFI.
        const SCTLR: u64 = 0x34d5_8820;
        /// RES1.
        const VMPIDR: u64 = 1 << 31;
        let this = Self { values: core::array::from_fn(|_| Cell::new(0)), csselr: Cell::new(0) };
        this.set(VCpuReg::Sctlr, SCTLR);
        this.set(VCpuReg::VmpidrEl2, VMPIDR);
        this
    }

    /// A register's value.
    #[inline(always)]
    pub fn get(&self, register: VCpuReg) -> u64 {
        self.values[register as usize].get()
    }

    /// Changes a register.
    #[inline(always)]
    pub fn set(&self, register: VCpuReg, value: u64) {
        self.values[register as usize].set(value);
    }
}

/// The guest's interrupt interface, while it is not loaded.
#[derive(Debug)]
pub struct VirtualInterface {
    /// List registers, as many as the GIC has.
    pub list_registers: [Cell<ListRegister>; MAX_LIST_REGISTERS],
    /// The guest's controls, `ICH_VMCR_EL2`.
    pub controls: Cell<u64>,
    /// Maintenance interrupts that are asked for and the count of ends, as in `ICH_HCR_EL2`. Right even while the guest is
    /// loaded, but not while it runs.
    pub requests: Cell<u64>,
    /// Active priorities of group 0.
    pub active_0: [Cell<u64>; 4],
    /// Active priorities of group 1.
    pub active_1: [Cell<u64>; 4],
}

/// The object.
#[derive(Debug)]
pub struct VCpu {
    /// The thread that is this guest.
    pub tcb: Link<Tcb>,
    /// No other vCPU has or had it; not 0.
    pub number: u64,
    /// EL1 registers.
    pub registers: Registers,
    /// Virtual interrupts.
    pub interface: VirtualInterface,
    /// The virtual timer's interrupt was taken and has not ended: it stays active, so that it does not come again.
    pub timer_active: Cell<bool>,
    /// What others have sent.
    pub mailbox: Mailbox,
    /// [`vcpu_flags`].
    flags: Cell<u64>,
    /// With virtual time: since when, in ticks, its thread could run and does not; 0 while it runs or waits.
    kept_since: Cell<u64>,
}

const _: () = assert!(size_of::<VCpu>() <= 1 << VCPU_BITS);

impl VCpu {
    /// Makes the object in fresh memory, which the caller owns and has cleared.
    pub fn create(addr: Addr) {
        let zeros = || core::array::from_fn(|_| Cell::new(0));
        let object = Self {
            tcb: Link::new(None),
            number: state::kernel().vcpus.get() + 1,
            registers: Registers::new(),
            interface: VirtualInterface {
                list_registers: core::array::from_fn(|_| Cell::new(ListRegister::default())),
                controls: Cell::new(0),
                requests: Cell::new(0),
                active_0: zeros(),
                active_1: zeros(),
            },
            timer_active: Cell::new(false),
            mailbox: Mailbox::default(),
            flags: Cell::new(0),
            kept_since: Cell::new(0),
        };
        state::kernel().vcpus.set(object.number);
        // SAFETY: retype found room of the object's size and alignment, which is this object's alone.
        unsafe { Ref::create(addr, object) };
    }

    /// Whether its thread stands still.
    pub fn is_held(&self) -> bool {
        self.flags.get() & vcpu_flags::HELD != 0
    }

    /// Whether its faults tell its registers.
    #[inline(always)]
    pub fn tells_context(&self) -> bool {
        self.flags.get() & vcpu_flags::CONTEXT_IN_MESSAGE != 0
    }

    /// Whether the kernel answers its calls for messages.
    pub fn takes_messages(&self) -> bool {
        self.flags.get() & vcpu_flags::MESSAGES != 0
    }

    /// Whether its counter stands still while it is kept from running.
    fn has_virtual_time(&self) -> bool {
        self.flags.get() & vcpu_flags::VIRTUAL_TIME != 0
    }

    /// Its thread stops running.
    pub fn stops(&self) {
        if self.has_virtual_time() {
            let could_run = self.tcb.get().is_some_and(|tcb| tcb.is_runnable());
            self.kept_since.set(if could_run { arch::timer::now() } else { 0 });
        }
    }

    /// Its thread could run from now on.
    pub fn can_run(&self) {
        if self.has_virtual_time() && self.kept_since.get() == 0 {
            self.kept_since.set(arch::timer::now());
        }
    }

    /// Its thread goes on: for how many ticks its counter stood still.
    #[inline]
    pub fn goes_on(&self) -> Option<u64> {
        let since = self.kept_since.get();
        if since == 0 {
            return None;
        }
        self.kept_since.set(0);
        Some(arch::timer::now() - since)
    }

    /// Whether a WFI waits in the kernel rather than being a fault.
    pub fn waits_in_kernel(&self) -> bool {
        self.flags.get() & vcpu_flags::WFI_IN_KERNEL != 0
    }
}

/// Joins a vCPU and a thread; whatever they were joined with before, they are no more.
fn associate(vcpu: Ref<VCpu>, tcb: Ref<Tcb>) {
    dissociate_tcb(tcb);
    match vcpu.tcb.get() {
        Some(other) => dissociate_tcb(other),
        None => guest::flush(vcpu),
    }
    arch::unload(tcb);
    vcpu.tcb.set(Some(tcb));
    tcb.vcpu.set(Some(vcpu));
}

/// Parts a thread from its vCPU, if it has one: it is a native thread from now on, and its status is one of EL0.
pub fn dissociate_tcb(tcb: Ref<Tcb>) {
    let Some(vcpu) = tcb.vcpu.get() else { return };
    waits::wake_from_wait(tcb);
    guest::flush(vcpu);
    arch::unload(tcb);
    vcpu.tcb.set(None);
    tcb.vcpu.set(None);
    waits::let_go(tcb);
    tcb.regs.spsr.set(psr::sanitize(tcb.regs.spsr.get(), false));
}

/// The last capability to a vCPU goes.
pub fn finalise(vcpu: Ref<VCpu>) {
    match vcpu.tcb.get() {
        Some(tcb) => dissociate_tcb(tcb),
        None => guest::flush(vcpu),
    }
    irq::unlink_from(vcpu);
}

/// Methods of a vCPU.
pub fn invoke(vcpu: Ref<VCpu>, label: Label, args: &Args) -> Result<Outcome, SysError> {
    if label == Label::ARMVCPUSetTCB {
        let Cap::Thread { addr } = args.cap(0).cap() else { return Err(SysError::IllegalOperation) };
        associate(vcpu, Ref::at(addr));
        return Ok(Outcome::Done);
    }
    guest::where_loaded(vcpu, || invoke_here(vcpu, label, args))
}

/// A vCPU that is to stand still is unloaded too: whoever wants that wants to look at it.
fn set_flags(vcpu: Ref<VCpu>, flags: u64) {
    let changed = vcpu.flags.replace(flags) ^ flags;
    if !vcpu.has_virtual_time() {
        vcpu.kept_since.set(0);
    }
    let Some(tcb) = vcpu.tcb.get().filter(|_| changed & vcpu_flags::HELD != 0) else { return };
    if vcpu.is_held() {
        guest::flush(vcpu);
        waits::hold(tcb);
    } else {
        waits::let_go(tcb);
    }
}

/// Methods that concern what may be loaded, on the core on which it is.
#[inline(never)]
fn invoke_here(vcpu: Ref<VCpu>, label: Label, args: &Args) -> Result<Outcome, SysError> {
    // What is switched when a guest stops is in the object only then. It runs if it invokes its own vCPU, or on another
    // core.
    if guest::is_running(vcpu) {
        guest::stop();
    }
    match label {
        Label::ARMVCPUInjectIRQ => inject(vcpu, Injection::from_word(args.word(0)))?,
        Label::ARMVCPUReadReg => {
            let value = read(vcpu, args.word(0)).ok_or(SysError::InvalidArgument(1))?;
            return Ok(Outcome::Word(value));
        }
        Label::ARMVCPUWriteReg => write(vcpu, args.word(0), args.word(1))?,
        _ => acknowledge_timer(vcpu, args.word(0))?,
    }
    Ok(Outcome::Done)
}

/// The arguments of `VCPU_InjectIRQ`, which travel in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Injection {
    intid: u64,
    priority: u64,
    group: u64,
    index: u64,
}

impl Injection {
    const fn from_word(word: u64) -> Self {
        Self { intid: word & 0xffff, priority: word >> 16 & 0xff, group: word >> 24 & 0xff, index: word >> 32 & 0xff }
    }

    fn check(self) -> Result<(), SysError> {
        let last_register = u64::from(vgic::capabilities().list_registers) - 1;
        let limits = [(self.intid, 1023), (self.priority, 31), (self.group, 1), (self.index, last_register)];
        match limits.into_iter().find(|(value, max)| value > max) {
            Some((_, max)) => Err(SysError::Range { min: 0, max }),
            None => Ok(()),
        }
    }
}

fn inject(vcpu: Ref<VCpu>, injection: Injection) -> Result<(), SysError> {
    injection.check()?;
    let index = injection.index as usize;
    if list_register(vcpu, index).state() != 0 {
        return Err(SysError::DeleteFirst);
    }
    let value = ListRegister::injected(injection.intid, injection.priority, injection.group);
    set_list_register(vcpu, index, value);
    Ok(())
}

fn list_register(vcpu: Ref<VCpu>, index: usize) -> ListRegister {
    if guest::is_loaded(vcpu) { vgic::list_register(index) } else { vcpu.interface.list_registers[index].get() }
}

/// Changes a list register. A guest that waits for an interrupt has one.
fn set_list_register(vcpu: Ref<VCpu>, index: usize, value: ListRegister) {
    if guest::is_loaded(vcpu) {
        vgic::set_list_register(index, value);
    } else {
        vcpu.interface.list_registers[index].set(value);
    }
    if value.is_pending()
        && let Some(tcb) = vcpu.tcb.get()
    {
        waits::wake_from_wait(tcb);
    }
}

/// As [`set_list_register`], unless it would end a physical interrupt, as the end of a virtual one does, that is not the vCPU's own.
fn set_own(vcpu: Ref<VCpu>, index: usize, value: ListRegister) -> bool {
    let is_own = |irq| irq == SELECTED.interrupts.virtual_timer || irq::is_linked(irq, vcpu);
    let may = value.physical().is_none_or(is_own);
    if may {
        set_list_register(vcpu, index, value);
    }
    may
}

/// A list register for the message of a fault; of one that the GIC does not have, an empty one.
pub fn told_list_register(vcpu: Ref<VCpu>, index: usize) -> ListRegister {
    let read = || list_register(vcpu, index);
    if has_list_register(index) { guest::where_loaded(vcpu, read) } else { ListRegister::default() }
}

/// Sets a list register as the answer to a fault says, if the GIC has it and the vCPU may.
pub fn set_own_list_register(vcpu: Ref<VCpu>, index: usize, value: ListRegister) {
    if has_list_register(index) {
        guest::where_loaded(vcpu, || set_own(vcpu, index, value));
    }
}

fn has_list_register(index: usize) -> bool {
    index < vgic::capabilities().list_registers as usize
}

/// All list registers of a vCPU.
fn list_registers(vcpu: Ref<VCpu>) -> impl Iterator<Item = ListRegister> {
    (0..vgic::capabilities().list_registers as usize).map(move |index| list_register(vcpu, index))
}

/// A bit for each list register that `wanted` holds of.
fn bits(vcpu: Ref<VCpu>, wanted: impl Fn(ListRegister) -> bool) -> u64 {
    list_registers(vcpu).enumerate().fold(0, |bits, (index, value)| bits | u64::from(wanted(value)) << index)
}

fn controls(vcpu: Ref<VCpu>) -> u64 {
    if guest::is_loaded(vcpu) { vgic::controls() } else { vcpu.interface.controls.get() }
}

/// Makes `interrupt` pending in a list register: the one that is there already, or in its place.
pub fn make_pending(vcpu: Ref<VCpu>, index: usize, interrupt: ListRegister) {
    if guest::is_running(vcpu) {
        guest::stop();
    }
    let now = list_register(vcpu, index);
    let base = if now.for_software() == interrupt { now } else { interrupt };
    set_list_register(vcpu, index, base.made_pending());
}

/// Puts a linked interrupt into a list register, if that is empty.
pub fn fill(vcpu: Ref<VCpu>, index: usize, interrupt: ListRegister) -> bool {
    guest::where_loaded(vcpu, || {
        let is_free = list_register(vcpu, index).is_empty();
        if is_free {
            set_list_register(vcpu, index, interrupt.made_pending());
        }
        is_free
    })
}

/// Empties the list registers that would end a physical interrupt.
pub fn forget_physical(vcpu: Ref<VCpu>, irq: u32) {
    guest::where_loaded(vcpu, || {
        for (index, value) in list_registers(vcpu).enumerate() {
            if value.physical() == Some(irq) {
                set_list_register(vcpu, index, ListRegister::default());
            }
        }
    });
}

/// The index of a list register that a register number names, counted from `base`.
pub fn list_register_index(number: u64, base: u64) -> Option<usize> {
    let index = number.checked_sub(base)?;
    (index < u64::from(vgic::capabilities().list_registers)).then_some(index as usize)
}

/// The active-priorities register that a number names, in the object.
fn active_priorities(vcpu: &VCpu, number: u64) -> Option<&Cell<u64>> {
    let group = |base: u64| number.checked_sub(base).filter(|index| *index < vcpu_reg::ACTIVE_COUNT);
    if let Some(index) = group(vcpu_reg::ACTIVE_0_BASE) {
        return Some(&vcpu.interface.active_0[index as usize]);
    }
    group(vcpu_reg::ACTIVE_1_BASE).map(|index| &vcpu.interface.active_1[index as usize])
}

/// Reads the register with this number, if there is one that can be read.
fn read(vcpu: Ref<VCpu>, number: u64) -> Option<u64> {
    if let Some(register) = VCpuReg::from_number(number) {
        let loaded = if guest::is_loaded(vcpu) { guest::read_loaded(register) } else { None };
        return Some(loaded.unwrap_or_else(|| vcpu.registers.get(register)));
    }
    if let Some(cell) = active_priorities(&vcpu, number) {
        guest::flush(vcpu);
        return Some(cell.get());
    }
    Some(match number {
        vcpu_reg::GIC_INFO => {
            let capabilities = vgic::capabilities();
            vgic::version() | u64::from(capabilities.list_registers) << 8 | u64::from(capabilities.priority_bits) << 16
        }
        vcpu_reg::FLAGS => vcpu.flags.get(),
        vcpu_reg::EISR => bits(vcpu, ListRegister::has_ended),
        vcpu_reg::ELRSR => bits(vcpu, ListRegister::is_empty),
        vcpu_reg::MISR => u64::from(bits(vcpu, ListRegister::has_ended) != 0),
        vcpu_reg::VMCR => controls(vcpu),
        vcpu_reg::HCR => vcpu.interface.requests.get(),
        _ => match list_register_index(number, vcpu_reg::LR_BASE) {
            Some(index) => list_register(vcpu, index).0,
            None => irq::read_linked(vcpu, number).or_else(|| mailbox::read(vcpu, number))?,
        },
    })
}

/// Writes the register with this number. Argument 1 is the number, 2 the value.
fn write(vcpu: Ref<VCpu>, number: u64, value: u64) -> Result<(), SysError> {
    if let Some(register) = VCpuReg::from_number(number) {
        if !guest::is_loaded(vcpu) || !guest::write_loaded(register, value) {
            vcpu.registers.set(register, value);
        }
        if register == VCpuReg::CntvOff && vcpu.kept_since.take() != 0 {
            // What was before is in the new value.
            vcpu.can_run();
        }
        return Ok(());
    }
    if let Some(cell) = active_priorities(&vcpu, number) {
        guest::flush(vcpu);
        cell.set(value);
        return Ok(());
    }
    match number {
        vcpu_reg::FLAGS => set_flags(vcpu, value & vcpu_flags::MASK),
        vcpu_reg::VMCR if guest::is_loaded(vcpu) => vgic::set_controls(value),
        vcpu_reg::VMCR => vcpu.interface.controls.set(value),
        vcpu_reg::HCR => vcpu.interface.requests.set(value & REQUESTS),
        _ => {
            let Some(index) = list_register_index(number, vcpu_reg::LR_BASE) else {
                let written = irq::write_linked(vcpu, number, value).or_else(|| mailbox::write(vcpu, number, value));
                return written.ok_or(SysError::InvalidArgument(1));
            };
            if !set_own(vcpu, index, ListRegister(value)) {
                return Err(SysError::InvalidArgument(2));
            }
        }
    }
    Ok(())
}

/// Maintenance interrupts that a VMM may ask for: underflow, no entry for an end, none pending.
pub const REQUESTS: u64 = 0b1110;
/// The request for one when a guest ends an interrupt that is in no list register; then the ends are counted.
pub const NO_ENTRY_FOR_END: u64 = 0b100;

/// The VMM is done with the timer's interrupt: it can come again.
fn acknowledge_timer(vcpu: Ref<VCpu>, irq: u64) -> Result<(), SysError> {
    let timer = SELECTED.interrupts.virtual_timer;
    if irq != u64::from(timer) {
        return Err(SysError::InvalidArgument(0));
    }
    if vcpu.timer_active.replace(false) && guest::is_loaded(vcpu) {
        arch::irq::set_active(timer, false);
    }
    Ok(())
}

/// A guest executed WFI and its VMM asked that the kernel handles it: the thread waits until a virtual interrupt is pending
/// or the virtual timer fires, which is at `timer` (ticks of the physical counter). Comes back with who runs.
pub fn wait_for_interrupt(tcb: Ref<Tcb>, vcpu: Ref<VCpu>, timer: Option<u64>) -> Ref<Tcb> {
    let due = timer.is_some_and(|ticks| ticks <= arch::timer::now());
    if due || gic::would_signal(list_registers(vcpu), controls(vcpu)) {
        return trap::go_on(tcb);
    }
    waits::wait_for_interrupt(tcb, timer);
    trap::resume()
}

/// An interrupt of the core that is a guest's: maintenance or virtual timer. It has been acknowledged, not ended.
pub fn interrupt(irq: u32) {
    let running = cpu::this().current.get().filter(|tcb| tcb.state.get() == State::Running);
    match running.and_then(|tcb| tcb.vcpu.get().filter(|vcpu| guest::is_running(*vcpu)).map(|vcpu| (tcb, vcpu))) {
        Some((tcb, vcpu)) if irq == SELECTED.interrupts.virtual_timer => {
            vcpu.timer_active.set(true);
            arch::irq::drop_priority(irq);
            fault::raise(tcb, Fault::VppiEvent { irq });
        }
        Some((tcb, _)) => {
            let index = take_ended();
            arch::irq::end(irq);
            fault::raise(tcb, Fault::VgicMaintenance { index });
        }
        None => {
            // The guest's thread stopped, and nobody else runs: it is for when the guest goes on.
            let tcb = guest::stop();
            arch::irq::end(irq);
            if let Some(tcb) = tcb {
                waits::wake_from_wait(tcb);
            }
        }
    }
}

/// A list register whose interrupt ended, which is reported once.
fn take_ended() -> Option<u32> {
    let ended = vgic::ended();
    if ended == 0 {
        return None;
    }
    let index = ended.trailing_zeros();
    vgic::set_list_register(index as usize, ListRegister::default());
    Some(index)
}
