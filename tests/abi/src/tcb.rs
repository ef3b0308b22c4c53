//! Threads that do not run yet.

use sel4::abi::label::InvocationLabel;
use sel4::init_thread::slot;
use sel4::{CNodeCapData, CPtr, Error, TcbFlagsBuilder, UserContext, cap_type};

use crate::kit::{Kit, refuses};

pub fn run(kit: &mut Kit) {
    configuration(kit);
    priorities(kit);
    notifications(kit);
    registers(kit);
}

fn configuration(kit: &mut Kit) {
    kit.section("6.1.2");
    let tcb = kit.memory.make::<cap_type::Tcb>().cap();
    refuses(kit, "a thread needs its labels and arguments", tcb, InvocationLabel::TCBConfigure);
    let frame = kit.memory.make::<cap_type::Granule>().cap();
    let (cnode, vspace, data) = (slot::CNODE.cap(), slot::VSPACE.cap(), CNodeCapData::skip(0));
    kit.check("configure", tcb.tcb_configure(cnode, data, vspace, 0x1000, frame), Ok(()));
    let wrong = tcb.tcb_configure(frame.cast(), data, vspace, 0x1000, frame);
    kit.check("a CSpace that is none", wrong, Err(Error::IllegalOperation));
    let wrong = tcb.tcb_configure(cnode, data, frame.cast(), 0x1000, frame);
    kit.check("a VSpace that is none", wrong, Err(Error::IllegalOperation));
    let wrong = tcb.tcb_configure(cnode, data, vspace, 0x1008, frame);
    kit.check("an IPC buffer that is askew", wrong, Err(Error::AlignmentError));
    let wrong = tcb.tcb_set_ipc_buffer(0x1000, cnode.cast());
    kit.check("an IPC buffer that is no frame", wrong, Err(Error::IllegalOperation));
    let endpoint = kit.memory.make::<cap_type::Endpoint>();
    let set = tcb.tcb_set_space(endpoint.cptr(), cnode, data, vspace);
    kit.check("set a fault endpoint", set, Ok(()));
    let wrong = tcb.tcb_set_space(CPtr::from_bits(frame.bits()), cnode, data, vspace);
    kit.check("a fault endpoint that is none", wrong, Err(Error::InvalidCapability));
    let flags = TcbFlagsBuilder::new().fpu_disabled(true).build();
    kit.check("set a flag", tcb.tcb_set_flags(0, flags), Ok(flags));
    kit.check("clear a flag", tcb.tcb_set_flags(flags, 0), Ok(0));
}

fn priorities(kit: &mut Kit) {
    kit.section("6.1.6");
    let tcb = kit.memory.make::<cap_type::Tcb>().cap();
    let root = slot::TCB.cap();
    kit.check("a priority", tcb.tcb_set_priority(root, 7), Ok(()));
    kit.check("a maximum priority", tcb.tcb_set_mc_priority(root, 100), Ok(()));
    kit.check("a priority above all", tcb.tcb_set_priority(root, 256), Err(Error::RangeError));
    let other = kit.memory.make::<cap_type::Tcb>().cap();
    kit.check("a priority by a thread's leave", other.tcb_set_priority(tcb, 100), Ok(()));
    kit.check("a priority beyond it", other.tcb_set_priority(tcb, 101), Err(Error::RangeError));
    kit.check("a maximum beyond it", other.tcb_set_mc_priority(tcb, 101), Err(Error::RangeError));
    let wrong = other.tcb_set_priority(slot::CNODE.cap().cast(), 1);
    kit.check("leave of what is no thread", wrong, Err(Error::InvalidCapability));
}

fn notifications(kit: &mut Kit) {
    kit.section("5.3");
    let [tcb, other] = [(); 2].map(|()| kit.memory.make::<cap_type::Tcb>().cap());
    let [notification, second] = [(); 2].map(|()| kit.memory.make::<cap_type::Notification>().cap());
    kit.check("bind a notification", tcb.tcb_bind_notification(notification), Ok(()));
    let again = tcb.tcb_bind_notification(second);
    kit.check("bind a second one", again, Err(Error::IllegalOperation));
    let again = other.tcb_bind_notification(notification);
    kit.check("bind it to a second thread", again, Err(Error::IllegalOperation));
    kit.check("unbind", tcb.tcb_unbind_notification(), Ok(()));
    kit.check("unbind what is not bound", tcb.tcb_unbind_notification(), Err(Error::IllegalOperation));
    kit.check("bind after unbinding", other.tcb_bind_notification(notification), Ok(()));
}

fn registers(kit: &mut Kit) {
    kit.section("6.1.14");
    let tcb = kit.memory.make::<cap_type::Tcb>().cap();
    let mut written = UserContext::default();
    written.as_words_mut().iter_mut().zip(0x1_0000..).for_each(|(word, value)| *word = value);
    *written.spsr_mut() = 0;
    kit.check("write all registers", tcb.tcb_write_all_registers(false, &mut written), Ok(()));
    let read = tcb.tcb_read_all_registers(false);
    let same = read.as_ref().is_ok_and(|read| {
        // The kernel chooses the status.
        let pairs = read.as_words().iter().zip(written.as_words()).enumerate();
        pairs.filter(|(i, _)| *i != 2).all(|(_, (read, written))| read == written)
    });
    kit.check("read all registers", same, true);
    *written.pc_mut() = 0x20_0000;
    kit.check("write one register", tcb.tcb_write_registers(false, 1, &mut written), Ok(()));
    let read = tcb.tcb_read_registers(false, 4).map(|read| [*read.pc(), *read.sp(), *read.gpr(0)]);
    kit.check("the others are as before", read, Ok([0x20_0000, 0x1_0001, 0x1_0003]));
    let user_mode = tcb.tcb_read_registers(false, 3).map(|read| *read.spsr() & 0xf);
    kit.check("the status is a user's", user_mode, Ok(0));
    let root = slot::TCB.cap();
    let own = root.tcb_read_registers(false, 1).map(drop);
    kit.check("read the own registers", own, Err(Error::IllegalOperation));
    let own = root.tcb_write_registers(false, 1, &mut written);
    kit.check("write the own registers", own, Err(Error::IllegalOperation));
}
