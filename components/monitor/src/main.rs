//! The monitor: receives the faults of protection domains that have no parent, and the requests of passive ones.
//!
//! The `microkit` tool gives it a CSpace of its own kind (below) and writes names and stacks into its image.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod domains;

#[cfg(target_os = "none")]
mod pd {
    use core::convert::Infallible;

    use monitor::Report;
    use sel4::{Badge, Cap, Fault, MessageInfo, cap};
    use sel4_abi::microkit::monitor as slot;
    use sel4_invocations::{sched_context_bind, sched_context_unbind_object};
    use sel4_microkit::{Handler, Never, debug_println, protection_domain};

    use crate::domains::{self, Index};

    const FAULT_ENDPOINT: cap::Endpoint = Cap::from_bits(slot::FAULT_ENDPOINT);
    const REPLY: cap::Reply = Cap::from_bits(slot::REPLY);

    struct Monitor;

    #[protection_domain]
    fn init() -> Monitor {
        sel4_microkit::panicking::set_hook(&|info| debug_println!("MONITOR: {info}"));
        domains::name_threads();
        Monitor
    }

    impl Handler for Monitor {
        type Error = Infallible;

        /// The tool lays the monitor out as it does protection domains, but for what it holds: so it has another loop.
        fn run(&mut self) -> Result<Never, Infallible> {
            loop {
                // Nobody is answered: a domain that has faulted stays where it is, a passive one asks without waiting.
                let (info, badge) = FAULT_ENDPOINT.recv(REPLY);
                handle(info, badge);
            }
        }
    }

    fn handle(info: MessageInfo, badge: Badge) {
        let fault = sel4::with_ipc_buffer(|ipc_buffer| monitor::fault(ipc_buffer, &info));
        let Some(index) = Index::from_badge(badge) else {
            debug_println!("MONITOR: {fault:?} from badge {badge:#x}, which is no protection domain's");
            return;
        };
        if let Some(Fault::NullFault(_)) = fault {
            make_passive(index);
            return;
        }
        let registers = index.tcb().tcb_read_all_registers(false).ok();
        let (teller, outcome) = ("MONITOR", "is stopped");
        debug_println!("{}", Report { teller, outcome, domain: index.domain(), fault, registers });
    }

    /// From now on the domain runs on its callers' time, or on its own when it is notified.
    fn make_passive(index: Index) {
        let context = index.sched_context();
        // On another core the domain may have been called meanwhile, and run on its context: it would be left without any,
        // and its caller without an answer. Bound to the notification, the context is given back when it waits again.
        let taken = if cfg!(sel4_smp) { Ok(()) } else { sched_context_unbind_object(context, index.tcb().cptr()) };
        let result = taken.and_then(|()| sched_context_bind(context, index.notification().cptr()));
        if let Err(error) = result {
            debug_println!("MONITOR: cannot make protection domain '{}' passive: {error}", index.domain().name);
        }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("the monitor is a protection domain: it runs on quoll only");
}
