//! The protection domain around a guest. The same program serves every guest; what differs comes through its symbols:
//!
//! | symbol | attribute | what |
//! |---|---|---|
//! | `guest_ram_vaddr`, `guest_ram_size` | `setvar_vaddr`, `setvar_size` | the guest's memory, mapped here at its guest-physical address |
//! | `kernel_vaddr`, `kernel_size` | `setvar_vaddr`, `setvar_prefill_size` | an arm64 `Image` |
//! | `initrd_vaddr`, `initrd_size` | `setvar_vaddr`, `setvar_prefill_size` | initial ramdisk; may be absent |
//! | `cmdline_vaddr`, `cmdline_size` | `setvar_vaddr`, `setvar_prefill_size` | text file with the kernel's command line; may be absent |
//! | `console_vaddr`, `console_size` | `setvar_vaddr`, `setvar_size` | region shared with the console server; may be absent |
//! | `console_channel` | `setvar_id` of the `end` | channel to the console server |
//! | `port_N_vaddr`, `port_N_size`, `port_N_channel` | `setvar_vaddr`, `setvar_size`, `setvar_id` | the same for port N (0 to 3) of a virtio console: 0 is a console, the others are lines named `quoll.N`; may be absent |
//! | `disk_vaddr`, `disk_size`, `disk_channel` | `setvar_vaddr`, `setvar_size`, `setvar_id` | region shared with a block server or a disk's driver; may be absent |
//! | `net_vaddr`, `net_size`, `net_channel` | `setvar_vaddr`, `setvar_size`, `setvar_id` | region shared with a switch; may be absent |
//! | `entropy_vaddr`, `entropy_size`, `entropy_channel` | `setvar_vaddr`, `setvar_size`, `setvar_id` | ring of random bytes; may be absent. With one, the guest is started once there are enough for its seeds |
//! | `clock_vaddr`, `clock_size`, `clock_channel` | `setvar_vaddr`, `setvar_size`, `setvar_id` | region shared with the clock's driver; may be absent |
//! | `statistics_vaddr`, `statistics_size` | `setvar_vaddr`, `setvar_size` | region in which exits are counted ([`ivc::statistics`]); may be absent |
//! | `rtc_vaddr` | `setvar_vaddr` | without a clock's driver: the host's PL031, read once at start; may be absent |
//! | `guest_channels`, `guest_ports`, `guest_broadcasts`, `guest_signals` | written by the tool | the guest's channels; those with a guest to send to; with one to broadcast to; with somebody to signal; a bit each |
//! | `guest_virtual_time` | written by the tool | not 0: the guest's counter stands still while it is kept from running |
//! | `guest_notification` | `setvar_id` of the guest's `end` | the guest's channel to this monitor, which then acts for a guest that knows nothing of messages; may be absent |
//! | `guest_maps` | written by the tool | the guest's cached mappings, of which the guest is told in its device tree |
//! | `edu_config_vaddr`, `edu_vaddr`, `edu_paddr` | `setvar_vaddr`, `setvar_vaddr`, `region_paddr` of a `setvar` | QEMU's PCI device `edu`: configuration, and where its registers are to be; may be absent |
//! | `guest_ram_paddr` | `region_paddr` of a `setvar` | where the guest's memory lies, for a device whose pointers are translated |
//! | `guest_devices` | written by the tool | devices of the machine that the guest has |
//! | `timer_channel` | `setvar_id` of the `irq` | the physical timer, interrupt 30; may be absent. With it the guest has a dual timer, and without the feature `quoll` it wakes guests that wait |

mod below;
mod clock;
mod console;
#[cfg(feature = "quoll")]
mod context;
mod devices;
mod edu;
#[cfg(not(feature = "quoll"))]
mod frame;
mod kernel;
#[cfg(feature = "quoll")]
mod messages;
#[cfg(not(feature = "quoll"))]
mod plain;
#[cfg(feature = "quoll")]
mod quoll;
mod region;
#[cfg(feature = "quoll")]
mod shared;
mod timer;
mod virtio;

#[cfg(feature = "quoll")]
use self::{context::Frame, quoll::Below};
#[cfg(not(feature = "quoll"))]
use self::{frame::Frame, plain::Below};

use alloc::boxed::Box;
use core::{ptr::NonNull, slice, str};

use ivc::statistics::Table;
use sel4_microkit::{
    Channel, ChannelSet, Child, Handler, Infallible, MessageInfo, debug_println, protection_domain, var,
};
use vmm::{
    devices::{Bus, edu::Edu, pl011::Pl011, pl031::Pl031, sp804::Sp804},
    guest::{Files, Guest, Next, Statistics},
    hypervisor::Hypervisor,
    machine::{DUAL_TIMER, DUAL_TIMER_SPI, EDU, EDU_SPI, RTC, RTC_SPI, UART, UART_SPI},
    memory::Memory,
    vgic::FIRST_SPI,
    virtio::entropy::Entropy,
};

use self::{
    below::Kind, clock::HostClock, console::ConsoleLine, kernel::Kernel, region::shared_region, timer::Physical,
};
use crate::ram::GuestRam;

struct Monitor {
    kernel: Kernel,
    guest: Guest<'static, GuestRam>,
    /// The guest is not started before this has something.
    awaited: Option<Entropy<'static>>,
}

#[protection_domain(heap_size = 0x4_0000)]
fn init() -> Monitor {
    let kernel = Kernel::new();
    let files = Files {
        kernel: file(*var!(kernel_vaddr: usize = 0), *var!(kernel_size: usize = 0)),
        initrd: file(*var!(initrd_vaddr: usize = 0), *var!(initrd_size: usize = 0)),
        command_line: command_line(file(*var!(cmdline_vaddr: usize = 0), *var!(cmdline_size: usize = 0))),
    };
    let ram = GuestRam::new(*var!(guest_ram_vaddr: usize = 0), *var!(guest_ram_size: usize = 0));
    let entropy = virtio::entropy();
    let mut table = statistics();
    let statistics = Statistics::new(&mut table);
    let bus = bus(ram, entropy.as_ref(), &kernel, &mut table);
    let mut guest = Guest::new(&kernel, files, ram, bus)
        .with_devices(&kernel, devices::passed())
        .with_statistics(statistics, &mut table);
    if let Some(entropy) = &entropy {
        guest = guest.with_entropy(entropy.clone());
    }
    #[cfg(feature = "quoll")]
    {
        guest = guest.with_shared(shared::regions(&ram));
    }
    let mut monitor = Monitor { kernel, guest, awaited: entropy };
    if Below::is_reloaded() {
        // The guest of a former life may still run.
        monitor.guest.clear(&mut monitor.kernel);
    }
    monitor.start();
    monitor
}

impl Monitor {
    /// Boots the guest once there is entropy for it, if there is to be any.
    fn start(&mut self) {
        if self.awaited.as_ref().is_none_or(Entropy::is_ready) {
            self.awaited = None;
            self.switch_on();
        }
    }

    /// Boots the guest, or says why that cannot be.
    fn switch_on(&mut self) {
        if self.kernel.vcpus() == 0 {
            debug_println!("{}: the description gives this monitor no virtual machine with vCPU 0", kernel::name());
        } else if let Err(error) = self.guest.boot(&mut self.kernel) {
            debug_println!("{}: {error}", kernel::name());
        }
        self.kernel.finish();
    }
}

impl Handler for Monitor {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        self.kernel.notified(channels);
        if self.awaited.is_some() {
            self.start();
        }
        for (intid, _) in devices::lines().filter(|(_, channel)| channels.contains(Channel::new(*channel))) {
            self.guest.hardware_interrupt(&mut self.kernel, intid);
        }
        self.guest.notified(&mut self.kernel);
        self.kernel.finish();
        Ok(())
    }

    fn fault(&mut self, child: Child, message: MessageInfo) -> Result<Option<MessageInfo>, Infallible> {
        let next = match self.kernel.exit(child, message) {
            Some(exit) => self.guest.handle(&mut self.kernel, child.index(), exit),
            None => Next::Leave,
        };
        if next == Next::Leave {
            self.kernel.leave();
        }
        // Before the answer, which stands in the message registers.
        self.kernel.finish();
        Ok((next == Next::Resume).then(|| self.kernel.answer()))
    }
}

/// The devices of the machine.
fn bus(ram: GuestRam, entropy: Option<&Entropy<'static>>, kernel: &Kernel, table: &mut Table<'static>) -> Bus<'static> {
    let console = ConsoleLine::new(shared_region!(console_vaddr, console_size, console_channel));
    let mut bus = Bus::default();
    bus.attach(UART, FIRST_SPI + UART_SPI, Box::new(Pl011::new(console)));
    bus.attach(RTC, FIRST_SPI + RTC_SPI, Box::new(Pl031::new(HostClock::find())));
    let messages = Below::message_line(kernel.vcpus(), table);
    virtio::attach(&mut bus, ram, entropy, messages, table);
    if let Some(registers) = edu::Mapped::open() {
        let translated = Edu::new(registers, ram.region(), *var!(guest_ram_paddr: usize = 0) as u64);
        bus.attach(EDU, FIRST_SPI + EDU_SPI, Box::new(translated));
    }
    if kernel.has_timer() {
        bus.attach_timer(DUAL_TIMER, FIRST_SPI + DUAL_TIMER_SPI, Box::new(Sp804::new(Physical)));
    }
    bus
}

/// The table in which exits and requests are counted, if there is one.
fn statistics() -> Table<'static> {
    let region = shared_region!(statistics_vaddr, statistics_size);
    region.open("statistics", |region| Ok(Table::over(region))).unwrap_or_default()
}

/// A file that the system description has put into a region of this protection domain's own.
fn file(vaddr: usize, size: usize) -> &'static [u8] {
    let Some(base) = NonNull::new(vaddr as *mut u8) else { return &[] };
    // SAFETY: the description maps the region there, filled with `size` bytes of a file; nobody writes it.
    unsafe { slice::from_raw_parts(base.as_ptr(), size) }
}

/// The first line of a text; a command line cannot have more.
fn command_line(text: &'static [u8]) -> &'static str {
    match str::from_utf8(text) {
        Ok(text) => text.lines().next().unwrap_or_default(),
        Err(error) => {
            debug_println!("{}: the command line is not used, it is no text: {error}", kernel::name());
            ""
        }
    }
}
