//! Does what the orders say, record by record.

use arm_sysregs::el0::accessors::read_cntfrq_el0;
use sel4::init_thread::slot;
use sel4::{AbsoluteCPtr, BootInfo, CPtr, CapRights, CapRightsBuilder, VmAttributes, cap, cap_type};
use sel4::{CNodeCapData, Word};
use system_spec::{
    CapData, DomainSlot, Duration, Frames, Header, Kind, Mapping, ObjectId, PAGE_BYTES, Record, Rights, Trigger,
};

use crate::fill::{Fill, Windows};
use crate::image::Image;
use crate::objects::{Objects, Untypeds};
use crate::problem::Problem;
use crate::slots::{Slots, absolute};

/// The system as far as it is built.
pub struct Builder<'a> {
    pub(crate) boot_info: &'a BootInfo,
    image: Image,
    objects: Objects<'a>,
    pub(crate) slots: Slots,
    windows: Windows,
}

impl<'a> Builder<'a> {
    /// With nothing built.
    pub fn new(
        boot_info: &'a BootInfo,
        untypeds: &'a mut Untypeds,
        image: Image,
        header: Header,
    ) -> Result<Self, Problem> {
        let slots = Slots::new(boot_info.empty().range(), boot_info.user_image_frames(), header.objects)?;
        Ok(Self { boot_info, image, objects: Objects::new(boot_info, untypeds)?, slots, windows: Windows::default() })
    }

    /// Does what one record says.
    pub fn build(&mut self, record: &Record) -> Result<(), Problem> {
        match *record {
            Record::Objects { kind, count, paddr, .. } => self.objects(kind, count, paddr),
            Record::Irq { irq, trigger, core, notification, badge, .. } => {
                self.irq(irq, trigger, core, notification, badge)
            }
            Record::Fill { frame, frame_bits, page, length, uncached_readers } => {
                let data = self.data(page, length)?;
                let frame = self.slots.object(frame)?;
                let fill = Fill { frame, frame_bits, data, uncached_readers };
                self.windows.fill(&fill, &mut self.objects, &mut self.slots)
            }
            Record::Table { table, vspace, vaddr } => {
                let table = self.slots.cap::<cap_type::PT>(table)?;
                Ok(table.pt_map(self.slots.cap(vspace)?, vaddr as usize, VmAttributes::DEFAULT)?)
            }
            Record::Map(mapping) => self.map(&mapping),
            Record::Slot { cnode, cnode_bits, index, cap, rights, data } => {
                let cnode = self.slots.cap::<cap_type::CNode>(cnode)?;
                let target = cnode.absolute_cptr_from_bits_with_depth(index.into(), cnode_bits.into());
                insert(&target, self.slots.source(cap)?, rights, data)
            }
            Record::Schedule { sched_context, core, budget_us, period_us, extra_refills, badge } => {
                let control = self.sched_control(core)?;
                let sched_context = self.slots.cap(sched_context)?;
                let refills = extra_refills.into();
                control.sched_control_configure_flags(sched_context, budget_us, period_us, refills, badge, PERIODIC)?;
                Ok(())
            }
            Record::Thread(thread) => self.thread(&thread),
            Record::Domain(slot) => domain(&slot),
            Record::DomainStart { index } => Ok(slot::DOMAIN_SET.cap().domain_set_schedule_set_start(index.into())?),
        }
    }

    /// Starts the thread that a record describes, if it is to start.
    pub fn resume(&mut self, record: &Record) -> Result<(), Problem> {
        match record {
            Record::Thread(thread) if thread.resume => Ok(self.slots.cap::<cap_type::Tcb>(thread.tcb)?.tcb_resume()?),
            _ => Ok(()),
        }
    }

    fn objects(&mut self, kind: Kind, count: u32, paddr: Option<u64>) -> Result<(), Problem> {
        let first = self.objects.make(&mut self.slots, kind, count, paddr)?;
        if kind == Kind::VSpace {
            for index in 0..count {
                slot::ASID_POOL.cap().asid_pool_assign(self.slots.cap(first.plus(index))?)?;
            }
        }
        Ok(())
    }

    fn irq(&mut self, irq: u32, trigger: Trigger, core: u8, notification: ObjectId, badge: u64) -> Result<(), Problem> {
        let handler = self.slots.object(self.objects.irq_number())?;
        issue_handler(irq.into(), trigger == Trigger::Edge, core.into(), &absolute(handler))?;
        let signal = self.slots.fresh()?;
        let source = self.slots.object(notification)?;
        absolute(signal).mint(&absolute(source), CapRights::write_only(), badge)?;
        handler.cast::<cap_type::IrqHandler>().irq_handler_set_notification(signal.cast())?;
        Ok(())
    }

    /// Data of the tool's in the image.
    fn data(&self, page: u32, length: u32) -> Result<&'static [u8], Problem> {
        let last = page + length.saturating_sub(1) / PAGE_BYTES as u32;
        self.slots.image_page(last)?;
        // SAFETY: the pages are in the image, and the tool says that they are data.
        Ok(unsafe { self.image.data(page, length as usize) })
    }

    fn map(&mut self, mapping: &Mapping) -> Result<(), Problem> {
        let vspace = self.slots.cap(mapping.vspace)?;
        let attributes = attributes(mapping);
        for index in 0..mapping.frames.count() {
            let mut frame = match mapping.frames {
                Frames::Created { first, .. } => self.slots.object(first.plus(index))?,
                Frames::Image { page, .. } => self.slots.image_page(page + index)?,
            };
            if mapping.copy {
                let copy = self.slots.fresh()?;
                absolute(copy).copy(&absolute(frame), CapRights::all())?;
                frame = copy;
            }
            let vaddr = mapping.vaddr + (u64::from(index) << mapping.frame_bits);
            frame.cast::<cap_type::UnspecifiedPage>().frame_map(
                vspace,
                vaddr as usize,
                rights(mapping.rights),
                attributes,
            )?;
        }
        Ok(())
    }

    /// The capability to a core's time.
    fn sched_control(&self, core: u8) -> Result<cap::SchedControl, Problem> {
        let controls = self.boot_info.sched_control();
        if usize::from(core) >= controls.len() {
            return Err(Problem::BadReference);
        }
        Ok(controls.index(core.into()).cap())
    }
}

/// No flag: replenishment is periodic, as Microkit configures it.
const PERIODIC: Word = 0;

/// Puts a capability into a slot.
fn insert(target: &AbsoluteCPtr, source: CPtr, rights: Rights, data: CapData) -> Result<(), Problem> {
    let source = absolute(source);
    let rights = self::rights(rights);
    match data {
        CapData::None => target.copy(&source, rights)?,
        CapData::Badge(badge) => target.mint(&source, rights, badge)?,
        CapData::GuardBits(bits) => target.mint(&source, rights, CNodeCapData::skip(bits.into()).into_word())?,
    }
    Ok(())
}

fn rights(rights: Rights) -> CapRights {
    CapRightsBuilder::none()
        .read(rights.read)
        .write(rights.write)
        .grant(rights.grant)
        .grant_reply(rights.grant_reply)
        .build()
}

fn attributes(mapping: &Mapping) -> VmAttributes {
    let cached = if mapping.cached { VmAttributes::DEFAULT } else { VmAttributes::NONE };
    if mapping.execute { cached } else { cached | VmAttributes::EXECUTE_NEVER }
}

#[cfg(not(sel4_smp))]
fn issue_handler(irq: Word, edge: bool, _: Word, target: &AbsoluteCPtr) -> sel4::Result<()> {
    slot::IRQ_CONTROL.cap().irq_control_get_trigger(irq, edge, target)
}

#[cfg(sel4_smp)]
fn issue_handler(irq: Word, edge: bool, core: Word, target: &AbsoluteCPtr) -> sel4::Result<()> {
    slot::IRQ_CONTROL.cap().irq_control_get_trigger_core(irq, edge, core, target)
}

fn domain(slot: &DomainSlot) -> Result<(), Problem> {
    // A turn of length 0 is the end marker.
    let ticks = match slot.duration {
        Duration::Ticks(ticks) => ticks,
        Duration::Micros(micros) => (u128::from(micros) * u128::from(read_cntfrq_el0().bits()) / 1_000_000) as u64,
        Duration::End => 0,
    };
    Ok(slot::DOMAIN_SET.cap().domain_set_schedule_configure(slot.index.into(), slot.domain, ticks)?)
}
