//! System calls in the model.

use super::{Handler, Model, State, SystemCall, Thread};
use sel4_abi::fault::FaultTag;

/// How a message is sent.
#[derive(Clone, Copy)]
struct Send {
    badge: u64,
    call: bool,
    blocking: bool,
    donate: bool,
}

impl Model {
    /// A thread that can run makes a system call; what it sends has this label.
    pub fn call(&mut self, thread: usize, call: SystemCall, label: u64) {
        self.threads[thread].sends = label;
        self.threads[thread].pc = None;
        let send = |badge, call, blocking| Send { badge, call, blocking, donate: call };
        match call {
            SystemCall::Send { endpoint, badge } => self.send(thread, endpoint, send(badge, false, true)),
            SystemCall::NBSend { endpoint, badge } => self.send(thread, endpoint, send(badge, false, false)),
            SystemCall::Call { endpoint, badge } => self.send(thread, endpoint, send(badge, true, true)),
            SystemCall::Recv { endpoint, reply } => self.receive(thread, endpoint, Some(reply), true),
            SystemCall::NBRecv { endpoint, reply } => self.receive(thread, endpoint, Some(reply), false),
            SystemCall::Receive { endpoint } => self.receive(thread, endpoint, None, true),
            SystemCall::Reply { reply } => self.reply(thread, reply),
            SystemCall::ReplyRecv { endpoint, reply } => {
                self.reply(thread, reply);
                self.receive(thread, endpoint, Some(reply), true);
            }
            SystemCall::NBSendRecv { to, badge, endpoint, reply } => {
                self.send(thread, to, Send { badge, call: false, blocking: false, donate: true });
                self.receive(thread, endpoint, Some(reply), true);
            }
            SystemCall::Signal { notification, badge } => self.signal(notification, badge),
            SystemCall::Wait { notification } => self.wait(thread, notification, true),
            SystemCall::Poll { notification } => self.wait(thread, notification, false),
            SystemCall::Fault => self.fault(thread, FaultTag::UserException),
        }
    }

    /// A fault: the handler is told, on the thread's time if it has none. Without one, the thread stops.
    fn fault(&mut self, thread: usize, tag: FaultTag) {
        match self.threads[thread].fault_handler {
            Some(handler) => self.raise(thread, tag, handler, true),
            None => self.stop(thread),
        }
    }

    pub(super) fn raise(&mut self, thread: usize, tag: FaultTag, handler: Handler, donate: bool) {
        self.threads[thread].sends = tag as u64;
        self.threads[thread].faulted = true;
        self.send(thread, handler.endpoint, Send { badge: handler.badge, call: true, blocking: true, donate });
    }

    pub(super) fn stop(&mut self, thread: usize) {
        self.threads[thread].state = State::Inactive;
        self.threads[thread].faulted = false;
    }

    /// Puts a thread behind those of its priority or above.
    fn insert(queue: &mut Vec<usize>, thread: usize, goes_before: impl Fn(usize) -> bool) {
        let place = queue.iter().take_while(|other| goes_before(**other)).count();
        queue.insert(place, thread);
    }

    pub(super) fn queue_at_endpoint(&mut self, endpoint: usize, thread: usize) {
        let priority = self.threads.map(|thread| thread.priority);
        Self::insert(&mut self.endpoints[endpoint], thread, |other| priority[other] >= priority[thread]);
    }

    pub(super) fn queue_at_notification(&mut self, notification: usize, thread: usize) {
        let priority = self.threads.map(|thread| thread.priority);
        let queue = &mut self.notifications[notification].queue;
        Self::insert(queue, thread, |other| priority[other] >= priority[thread]);
    }

    fn send(&mut self, thread: usize, endpoint: usize, send: Send) {
        let first = self.endpoints[endpoint].first().copied();
        if let Some(receiver) = first
            && let State::Receiving { reply, .. } = self.threads[receiver].state
        {
            self.endpoints[endpoint].remove(0);
            self.free_reply(reply);
            self.threads[receiver].state = State::Running;
            self.deliver(thread, receiver, send.badge, reply, send);
        } else if send.blocking {
            self.threads[thread].state = State::Sending { endpoint, badge: send.badge, call: send.call };
            self.queue_at_endpoint(endpoint, thread);
        }
    }

    fn free_reply(&mut self, reply: Option<usize>) {
        if let Some(reply) = reply {
            self.replies[reply] = None;
        }
    }

    fn deliver(&mut self, sender: usize, receiver: usize, badge: u64, reply: Option<usize>, send: Send) {
        self.threads[receiver].got = (Some(badge), Some(self.threads[sender].sends));
        let passive = self.threads[receiver].context.is_none();
        let lent = self.threads[sender].context.filter(|_| passive && send.donate);
        match (send.call, reply) {
            (true, None) => self.stop(sender),
            (true, Some(reply)) => {
                self.replies[reply] = Some(sender);
                self.threads[sender].state = State::AwaitingReply { reply };
                if let Some(context) = lent {
                    self.contexts[context].chain.push(reply);
                    self.lend(context, receiver);
                }
            }
            (false, _) => {
                if let Some(context) = lent {
                    self.lend(context, receiver);
                }
            }
        }
    }

    fn receive(&mut self, thread: usize, endpoint: usize, reply: Option<usize>, blocking: bool) {
        if let Some(other) = reply.and_then(|reply| self.replies[reply])
            && other != thread
        {
            self.cancel(other);
        }
        if let Some(notification) = self.threads[thread].notification {
            if self.notifications[notification].word.is_some() {
                return self.take_signal(thread, notification);
            }
            if blocking {
                self.give_back(thread, notification);
            }
        }
        let first = self.endpoints[endpoint].first().copied();
        if let Some(sender) = first
            && let State::Sending { badge, call, .. } = self.threads[sender].state
        {
            self.endpoints[endpoint].remove(0);
            self.threads[sender].state = State::Running;
            self.deliver(sender, thread, badge, reply, Send { badge, call, blocking: true, donate: call });
        } else if blocking {
            self.threads[thread].state = State::Receiving { endpoint, reply };
            if let Some(reply) = reply {
                self.replies[reply] = Some(thread);
            }
            self.queue_at_endpoint(endpoint, thread);
        } else {
            self.threads[thread].got = (Some(0), None);
        }
    }

    fn reply(&mut self, thread: usize, reply: usize) {
        let Some(caller) = self.replies[reply] else { return };
        if matches!(self.threads[caller].state, State::AwaitingReply { .. }) {
            self.end_call(reply);
            let label = self.threads[thread].sends;
            let Thread { faulted, sends: tag, .. } = self.threads[caller];
            self.stop(caller);
            if !faulted {
                self.threads[caller].got = (None, Some(label));
            } else if label != 0 && tag != FaultTag::CapFault as u64 {
                // After a capability fault the thread starts over whatever the label (seL4 manual, section 6.2.1).
                return;
            }
            self.threads[caller].state = State::Running;
            if self.threads[caller].context.is_some() && !self.has_time(caller) {
                self.time_ended(caller);
            }
        }
    }

    /// The wait of a caller ends; lent time comes back to it if this is the latest call.
    pub(super) fn end_call(&mut self, reply: usize) {
        let Some(caller) = self.replies[reply].take() else { return };
        let Some(context) = self.contexts.iter().position(|context| context.chain.contains(&reply)) else { return };
        let was_latest = self.contexts[context].chain.last() == Some(&reply);
        self.contexts[context].chain.retain(|other| *other != reply);
        if was_latest && self.threads[caller].context.is_none() {
            self.lend(context, caller);
        }
    }

    fn signal(&mut self, notification: usize, badge: u64) {
        let n = &mut self.notifications[notification];
        if !n.queue.is_empty() {
            let thread = n.queue.remove(0);
            return self.wake(thread, notification, badge);
        }
        if let Some(thread) = n.bound
            && let State::Receiving { .. } = self.threads[thread].state
        {
            self.cancel(thread);
            return self.wake(thread, notification, badge);
        }
        n.word = Some(n.word.unwrap_or(0) | badge);
    }

    fn wake(&mut self, thread: usize, notification: usize, badge: u64) {
        self.threads[thread].state = State::Running;
        self.threads[thread].got = (Some(badge), None);
        self.lend_of_notification(thread, notification);
    }

    /// A passive thread gets the notification's time, if nobody has it.
    fn lend_of_notification(&mut self, thread: usize, notification: usize) {
        if let Some(context) = self.notifications[notification].context
            && self.threads[thread].context.is_none()
            && self.contexts[context].thread.is_none()
        {
            self.lend(context, thread);
        }
    }

    fn give_back(&mut self, thread: usize, notification: usize) {
        if let Some(context) = self.notifications[notification].context
            && self.threads[thread].context == Some(context)
        {
            self.take(context);
        }
    }

    fn take_signal(&mut self, thread: usize, notification: usize) {
        self.threads[thread].got = (self.notifications[notification].word.take(), None);
        self.lend_of_notification(thread, notification);
    }

    fn wait(&mut self, thread: usize, notification: usize, blocking: bool) {
        if self.notifications[notification].bound.is_some_and(|bound| bound != thread) {
            // What is bound to another is no notification to wait on.
            self.fault(thread, FaultTag::CapFault);
        } else if self.notifications[notification].word.is_some() {
            self.take_signal(thread, notification);
        } else if blocking {
            self.threads[thread].state = State::AwaitingSignal { notification };
            self.give_back(thread, notification);
            self.queue_at_notification(notification, thread);
        } else {
            self.threads[thread].got = (Some(0), None);
        }
    }

    /// Takes a thread out of whatever it waits for; lent time stays where it is.
    pub(super) fn cancel(&mut self, thread: usize) {
        match self.threads[thread].state {
            State::Inactive | State::Running => {}
            State::Receiving { endpoint, reply } => {
                self.endpoints[endpoint].retain(|other| *other != thread);
                self.free_reply(reply);
            }
            State::Sending { endpoint, .. } => self.endpoints[endpoint].retain(|other| *other != thread),
            State::AwaitingReply { reply } => {
                self.replies[reply] = None;
                for context in &mut self.contexts {
                    context.chain.retain(|other| *other != reply);
                }
            }
            State::AwaitingSignal { notification } => {
                self.notifications[notification].queue.retain(|other| *other != thread);
            }
        }
        self.stop(thread);
    }
}
