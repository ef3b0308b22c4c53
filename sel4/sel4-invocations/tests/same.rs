//! What the functions ask of the kernel is what the methods of `sel4` ask of it.

use sel4::{CPtr, Cap, IpcBuffer, Word, cap_type, host};

/// The system calls of `body`: number, capability, label, words, capabilities that go along. They are answered with an
/// error.
fn calls(body: impl FnOnce() -> sel4::Result<()>) -> Vec<[Word; 7]> {
    let mut calls = Vec::new();
    let kernel = |registers: &mut host::Registers, buffer: &mut IpcBuffer| {
        let [capability, info, words @ ..] = registers.x;
        let info_of = |length: Word| info & length;
        let word = |index: usize| if (index as Word) < info_of(0x7f) { words[index] } else { 0 };
        let along = if info_of(0x180) == 0x80 { buffer.caps_or_badges()[0] } else { 0 };
        calls.push([registers.x[7], capability, info, word(0), word(1), word(2), along]);
        // Illegal operation.
        registers.x[1] = 3 << 12;
    };
    assert_eq!(host::with_kernel(kernel, body), Err(sel4::Error::IllegalOperation));
    calls
}

#[test]
fn functions_and_methods_ask_the_same() {
    sel4::set_ipc_buffer(Box::leak(Box::default()));
    let context = Cap::<cap_type::SchedContext>::from_bits(20);
    let object = Cap::<cap_type::Tcb>::from_bits(21);
    let bind = calls(|| sel4_invocations::sched_context_bind(context, object.cptr()));
    assert_eq!(bind, calls(|| context.bind(object)));
    let unbind = calls(|| sel4_invocations::sched_context_unbind_object(context, object.cptr()));
    assert_eq!(unbind, calls(|| context.unbind_object(object)));
    assert_ne!(bind, unbind);
    let consumed = calls(|| sel4_invocations::sched_context_consumed(context).map(drop));
    assert_eq!(consumed, calls(|| context.consumed().map(drop)));
    let port = Cap::<sel4::quoll::cap_type::Port>::from_bits(23);
    let send = calls(|| sel4_invocations::port_send(port.cptr(), [7, 8, 9]));
    assert_eq!(send, calls(|| port.port_send([7, 8, 9])));
    let page = CPtr::from_bits(22);
    let publish = calls(|| sel4_invocations::frame_publish(page, 8, 100));
    assert_eq!(publish, calls(|| page.cast::<cap_type::SmallPage>().frame_clean_data(8, 100)));
}

#[test]
fn the_first_word_of_the_answer_is_the_result() {
    sel4::set_ipc_buffer(Box::leak(Box::default()));
    let context = Cap::<cap_type::SchedContext>::from_bits(20);
    let kernel = |registers: &mut host::Registers, _: &mut IpcBuffer| {
        registers.x[1] = 1;
        registers.x[2] = 1234;
    };
    assert_eq!(host::with_kernel(kernel, || sel4_invocations::sched_context_consumed(context)), Ok(1234));
}
