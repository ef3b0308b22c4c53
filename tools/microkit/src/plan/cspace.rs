//! Capability spaces: which slot holds what (Microkit 2.3's layout, which programs are built against).

use super::Builder;
use super::threads::PdObjects;
use crate::model::{End, Party, UserCap};
use crate::sdf::CapOf;
use sel4_abi::microkit::{CNODE_BITS, ROOT_CNODE_BITS, badge, slot};
use sel4_abi::quoll::{self, port};
use system_spec::{Cap, CapData, Kind, ObjectId, Record, Rights};

/// Bits that a CPtr has besides those of the two CNodes.
pub const INNER_GUARD_BITS: u8 = (u64::BITS - CNODE_BITS - ROOT_CNODE_BITS) as u8;
/// Bits that a CPtr has besides those of one Microkit CNode.
pub const SINGLE_GUARD_BITS: u8 = (u64::BITS - CNODE_BITS) as u8;

/// Send, receive, and pass capabilities on.
pub const ENDPOINT: Rights = Rights { read: true, write: true, grant: true, grant_reply: false };
/// Signal and wait.
pub const NOTIFICATION: Rights = Rights { read: true, write: true, grant: false, grant_reply: false };
/// Send, with a reply to come, and pass capabilities on; not receive what is meant for another.
const CALL: Rights = Rights { read: false, write: true, grant: true, grant_reply: true };
/// Signal only: the other end's notification is not for waiting.
const SIGNAL: Rights = Rights { read: false, write: true, grant: false, grant_reply: false };

/// A CNode, with what it takes to name a slot of it.
#[derive(Debug, Clone, Copy)]
pub struct CNode {
    /// The object.
    pub id: ObjectId,
    bits: u8,
}

impl Builder<'_> {
    /// Plans a CNode of 2^`bits` slots.
    pub fn cnode(&mut self, name: String, bits: u32) -> CNode {
        let bits = bits as u8;
        CNode { id: self.runs.one(name, Kind::CNode { bits }), bits }
    }

    /// Puts a capability with all rights into a slot.
    pub fn give(&mut self, cnode: CNode, index: u64, object: ObjectId) {
        self.mint(cnode, index, object, Rights::ALL, CapData::None);
    }

    /// Puts a capability into a slot.
    pub fn mint(&mut self, cnode: CNode, index: u64, object: ObjectId, rights: Rights, data: CapData) {
        self.slot(cnode, index, Cap::Object(object), rights, data);
    }

    fn slot(&mut self, cnode: CNode, index: u64, cap: Cap, rights: Rights, data: CapData) {
        let CNode { id: cnode, bits: cnode_bits } = cnode;
        self.steps.push(Record::Slot { cnode, cnode_bits, index: index as u32, cap, rights, data });
    }

    /// Fills the CNodes of a protection domain.
    pub fn pd_cspace(&mut self, index: usize, pds: &[PdObjects], monitor_endpoint: ObjectId) {
        let system = self.system;
        let (pd, objects) = (&system.pds[index], &pds[index]);
        let cnode = objects.cnode;
        self.mint(objects.root, 0, cnode.id, Rights::ALL, CapData::GuardBits(INNER_GUARD_BITS));
        match objects.endpoint {
            Some(endpoint) => self.mint(cnode, slot::INPUT, endpoint, ENDPOINT, CapData::None),
            None => self.mint(cnode, slot::INPUT, objects.notification, NOTIFICATION, CapData::None),
        }
        let fault = objects.fault;
        self.mint(cnode, slot::FAULT_ENDPOINT, fault.endpoint, CALL, CapData::Badge(fault.badge));
        self.give(cnode, slot::VSPACE, objects.vspace);
        self.give(cnode, slot::REPLY, objects.reply);
        if pd.passive {
            let badge = CapData::Badge(index as u64 + 1);
            self.mint(cnode, slot::MONITOR_ENDPOINT, monitor_endpoint, CALL, badge);
        }
        if self.benchmark {
            self.give(cnode, slot::TCB, objects.tcb);
        }
        if pd.smc {
            self.slot(cnode, slot::SMC, Cap::Smc, Rights::ALL, CapData::None);
        }
        for (irq, handler) in pd.irqs.iter().zip(&objects.irqs) {
            self.give(cnode, slot::BASE_IRQ + irq.id, *handler);
        }
        for (end, other) in system.ends_of(index) {
            self.channel(cnode, end, other, pds);
        }
        for (end, other) in system.guest_ends_of(index) {
            self.guest_channel(index, end, other, pds);
        }
        for cap in &pd.caps {
            self.user_cap(objects.root, cap, pds);
        }
    }

    fn channel(&mut self, cnode: CNode, end: End, other: End, pds: &[PdObjects]) {
        self.notify(cnode, slot::BASE_OUTPUT_NOTIFICATION + end.id, end, other, pds);
        if let (true, Party::Pd(callee)) = (end.pp, other.party)
            && let Some(endpoint) = pds[callee].endpoint
        {
            let badge = CapData::Badge(badge::PROTECTED_CALL | other.id);
            self.mint(cnode, slot::BASE_ENDPOINT + end.id, endpoint, CALL, badge);
        }
    }

    /// A guest's channel: its virtual CPUs have the capability under the channel's number, and their manager has it as well,
    /// so that it can act for a guest that doesn't know of messages.
    fn guest_channel(&mut self, manager: usize, end: End, other: End, pds: &[PdObjects]) {
        for vcpu in &pds[manager].vcpus {
            self.notify(vcpu.cnode, end.id, end, other, pds);
        }
        self.notify(pds[manager].cnode, quoll::slot::BASE_GUEST_PORT + end.id, end, other, pds);
    }

    /// Puts what `end` may tell `other` with into a slot, if it may.
    fn notify(&mut self, cnode: CNode, index: u64, end: End, other: End, pds: &[PdObjects]) {
        if !end.notify {
            return;
        }
        match other.party {
            Party::Pd(pd) => {
                self.mint(cnode, index, pds[pd].notification, SIGNAL, CapData::Badge(1 << other.id));
            }
            Party::Guest { manager, vcpu } => {
                let option = |set: bool, bit: u64| if set { bit } else { 0 };
                let port =
                    port::PORT | other.id | option(end.broadcast, port::BROADCAST) | option(end.blind, port::BLIND);
                self.mint(cnode, index, pds[manager].vcpu(vcpu).object, Rights::ALL, CapData::Badge(port));
            }
        }
    }

    fn user_cap(&mut self, root: CNode, cap: &UserCap, pds: &[PdObjects]) {
        let object = match (cap.of, cap.of_whom) {
            (CapOf::Tcb, Party::Pd(pd)) => pds[pd].tcb,
            (CapOf::VSpace, Party::Pd(pd)) => pds[pd].vspace,
            (CapOf::SchedContext, Party::Pd(pd)) => pds[pd].sched_context,
            (_, Party::Guest { manager, vcpu }) => pds[manager].vcpu(vcpu).sched_context,
        };
        self.give(root, cap.slot.into(), object);
    }
}
