//! The report of a fault: who, what, where, why, and the registers.

use core::fmt;

use sel4::{CapFault, Fault, UserContext, UserException, VmFault};
use sel4_abi::error::LookupFailure;

use crate::cause::Cause;
use crate::domain::Domain;
use crate::syndrome::Syndrome;

/// A report; its `Display` is what the monitor prints, without a newline at the end.
#[derive(Debug)]
pub struct Report<'a> {
    /// Who says so.
    pub teller: &'a str,
    /// What becomes of the domain, as the end of a sentence.
    pub outcome: &'a str,
    /// Who.
    pub domain: Domain<'a>,
    /// What; `None` when the kernel's message is none that the monitor knows.
    pub fault: Option<Fault>,
    /// The thread's registers; `None` when they cannot be read.
    pub registers: Option<UserContext>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: protection domain '{}' has faulted and {}", self.teller, self.domain.name, self.outcome)?;
        match &self.fault {
            Some(fault) => {
                describe(f, fault)?;
                if let Some(cause) = Cause::of(fault, &self.domain) {
                    writeln!(f, "  help: {cause}")?;
                }
            }
            None => writeln!(f, "  what: a message that is no fault")?,
        }
        match &self.registers {
            Some(registers) => write_registers(f, registers),
            None => f.write_str("  registers: cannot be read"),
        }
    }
}

fn describe(f: &mut fmt::Formatter<'_>, fault: &Fault) -> fmt::Result {
    match fault {
        Fault::VmFault(fault) => describe_vm_fault(f, fault),
        Fault::CapFault(fault) => describe_cap_fault(f, fault),
        Fault::UserException(fault) => describe_user_exception(f, fault),
        Fault::UnknownSyscall(fault) => {
            writeln!(f, "  what: unknown system call {}", fault.syscall() as i64)?;
            writeln!(f, "  instruction at: {:#x}", fault.fault_ip())
        }
        Fault::Timeout(fault) => {
            let (used, context) = (fault.inner().get_consumed(), fault.inner().get_data());
            writeln!(f, "  what: budget used up; {used} us used, scheduling context {context}")
        }
        #[cfg(sel4_debug)]
        Fault::DebugException(fault) => {
            let (number, address) = (fault.inner().get_BreakpointNumber(), fault.inner().get_TriggerAddress());
            writeln!(f, "  what: debug exception, breakpoint {number}, address {address:#x}")?;
            writeln!(f, "  instruction at: {:#x}", fault.inner().get_FaultIP())
        }
        Fault::NullFault(_) | Fault::VGicMaintenance(_) | Fault::VCpuFault(_) | Fault::VPpiEvent(_) => {
            writeln!(f, "  what: {fault:?}, which no protection domain should raise")
        }
    }
}

fn describe_vm_fault(f: &mut fmt::Formatter<'_>, fault: &VmFault) -> fmt::Result {
    let (address, syndrome) = (fault.addr(), Syndrome(fault.fsr()));
    match syndrome.access() {
        Some(access) => {
            write!(f, "  what: bad {}", access.kind)?;
            if let Some(size) = access.size {
                write!(f, " of {size} byte{}", if size == 1 { "" } else { "s" })?;
            }
            writeln!(f, " at {address:#x}: {}", access.status)?;
        }
        None => {
            let kind = if fault.is_prefetch() { "instruction fetch" } else { "access" };
            writeln!(f, "  what: bad {kind} at {address:#x}, syndrome {:#x}", syndrome.0)?;
        }
    }
    writeln!(f, "  instruction at: {:#x}", fault.ip())
}

fn describe_user_exception(f: &mut fmt::Formatter<'_>, fault: &UserException) -> fmt::Result {
    let fault = fault.inner();
    let syndrome = Syndrome(fault.get_Number());
    let name = syndrome.class_name().unwrap_or("exception");
    writeln!(f, "  what: {name} (syndrome {:#x}, code {:#x})", syndrome.0, fault.get_Code())?;
    writeln!(f, "  instruction at: {:#x}", fault.get_FaultIP())
}

fn describe_cap_fault(f: &mut fmt::Formatter<'_>, fault: &CapFault) -> fmt::Result {
    let fault = fault.inner();
    let phase = if fault.get_InRecvPhase() != 0 { "receive" } else { "send" };
    write!(f, "  what: {phase} on a bad capability pointer {:#x}: ", fault.get_Addr())?;
    let details = [fault.get_MR4(), fault.get_MR5(), fault.get_MR6()];
    match LookupFailure::from_words(fault.get_LookupFailureType(), details) {
        Some(LookupFailure::InvalidRoot) => writeln!(f, "the thread has no CSpace")?,
        Some(LookupFailure::MissingCapability { bits_left }) => writeln!(f, "empty slot ({bits_left} bits left)")?,
        Some(LookupFailure::DepthMismatch { bits_left, bits_found }) => {
            writeln!(f, "the CNode resolves {bits_found} bits, {bits_left} are left")?;
        }
        Some(LookupFailure::GuardMismatch { bits_left, guard_found, bits_found }) => {
            writeln!(f, "guard {guard_found:#x} of {bits_found} bits is not matched, {bits_left} are left")?;
        }
        None => writeln!(f, "unknown reason")?,
    }
    writeln!(f, "  instruction at: {:#x}", fault.get_IP())
}

/// Registers in a row of the report.
const COLUMNS: usize = 4;
/// General-purpose registers, x0 to x30.
const GPRS: usize = 31;

fn write_registers(f: &mut fmt::Formatter<'_>, registers: &UserContext) -> fmt::Result {
    let row = [("pc", registers.pc()), ("sp", registers.sp()), ("spsr", registers.spsr())];
    f.write_str(" ")?;
    for (name, value) in row {
        write!(f, " {name:<4} {value:#018x}")?;
    }
    for i in 0..GPRS {
        if i % COLUMNS == 0 {
            f.write_str("\n ")?;
        }
        write!(f, " x{i:<3} {:#018x}", registers.gpr(i))?;
    }
    let inner = registers.inner();
    write!(f, "\n  tpidr_el0 {:#018x} tpidrro_el0 {:#018x}", inner.tpidr_el0, inner.tpidrro_el0)
}
