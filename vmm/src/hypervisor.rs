//! What the monitor needs of the kernel below it. Everything that is particular to a kernel is behind this trait: which
//! invocations there are, how much of a register file one of them moves, how a fault is answered.

use core::fmt;

use crate::{
    machine::Region,
    vgic::{ListRegisters, Version},
};

/// The interrupt controller of the host, as far as guests see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostGic {
    /// Its version, which is the guest's as well.
    pub version: Version,
    /// Priority bits that are implemented for virtual interrupts.
    pub priority_bits: u32,
    /// Whether a list register may be linked to the virtual timer's interrupt.
    pub linked_timer: bool,
    /// Whether others send messages to this machine's vCPUs.
    pub messages: bool,
}

/// A system register of a vCPU that the monitor reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the architecture's")]
pub enum SystemRegister {
    SctlrEl1,
    CpacrEl1,
    Ttbr0El1,
    Ttbr1El1,
    TcrEl1,
    MairEl1,
    AmairEl1,
    ContextidrEl1,
    Afsr0El1,
    Afsr1El1,
    EsrEl1,
    FarEl1,
    ParEl1,
    VbarEl1,
    TpidrEl1,
    VmpidrEl2,
    SpEl1,
    ElrEl1,
    SpsrEl1,
    CntvCtlEl0,
    CntvCvalEl0,
    CntkctlEl1,
}

/// The registers with which a vCPU starts; all others are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The first instruction.
    pub pc: u64,
    /// x0.
    pub argument: u64,
    /// The processor state, in the layout of `SPSR_EL2`.
    pub pstate: u64,
}

/// The instruction with which the guest calls its firmware, which is this monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduit {
    /// `HVC`.
    Hvc,
    /// `SMC`: where an `HVC` may be taken for a system call of the vCPU's thread.
    Smc,
}

/// The kernel, as one virtual machine's monitor sees it.
///
/// `vcpu` is always below [`Hypervisor::vcpus`]. The register accessors are for the vCPU whose exit is being handled;
/// an implementation may keep what it has read until the exit is answered.
pub trait Hypervisor {
    /// The list registers of the machine's vCPUs.
    type Lists: ListRegisters;

    /// The list registers.
    fn lists(&mut self) -> &mut Self::Lists;

    /// Number of vCPUs that the system description gives this machine.
    fn vcpus(&self) -> usize;

    /// The interrupt controller.
    fn gic(&self) -> HostGic;

    /// How the guest calls its firmware.
    fn conduit(&self) -> Conduit;

    /// General-purpose register 0 to 30.
    fn gpr(&mut self, vcpu: usize, number: u8) -> u64;

    /// Sets general-purpose register 0 to 30.
    fn set_gpr(&mut self, vcpu: usize, number: u8, value: u64);

    /// Where the guest goes on.
    fn pc(&mut self, vcpu: usize) -> u64;

    /// Sets where the guest goes on.
    fn set_pc(&mut self, vcpu: usize, value: u64);

    /// The processor state, in the layout of `SPSR_EL2`.
    fn pstate(&mut self, vcpu: usize) -> u64;

    /// Sets the processor state.
    fn set_pstate(&mut self, vcpu: usize, value: u64);

    /// `SP_EL0`.
    fn sp_el0(&mut self, vcpu: usize) -> u64;

    /// Sets `SP_EL0`.
    fn set_sp_el0(&mut self, vcpu: usize, value: u64);

    /// A system register of any vCPU that does not run.
    fn system_register(&mut self, vcpu: usize, register: SystemRegister) -> u64;

    /// Sets a system register of any vCPU that does not run.
    fn set_system_register(&mut self, vcpu: usize, register: SystemRegister, value: u64);

    /// Makes a vCPU run from `entry` on, whatever it did before. Its CPU interface of the GIC is switched off, as after a
    /// reset; list registers stay as they are.
    fn start(&mut self, vcpu: usize, entry: Entry);

    /// Stops a vCPU until it is started again.
    fn stop(&mut self, vcpu: usize);

    /// Lets a vCPU stand still whose exit will not be answered; its registers stay.
    fn pause(&mut self, vcpu: usize);

    /// Lets a vCPU go on that was paused.
    fn resume(&mut self, vcpu: usize);

    /// Has the monitor polled ([`Guest::notified`](crate::guest::Guest::notified)) once the virtual timer of a vCPU that does not
    /// run has fired. False if that is so already, or if nobody can.
    fn watch_timer(&mut self, vcpu: usize) -> bool;

    /// Has the monitor polled when the physical counter has reached a value, if it has a timer to do so.
    fn poll_at(&mut self, deadline: Option<u64>);

    /// Unmasks a private hardware interrupt, which the kernel masks when it fires.
    fn unmask_private(&mut self, vcpu: usize, intid: u32);

    /// Lets a shared hardware interrupt come again that has ended.
    fn unmask_line(&mut self, intid: u32);

    /// Makes what was written to guest memory visible to a guest whose caches are off, instructions included.
    fn publish(&mut self, region: Region);

    /// Tells the operator something.
    fn report(&mut self, message: fmt::Arguments<'_>);
}
