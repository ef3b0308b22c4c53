//! The transport over memory-mapped registers, version 2 (specification, 4.2).

use alloc::vec::Vec;

use ivc::statistics::Counter;

use super::{Complaint, Fault, Model, Queues, feature, queue::Layout, queue::Queue};
use crate::{devices::Device, memory::Memory};

/// Register offsets (specification, table 4.1).
mod register {
    pub const MAGIC: u64 = 0x000;
    pub const VERSION: u64 = 0x004;
    pub const DEVICE_ID: u64 = 0x008;
    pub const VENDOR_ID: u64 = 0x00c;
    pub const DEVICE_FEATURES: u64 = 0x010;
    pub const DEVICE_FEATURES_SEL: u64 = 0x014;
    pub const DRIVER_FEATURES: u64 = 0x020;
    pub const DRIVER_FEATURES_SEL: u64 = 0x024;
    pub const QUEUE_SEL: u64 = 0x030;
    pub const QUEUE_SIZE_MAX: u64 = 0x034;
    pub const QUEUE_SIZE: u64 = 0x038;
    pub const QUEUE_READY: u64 = 0x044;
    pub const QUEUE_NOTIFY: u64 = 0x050;
    pub const INTERRUPT_STATUS: u64 = 0x060;
    pub const INTERRUPT_ACK: u64 = 0x064;
    pub const STATUS: u64 = 0x070;
    pub const QUEUE_DESC_LOW: u64 = 0x080;
    pub const QUEUE_DESC_HIGH: u64 = 0x084;
    pub const QUEUE_DRIVER_LOW: u64 = 0x090;
    pub const QUEUE_DRIVER_HIGH: u64 = 0x094;
    pub const QUEUE_DEVICE_LOW: u64 = 0x0a0;
    pub const QUEUE_DEVICE_HIGH: u64 = 0x0a4;
    /// Length and address of a shared memory: all ones where there is none.
    pub const SHM_FIRST: u64 = 0x0b0;
    pub const SHM_LAST: u64 = 0x0bc;
    pub const CONFIG_GENERATION: u64 = 0x0fc;
    pub const CONFIG: u64 = 0x100;
}

/// "virt"
const MAGIC: u32 = 0x7472_6976;
/// "quol"
const VENDOR: u32 = 0x6c6f_7571;

/// `InterruptStatus`.
mod interrupt {
    pub const USED_BUFFER: u32 = 1 << 0;
    pub const CONFIG_CHANGE: u32 = 1 << 1;
}

/// `Status`.
pub(super) mod status {
    pub const FEATURES_OK: u32 = 1 << 3;
    pub const DRIVER_OK: u32 = 1 << 2;
    pub const NEEDS_RESET: u32 = 1 << 6;
    pub const FAILED: u32 = 1 << 7;
}

/// What the driver has written of a queue.
#[derive(Default)]
struct Setup {
    layout: Layout,
    max_size: u16,
}

/// A device on its registers.
pub struct Mmio<'c, D, M> {
    device: D,
    memory: M,
    setups: Vec<Setup>,
    queues: Vec<Option<Queue>>,
    status: u32,
    device_features_sel: u32,
    driver_features_sel: u32,
    driver_features: u64,
    queue_sel: u32,
    interrupts: u32,
    generation: u32,
    behind: bool,
    complaint: Option<Complaint>,
    /// Requests that were done.
    requests: Counter<'c>,
}

impl<'c, D: Model, M: Memory> Mmio<'c, D, M> {
    /// A device after reset, which reaches the guest's memory by `memory`.
    pub fn new(device: D, memory: M) -> Self {
        let mut mmio = Self {
            device,
            memory,
            setups: Vec::new(),
            queues: Vec::new(),
            status: 0,
            device_features_sel: 0,
            driver_features_sel: 0,
            driver_features: 0,
            queue_sel: 0,
            interrupts: 0,
            generation: 0,
            behind: false,
            complaint: None,
            requests: Counter::default(),
        };
        mmio.clear();
        mmio
    }

    /// Counts the chains of descriptors that it is done with.
    #[must_use]
    pub fn counted(self, requests: Counter<'c>) -> Self {
        Self { requests, ..self }
    }

    /// The registers and queues after reset.
    fn clear(&mut self) {
        let sizes = self.device.queues();
        self.queues = sizes.iter().map(|_| None).collect();
        self.setups = sizes.iter().map(|&max_size| Setup { max_size, ..Setup::default() }).collect();
        self.status = 0;
        self.device_features_sel = 0;
        self.driver_features_sel = 0;
        self.driver_features = 0;
        self.queue_sel = 0;
        self.interrupts = 0;
        self.behind = false;
    }

    fn features(&self) -> u64 {
        self.device.features() | feature::QUEUES
    }

    /// Half of the feature bits.
    fn half(features: u64, select: u32) -> u32 {
        match select {
            0 => features as u32,
            1 => (features >> 32) as u32,
            _ => 0,
        }
    }

    fn set_driver_features(&mut self, value: u32) {
        let value = u64::from(value);
        match self.driver_features_sel {
            0 => self.driver_features = self.driver_features & !0xffff_ffff | value,
            1 => self.driver_features = self.driver_features & 0xffff_ffff | value << 32,
            _ => {}
        }
    }

    fn setup(&mut self) -> Option<&mut Setup> {
        let selected = self.queue_sel as usize;
        // What is in use stays as it is.
        let in_use = self.queues.get(selected).is_none_or(Option::is_some);
        if in_use { None } else { self.setups.get_mut(selected) }
    }

    fn set_ready(&mut self, ready: bool) {
        let selected = self.queue_sel as usize;
        let (Some(setup), Some(queue)) = (self.setups.get(selected), self.queues.get_mut(selected)) else { return };
        if !ready {
            *queue = None;
        } else if queue.is_none() {
            match Queue::new(&self.memory, setup.layout, self.driver_features, setup.max_size) {
                Ok(new) => *queue = Some(new),
                Err(fault) => self.fail(selected, fault),
            }
        }
    }

    fn set_status(&mut self, value: u32) {
        if value == 0 {
            self.device.reset();
            self.clear();
            return;
        }
        let new = value & !self.status;
        // Only a reset takes anything back.
        self.status |= value;
        let acceptable = self.driver_features & !self.features() == 0 && self.driver_features & feature::VERSION_1 != 0;
        if new & status::FEATURES_OK != 0 && !acceptable {
            self.status &= !status::FEATURES_OK;
        }
        if new & status::DRIVER_OK != 0 {
            self.device.activate(self.driver_features);
            self.run();
        }
    }

    /// The driver has made a mistake: nothing more happens until it resets the device.
    fn fail(&mut self, queue: usize, fault: Fault) {
        self.status |= status::NEEDS_RESET;
        if self.status & status::DRIVER_OK != 0 {
            self.interrupts |= interrupt::CONFIG_CHANGE;
        }
        self.complaint = Some(Complaint { device: D::NAME, queue, fault });
    }

    fn is_live(&self) -> bool {
        let wanted = status::FEATURES_OK | status::DRIVER_OK;
        self.status & (wanted | status::NEEDS_RESET | status::FAILED) == wanted
    }

    /// Has the device do what it can.
    fn run(&mut self) {
        if !self.is_live() {
            return;
        }
        let mut queues = Queues::new(&mut self.memory, &mut self.queues);
        let result = self.device.run(&mut queues);
        let last = queues.last;
        self.requests.add(queues.done);
        self.behind = queues.is_behind();
        if let Err(fault) = result {
            self.fail(last, fault);
        }
        for queue in self.queues.iter_mut().flatten() {
            if queue.wants_interrupt(&self.memory) {
                self.interrupts |= interrupt::USED_BUFFER;
            }
        }
        if self.device.config_changed() {
            self.generation = self.generation.wrapping_add(1);
            self.interrupts |= interrupt::CONFIG_CHANGE;
        }
    }
}

/// Replaces half of an address.
fn set_half(address: &mut u64, high: bool, value: u32) {
    let value = u64::from(value);
    *address = if high { *address & 0xffff_ffff | value << 32 } else { *address & !0xffff_ffff | value };
}

impl<D: Model, M: Memory> Device for Mmio<'_, D, M> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn read(&mut self, offset: u64) -> u32 {
        let selected = self.queue_sel as usize;
        match offset {
            register::MAGIC => MAGIC,
            register::VERSION => 2,
            register::DEVICE_ID => D::ID,
            register::VENDOR_ID => VENDOR,
            register::DEVICE_FEATURES => Self::half(self.features(), self.device_features_sel),
            register::QUEUE_SIZE_MAX => self.setups.get(selected).map_or(0, |setup| setup.max_size.into()),
            register::QUEUE_READY => self.queues.get(selected).is_some_and(Option::is_some).into(),
            register::INTERRUPT_STATUS => self.interrupts,
            register::STATUS => self.status,
            register::SHM_FIRST..=register::SHM_LAST => u32::MAX,
            register::CONFIG_GENERATION => self.generation,
            register::CONFIG.. => self.device.config(offset - register::CONFIG),
            _ => 0,
        }
    }

    fn write(&mut self, offset: u64, value: u32) {
        match offset {
            register::DEVICE_FEATURES_SEL => self.device_features_sel = value,
            register::DRIVER_FEATURES_SEL => self.driver_features_sel = value,
            // What was agreed upon is not changed.
            register::DRIVER_FEATURES if self.status & status::FEATURES_OK == 0 => self.set_driver_features(value),
            register::QUEUE_SEL => self.queue_sel = value,
            register::QUEUE_READY => self.set_ready(value & 1 != 0),
            register::QUEUE_NOTIFY => self.run(),
            register::INTERRUPT_ACK => self.interrupts &= !value,
            register::STATUS => self.set_status(value & 0xff),
            register::CONFIG.. => self.device.set_config(offset - register::CONFIG, value),
            _ => {
                let Some(Setup { layout, max_size }) = self.setup() else { return };
                let high = offset & 4 != 0;
                match offset {
                    // A size that no queue can have is refused when the queue is to be used.
                    register::QUEUE_SIZE => layout.size = u16::try_from(value).unwrap_or(0).min(*max_size + 1),
                    register::QUEUE_DESC_LOW | register::QUEUE_DESC_HIGH => {
                        set_half(&mut layout.descriptors, high, value);
                    }
                    register::QUEUE_DRIVER_LOW | register::QUEUE_DRIVER_HIGH => {
                        set_half(&mut layout.driver, high, value);
                    }
                    register::QUEUE_DEVICE_LOW | register::QUEUE_DEVICE_HIGH => {
                        set_half(&mut layout.device, high, value);
                    }
                    _ => {}
                }
            }
        }
    }

    fn poll(&mut self) {
        self.run();
    }

    fn line(&self) -> bool {
        self.interrupts != 0
    }

    fn is_timed(&self) -> bool {
        self.behind
    }

    fn take_complaint(&mut self) -> Option<Complaint> {
        self.complaint.take()
    }

    fn reset(&mut self) {
        self.device.reset();
        self.clear();
    }
}
