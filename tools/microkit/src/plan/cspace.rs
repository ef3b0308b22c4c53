//! Capability spaces: which slot holds what (Microkit 2.3's layout, which programs are built against).

use super::Builder;
use super::threads::PdObjects;
use crate::model::{End, UserCap};
use crate::sdf::CapOf;
use sel4_abi::microkit::{CNODE_BITS, ROOT_CNODE_BITS, badge, slot};
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
        for cap in &pd.caps {
            self.user_cap(objects.root, cap, pds);
        }
    }

    fn channel(&mut self, cnode: CNode, end: End, other: End, pds: &[PdObjects]) {
        let target = &pds[other.pd];
        if end.notify {
            let badge = CapData::Badge(1 << other.id);
            self.mint(cnode, slot::BASE_OUTPUT_NOTIFICATION + end.id, target.notification, SIGNAL, badge);
        }
        if let (true, Some(endpoint)) = (end.pp, target.endpoint) {
            let badge = CapData::Badge(badge::PROTECTED_CALL | other.id);
            self.mint(cnode, slot::BASE_ENDPOINT + end.id, endpoint, CALL, badge);
        }
    }

    fn user_cap(&mut self, root: CNode, cap: &UserCap, pds: &[PdObjects]) {
        let source = &pds[cap.pd];
        let object = match cap.of {
            CapOf::Tcb => source.tcb,
            CapOf::SchedContext => source.sched_context,
            CapOf::VSpace => source.vspace,
        };
        self.give(root, cap.slot.into(), object);
    }
}
