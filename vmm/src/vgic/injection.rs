//! List registers that cannot be read: what the vGIC needs of them, over a kernel that puts interrupts into empty list
//! registers and tells their ends (seL4's `VCPU_InjectIRQ` and `VGICMaintenance`), and does no more.
//!
//! The vGIC sees registers of its own, which are backed by the hardware's. An interrupt counts as pending until its end
//! is told. One that the vGIC takes back stays in the hardware all the same until the guest ends it; if it is due again
//! meanwhile it is injected once more after that end, because the guest may have been told only of the first time. So no
//! interrupt is lost, and one may come once too often.

use alloc::{vec, vec::Vec};

use super::{ListRegister, ListRegisters, MAX_LIST_REGISTERS, Maintenance, bank::bits};

/// What the kernel offers.
pub trait Inject {
    /// List registers of each vCPU, from 2 to [`MAX_LIST_REGISTERS`].
    fn count(&self) -> usize;

    /// Puts a pending interrupt into the empty list register `index`; its end will be told. False if the kernel refuses.
    fn inject(&mut self, vcpu: usize, index: usize, interrupt: ListRegister) -> bool;
}

/// The list registers of the vCPUs, as the vGIC sees them.
pub struct Injected<I> {
    kernel: I,
    vcpus: Vec<Registers>,
}

/// A list register of the hardware.
#[derive(Clone, Copy, Default)]
struct Held {
    /// The interrupt in it, if it isn't empty.
    intid: Option<u32>,
    /// The vGIC's register that it backs; none if that one has something else by now.
    backs: Option<usize>,
}

#[derive(Clone)]
struct Registers {
    /// What the vGIC has written.
    seen: [ListRegister; MAX_LIST_REGISTERS],
    /// The vGIC's registers whose interrupt the hardware does not have yet.
    waiting: u16,
    held: [Held; MAX_LIST_REGISTERS],
}

impl<I: Inject> Injected<I> {
    /// The list registers of so many vCPUs, all of them empty.
    pub fn new(kernel: I, vcpus: usize) -> Self {
        let registers = Registers {
            seen: [ListRegister::EMPTY; MAX_LIST_REGISTERS],
            waiting: 0,
            held: [Held::default(); MAX_LIST_REGISTERS],
        };
        Self { kernel, vcpus: vec![registers; vcpus] }
    }

    /// What they are built on.
    pub fn kernel_mut(&mut self) -> &mut I {
        &mut self.kernel
    }

    /// The guest has ended what was in list register `index` of the hardware. The vGIC's register that has become
    /// empty by that, if it has not been rewritten.
    pub fn ended(&mut self, vcpu: usize, index: usize) -> Option<usize> {
        let held = self.vcpus.get_mut(vcpu)?.held.get_mut(index)?;
        let backed = core::mem::take(held).backs;
        if let Some(seen) = backed {
            self.vcpus[vcpu].seen[seen] = ListRegister::EMPTY;
        }
        self.inject_waiting(vcpu);
        backed
    }

    /// Injects what waits and can be injected, the most urgent first.
    fn inject_waiting(&mut self, vcpu: usize) {
        let count = self.kernel.count();
        loop {
            let registers = &mut self.vcpus[vcpu];
            let free = registers.held[..count].iter().position(|held| held.intid.is_none());
            let (Some(free), Some(next)) = (free, registers.next()) else { return };
            let interrupt = registers.seen[next];
            // What the kernel refuses would be refused again: the vGIC is told that it has ended.
            registers.waiting &= !(1 << next);
            if self.kernel.inject(vcpu, free, interrupt) {
                self.vcpus[vcpu].held[free] = Held { intid: Some(interrupt.intid()), backs: Some(next) };
            } else {
                self.vcpus[vcpu].seen[next] = ListRegister::EMPTY;
            }
        }
    }
}

impl Registers {
    /// The most urgent interrupt that waits; one that is still in the hardware has to wait for its end.
    fn next(&self) -> Option<usize> {
        let in_hardware = |intid| self.held.iter().any(|held| held.intid == Some(intid));
        let ready = bits(self.waiting.into()).filter(|&index| !in_hardware(self.seen[index].intid()));
        ready.min_by_key(|&index| self.seen[index].rank())
    }
}

impl<I: Inject> ListRegisters for Injected<I> {
    fn count(&self) -> usize {
        self.kernel.count()
    }

    fn read(&mut self, vcpu: usize, index: usize) -> ListRegister {
        self.vcpus[vcpu].seen[index]
    }

    fn write(&mut self, vcpu: usize, index: usize, value: ListRegister) {
        let registers = &mut self.vcpus[vcpu];
        registers.seen[index] = value;
        registers.waiting = registers.waiting & !(1 << index) | u16::from(value.is_pending()) << index;
        registers.held.iter_mut().filter(|held| held.backs == Some(index)).for_each(|held| held.backs = None);
        self.inject_waiting(vcpu);
    }

    fn empty(&mut self, vcpu: usize) -> u16 {
        let registers = self.vcpus[vcpu].seen[..self.kernel.count()].iter().enumerate();
        registers.fold(0, |mask, (index, seen)| mask | u16::from(seen.is_empty()) << index)
    }

    /// Every end is told anyway, and that is when something may have changed.
    fn set_maintenance(&mut self, _: usize, _: Maintenance) {}

    /// The hardware keeps every interrupt until its end.
    fn take_eoi_count(&mut self, _: usize) -> u32 {
        0
    }
}
