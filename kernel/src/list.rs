//! Queues of threads, linked through the threads themselves.

use crate::mem::{Link, Ref};
use crate::object::tcb::Tcb;
use core::marker::PhantomData;

/// The neighbours of a thread in a queue.
#[derive(Debug, Default)]
pub struct Links {
    prev: Link<Tcb>,
    next: Link<Tcb>,
}

/// Says which of a thread's links a queue uses.
pub trait Via {
    /// The links.
    fn links(tcb: &Tcb) -> &Links;
}

/// Ready and release queues.
#[derive(Debug)]
pub struct Scheduling;

impl Via for Scheduling {
    #[inline(always)]
    fn links(tcb: &Tcb) -> &Links {
        &tcb.scheduling_links
    }
}

/// Queues of endpoints and notifications.
#[derive(Debug)]
pub struct Waiting;

impl Via for Waiting {
    #[inline(always)]
    fn links(tcb: &Tcb) -> &Links {
        &tcb.waiting_links
    }
}

/// A queue of threads. A thread is in at most one queue of each kind.
#[derive(Debug)]
pub struct List<V: Via> {
    head: Link<Tcb>,
    tail: Link<Tcb>,
    via: PhantomData<V>,
}

impl<V: Via> Default for List<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Via> List<V> {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { head: Link::new(None), tail: Link::new(None), via: PhantomData }
    }

    /// The first thread.
    #[inline(always)]
    pub fn first(&self) -> Option<Ref<Tcb>> {
        self.head.get()
    }

    /// Whether there is no thread.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    /// The thread behind one of the queue.
    pub fn after(tcb: Ref<Tcb>) -> Option<Ref<Tcb>> {
        V::links(&tcb).next.get()
    }

    /// The threads, first to last. The queue may lose the thread that was yielded last.
    pub fn iter(&self) -> impl Iterator<Item = Ref<Tcb>> {
        let mut next = self.head.get();
        core::iter::from_fn(move || {
            let tcb = next?;
            next = Self::after(tcb);
            Some(tcb)
        })
    }

    /// Puts a thread behind `before`, or in front of all.
    fn insert(&self, tcb: Ref<Tcb>, before: Option<Ref<Tcb>>) {
        let after = match before {
            Some(before) => V::links(&before).next.replace(Some(tcb)),
            None => self.head.replace(Some(tcb)),
        };
        match after {
            Some(after) => V::links(&after).prev.set(Some(tcb)),
            None => self.tail.set(Some(tcb)),
        }
        V::links(&tcb).prev.set(before);
        V::links(&tcb).next.set(after);
    }

    /// Puts a thread last.
    #[inline]
    pub fn push_back(&self, tcb: Ref<Tcb>) {
        self.insert(tcb, self.tail.get());
    }

    /// Puts a thread first.
    #[inline]
    pub fn push_front(&self, tcb: Ref<Tcb>) {
        self.insert(tcb, None);
    }

    /// Puts a thread behind the last for which `goes_before` holds; those for which it holds come first.
    pub fn insert_sorted(&self, tcb: Ref<Tcb>, goes_before: impl Fn(Ref<Tcb>) -> bool) {
        let before = self.iter().take_while(|other| goes_before(*other)).last();
        self.insert(tcb, before);
    }

    /// Takes a thread of this queue out.
    #[inline]
    pub fn remove(&self, tcb: Ref<Tcb>) {
        let prev = V::links(&tcb).prev.take();
        let next = V::links(&tcb).next.take();
        match prev {
            Some(prev) => V::links(&prev).next.set(next),
            None => self.head.set(next),
        }
        match next {
            Some(next) => V::links(&next).prev.set(prev),
            None => self.tail.set(prev),
        }
    }

    /// Takes the first thread out.
    #[inline]
    pub fn pop_front(&self) -> Option<Ref<Tcb>> {
        let tcb = self.first()?;
        self.remove(tcb);
        Some(tcb)
    }
}
