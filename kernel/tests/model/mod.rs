//! A reference model of threads, endpoints, notifications, reply objects and scheduling contexts: what the manual says of
//! them (chapters 4, 5 and 6), in vectors and numbers. It knows no memory and no kernel. When a budget ends it is told;
//! what was used by then is checked ([`time`]).

mod ipc;
pub mod random;
pub mod time;

use sel4_abi::fault::FaultTag;

/// Threads; each comes with a scheduling context of the same number.
pub const THREADS: usize = 3;
/// Endpoints.
pub const ENDPOINTS: usize = 2;
/// Notifications.
pub const NOTIFICATIONS: usize = 2;
/// Reply objects.
pub const REPLIES: usize = 3;

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Inactive,
    Running,
    Receiving { endpoint: usize, reply: Option<usize> },
    Sending { endpoint: usize, badge: u64, call: bool },
    AwaitingReply { reply: usize },
    AwaitingSignal { notification: usize },
}

/// A thread.
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    pub state: State,
    pub priority: u8,
    pub context: Option<usize>,
    pub notification: Option<usize>,
    /// Who is told its faults, and the ends of its time.
    pub fault_handler: Option<Handler>,
    pub timeout_handler: Option<Handler>,
    /// Whether what it sends, or waits to have answered, is a fault.
    pub faulted: bool,
    /// Where it goes on, if that was written since its last system call.
    pub pc: Option<u64>,
    /// Label of the message that it sends.
    pub sends: u64,
    /// Badge and label of what it got; of a signal or an answer there is one only.
    pub got: (Option<u64>, Option<u64>),
}

/// Where faults are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    pub endpoint: usize,
    pub badge: u64,
}

/// A notification: bits that wait to be taken, who waits for some, in order.
#[derive(Clone, Debug, Default)]
pub struct Notification {
    pub word: Option<u64>,
    pub queue: Vec<usize>,
    pub bound: Option<usize>,
    pub context: Option<usize>,
}

/// A scheduling context: who has it, and the replies by which it goes back, the latest last.
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub thread: Option<usize>,
    pub notification: Option<usize>,
    pub chain: Vec<usize>,
    /// Whether it can be used now.
    pub has_time: bool,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Model {
    pub threads: [Thread; THREADS],
    /// Who waits, all to send or all to receive, in order.
    pub endpoints: [Vec<usize>; ENDPOINTS],
    pub notifications: [Notification; NOTIFICATIONS],
    /// Who waits for the answer, or receives with it.
    pub replies: [Option<usize>; REPLIES],
    pub contexts: [Context; THREADS],
}

/// A system call of a thread, or a fault.
#[derive(Clone, Copy, Debug)]
pub enum SystemCall {
    Send { endpoint: usize, badge: u64 },
    NBSend { endpoint: usize, badge: u64 },
    Call { endpoint: usize, badge: u64 },
    Recv { endpoint: usize, reply: usize },
    NBRecv { endpoint: usize, reply: usize },
    Receive { endpoint: usize },
    Reply { reply: usize },
    ReplyRecv { endpoint: usize, reply: usize },
    NBSendRecv { to: usize, badge: u64, endpoint: usize, reply: usize },
    Signal { notification: usize, badge: u64 },
    Wait { notification: usize },
    Poll { notification: usize },
    Fault,
}

/// Something that is done to the objects from outside. `parameters` are of [`time::PARAMETERS`].
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Suspend { thread: usize },
    Resume { thread: usize },
    Write { thread: usize, pc: u64 },
    SetPriority { thread: usize, priority: u8 },
    Bind { context: usize, thread: usize },
    BindNotification { context: usize, notification: usize },
    Unbind { context: usize },
    UnbindThread { context: usize, thread: usize },
    UnbindNotification { context: usize, notification: usize },
    Attach { thread: usize, notification: usize },
    Detach { thread: usize },
    CancelSends { endpoint: usize, badge: u64 },
    HandleFaults { thread: usize, handler: Option<Handler> },
    HandleTimeouts { thread: usize, handler: Option<Handler> },
    Configure { context: usize, parameters: usize },
    RemakeEndpoint { endpoint: usize },
    RemakeNotification { notification: usize },
    RemakeReply { reply: usize },
    RemakeThread { thread: usize },
}

impl Model {
    /// Threads that run, each on its own context.
    pub fn new(priority: u8) -> Self {
        let thread = |i| Thread {
            state: State::Running,
            priority,
            context: Some(i),
            notification: None,
            fault_handler: None,
            timeout_handler: None,
            faulted: false,
            pc: None,
            sends: 0,
            got: (None, None),
        };
        let context = |i| Context { thread: Some(i), has_time: true, ..Context::default() };
        Self {
            threads: std::array::from_fn(thread),
            endpoints: Default::default(),
            notifications: Default::default(),
            replies: Default::default(),
            contexts: std::array::from_fn(context),
        }
    }

    /// Whether a thread could make a system call, given time.
    pub fn can_run(&self, thread: usize) -> bool {
        self.threads[thread].state == State::Running && self.threads[thread].context.is_some()
    }

    /// Whether a thread has a context that can be used now.
    pub fn has_time(&self, thread: usize) -> bool {
        self.threads[thread].context.is_some_and(|context| self.contexts[context].has_time)
    }

    /// The time of a thread that ran has ended: its handler is told, who answers on its own time.
    pub fn time_ended(&mut self, thread: usize) {
        if let Some(handler) = self.threads[thread].timeout_handler {
            self.raise(thread, FaultTag::Timeout, handler, false);
        }
    }

    /// A deed of the same kind that can succeed, if there is one: time for who has none, from who has some.
    pub fn aim(&self, deed: Deed) -> Deed {
        let pick = |from: Vec<usize>, number: usize| from.get(number % from.len().max(1)).copied().unwrap_or(number);
        let free = |c: &usize| self.contexts[*c].thread.is_none();
        let passive = |t: &usize| self.threads[*t].context.is_none();
        match deed {
            Deed::Bind { context, thread } => Deed::Bind {
                context: pick((0..THREADS).filter(free).collect(), context),
                thread: pick((0..THREADS).filter(passive).collect(), thread),
            },
            Deed::UnbindThread { context, thread } => {
                let context = pick((0..THREADS).filter(|c| !free(c)).collect(), context);
                Deed::UnbindThread { context, thread: self.contexts[context].thread.unwrap_or(thread) }
            }
            Deed::BindNotification { context, notification } => Deed::BindNotification {
                context: self.notifications[notification]
                    .bound
                    .and_then(|t| self.threads[t].context)
                    .unwrap_or(context),
                notification,
            },
            other => other,
        }
    }

    /// Does a deed; whether it is allowed.
    pub fn deed(&mut self, deed: Deed) -> bool {
        match deed {
            Deed::Suspend { thread } => self.cancel(thread),
            Deed::Resume { thread } => {
                if self.threads[thread].state != State::Running {
                    self.cancel(thread);
                    self.threads[thread].state = State::Running;
                }
            }
            Deed::Write { thread, pc } => self.threads[thread].pc = Some(pc),
            Deed::SetPriority { thread, priority } => self.set_priority(thread, priority),
            Deed::Bind { context, thread } => {
                if self.contexts[context].thread.is_some() || self.threads[thread].context.is_some() {
                    return false;
                }
                // It would wait in two places.
                let waits = !matches!(self.threads[thread].state, State::Inactive | State::Running);
                if waits && !self.contexts[context].has_time {
                    return false;
                }
                self.lend(context, thread);
            }
            Deed::BindNotification { context, notification } => {
                let (c, n) = (&mut self.contexts[context], &mut self.notifications[notification]);
                if c.notification.is_some() || n.context.is_some() {
                    return false;
                }
                c.notification = Some(notification);
                n.context = Some(context);
            }
            Deed::Unbind { context } => {
                self.contexts[context].chain.clear();
                self.take(context);
                if let Some(notification) = self.contexts[context].notification.take() {
                    self.notifications[notification].context = None;
                }
            }
            Deed::UnbindThread { context, thread } => return self.unbind_thread(context, thread),
            Deed::UnbindNotification { context, notification } => {
                if self.contexts[context].notification != Some(notification) {
                    return false;
                }
                self.contexts[context].notification = None;
                self.notifications[notification].context = None;
            }
            Deed::Attach { thread, notification } => {
                let (t, n) = (&mut self.threads[thread], &mut self.notifications[notification]);
                if t.notification.is_some() || n.bound.is_some() || !n.queue.is_empty() {
                    return false;
                }
                t.notification = Some(notification);
                n.bound = Some(thread);
            }
            Deed::Detach { thread } => return self.detach(thread),
            Deed::CancelSends { endpoint, badge } => self.cancel_sends(endpoint, badge),
            Deed::HandleFaults { thread, handler } => self.threads[thread].fault_handler = handler,
            Deed::HandleTimeouts { thread, handler } => self.threads[thread].timeout_handler = handler,
            Deed::Configure { .. } => {}
            Deed::RemakeEndpoint { endpoint } => self.remake_endpoint(endpoint),
            Deed::RemakeNotification { notification } => self.remake_notification(notification),
            Deed::RemakeReply { reply } => self.remake_reply(reply),
            Deed::RemakeThread { thread } => self.remake_thread(thread),
        }
        true
    }

    /// Gives a context to a thread, from whoever has it.
    fn lend(&mut self, context: usize, thread: usize) {
        self.take(context);
        self.contexts[context].thread = Some(thread);
        self.threads[thread].context = Some(context);
    }

    /// Takes a context from the thread that has it.
    fn take(&mut self, context: usize) {
        if let Some(thread) = self.contexts[context].thread.take() {
            self.threads[thread].context = None;
        }
    }

    fn unbind_thread(&mut self, context: usize, thread: usize) -> bool {
        if self.contexts[context].thread != Some(thread) {
            return false;
        }
        self.take(context);
        // What was lent goes back to the latest caller, unless that has other time by now.
        let caller = self.contexts[context].chain.last().and_then(|reply| self.replies[*reply]);
        if let Some(caller) = caller.filter(|caller| self.threads[*caller].context.is_none()) {
            self.lend(context, caller);
        }
        true
    }

    fn detach(&mut self, thread: usize) -> bool {
        match self.threads[thread].notification.take() {
            Some(notification) => {
                self.notifications[notification].bound = None;
                true
            }
            None => false,
        }
    }

    fn set_priority(&mut self, thread: usize, priority: u8) {
        self.threads[thread].priority = priority;
        match self.threads[thread].state {
            State::Receiving { endpoint, .. } | State::Sending { endpoint, .. } => {
                self.endpoints[endpoint].retain(|other| *other != thread);
                self.queue_at_endpoint(endpoint, thread);
            }
            State::AwaitingSignal { notification } => {
                self.notifications[notification].queue.retain(|other| *other != thread);
                self.queue_at_notification(notification, thread);
            }
            _ => {}
        }
    }

    fn cancel_sends(&mut self, endpoint: usize, badge: u64) {
        for thread in self.endpoints[endpoint].clone() {
            if matches!(self.threads[thread].state, State::Sending { badge: other, .. } if other == badge) {
                self.restart(thread);
            }
        }
    }

    /// Starts a system call over. Who could not tell of its fault stays where it is.
    fn restart(&mut self, thread: usize) {
        let state = if self.threads[thread].faulted { State::Inactive } else { State::Running };
        self.cancel(thread);
        self.threads[thread].state = state;
    }

    fn remake_endpoint(&mut self, endpoint: usize) {
        for thread in self.endpoints[endpoint].clone() {
            self.restart(thread);
        }
        for thread in &mut self.threads {
            for handler in [&mut thread.fault_handler, &mut thread.timeout_handler] {
                *handler = handler.filter(|handler| handler.endpoint != endpoint);
            }
        }
    }

    fn remake_notification(&mut self, notification: usize) {
        let old = std::mem::take(&mut self.notifications[notification]);
        for thread in old.queue {
            self.threads[thread].state = State::Running;
        }
        if let Some(thread) = old.bound {
            self.threads[thread].notification = None;
        }
        if let Some(context) = old.context {
            self.contexts[context].notification = None;
        }
    }

    fn remake_reply(&mut self, reply: usize) {
        let Some(thread) = self.replies[reply] else { return };
        if matches!(self.threads[thread].state, State::AwaitingReply { .. }) {
            self.end_call(reply);
            self.stop(thread);
        } else {
            self.cancel(thread);
        }
    }

    /// A thread goes, and another comes that was never started, without time.
    fn remake_thread(&mut self, thread: usize) {
        self.cancel(thread);
        self.detach(thread);
        let removed = &mut self.threads[thread];
        (removed.fault_handler, removed.timeout_handler, removed.pc) = (None, None, None);
        if let Some(context) = self.threads[thread].context {
            self.take(context);
        }
    }
}
