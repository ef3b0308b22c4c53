//! Invocations that rust-sel4 5.0 has no methods for, made of what it has: a program that takes them from here needs
//! nothing of `sel4` that is quoll's alone (record 0042).
#![no_std]
#![forbid(unsafe_code)]

use sel4::{CPtr, MessageInfoBuilder, Time, Word, cap, cap_type};
use sel4_abi::label::InvocationLabel;
use sel4_abi::quoll::port;

/// Gives an object the scheduling context (`SchedContext_Bind`).
///
/// # Errors
/// When one of the two is bound already, or a capability is none of its kind.
pub fn sched_context_bind(context: cap::SchedContext, object: CPtr) -> sel4::Result<()> {
    invoke(context.cptr(), InvocationLabel::SchedContextBind, &[object], &[]).map(drop)
}

/// Takes the scheduling context from an object (`SchedContext_UnbindObject`).
///
/// # Errors
/// When the object has another one, or none.
pub fn sched_context_unbind_object(context: cap::SchedContext, object: CPtr) -> sel4::Result<()> {
    invoke(context.cptr(), InvocationLabel::SchedContextUnbindObject, &[object], &[]).map(drop)
}

/// The time in microseconds that a scheduling context was used since this was asked last (`SchedContext_Consumed`).
///
/// # Errors
/// When the capability is none to a scheduling context.
pub fn sched_context_consumed(context: cap::SchedContext) -> sel4::Result<Time> {
    invoke(context.cptr(), InvocationLabel::SchedContextConsumed, &[], &[])
}

/// Writes what caches hold of a mapped frame's bytes `start..end` to memory, and lets instructions be fetched from there
/// (`ARM_Page_Clean_Data`, `ARM_Page_Unify_Instruction`).
///
/// # Errors
/// When the frame is not mapped, or the range is empty or leaves it.
pub fn frame_publish(frame: CPtr, start: usize, end: usize) -> sel4::Result<()> {
    let range = [start as Word, end as Word];
    invoke(frame, InvocationLabel::ARMPageClean_Data, &[], &range)?;
    invoke(frame, InvocationLabel::ARMPageUnify_Instruction, &[], &range).map(drop)
}

/// Sends a message to a guest through a port, which a protection domain has in the place of a channel's notification
/// ([`BASE_OUTPUT_NOTIFICATION`](sel4_abi::microkit::slot::BASE_OUTPUT_NOTIFICATION)).
///
/// # Errors
/// `DeleteFirst`: the guest has not taken the one before. Otherwise it is no port.
pub fn port_send(port: CPtr, message: [Word; port::WORDS]) -> sel4::Result<()> {
    invoke_by(port, port::SEND, &[], &message).map(drop)
}

/// An invocation with at most four words; the first word of the answer.
fn invoke(service: CPtr, label: InvocationLabel, caps: &[CPtr], words: &[Word]) -> sel4::Result<Word> {
    invoke_by(service, label as Word, caps, words)
}

/// The same by the number of the label.
fn invoke_by(service: CPtr, label: Word, caps: &[CPtr], words: &[Word]) -> sel4::Result<Word> {
    sel4::with_ipc_buffer_mut(|buffer| {
        buffer.caps_or_badges_mut().iter_mut().zip(caps).for_each(|(word, cap)| *word = cap.bits());
    });
    let info = MessageInfoBuilder::default().label(label).extra_caps(caps.len()).length(words.len()).build();
    // Every object is invoked as an endpoint is called.
    let answer = service.cast::<cap_type::Endpoint>().call_with_mrs(info, words);
    sel4::Error::from_sys(answer.info.label() as u32).map_or(Ok(answer.msg[0]), Err)
}
