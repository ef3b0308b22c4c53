//! Random system calls and deeds.

use super::time::PARAMETERS;
use super::{Deed, ENDPOINTS, Handler, NOTIFICATIONS, REPLIES, SystemCall, THREADS};
use proptest::prelude::*;

/// Any system call, or a fault.
pub fn any_call() -> impl Strategy<Value = SystemCall> {
    let (endpoint, reply, badge, notification) = (0..ENDPOINTS, 0..REPLIES, 0..=2u64, 0..NOTIFICATIONS);
    prop_oneof![
        1 => (endpoint.clone(), badge.clone()).prop_map(|(endpoint, badge)| SystemCall::Send { endpoint, badge }),
        1 => (endpoint.clone(), badge.clone()).prop_map(|(endpoint, badge)| SystemCall::NBSend { endpoint, badge }),
        3 => (endpoint.clone(), badge.clone()).prop_map(|(endpoint, badge)| SystemCall::Call { endpoint, badge }),
        3 => (endpoint.clone(), reply.clone()).prop_map(|(endpoint, reply)| SystemCall::Recv { endpoint, reply }),
        1 => (endpoint.clone(), reply.clone()).prop_map(|(endpoint, reply)| SystemCall::NBRecv { endpoint, reply }),
        1 => endpoint.clone().prop_map(|endpoint| SystemCall::Receive { endpoint }),
        2 => reply.clone().prop_map(|reply| SystemCall::Reply { reply }),
        2 => (endpoint.clone(), reply.clone()).prop_map(|(endpoint, reply)| SystemCall::ReplyRecv { endpoint, reply }),
        1 => (0..ENDPOINTS, badge.clone(), endpoint, reply)
            .prop_map(|(to, badge, endpoint, reply)| SystemCall::NBSendRecv { to, badge, endpoint, reply }),
        2 => (notification.clone(), badge).prop_map(|(notification, badge)| SystemCall::Signal { notification, badge }),
        1 => notification.clone().prop_map(|notification| SystemCall::Wait { notification }),
        1 => notification.prop_map(|notification| SystemCall::Poll { notification }),
        2 => Just(SystemCall::Fault),
    ]
}

fn any_handler() -> impl Strategy<Value = Option<Handler>> {
    proptest::option::weighted(0.8, (0..ENDPOINTS, 0..=2u64).prop_map(|(endpoint, badge)| Handler { endpoint, badge }))
}

/// Any deed.
pub fn any_deed() -> impl Strategy<Value = Deed> {
    let (thread, context, notification) = (0..THREADS, 0..THREADS, 0..NOTIFICATIONS);
    prop_oneof![
        1 => thread.clone().prop_map(|thread| Deed::Suspend { thread }),
        2 => thread.clone().prop_map(|thread| Deed::Resume { thread }),
        2 => (thread.clone(), (1..1000u64).prop_map(|word| 4 * word)).prop_map(|(thread, pc)| Deed::Write { thread, pc }),
        1 => (thread.clone(), 1..50u8).prop_map(|(thread, priority)| Deed::SetPriority { thread, priority }),
        4 => (context.clone(), thread.clone()).prop_map(|(context, thread)| Deed::Bind { context, thread }),
        4 => (context.clone(), notification.clone())
            .prop_map(|(context, notification)| Deed::BindNotification { context, notification }),
        1 => context.clone().prop_map(|context| Deed::Unbind { context }),
        2 => (context.clone(), thread.clone()).prop_map(|(context, thread)| Deed::UnbindThread { context, thread }),
        1 => (context, notification.clone())
            .prop_map(|(context, notification)| Deed::UnbindNotification { context, notification }),
        4 => (thread.clone(), notification.clone())
            .prop_map(|(thread, notification)| Deed::Attach { thread, notification }),
        1 => thread.clone().prop_map(|thread| Deed::Detach { thread }),
        1 => (0..ENDPOINTS, 1..=2u64).prop_map(|(endpoint, badge)| Deed::CancelSends { endpoint, badge }),
        2 => (thread.clone(), any_handler()).prop_map(|(thread, handler)| Deed::HandleFaults { thread, handler }),
        2 => (thread.clone(), any_handler()).prop_map(|(thread, handler)| Deed::HandleTimeouts { thread, handler }),
        2 => (0..THREADS, 0..PARAMETERS.len())
            .prop_map(|(context, parameters)| Deed::Configure { context, parameters }),
        1 => (0..ENDPOINTS).prop_map(|endpoint| Deed::RemakeEndpoint { endpoint }),
        1 => notification.prop_map(|notification| Deed::RemakeNotification { notification }),
        1 => (0..REPLIES).prop_map(|reply| Deed::RemakeReply { reply }),
        1 => thread.prop_map(|thread| Deed::RemakeThread { thread }),
    ]
}
