//! The interface of rust-sel4 5.0 that programs may use: its items and methods by their names. This must compile; what a
//! method takes and gives is the business of the other tests.
#![allow(unused_imports, reason = "that they are there is what is tested")]

mod items {
    mod sel4_microkit {
        pub use sel4_microkit::{
            Channel, ChannelSet, Child, DeferredAction, DeferredActionInterface, DeferredActionSlot, DisplayChannelSet,
            Handler, IrqAckError, MessageInfo, MessageLabel, MessageRegisterValue, Never, NullHandler,
        };
    }
}

#[test]
fn methods_and_functions() {
    let _ = <sel4_microkit::Channel>::endpoint;
    let _ = <sel4_microkit::Channel>::index;
    let _ = <sel4_microkit::Channel>::irq_ack;
    let _ = <sel4_microkit::Channel>::irq_handler;
    let _ = <sel4_microkit::Channel>::new;
    let _ = <sel4_microkit::Channel>::notification;
    let _ = <sel4_microkit::Channel>::notify;
    let _ = <sel4_microkit::Channel>::pp_call;
    let _ = <sel4_microkit::ChannelSet>::contains;
    let _ = <sel4_microkit::ChannelSet>::display;
    let _ = <sel4_microkit::ChannelSet>::iter;
    let _ = <sel4_microkit::Child>::index;
    let _ = <sel4_microkit::Child>::new;
    let _ = <sel4_microkit::Child>::tcb;
    let _ = <sel4_microkit::DeferredAction>::channel;
    let _ = <sel4_microkit::DeferredAction>::execute_now;
    let _ = <sel4_microkit::DeferredAction>::interface;
    let _ = <sel4_microkit::DeferredAction>::new;
    let _ = <sel4_microkit::DeferredAction>::new_irq_ack;
    let _ = <sel4_microkit::DeferredAction>::new_notify;
    let _ = <sel4_microkit::DeferredActionSlot>::defer;
    let _ = <sel4_microkit::DeferredActionSlot>::defer_irq_ack;
    let _ = <sel4_microkit::DeferredActionSlot>::defer_notify;
    let _ = <sel4_microkit::DeferredActionSlot>::new;
    let _ = <sel4_microkit::DeferredActionSlot>::take;
    let _ = <sel4_microkit::MessageInfo>::count;
    let _ = <sel4_microkit::MessageInfo>::fault;
    let _ = <sel4_microkit::MessageInfo>::from_inner;
    let _ = <sel4_microkit::MessageInfo>::inner;
    let _ = <sel4_microkit::MessageInfo>::into_inner;
    let _ = <sel4_microkit::MessageInfo>::label;
    let _ = <sel4_microkit::MessageInfo>::label_width;
    let _ = <sel4_microkit::MessageInfo>::new;
    let _ = <sel4_microkit::NullHandler>::new;
    let _ = sel4_microkit::get_mr;
    let _ = sel4_microkit::pd_is_passive;
    let _ = sel4_microkit::pd_name;
    let _ = sel4_microkit::set_mr;
    let _ = || sel4_microkit::with_msg_regs(|regs| regs.len());
    let _ = || sel4_microkit::with_msg_regs_mut(|regs| regs.len());
    let _ = || sel4_microkit::with_msg_bytes(|bytes| bytes.len());
    let _ = || sel4_microkit::with_msg_bytes_mut(|bytes| bytes.len());
}
