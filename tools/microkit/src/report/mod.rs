//! Reports: what became of a description, for people (`text`) and for programs (`json`).

pub mod json;
mod text;

use crate::image::Image;
use crate::model::System;
use crate::plan::Plan;
use crate::target::Target;
use kernel_config::Range;
use std::collections::BTreeMap;
use system_spec::{Cap, CapData, Kind, ObjectId, Record, Rights};

/// What a report is about.
pub struct Report<'a> {
    /// The system.
    pub system: &'a System,
    /// The plan.
    pub plan: &'a Plan<'a>,
    /// The image.
    pub image: &'a Image,
    /// Where the kernel is.
    pub kernel: Range,
    /// What it is for.
    pub target: &'a Target,
    /// Free bytes before and after the objects are created.
    pub free: (u64, u64),
}

/// What a slot of a CNode holds.
struct Slot {
    index: u32,
    /// What the capability points to.
    object: String,
    /// Rights, as in `rw-p`: read, write, grant, grant reply.
    rights: String,
    data: CapData,
}

impl Report<'_> {
    /// Who holds what: the slots of all CNodes that hold something, by the CNode's name, in the order of creation.
    fn capabilities(&self) -> Vec<(&str, Vec<Slot>)> {
        let runs = self.plan.runs.iter().flat_map(|run| std::iter::repeat_n(run.name.as_str(), run.count as usize));
        let names: Vec<_> = runs.collect();
        let name = |object: ObjectId| names.get(object.0 as usize).copied().unwrap_or_default();
        let mut nodes: BTreeMap<ObjectId, Vec<Slot>> = BTreeMap::new();
        for step in &self.plan.steps {
            let Record::Slot { cnode, index, cap, rights, data, .. } = step else { continue };
            let object = match cap {
                Cap::Object(object) => name(*object).to_owned(),
                Cap::ImagePage(page) => format!("page {page} of the image"),
                Cap::Smc => "firmware calls".to_owned(),
            };
            let slot = Slot { index: *index, object, rights: cap_rights(rights), data: *data };
            nodes.entry(*cnode).or_default().push(slot);
        }
        nodes.values_mut().for_each(|slots| slots.sort_by_key(|slot| slot.index));
        nodes.into_iter().map(|(node, slots)| (name(node), slots)).collect()
    }
}

fn cap_rights(rights: &Rights) -> String {
    let letters = [(rights.read, 'r'), (rights.write, 'w'), (rights.grant, 'g'), (rights.grant_reply, 'p')];
    letters.map(|(right, letter)| if right { letter } else { '-' }).iter().collect()
}

/// Rights of a piece of an address space.
fn rights(write: bool, execute: bool) -> String {
    format!("r{}{}", if write { 'w' } else { '-' }, if execute { 'x' } else { '-' })
}

/// What an object is, for people.
fn kind_name(kind: Kind) -> String {
    match kind {
        Kind::Untyped { bits } => format!("untyped memory of {}", size(1 << bits)),
        Kind::CNode { bits } => format!("CNode of {} slots", 1u64 << bits),
        Kind::SchedContext { .. } => "scheduling context".to_owned(),
        Kind::Tcb => "TCB".to_owned(),
        Kind::Endpoint => "endpoint".to_owned(),
        Kind::Notification => "notification".to_owned(),
        Kind::Reply => "reply object".to_owned(),
        Kind::VSpace => "address space".to_owned(),
        Kind::PageTable => "page table".to_owned(),
        Kind::SmallFrame => "frame of 4 KiB".to_owned(),
        Kind::LargeFrame => "frame of 2 MiB".to_owned(),
        Kind::HugeFrame => "frame of 1 GiB".to_owned(),
        Kind::VCpu => "virtual CPU".to_owned(),
    }
}

/// A number of bytes, for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{} KiB", bytes.div_ceil(0x400)),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20),
    }
}
