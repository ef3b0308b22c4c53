//! Software-generated interrupts of this core. With several cores the kernel has them all for itself.

use sel4::abi::label::InvocationLabel as Label;
use sel4::init_thread::slot;
use sel4::{Error, Word, cap, cap_type};

use crate::ipc::badged;
use crate::kit::{Kit, answer};
use crate::memory::at;

/// From the capability to a notification.
pub fn run(kit: &mut Kit) {
    const SGI: Word = 5;
    kit.section("10.7");
    let control = slot::IRQ_CONTROL.cap();
    let [signal, other] = [(); 2].map(|()| kit.memory.slot::<cap_type::Unspecified>());
    let issue = |slot: Word, irq, target| {
        let caps = [slot::CNODE.cptr_bits()];
        answer(control, Label::ARMIRQIssueSGISignal as Word, &caps, &[irq, target, slot, 64]).result
    };
    kit.check("IssueSGISignal", issue(signal.cptr_bits(), SGI, 0), Ok(()));
    kit.check("IssueSGISignal: 16 and more", issue(other.cptr_bits(), 16, 0), Err(Error::RangeError));
    kit.check(
        "IssueSGISignal: a core that no GIC has",
        issue(other.cptr_bits(), SGI, 1 << 20),
        Err(Error::InvalidArgument),
    );
    kit.check("IssueSGISignal: a slot in use", issue(signal.cptr_bits(), SGI, 0), Err(Error::DeleteFirst));
    kit.section("8.1");
    let handler = kit.memory.slot::<cap_type::IrqHandler>();
    let notification = kit.memory.make::<cap_type::Notification>();
    let marked = badged(kit, notification, 4);
    let issued = control
        .irq_control_get(SGI, &at(handler))
        .and_then(|()| handler.cap().irq_handler_set_notification(marked.cap()))
        .and_then(|()| handler.cap().irq_handler_ack());
    kit.check("a handler of the interrupt", issued, Ok(()));
    for case in ["an interrupt signals its notification", "acknowledged, it comes again"] {
        let send = cap::Notification::from_bits(signal.cptr_bits());
        send.signal();
        kit.check(case, notification.cap().wait().1, 4);
        kit.check("acknowledge", handler.cap().irq_handler_ack(), Ok(()));
    }
    kit.check("delete both", [at(signal).delete(), at(handler).delete()], [Ok(()); 2]);
}
