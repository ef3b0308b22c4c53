//! Threads: the monitor, protection domains and virtual CPUs, each with what it needs to run.

use super::Builder;
use super::cspace::{CNode, ENDPOINT, NOTIFICATION, SINGLE_GUARD_BITS};
use super::data::RegionFrames;
use super::objects::RunKind;
use super::reload;
use super::space::{Access, Space};
use crate::model::{PageSize, Pd, Schedule, Vcpu, Vm, stack};
use crate::program::Program;
use sel4_abi::microkit::address::{IPC_BUFFER, STACK_TOP};
use sel4_abi::microkit::{CNODE_BITS, ROOT_CNODE_BITS, badge, limit::BUDGET_DEFAULT_US, monitor as monitor_slot, slot};
use sel4_abi::object::MAX_PRIORITY;
use system_spec::{CSpace, CapData, FaultHandler, Frames, Kind, ObjectId, PAGE_BYTES, Record, Thread};

/// Most virtual CPUs of a system: the monitor has that many slots for their TCBs.
pub const MAX_VCPUS: usize = monitor_slot::MAX_ENTRIES;

/// log2 of a scheduling context's size: room for eight replenishments.
const SCHED_CONTEXT_BITS: u8 = 8;
/// Added to the index of a thread for the badge of its timeout faults.
const TIMEOUT_BADGE: u64 = 0x100;

const MONITOR: &str = "monitor";
/// Bytes of the monitor's stack.
const MONITOR_STACK: u64 = 4 * PAGE_BYTES;

/// The objects of a protection domain.
pub struct PdObjects {
    pub tcb: ObjectId,
    pub sched_context: ObjectId,
    pub notification: ObjectId,
    pub endpoint: Option<ObjectId>,
    pub reply: ObjectId,
    pub root: CNode,
    pub cnode: CNode,
    pub vspace: ObjectId,
    pub fault: FaultHandler,
    pub irqs: Vec<ObjectId>,
    pub vcpus: Vec<VcpuObjects>,
    domain: Option<u8>,
    space: Option<Space>,
    /// What its program is made of, once that is planned.
    pub program: Option<ProgramFrames>,
}

/// The frames of a program.
pub struct ProgramFrames {
    /// Of each segment.
    pub segments: Vec<Vec<Frames>>,
    /// Of the stack.
    pub stack: Frames,
    /// The IPC buffer.
    pub ipc_buffer: ObjectId,
}

impl PdObjects {
    /// Those of the virtual CPU with this id.
    pub fn vcpu(&self, id: u64) -> &VcpuObjects {
        self.vcpus.iter().find(|vcpu| vcpu.id == id).expect("a guest's virtual CPU was looked up before")
    }
}

/// The objects of a virtual CPU.
pub struct VcpuObjects {
    pub id: u64,
    pub object: ObjectId,
    pub sched_context: ObjectId,
    pub cnode: CNode,
    tcb: ObjectId,
}

/// The objects of the monitor.
struct Monitor {
    endpoint: ObjectId,
    cnode: CNode,
}

impl<'a> Builder<'a> {
    /// Plans all threads.
    pub fn threads(&mut self, monitor: &'a Program, mut regions: Vec<RegionFrames>) {
        let monitor = self.monitor(monitor);
        let mut pds: Vec<PdObjects> = Vec::new();
        for index in 0..self.system.pds.len() {
            let objects = self.pd_objects(index, &pds, &monitor);
            pds.push(objects);
        }
        let mut vcpus = 0;
        for index in reload::order(self.system) {
            self.pd_cspace(index, &pds, monitor.endpoint);
            self.tell_monitor(index, &pds[index], &monitor);
            self.pd_thread(index, &mut pds, &mut regions);
            if let Some(vm) = &self.system.pds[index].vm {
                self.virtual_machine(vm, &pds[index], &monitor, &mut vcpus, &mut regions);
            }
        }
    }

    fn monitor(&mut self, program: &'a Program) -> Monitor {
        let one = |builder: &mut Self, what: &str, kind| builder.runs.one(format!("{MONITOR}: {what}"), kind);
        let tcb = one(self, "TCB", Kind::Tcb);
        let cnode = self.cnode(format!("{MONITOR}: CNode"), CNODE_BITS);
        let endpoint = one(self, "endpoint", Kind::Endpoint);
        let reply = one(self, "reply", Kind::Reply);
        self.mint(cnode, monitor_slot::FAULT_ENDPOINT, endpoint, ENDPOINT, CapData::None);
        self.give(cnode, monitor_slot::REPLY, reply);
        let schedule =
            Schedule { priority: MAX_PRIORITY as u8, budget_us: BUDGET_DEFAULT_US, period_us: BUDGET_DEFAULT_US };
        let sched_context = self.sched_context(MONITOR, schedule, 0, 0);
        let mut space = self.space(MONITOR);
        let ipc_buffer = self.program_space(MONITOR, program, MONITOR_STACK, &mut space).ipc_buffer;
        let vspace = space.vspace;
        self.finish(space);
        self.steps.push(Record::Thread(Thread {
            name: MONITOR,
            tcb,
            cspace: CSpace { cnode: cnode.id, guard_bits: SINGLE_GUARD_BITS },
            vspace,
            ipc_buffer: Some((IPC_BUFFER, ipc_buffer)),
            fault: None,
            sched_context: Some(sched_context),
            notification: None,
            vcpu: None,
            priority: schedule.priority,
            max_priority: schedule.priority,
            domain: None,
            fpu: true,
            pc: program.entry,
            sp: STACK_TOP,
            resume: true,
        }));
        Monitor { endpoint, cnode }
    }

    fn pd_objects(&mut self, index: usize, before: &[PdObjects], monitor: &Monitor) -> PdObjects {
        let pd = &self.system.pds[index];
        let one = |builder: &mut Self, what: &str, kind| builder.runs.one(format!("{}: {what}", pd.name), kind);
        let notification = one(self, "notification", Kind::Notification);
        let needs_endpoint = self.system.needs_endpoint(index);
        let parent_endpoint = |parent: usize| before[parent].endpoint.expect("a parent has an endpoint");
        let fault = match pd.parent {
            Some((parent, id)) => FaultHandler { endpoint: parent_endpoint(parent), badge: badge::FAULT | id },
            None => FaultHandler { endpoint: monitor.endpoint, badge: index as u64 + 1 },
        };
        let space = self.space(&pd.name);
        let tcb = one(self, "TCB", Kind::Tcb);
        if let Some((parent, id)) = pd.parent {
            self.give(before[parent].cnode, slot::BASE_TCB + id, tcb);
        }
        PdObjects {
            tcb,
            sched_context: self.sched_context(&pd.name, pd.schedule, pd.cpu, TIMEOUT_BADGE + index as u64),
            notification,
            endpoint: needs_endpoint.then(|| one(self, "endpoint", Kind::Endpoint)),
            reply: one(self, "reply", Kind::Reply),
            root: self.cnode(format!("{}: root CNode", pd.name), ROOT_CNODE_BITS),
            cnode: self.cnode(format!("{}: CNode", pd.name), CNODE_BITS),
            vspace: space.vspace,
            fault,
            irqs: self.irqs(pd, notification),
            vcpus: pd.vm.as_ref().map_or_else(Vec::new, |vm| self.vcpu_objects(vm)),
            domain: pd.domain,
            space: Some(space),
            program: None,
        }
    }

    fn irqs(&mut self, pd: &Pd, notification: ObjectId) -> Vec<ObjectId> {
        let handler = |irq: &crate::model::Irq| {
            let name = format!("{}: interrupt {}", pd.name, irq.irq);
            let (irq, trigger, badge) = (irq.irq, irq.trigger, 1 << irq.id);
            self.runs.add(name, RunKind::Irq { irq, trigger, core: pd.cpu, notification, badge }, 1, None)
        };
        pd.irqs.iter().map(handler).collect()
    }

    fn sched_context(&mut self, name: &str, schedule: Schedule, core: u8, badge: u64) -> ObjectId {
        let kind = Kind::SchedContext { bits: SCHED_CONTEXT_BITS };
        let sched_context = self.runs.one(format!("{name}: scheduling context"), kind);
        let Schedule { budget_us, period_us, .. } = schedule;
        self.steps.push(Record::Schedule { sched_context, core, budget_us, period_us, extra_refills: 0, badge });
        sched_context
    }

    /// Maps program, stack and IPC buffer.
    fn program_space(&mut self, name: &str, program: &Program, stack_size: u64, space: &mut Space) -> ProgramFrames {
        let mut segments = Vec::new();
        for segment in &program.segments {
            let frames = self.segment(format!("{name}: program"), segment);
            let access = Access { write: segment.write, execute: segment.execute, cached: true };
            space.map(segment.pages().start, &frames, PageSize::Small, access, false);
            segments.push(frames);
        }
        let mut fresh = |what: &str, vaddr: u64, count: u32| {
            let first = self.runs.many(format!("{name}: {what}"), Kind::SmallFrame, count);
            let frames = Frames::Created { first, count };
            space.map(vaddr, &[frames], PageSize::Small, Access::DATA, false);
            (first, frames)
        };
        let (_, stack) = fresh("stack", stack(stack_size).start, (stack_size / PAGE_BYTES) as u32);
        let (ipc_buffer, _) = fresh("IPC buffer", IPC_BUFFER, 1);
        ProgramFrames { segments, stack, ipc_buffer }
    }

    fn pd_thread(&mut self, index: usize, pds: &mut [PdObjects], regions: &mut [RegionFrames]) {
        let pd = &self.system.pds[index];
        let mut space = pds[index].space.take().expect("an address space is finished once");
        let program = self.program_space(&pd.name, &pd.program, pd.stack_size, &mut space);
        let ipc_buffer = program.ipc_buffer;
        self.map_regions(&mut space, &pd.maps, regions);
        self.reload(index, &mut space, pds, regions);
        self.finish(space);
        pds[index].program = Some(program);
        let objects = &pds[index];
        self.steps.push(Record::Thread(Thread {
            name: &pd.name,
            tcb: objects.tcb,
            cspace: CSpace { cnode: objects.root.id, guard_bits: 0 },
            vspace: objects.vspace,
            ipc_buffer: Some((IPC_BUFFER, ipc_buffer)),
            fault: Some(objects.fault),
            sched_context: Some(objects.sched_context),
            notification: Some(objects.notification),
            vcpu: None,
            priority: pd.schedule.priority,
            max_priority: pd.schedule.priority,
            domain: pd.domain,
            fpu: pd.fpu,
            pc: pd.program.entry,
            sp: STACK_TOP,
            resume: true,
        }));
    }

    /// Gives the monitor what it needs to name a protection domain's thread, to read it after a fault, and to make it
    /// passive.
    fn tell_monitor(&mut self, index: usize, objects: &PdObjects, monitor: &Monitor) {
        let at = index as u64;
        self.give(monitor.cnode, monitor_slot::BASE_PD_TCB + at, objects.tcb);
        if self.system.pds[index].passive {
            self.give(monitor.cnode, monitor_slot::BASE_SCHED_CONTEXT + at, objects.sched_context);
            let slot = monitor_slot::BASE_NOTIFICATION + at;
            self.mint(monitor.cnode, slot, objects.notification, NOTIFICATION, CapData::None);
        }
    }

    fn virtual_machine(
        &mut self,
        vm: &'a Vm,
        parent: &PdObjects,
        monitor: &Monitor,
        vcpus: &mut u64,
        regions: &mut [RegionFrames],
    ) {
        let mut space = self.space(&vm.name);
        let vspace = space.vspace;
        self.map_regions(&mut space, &vm.maps, regions);
        self.finish(space);
        for (vcpu, objects) in vm.vcpus.iter().zip(&parent.vcpus) {
            self.vcpu(vm, *vcpu, objects, parent, vspace);
            self.give(monitor.cnode, monitor_slot::BASE_VM_TCB + *vcpus, objects.tcb);
            *vcpus += 1;
        }
    }

    fn vcpu_objects(&mut self, vm: &Vm) -> Vec<VcpuObjects> {
        let objects = |vcpu: &Vcpu| {
            let name = vcpu_name(vm, *vcpu);
            VcpuObjects {
                id: vcpu.id,
                tcb: self.runs.one(format!("{name}: TCB"), Kind::Tcb),
                object: self.runs.one(format!("{name}: vCPU"), Kind::VCpu),
                sched_context: self.sched_context(&name, vm.schedule, vcpu.cpu, TIMEOUT_BADGE + vcpu.id),
                cnode: self.cnode(format!("{name}: CNode"), CNODE_BITS),
            }
        };
        vm.vcpus.iter().map(objects).collect()
    }

    /// Plans a virtual CPU: a thread that its parent starts.
    fn vcpu(&mut self, vm: &'a Vm, vcpu: Vcpu, objects: &VcpuObjects, parent: &PdObjects, vspace: ObjectId) {
        let VcpuObjects { tcb, object, sched_context, cnode, .. } = *objects;
        self.give(parent.cnode, slot::BASE_VCPU + vcpu.id, object);
        self.give(parent.cnode, slot::BASE_VM_TCB + vcpu.id, tcb);
        let endpoint = parent.endpoint.expect("a protection domain with a virtual machine has an endpoint");
        self.steps.push(Record::Thread(Thread {
            name: &vm.name,
            tcb,
            cspace: CSpace { cnode: cnode.id, guard_bits: SINGLE_GUARD_BITS },
            vspace,
            ipc_buffer: None,
            fault: Some(FaultHandler { endpoint, badge: badge::FAULT | vcpu.id }),
            sched_context: Some(sched_context),
            notification: None,
            vcpu: Some(object),
            priority: vm.schedule.priority,
            max_priority: vm.schedule.priority,
            // A guest has its time where its manager has.
            domain: parent.domain,
            fpu: true,
            pc: 0,
            sp: 0,
            resume: false,
        }));
    }
}

fn vcpu_name(vm: &Vm, vcpu: Vcpu) -> String {
    format!("{}, vCPU {}", vm.name, vcpu.id)
}
