//! Time: scheduling contexts, what configures them, and domains.

use super::{call, methods};
use crate::abi::label::InvocationLabel;
use crate::{
    Badge, Cap, CapType, InvocationContext, Result, Word,
    cap::{DomainSet, SchedContext, SchedControl, Tcb},
};

/// A time in microseconds (`seL4_Time`).
pub type Time = u64;

methods! { SchedControl<C> {
    /// `seL4_SchedControl_ConfigureFlags`: `budget` and `period` are microseconds, `badge` comes with
    /// timeout faults, `flags` is 0 or `abi::object::SCHED_CONTEXT_SPORADIC`.
    sched_control_configure_flags(
        sched_context: SchedContext, budget: Time, period: Time, extra_refills: Word, badge: Badge, flags: Word
    )
        = SchedControlConfigureFlags,
        caps [sched_context.bits()],
        words [budget, period, extra_refills, badge, flags];
} }

methods! { SchedContext<C> {
    /// `seL4_SchedContext_Unbind`: takes it from every thread and notification.
    unbind() = SchedContextUnbind, caps [], words [];
} }

impl<C: InvocationContext> SchedContext<C> {
    /// `seL4_SchedContext_Bind`: gives it to a thread or a notification.
    #[cfg(not(sel4_plain))]
    pub fn bind<T: CapType>(self, object: Cap<T>) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, InvocationLabel::SchedContextBind, [object.bits()], []))?;
        Ok(())
    }

    /// `seL4_SchedContext_UnbindObject`: takes it from a thread or a notification.
    #[cfg(not(sel4_plain))]
    pub fn unbind_object<T: CapType>(self, object: Cap<T>) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            call(ipc_buffer, cptr, InvocationLabel::SchedContextUnbindObject, [object.bits()], [])
        })?;
        Ok(())
    }

    /// `seL4_SchedContext_Consumed`: microseconds used since the last call.
    #[cfg(not(sel4_plain))]
    pub fn consumed(self) -> Result<Time> {
        self.invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, InvocationLabel::SchedContextConsumed, [], []))
            .map(|[consumed, ..]| consumed)
    }

    /// `seL4_SchedContext_YieldTo`: runs its thread, if that has the caller's priority; microseconds
    /// that it used.
    #[cfg(not(sel4_plain))]
    pub fn yield_to(self) -> Result<Time> {
        self.invoke(|cptr, ipc_buffer| call(ipc_buffer, cptr, InvocationLabel::SchedContextYieldTo, [], []))
            .map(|[consumed, ..]| consumed)
    }
}

methods! { DomainSet<C> {
    /// `seL4_DomainSet_Set`: moves a thread to a domain.
    domain_set_set(domain: u8, thread: Tcb) = DomainSetSet, caps [thread.bits()], words [domain.into()];

    /// `seL4_DomainSet_ScheduleConfigure`: sets an entry of the schedule.
    domain_set_schedule_configure(index: Word, domain: u8, duration: Time)
        = DomainScheduleConfigure, caps [], words [index, domain.into(), duration];

    /// `seL4_DomainSet_ScheduleSetStart`: where the schedule starts.
    domain_set_schedule_set_start(index: Word) = DomainScheduleSetStart, caps [], words [index];
} }
