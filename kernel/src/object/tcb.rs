//! Threads: the thread control block, its states and its kernel-held capability slots.

use crate::fault::Fault;
use crate::list::Links;
use crate::mem::{Link, Ref, UserWords};
use crate::object::endpoint::Endpoint;
use crate::object::notification::Notification;
use crate::object::reply::Reply;
use crate::object::sched_context::SchedContext;
use crate::object::slot::Slot;
use crate::object::vcpu::VCpu;
use core::cell::Cell;
use core::mem::offset_of;
use quoll_kernel_core::cap::{Addr, FrameSize, low_mask};
use sel4_abi::context::{LENGTH, ORDER, Register};
use sel4_abi::ipc_buffer;
use sel4_abi::quoll::vcpu_context;
use sel4_abi::syscall::register;

/// Length of a thread's name in the debug configuration, with the byte that ends it.
pub const NAME_LENGTH: usize = 64;

/// A thread's registers while it does not run. The trap vectors know this layout.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct Registers {
    /// x0 to x30.
    pub x: [Cell<u64>; 31],
    /// SP_EL0.
    pub sp: Cell<u64>,
    /// ELR_EL2: where the thread goes on.
    pub pc: Cell<u64>,
    /// SPSR_EL2.
    pub spsr: Cell<u64>,
    /// TPIDR_EL0.
    pub tpidr_el0: Cell<u64>,
    /// TPIDRRO_EL0.
    pub tpidrro_el0: Cell<u64>,
}

impl Registers {
    fn new() -> Self {
        Self {
            x: core::array::from_fn(|_| Cell::new(0)),
            sp: Cell::new(0),
            pc: Cell::new(0),
            spsr: Cell::new(0),
            tpidr_el0: Cell::new(0),
            tpidrro_el0: Cell::new(0),
        }
    }

    /// The registers as words, in the order of the fields.
    #[inline(always)]
    fn words(&self) -> &[Cell<u64>; LENGTH] {
        const { assert!(size_of::<Self>() == LENGTH * size_of::<u64>()) };
        // SAFETY: all fields are words in cells, in C's layout, and as many as the array has (checked above).
        unsafe { &*core::ptr::from_ref(self).cast() }
    }

    /// The cell of the register at a position.
    #[inline(always)]
    pub fn at(&self, position: Position) -> &Cell<u64> {
        &self.words()[position.0 as usize]
    }
}

/// Where a register stands in [`Registers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position(u8);

impl Position {
    /// Of the program counter.
    pub const PC: Self = Self::of(Register::Pc);
    /// Of the program status.
    pub const SPSR: Self = Self::of(Register::Spsr);

    /// Of a register.
    pub const fn of(register: Register) -> Self {
        let general = offset_of!(Registers, x) / size_of::<u64>();
        let word = match register {
            Register::X(n) => general + n as usize,
            Register::Sp => offset_of!(Registers, sp) / size_of::<u64>(),
            Register::Pc => offset_of!(Registers, pc) / size_of::<u64>(),
            Register::Spsr => offset_of!(Registers, spsr) / size_of::<u64>(),
            Register::TpidrEl0 => offset_of!(Registers, tpidr_el0) / size_of::<u64>(),
            Register::TpidrroEl0 => offset_of!(Registers, tpidrro_el0) / size_of::<u64>(),
        };
        Self(word as u8)
    }

    /// Whether it is this one; `==` where constants are checked.
    pub const fn is(self, other: Self) -> bool {
        self.0 == other.0
    }

    /// Of word `index` of a virtual CPU's context, which is a program status or below.
    pub const fn of_context(index: usize) -> Self {
        Self(index as u8)
    }

    /// Of each of a list of registers.
    pub const fn of_all<const N: usize>(registers: &[Register; N]) -> [Self; N] {
        let mut positions = [Self(0); N];
        let mut index = 0;
        while index < N {
            positions[index] = Self::of(registers[index]);
            index += 1;
        }
        positions
    }
}

/// The registers as `TCB_ReadRegisters` and its like order them.
pub const TRANSFER_ORDER: [Position; LENGTH] = Position::of_all(&ORDER);

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing, until it is resumed.
    Inactive,
    /// Runs, or would if it had the processor.
    Running,
    /// Waits for a message.
    BlockedOnReceive {
        /// Where.
        endpoint: Ref<Endpoint>,
        /// What a caller will wait on.
        reply: Option<Ref<Reply>>,
        /// Whether the endpoint capability had the grant right, so that capabilities may be received.
        grant: bool,
    },
    /// Waits for a receiver.
    BlockedOnSend(Sending),
    /// Called, or faulted, and waits for the answer.
    BlockedOnReply {
        /// The reply object that stands for it.
        reply: Ref<Reply>,
    },
    /// Waits for a signal.
    BlockedOnNotification {
        /// Where.
        notification: Ref<Notification>,
    },
    /// A virtual CPU in a WFI that the kernel handles.
    WaitingForInterrupt,
    /// A virtual CPU that would run, but stands still until its VMM lets it go on.
    Held,
}

/// A message that waits for its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Where.
    pub endpoint: Ref<Endpoint>,
    /// The badge of the capability that was used.
    pub badge: u64,
    /// Whether capabilities may be sent along.
    pub grant: bool,
    /// Whether a reply capability may be sent along.
    pub grant_reply: bool,
    /// Whether the sender waits for an answer.
    pub call: bool,
}

/// A thread's capability slots, which the kernel holds for it.
#[derive(Debug)]
#[repr(C)]
pub struct TcbSlots {
    /// Root of the CSpace.
    pub cspace: Slot,
    /// Root of the address space.
    pub vspace: Slot,
    /// Frame of the IPC buffer.
    pub ipc_buffer: Slot,
    /// Where faults go.
    pub fault_handler: Slot,
    /// Where timeouts go.
    pub timeout_handler: Slot,
}

/// Number of slots in [`TcbSlots`].
pub const TCB_SLOTS: u32 = 5;

/// Thread control block.
#[derive(Debug)]
#[repr(C)]
pub struct Tcb {
    /// Registers; first, because the trap vectors reach them through the TCB's address.
    pub regs: Registers,
    /// What the thread does.
    pub state: Cell<State>,
    /// Priority, 0 to 255.
    pub priority: Cell<u8>,
    /// The highest priority that it may give to a thread.
    pub mcp: Cell<u8>,
    /// Scheduling domain.
    pub domain: Cell<u8>,
    /// The core that it belongs to: its scheduling context's, or where it had one last.
    pub core: Cell<u32>,
    /// Whether it is in a ready queue.
    pub in_ready_queue: Cell<bool>,
    /// Whether it is in the release queue.
    pub in_release_queue: Cell<bool>,
    /// Whether its program counter is no longer behind the system call that it is in; it is not in one when it runs.
    pub rewound: Cell<bool>,
    /// Flags of `TCB_SetFlags`.
    pub flags: Cell<u64>,
    /// Links of ready and release queues.
    pub scheduling_links: Links,
    /// Links of endpoint and notification queues.
    pub waiting_links: Links,
    /// When it wakes from a WFI at the latest, in ticks.
    pub wake_at: Cell<u64>,
    /// The fault whose handling it waits for.
    pub fault: Cell<Option<Fault>>,
    /// The time that it runs on.
    pub sched_context: Link<SchedContext>,
    /// The context that it yielded to, whose consumption it will be told.
    pub yield_to: Link<SchedContext>,
    /// The notification bound to it.
    pub notification: Link<Notification>,
    /// The virtual CPU bound to it.
    pub vcpu: Link<VCpu>,
    /// Address of the IPC buffer in the thread's address space.
    pub ipc_buffer: Cell<u64>,
    /// Capability slots.
    pub slots: TcbSlots,
    /// FPU registers, while another thread has the FPU.
    pub fpu: crate::arch::fpu::State,
    /// What it used, in the benchmark configuration.
    #[cfg(sel4_benchmark)]
    pub usage: crate::benchmark::Usage,
    /// Breakpoints, in the debug configuration.
    #[cfg(sel4_debug)]
    pub breakpoints: crate::object::breakpoint::State,
    /// Name, in the debug configuration.
    #[cfg(sel4_debug)]
    pub name: Cell<[u8; NAME_LENGTH]>,
}

const _: () = assert!(vcpu_context::LENGTH * size_of::<u64>() <= 1 << ipc_buffer::SIZE_BITS);
const _: () = assert!(size_of::<Tcb>() <= 1 << sel4_abi::object::TCB_BITS);

impl Tcb {
    /// A thread that does nothing.
    pub fn new(domain: u8) -> Self {
        Self {
            regs: Registers::new(),
            state: Cell::new(State::Inactive),
            priority: Cell::new(0),
            mcp: Cell::new(0),
            domain: Cell::new(domain),
            core: Cell::new(0),
            in_ready_queue: Cell::new(false),
            in_release_queue: Cell::new(false),
            rewound: Cell::new(false),
            flags: Cell::new(0),
            scheduling_links: Links::default(),
            waiting_links: Links::default(),
            wake_at: Cell::new(u64::MAX),
            fault: Cell::new(None),
            sched_context: Link::new(None),
            yield_to: Link::new(None),
            notification: Link::new(None),
            vcpu: Link::new(None),
            ipc_buffer: Cell::new(0),
            slots: TcbSlots {
                cspace: Slot::empty(),
                vspace: Slot::empty(),
                ipc_buffer: Slot::empty(),
                fault_handler: Slot::empty(),
                timeout_handler: Slot::empty(),
            },
            fpu: crate::arch::fpu::State::new(),
            #[cfg(sel4_benchmark)]
            usage: crate::benchmark::Usage::new(),
            #[cfg(sel4_debug)]
            breakpoints: crate::object::breakpoint::State::new(),
            #[cfg(sel4_debug)]
            name: Cell::new([0; NAME_LENGTH]),
        }
    }

    /// The first of the thread's slots.
    pub fn first_slot(this: Ref<Self>) -> Ref<Slot> {
        let offset = offset_of!(Self, slots);
        Ref::at(Addr::new(this.addr().get() + offset as u64))
    }

    /// Message register `index` of the four that travel in registers.
    #[inline(always)]
    pub fn fast_mr(&self, index: usize) -> &Cell<u64> {
        &self.regs.x[register::FIRST_MESSAGE + index]
    }

    /// The IPC buffer, if the thread has one that the kernel may use (read and write, not device memory).
    #[inline(never)]
    pub fn buffer(&self) -> Option<UserWords> {
        let (addr, size) = self.slots.ipc_buffer.raw().shared_memory()?;
        // SAFETY: the capability names a frame of this size. The buffer is aligned to its size, so it does not leave the
        // frame, and users of the buffer stay in its kilobyte.
        unsafe { UserWords::at(addr.get() + self.buffer_offset(size)) }
    }

    /// Where the registers of a virtual CPU whose fault it handles are told: behind the IPC buffer, if its frame has room.
    #[inline]
    pub fn vcpu_context(&self) -> Option<UserWords> {
        let (addr, size) = self.slots.ipc_buffer.raw().shared_memory()?;
        let offset = self.buffer_offset(size) + vcpu_context::OFFSET as u64;
        if offset > low_mask(size.bits()) {
            return None;
        }
        // SAFETY: as above: there is another kilobyte in the frame, which is more than the context takes.
        unsafe { UserWords::at(addr.get() + offset) }
    }

    #[inline(always)]
    fn buffer_offset(&self, size: FrameSize) -> u64 {
        self.ipc_buffer.get() & low_mask(size.bits()) & !low_mask(ipc_buffer::SIZE_BITS)
    }

    /// Whether it could run if it had time.
    #[inline(always)]
    pub fn is_runnable(&self) -> bool {
        self.state.get() == State::Running
    }

    /// Whether it is a virtual CPU that is to stand still.
    #[inline(always)]
    pub fn is_held(&self) -> bool {
        self.vcpu.get().is_some_and(|vcpu| vcpu.is_held())
    }

    /// Its state when what it waited for is over.
    pub fn state_after_wait(&self) -> State {
        if self.is_held() { State::Held } else { State::Running }
    }

    /// Whether it can be put into a ready queue: it is runnable and has time that is not exhausted.
    #[inline]
    pub fn is_schedulable(&self) -> bool {
        self.is_runnable()
            && !self.in_release_queue.get()
            && self.sched_context.get().is_some_and(|context| context.is_configured())
    }

    /// Whether it is stopped for a reason other than a fault or a system call in progress.
    pub fn is_blocked(&self) -> bool {
        !matches!(self.state.get(), State::Inactive | State::Running)
    }

    /// Puts its program counter back onto the system call that has advanced it.
    pub fn step_back(&self) {
        self.regs.pc.set(self.regs.pc.get().wrapping_sub(4));
    }

    /// Whether it waits inside a system call, which has advanced its program counter.
    pub fn is_in_system_call(&self) -> bool {
        self.fault.get().is_none()
            && !self.rewound.get()
            && matches!(
                self.state.get(),
                State::BlockedOnReceive { .. }
                    | State::BlockedOnSend(_)
                    | State::BlockedOnReply { .. }
                    | State::BlockedOnNotification { .. }
            )
    }
}
