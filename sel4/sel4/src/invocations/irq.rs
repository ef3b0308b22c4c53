//! Interrupts.

use super::methods;
use crate::{
    AbsoluteCPtr, Word,
    cap::{IrqControl, IrqHandler, Notification, VCpu},
};

methods! { IrqControl<C> {
    /// `seL4_IRQControl_Get`: makes the handler of a level-triggered interrupt.
    irq_control_get(irq: Word, dst: &AbsoluteCPtr)
        = IRQIssueIRQHandler,
        caps [dst.root().bits()],
        words [irq, dst.path().bits(), dst.path().depth() as Word];

    /// `seL4_IRQControl_GetTrigger`: makes the handler of an interrupt and sets its trigger.
    irq_control_get_trigger(irq: Word, edge_triggered: bool, dst: &AbsoluteCPtr)
        = ARMIRQIssueIRQHandlerTrigger,
        caps [dst.root().bits()],
        words [irq, edge_triggered.into(), dst.path().bits(), dst.path().depth() as Word];
} }

#[cfg(not(any(sel4_smp, sel4_plain)))]
methods! { IrqControl<C> {
    /// `seL4_IRQControl_IssueSGISignal`: makes the capability to send one software-generated
    /// interrupt to one core.
    irq_control_issue_sgi_signal(irq: Word, target: Word, dst: &AbsoluteCPtr)
        = ARMIRQIssueSGISignal,
        caps [dst.root().bits()],
        words [irq, target, dst.path().bits(), dst.path().depth() as Word];
} }

#[cfg(sel4_smp)]
methods! { IrqControl<C> {
    /// `seL4_IRQControl_GetTriggerCore`: as
    /// [`irq_control_get_trigger`](Self::irq_control_get_trigger), delivered to core `target`.
    irq_control_get_trigger_core(irq: Word, edge_triggered: bool, target: Word, dst: &AbsoluteCPtr)
        = ARMIRQIssueIRQHandlerTriggerCore,
        caps [dst.root().bits()],
        words [irq, edge_triggered.into(), dst.path().bits(), dst.path().depth() as Word, target];
} }

methods! { IrqHandler<C> {
    /// `seL4_IRQHandler_Ack`: lets the interrupt come again.
    irq_handler_ack() = IRQAckIRQ, caps [], words [];

    /// `seL4_IRQHandler_SetNotification`: the notification that is signalled.
    irq_handler_set_notification(notification: Notification)
        = IRQSetIRQHandler, caps [notification.bits()], words [];

    /// The same with a virtual CPU, which only quoll has: the interrupt is its guest's, who ends it without us.
    #[cfg(not(sel4_plain))]
    irq_handler_set_vcpu(vcpu: VCpu)
        = IRQSetIRQHandler, caps [vcpu.bits()], words [];

    /// `seL4_IRQHandler_Clear`: takes the notification away.
    irq_handler_clear() = IRQClearIRQHandler, caps [], words [];
} }
