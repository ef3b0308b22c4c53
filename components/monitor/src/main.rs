//! The monitor: receives the faults of protection domains that have no parent, and the requests of passive ones.
//!
//! The `microkit` tool gives it a CSpace of its own kind (below) and writes names and stacks into its image.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod domains;

#[cfg(target_os = "none")]
mod pd {
    use monitor::Report;
    use sel4::{Badge, Cap, Fault, MessageInfo, abi, cap, debug_println};

    use crate::domains::{self, Index};

    const FAULT_ENDPOINT: cap::Endpoint = Cap::from_bits(abi::microkit::monitor::FAULT_ENDPOINT);
    const REPLY: cap::Reply = Cap::from_bits(abi::microkit::monitor::REPLY);

    #[unsafe(no_mangle)]
    extern "C" fn _start() -> ! {
        // SAFETY: the tool lays the monitor out as it does protection domains; it starts here, once.
        unsafe { sel4_microkit::_private::set_ipc_buffer() };
        sel4_microkit::panicking::set_hook(&|info| debug_println!("MONITOR: {info}"));
        domains::name_threads();
        loop {
            // Nobody is answered: a domain that has faulted stays where it is, a passive one asks without waiting.
            let (info, badge) = FAULT_ENDPOINT.recv(REPLY);
            handle(info, badge);
        }
    }

    fn handle(info: MessageInfo, badge: Badge) {
        let fault = sel4::with_ipc_buffer(|ipc_buffer| Fault::try_new(ipc_buffer, &info));
        let Some(index) = Index::from_badge(badge) else {
            debug_println!("MONITOR: {fault:?} from badge {badge:#x}, which is no protection domain's");
            return;
        };
        if let Some(Fault::NullFault(_)) = fault {
            make_passive(index);
            return;
        }
        let registers = index.tcb().tcb_read_all_registers(false).ok();
        debug_println!("{}", Report { domain: index.domain(), fault, registers });
    }

    /// From now on the domain runs on its callers' time, or on its own when it is notified.
    fn make_passive(index: Index) {
        let context = index.sched_context();
        // On another core the domain may have been called meanwhile, and run on its context: it would be left without any,
        // and its caller without an answer. Bound to the notification, the context is given back when it waits again.
        let taken = if cfg!(sel4_smp) { Ok(()) } else { context.unbind_object(index.tcb()) };
        let result = taken.and_then(|()| context.bind(index.notification()));
        if let Err(error) = result {
            debug_println!("MONITOR: cannot make protection domain '{}' passive: {error}", index.domain().name);
        }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("the monitor is a protection domain: it runs on quoll only");
}
