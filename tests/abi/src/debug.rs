//! The system calls of a debug kernel.

use sel4::cap_type;
use sel4::init_thread::slot;

use crate::kit::Kit;

pub fn run(kit: &mut Kit) {
    kit.section("10.2.3");
    let tcb = kit.memory.make::<cap_type::Tcb>().cap();
    tcb.debug_name(b"a thread of the tests");
    tcb.debug_name(&[b'x'; 2000]);
    let empty = kit.memory.slot::<cap_type::Tcb>().cap();
    kit.check("an empty slot has no type", empty.debug_identify(), 0);
    let types = [tcb.upcast(), slot::CNODE.cap().upcast(), kit.memory.untyped.upcast()].map(|cap| cap.debug_identify());
    let distinct = types[0] != types[1] && types[1] != types[2] && types[0] != types[2] && !types.contains(&0);
    kit.check("types of capabilities", distinct, true);
}
