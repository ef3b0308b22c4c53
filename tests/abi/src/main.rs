//! A root task that holds the kernel against the seL4 manual: what each system call answers, to good and bad requests. Each
//! case names the section of the manual that it is from: `PASS abi: 4.2.2 a capability arrives`.
//! It takes the initialiser's place in an image; the system that the image describes does not matter.
#![cfg_attr(target_os = "none", no_std, no_main)]

// The panic handler.
#[cfg(target_os = "none")]
use sel4_microkit as _;

#[cfg(sel4_benchmark)]
mod benchmark;
#[cfg(sel4_debug)]
mod breakpoint;
mod budget;
mod clearing;
mod clock;
mod cnode;
mod code;
mod counter;
#[cfg(sel4_debug)]
mod debug;
mod domain;
mod donation;
mod errors;
mod firmware;
mod fuzz;
#[cfg(not(sel4_smp))]
mod generated;
mod guest;
mod interrupt;
mod ipc;
mod kit;
mod memory;
mod registers;
mod storm;
mod tcb;
mod thread;
mod time;
mod transfer;
mod untyped;
mod vcpu;
mod vspace;

use kit::Kit;
use sel4::BootInfoPtr;

sel4::declare_root_task! { main = run, stack_size = 64 * 1024 }

/// The `microkit` tool writes where the spec is, which is not looked at.
#[cfg(target_os = "none")]
mod patched {
    #[used]
    #[unsafe(no_mangle)]
    #[unsafe(link_section = ".data")]
    static system_image_start: u64 = 0;
    #[used]
    #[unsafe(no_mangle)]
    #[unsafe(link_section = ".data")]
    static system_spec_start: u64 = 0;
    #[used]
    #[unsafe(no_mangle)]
    #[unsafe(link_section = ".data")]
    static system_spec_size: u64 = 0;
}

fn run(boot_info: &BootInfoPtr) -> ! {
    let mut kit = Kit::new(boot_info);
    boot_information(&mut kit, boot_info);
    errors::run(&mut kit);
    untyped::run(&mut kit, boot_info);
    cnode::run(&mut kit);
    vspace::run(&mut kit, boot_info);
    tcb::run(&mut kit);
    time::run(&mut kit);
    interrupt::run(&mut kit);
    vcpu::run(&mut kit);
    firmware::run(&mut kit);
    registers::run(&mut kit);
    #[cfg(not(sel4_smp))]
    generated::run(&mut kit);
    counter::run(&mut kit);
    #[cfg(sel4_benchmark)]
    benchmark::run(&mut kit);
    #[cfg(sel4_debug)]
    debug::run(&mut kit);
    #[cfg(sel4_debug)]
    breakpoint::run(&mut kit);
    guest::run(&mut kit);
    ipc::run(&mut kit);
    transfer::run(&mut kit);
    donation::run(&mut kit);
    domain::run(&mut kit);
    budget::run(&mut kit);
    clearing::run(&mut kit);
    fuzz::run(&mut kit);
    storm::run(&mut kit);
    kit.done();
    sel4::init_thread::suspend_self()
}

fn boot_information(kit: &mut Kit, boot_info: &BootInfoPtr) {
    kit.section("9.2");
    let list = boot_info.untyped_list();
    let aligned = list.iter().all(|untyped| untyped.paddr().is_multiple_of(1 << untyped.size_bits()));
    kit.check("untypeds are aligned to their size", aligned, true);
    let devices_first = list.iter().is_sorted_by_key(|untyped| !untyped.is_device());
    kit.check("devices come first", devices_first, true);
    kit.check("time of each core", boot_info.sched_control().len(), boot_info.inner().numNodes as usize);
    kit.check("there is an image", boot_info.user_image_frames().is_empty(), false);
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("abi_root is a root task: it runs on quoll only");
}
