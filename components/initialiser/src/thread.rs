//! Threads: everything that makes a TCB run.

use sel4::init_thread::slot;
use sel4::{CNodeCapData, CPtr, CapRightsBuilder, TcbFlagsBuilder, UserContext, cap, cap_type};
use system_spec::{FaultHandler, Thread};

use crate::builder::Builder;
use crate::problem::Problem;
use crate::slots::absolute;

/// No capability.
const NULL: CPtr = CPtr::from_bits(0);

impl Builder<'_> {
    /// Sets a thread's state.
    pub(crate) fn thread(&mut self, thread: &Thread) -> Result<(), Problem> {
        let tcb = self.slots.cap::<cap_type::Tcb>(thread.tcb)?;
        self.spaces(tcb, thread)?;
        self.scheduling(tcb, thread)?;
        if let Some(notification) = thread.notification {
            tcb.tcb_bind_notification(self.slots.cap(notification)?)?;
        }
        if let Some(vcpu) = thread.vcpu {
            self.slots.cap::<cap_type::VCpu>(vcpu)?.vcpu_set_tcb(tcb)?;
        }
        if !thread.fpu {
            tcb.tcb_set_flags(0, TcbFlagsBuilder::new().fpu_disabled(true).build())?;
        }
        let mut registers = UserContext::default();
        *registers.pc_mut() = thread.pc;
        *registers.sp_mut() = thread.sp;
        /// Program counter and stack pointer come first.
        const PC_AND_SP: u64 = 2;
        tcb.tcb_write_registers(false, PC_AND_SP, &mut registers)?;
        #[cfg(sel4_debug)]
        tcb.debug_name(thread.name.as_bytes());
        Ok(())
    }

    fn spaces(&mut self, tcb: cap::Tcb, thread: &Thread) -> Result<(), Problem> {
        let cnode = self.slots.cap(thread.cspace.cnode)?;
        let guard = CNodeCapData::skip(thread.cspace.guard_bits.into());
        let vspace = self.slots.cap(thread.vspace)?;
        let (address, frame) = match thread.ipc_buffer {
            Some((address, frame)) => (address, self.slots.object(frame)?),
            None => (0, NULL),
        };
        tcb.tcb_configure(cnode, guard, vspace, address, frame.cast())?;
        Ok(())
    }

    fn scheduling(&mut self, tcb: cap::Tcb, thread: &Thread) -> Result<(), Problem> {
        let fault = match thread.fault {
            Some(fault) => self.fault_endpoint(fault)?,
            None => NULL,
        };
        let sched_context = match thread.sched_context {
            Some(sched_context) => self.slots.object(sched_context)?,
            None => NULL,
        };
        let (most, priority) = (thread.max_priority.into(), thread.priority.into());
        let authority = slot::TCB.cap();
        tcb.tcb_set_sched_params(authority, most, priority, sched_context.cast(), fault.cast())?;
        if let Some(domain) = thread.domain {
            slot::DOMAIN_SET.cap().domain_set_set(domain, tcb)?;
        }
        Ok(())
    }

    /// A capability by which the kernel sends a thread's faults.
    fn fault_endpoint(&mut self, fault: FaultHandler) -> Result<CPtr, Problem> {
        let endpoint = self.slots.object(fault.endpoint)?;
        let badged = self.slots.fresh()?;
        let rights = CapRightsBuilder::none().write(true).grant(true).grant_reply(true).build();
        absolute(badged).mint(&absolute(endpoint), rights, fault.badge)?;
        Ok(badged)
    }
}
