//! Control registers: what traps, for native threads and for guests, and the state in which EL0 and EL1 find the core.

use super::sysreg::{barrier, read, write};

/// Bits of `HCR_EL2` (ARM ARM, D24.2.48).
mod hcr {
    pub const VM: u64 = 1 << 0;
    pub const SWIO: u64 = 1 << 1;
    pub const FMO: u64 = 1 << 3;
    pub const IMO: u64 = 1 << 4;
    pub const AMO: u64 = 1 << 5;
    pub const FB: u64 = 1 << 9;
    pub const BSU_INNER: u64 = 1 << 10;
    pub const DC: u64 = 1 << 12;
    pub const TWI: u64 = 1 << 13;
    pub const TID3: u64 = 1 << 18;
    pub const TSC: u64 = 1 << 19;
    pub const TIDCP: u64 = 1 << 20;
    pub const TACR: u64 = 1 << 21;
    pub const TGE: u64 = 1 << 27;
    pub const RW: u64 = 1 << 31;
    pub const TLOR: u64 = 1 << 35;
    pub const TERR: u64 = 1 << 36;
}

/// Stage 2 on, physical interrupts to the kernel, invalidation by set and way also cleans, 64-bit EL1.
const HCR_COMMON: u64 = hcr::VM | hcr::SWIO | hcr::FMO | hcr::IMO | hcr::AMO | hcr::TSC | hcr::TIDCP | hcr::RW;
/// Native threads: exceptions of EL0 come to the kernel, stage 1 is off and memory is normal unless stage 2 says otherwise.
pub const HCR_NATIVE: u64 = HCR_COMMON | hcr::TGE | hcr::DC;
/// Guests: maintenance reaches all cores; WFI, identification, ACTLR, LORegion and RAS registers trap. Pointer
/// authentication, memory tagging, nesting and the context numbers trap because their enabling bits are clear.
pub const HCR_GUEST: u64 =
    HCR_COMMON | hcr::FB | hcr::BSU_INNER | hcr::TWI | hcr::TID3 | hcr::TACR | hcr::TLOR | hcr::TERR;

/// EL0 may use the physical counter and timer.
const CNTHCT_NATIVE: u64 = 3;
/// A guest may read the physical counter; the physical timer belongs to native threads.
pub const CNTHCTL_GUEST: u64 = 1;
/// For EL0: physical counter (bit 0) and physical timer (bit 9), not the virtual ones.
const CNTKCTL_NATIVE: u64 = 1 | 1 << 9;
/// For EL0, stage 1 off: cache maintenance, `CTR_EL0`, `DC ZVA`, WFI and WFE are allowed; RES1 bits of ARMv8.0.
const SCTLR_EL1_NATIVE: u64 = 0x34d5_c820;
/// Floating point is not trapped by this register; `CPTR_EL2` decides.
const CPACR_NATIVE: u64 = 3 << 20;

/// Sets what acts on EL0 for a native thread.
pub fn native_controls() {
    write!("sctlr_el1", SCTLR_EL1_NATIVE);
    write!("cpacr_el1", CPACR_NATIVE);
    write!("cntkctl_el1", CNTKCTL_NATIVE);
    write!("cnthctl_el2", CNTHCT_NATIVE);
    write!("hcr_el2", HCR_NATIVE);
}

/// Debug, trace, profiling and performance registers trap; all counters stay as many as they are.
fn trap_debug() {
    const COUNTERS: u64 = 0x1f;
    const TPMCR: u64 = 1 << 5;
    const TPM: u64 = 1 << 6;
    const TDA: u64 = 1 << 9;
    const TDOSA: u64 = 1 << 10;
    const TDRA: u64 = 1 << 11;
    const TPMS: u64 = 1 << 14;
    const TTRF: u64 = 1 << 19;
    let counters = read!("mdcr_el2") & COUNTERS;
    let performance = if cfg!(sel4_benchmark) { 0 } else { TPMCR | TPM };
    write!("mdcr_el2", counters | performance | TDA | TDOSA | TDRA | TPMS | TTRF);
    write!("mdscr_el1", 0);
    if cfg!(sel4_debug) {
        // While the OS lock is set, as it is at reset, there are no breakpoints.
        write!("oslar_el1", 0);
    }
}

/// Whether the processor has the architecture's performance monitors.
fn has_performance_monitors() -> bool {
    const IMPLEMENTATION_DEFINED: u64 = 0xf;
    let version = read!("id_aa64dfr0_el1") >> 8 & 0xf;
    version != 0 && version != IMPLEMENTATION_DEFINED
}

/// Native threads have no performance monitors, but the benchmark configuration gives them the cycle counter.
fn set_up_performance_monitors() {
    if !has_performance_monitors() {
        return;
    }
    write!("pmuserenr_el0", 0);
    if cfg!(sel4_benchmark) {
        export_cycle_counter();
    }
}

/// Counts cycles at all levels, readable at EL0.
fn export_cycle_counter() {
    const ENABLE: u64 = 1;
    const RESET_CYCLES: u64 = 1 << 2;
    const LONG_CYCLES: u64 = 1 << 6;
    const CYCLES: u64 = 1 << 31;
    /// Counts at EL2 too.
    const FILTER_EL2: u64 = 1 << 27;
    write!("pmcr_el0", read!("pmcr_el0") | ENABLE | RESET_CYCLES | LONG_CYCLES);
    write!("pmccfiltr_el0", FILTER_EL2);
    write!("pmcntenset_el0", CYCLES);
    write!("pmuserenr_el0", ENABLE);
}

/// Registers of newer cores that hold traps of their own: zero traps what they control, or leaves it disabled.
fn clear_newer_traps() {
    let features = read!("id_aa64mmfr1_el1");
    if features >> 40 & 0xf != 0 {
        // HCRX_EL2
        write!("s3_4_c1_c2_2", 0);
    }
    let fine_grained = read!("id_aa64mmfr0_el1") >> 56 & 0xf != 0;
    if fine_grained {
        // HFGRTR_EL2, HFGWTR_EL2, HFGITR_EL2, HDFGRTR_EL2, HDFGWTR_EL2
        write!("s3_4_c1_c1_4", 0);
        write!("s3_4_c1_c1_5", 0);
        write!("s3_4_c1_c1_6", 0);
        write!("s3_4_c3_c1_4", 0);
        write!("s3_4_c3_c1_5", 0);
    }
}

/// Brings this core's EL0, EL1 and EL2 into a defined state, native threads' (all of it is unknown at reset).
pub fn start() {
    write!("vtcr_el2", quoll_kernel_core::stage2::VTCR);
    write!("vttbr_el2", super::empty_address_space());
    super::local().vttbr.set(super::empty_address_space());
    write!("hstr_el2", 0);
    write!("cntvoff_el2", 0);
    write!("cntv_ctl_el0", 0);
    write!("cntp_ctl_el0", 0);
    write!("vpidr_el2", read!("midr_el1"));
    write!("vmpidr_el2", read!("mpidr_el1"));
    write!("tcr_el1", 0);
    trap_debug();
    clear_newer_traps();
    set_up_performance_monitors();
    native_controls();
    super::fpu::start();
    barrier!("isb");
}
