//! Scheduling contexts and domains, without letting time pass.

use sel4::abi::label::InvocationLabel;
use sel4::abi::object::SCHED_CONTEXT_SPORADIC;
use sel4::init_thread::slot;
use sel4::{Error, cap_type};

use crate::kit::{Kit, refuses};

pub fn run(kit: &mut Kit) {
    configuration(kit);
    binding(kit);
    domains(kit);
}

fn configuration(kit: &mut Kit) {
    kit.section("6.1.10");
    let control = kit.sched_control;
    let context = kit.memory.make_sized::<cap_type::SchedContext>(8).cap();
    refuses(kit, "time needs its label and arguments", control, InvocationLabel::SchedControlConfigureFlags);
    let configure = |budget, period, refills, flags| {
        control.sched_control_configure_flags(context, budget, period, refills, 0, flags)
    };
    kit.check("a round-robin context", configure(1000, 1000, 0, 0), Ok(()));
    kit.check("a periodic context", configure(1000, 10_000, 2, 0), Ok(()));
    kit.check("a sporadic context", configure(1000, 10_000, 6, SCHED_CONTEXT_SPORADIC), Ok(()));
    kit.check("more refills than there is room for", configure(1000, 10_000, 7, 0), Err(Error::RangeError));
    let full = kit.memory.make_sized::<cap_type::SchedContext>(sel4::MIN_SCHED_CONTEXT_BITS).cap();
    let no_room = control.sched_control_configure_flags(full, 1000, 1000, 0, 0, 0);
    kit.check("a context without room for refills", no_room, Err(Error::RangeError));
    kit.check("no budget", configure(0, 1000, 0, 0), Err(Error::RangeError));
    kit.check("a budget above the period", configure(1001, 1000, 0, 0), Err(Error::RangeError));
    kit.check("a period for ever", configure(1000, u64::MAX, 0, 0), Err(Error::RangeError));
    let wrong = control.sched_control_configure_flags(slot::TCB.cap().cast(), 1, 1, 0, 0, 0);
    kit.check("a context that is none", wrong, Err(Error::InvalidCapability));
    kit.check("nothing is consumed", context.consumed(), Ok(0));
}

fn binding(kit: &mut Kit) {
    kit.section("6.1.11");
    let [context, second] = [(); 2].map(|()| kit.memory.make_sized::<cap_type::SchedContext>(7).cap());
    let [tcb, other] = [(); 2].map(|()| kit.memory.make::<cap_type::Tcb>().cap());
    let notification = kit.memory.make::<cap_type::Notification>().cap();
    kit.check("bind a context", context.bind(tcb), Ok(()));
    kit.check("bind it twice", context.bind(other), Err(Error::IllegalOperation));
    kit.check("bind a second one", second.bind(tcb), Err(Error::IllegalOperation));
    kit.check("unbind from another", context.unbind_object(other), Err(Error::IllegalOperation));
    kit.check("unbind", context.unbind_object(tcb), Ok(()));
    kit.check("bind to a notification", context.bind(notification), Ok(()));
    kit.check("bind to a thread as well", context.bind(tcb), Ok(()));
    kit.check("unbind from all", context.unbind(), Ok(()));
    kit.check("bind after that", context.bind(other), Ok(()));
    kit.check("bind to what cannot run", second.bind(slot::CNODE.cap()), Err(Error::InvalidCapability));
    kit.check("yield to a thread that does not run", second.yield_to().map(drop), Err(Error::IllegalOperation));
}

fn domains(kit: &mut Kit) {
    kit.section("6.3");
    let domains = slot::DOMAIN_SET.cap();
    let tcb = kit.memory.make::<cap_type::Tcb>().cap();
    kit.check("set a domain", domains.domain_set_set(0, tcb), Ok(()));
    let count = sel4::abi::config::NUM_DOMAINS as u8;
    kit.check("set a domain beyond", domains.domain_set_set(count, tcb), Err(Error::InvalidArgument));
    let wrong = domains.domain_set_set(0, slot::CNODE.cap().cast());
    kit.check("a domain of what is no thread", wrong, Err(Error::InvalidArgument));
}
