//! What differs between the kernels with seL4's interface that this monitor runs on.

use alloc::boxed::Box;

use ivc::statistics::Table;
use sel4::{
    Cap, CapType, MessageInfo, Word,
    cap::{Tcb, VCpu},
    cap_type,
};
use sel4_abi::{error::ErrorCode, label::InvocationLabel, microkit::slot};
use vmm::{
    devices::pl011::Line,
    hypervisor::{Conduit, HostGic},
    vgic::ListRegisters,
};

use super::timer::Timer;

/// A kind of kernel: how interrupts get into a guest, and how a guest that waits is woken.
pub trait Kind {
    /// The list registers, as the vGIC sees them.
    type Lists: ListRegisters;

    /// How guests call their firmware.
    const CONDUIT: Conduit;

    /// Finds out what the kernel gives to a machine of so many vCPUs.
    fn new(vcpus: usize) -> Self;

    /// The list registers.
    fn lists(&mut self) -> &mut Self::Lists;

    /// The interrupt controller.
    fn gic(&self) -> HostGic;

    /// List register `index` of the hardware has been emptied by the guest: the one of [`ListRegisters`] that it is, if
    /// any.
    fn ended(&mut self, vcpu: usize, index: usize) -> Option<usize>;

    /// Switches the guest's CPU interface off, as after a reset.
    fn reset_interface(&mut self, vcpu: usize);

    /// As [`vmm::hypervisor::Hypervisor::watch_timer`].
    fn watch_timer(&mut self, vcpu: usize, timer: &mut Timer) -> bool;

    /// An exit of this vCPU is handled from now on: it stands still.
    fn begin(&mut self, _vcpu: usize) {}

    /// This vCPU is about to be started, or was stopped: an exit of it that is being handled will have no answer.
    fn forget(&mut self, _vcpu: usize) {}

    /// That exit will have no answer.
    fn leave(&mut self) {}

    /// What has happened is handled, but for the answer to an exit.
    fn finish(&mut self) {}

    /// Whether this monitor was started anew while its guest may still run.
    fn is_reloaded() -> bool {
        false
    }

    /// The line over which a guest of so many vCPUs exchanges messages without calls of its own, if it has one. They are counted in the table.
    fn message_line(_vcpus: usize, _table: &mut Table<'static>) -> Option<Box<dyn Line>> {
        None
    }
}

/// The thread of a vCPU.
pub fn tcb(vcpu: usize) -> Tcb {
    sel4::Cap::from_bits(slot::BASE_VM_TCB + vcpu as u64)
}

/// A vCPU.
pub fn vcpu_object(vcpu: usize) -> VCpu {
    sel4::Cap::from_bits(slot::BASE_VCPU + vcpu as u64)
}

/// An invocation that upstream's crate has no method for, or not for all arguments: the words of its message, and the
/// first of its answer.
pub fn invoke<T: CapType>(object: Cap<T>, label: InvocationLabel, words: &[Word]) -> Result<Word, ErrorCode> {
    let info = MessageInfo::new(label as Word, 0, 0, words.len());
    let answer = object.cast::<cap_type::Endpoint>().call_with_mrs(info, words);
    match answer.info.label() {
        0 => Ok(answer.msg[0]),
        // The kernel's errors are those.
        label => Err(ErrorCode::from_label(label).unwrap_or(ErrorCode::IllegalOperation)),
    }
}
