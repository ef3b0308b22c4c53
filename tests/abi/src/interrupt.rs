//! IRQ control and handlers.

use sel4::abi::quoll::line_state;
use sel4::init_thread::slot;
use sel4::quoll::VCpuReg;
use sel4::{CapRights, Error, cap_type};

use crate::kit::Kit;
use crate::memory::at;

/// The RTC's alarm.
const IRQ: u64 = 34;
/// No GIC has so many.
const NO_IRQ: u64 = 5000;

pub fn run(kit: &mut Kit) {
    kit.section("8.1");
    let control = slot::IRQ_CONTROL.cap();
    let [handler, second] = [(); 2].map(|()| kit.memory.slot::<cap_type::IrqHandler>());
    kit.check("a handler", control.irq_control_get_trigger(IRQ, false, &at(handler)), Ok(()));
    let again = control.irq_control_get(IRQ, &at(second));
    kit.check("a second handler", again, Err(Error::RevokeFirst));
    let beyond = control.irq_control_get(NO_IRQ, &at(second));
    kit.check("a handler of no interrupt", beyond, Err(Error::RangeError));
    let used = control.irq_control_get(IRQ + 1, &at(handler));
    kit.check("a handler in a used slot", used, Err(Error::DeleteFirst));

    let notification = kit.memory.make::<cap_type::Notification>().cap();
    let endpoint = kit.memory.make::<cap_type::Endpoint>().cap();
    let handler_cap = handler.cap();
    kit.check("set a notification", handler_cap.irq_handler_set_notification(notification), Ok(()));
    let wrong = handler_cap.irq_handler_set_notification(endpoint.cast());
    kit.check("set what is none", wrong, Err(Error::InvalidCapability));
    kit.check("acknowledge", handler_cap.irq_handler_ack(), Ok(()));
    // Beyond the manual: a virtual CPU in its place.
    let vcpu = kit.memory.make::<cap_type::VCpu>().cap();
    let state = VCpuReg::LineState(IRQ as u32);
    kit.check("the state of another's interrupt", vcpu.vcpu_read_regs(state), Err(Error::InvalidArgument));
    kit.check("link a virtual CPU", handler_cap.irq_handler_set_vcpu(vcpu), Ok(()));
    let active = vcpu.vcpu_write_regs(state, line_state::ACTIVE).and_then(|()| vcpu.vcpu_read_regs(state));
    kit.check("make it active", active, Ok(line_state::ACTIVE));
    let ended = handler_cap.irq_handler_ack().and_then(|()| vcpu.vcpu_read_regs(state));
    kit.check("acknowledge ends it", ended, Ok(0));
    let told = VCpuReg::LineListRegister(IRQ as u32);
    kit.check("nothing is told", vcpu.vcpu_read_regs(told), Ok(0));
    kit.check("clear the notification", handler_cap.irq_handler_clear(), Ok(()));
    kit.check("its state is not seen any more", vcpu.vcpu_read_regs(state), Err(Error::InvalidArgument));
    kit.check("copy a handler", at(second).copy(&at(handler), CapRights::all()), Ok(()));
    kit.check("delete the handlers", [at(handler).delete(), at(second).delete()], [Ok(()); 2]);
    kit.check("a handler again", control.irq_control_get(IRQ, &at(handler)), Ok(()));
    kit.check("delete it", at(handler).delete(), Ok(()));
}
