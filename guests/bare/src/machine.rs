//! The instructions that the guest is made of.

use core::arch::asm;

/// Reads a device register at a physical address.
#[inline(always)]
pub fn read32(address: usize) -> u32 {
    let value;
    // SAFETY: the callers name registers of devices that the machine has; stage 1 is off.
    unsafe { asm!("ldr {value:w}, [{address}]", value = out(reg) value, address = in(reg) address) }
    value
}

/// Reads a device register by an instruction that moves its base, which an exit does not describe.
#[inline(always)]
pub fn read32_post(address: usize) -> u32 {
    let value;
    // SAFETY: as for `read32`.
    unsafe { asm!("ldr {value:w}, [{base}], #4", value = out(reg) value, base = inout(reg) address => _) }
    value
}

/// Writes a device register at a physical address.
#[inline(always)]
pub fn write32(address: usize, value: u32) {
    // SAFETY: as for `read32`.
    unsafe { asm!("str {value:w}, [{address}]", value = in(reg) value, address = in(reg) address) }
}

/// Reads a system register by name.
#[macro_export]
macro_rules! read_register {
    ($name:literal) => {{
        let value: u64;
        // SAFETY: reading it changes nothing.
        unsafe { core::arch::asm!(concat!("mrs {}, ", $name), out(reg) value) }
        value
    }};
}

/// Writes a system register by name, and makes it take effect.
#[macro_export]
macro_rules! write_register {
    ($name:literal, $value:expr) => {{
        let value: u64 = $value;
        // SAFETY: only interrupt controller, timer and masks are written, which this program owns.
        unsafe { core::arch::asm!(concat!("msr ", $name, ", {}"), "isb", in(reg) value) }
    }};
}

pub use {read_register, write_register};

/// Switches the machine off.
const PSCI_SYSTEM_OFF: u32 = 0x8400_0008;

/// SMCCC call number `function` without arguments, by HVC.
#[inline(always)]
pub fn hvc(function: u32) -> u64 {
    let mut x0 = u64::from(function);
    // SAFETY: x0 to x17 are the call's (SMCCC, 2.6); nothing else is touched.
    unsafe { asm!("hvc #0", inout("x0") x0, clobber_abi("C")) }
    x0
}

/// The same by SMC.
#[inline(always)]
pub fn smc(function: u32) -> u64 {
    let mut x0 = u64::from(function);
    // SAFETY: as for `hvc`.
    unsafe { asm!("smc #0", inout("x0") x0, clobber_abi("C")) }
    x0
}

/// Switches the machine off.
pub fn off() -> ! {
    hvc(PSCI_SYSTEM_OFF);
    loop {
        core::hint::spin_loop();
    }
}

/// Calls what is at an address.
#[inline(always)]
pub fn call_at(address: usize) {
    // SAFETY: this is for addresses where nothing is: the handler of the exception comes back behind the call.
    unsafe { asm!("blr {}", in(reg) address, clobber_abi("C")) }
}

/// Lets interrupts come.
pub fn unmask_interrupts() {
    // SAFETY: vectors and stack are set up.
    unsafe { asm!("msr daifclr, #2", "isb") }
}

/// Keeps interrupts away.
pub fn mask_interrupts() {
    // SAFETY: this only delays them.
    unsafe { asm!("msr daifset, #2") }
}

/// Waits until an interrupt is pending, masked or not.
#[inline(always)]
pub fn wait_for_interrupt() {
    // SAFETY: this only waits.
    unsafe { asm!("wfi") }
}

/// Uses the floating-point unit.
#[inline(always)]
pub fn use_fpu() {
    // SAFETY: the program is built without floating point, so nobody has anything in its registers.
    // It is `fmov d0, xzr`, which the assembler refuses in such a program.
    unsafe { asm!(".inst 0x9e6703e0") }
}

/// In a handler: goes on behind the instruction that caused the exception.
pub fn skip_instruction() {
    write_register!("elr_el1", read_register!("elr_el1") + 4);
}
