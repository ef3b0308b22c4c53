//! Calls that a guest makes of its firmware, by the SMC calling convention (Arm DEN 0028) and PSCI (Arm DEN 0022).
//! This decodes them; [`crate::guest`] carries them out.

/// What a function that does not exist returns, in the convention and in PSCI alike.
pub const NOT_SUPPORTED: u64 = -1i64 as u64;

/// SMCCC 1.2.
const SMCCC_VERSION: u64 = 0x1_0002;
/// PSCI 1.1.
const PSCI_VERSION: u64 = 0x1_0001;
/// `MIGRATE_INFO_TYPE`: there is no trusted OS that would have to be migrated.
const NO_TRUSTED_OS: u64 = 2;
/// Set in the number of a function that takes 64-bit arguments.
const SMC64: u32 = 1 << 30;

/// PSCI return codes (DEN 0022, 5.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum Psci {
    /// Done.
    Success = 0,
    /// An argument has no meaning.
    InvalidParameters = -2,
    /// The state of the system forbids it.
    Denied = -3,
    /// The CPU is on already.
    AlreadyOn = -4,
    /// The entry point is not in memory.
    InvalidAddress = -9,
}

impl Psci {
    /// The value of x0.
    pub const fn value(self) -> u64 {
        self as i64 as u64
    }
}

/// The function numbers (in their 32-bit form where both exist).
mod function {
    pub const SMCCC_VERSION: u32 = 0x8000_0000;
    pub const SMCCC_ARCH_FEATURES: u32 = 0x8000_0001;
    pub const PSCI_VERSION: u32 = 0x8400_0000;
    pub const CPU_SUSPEND: u32 = 0x8400_0001;
    pub const CPU_OFF: u32 = 0x8400_0002;
    pub const CPU_ON: u32 = 0x8400_0003;
    pub const AFFINITY_INFO: u32 = 0x8400_0004;
    pub const MIGRATE_INFO_TYPE: u32 = 0x8400_0006;
    pub const SYSTEM_OFF: u32 = 0x8400_0008;
    pub const SYSTEM_RESET: u32 = 0x8400_0009;
    pub const PSCI_FEATURES: u32 = 0x8400_000a;
    pub const SYSTEM_RESET2: u32 = 0x8400_0012;

    /// Version of the entropy service (Arm DEN 0098), of which there is none.
    pub const TRNG_VERSION: u32 = 0x8400_0050;
    /// Identity of a hypervisor that has services of its own for its guests.
    pub const HYPERVISOR_UID: u32 = 0x8600_ff01;

    /// Questions whether a service exists. That one does not is no reason to tell anybody.
    pub const PROBES: [u32; 2] = [TRNG_VERSION, HYPERVISOR_UID];
    /// All with a 64-bit form.
    pub const WITH_SMC64: [u32; 4] = [CPU_SUSPEND, CPU_ON, AFFINITY_INFO, SYSTEM_RESET2];
    /// All without.
    pub const SMC32_ONLY: [u32; 8] = [
        SMCCC_VERSION,
        PSCI_VERSION,
        CPU_OFF,
        MIGRATE_INFO_TYPE,
        SYSTEM_OFF,
        SYSTEM_RESET,
        PSCI_FEATURES,
        SMCCC_ARCH_FEATURES,
    ];
}

/// What a guest asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Nothing to do: the result is known.
    Return(u64),
    /// Start the CPU with affinity `target` at `entry` with `context` in x0.
    CpuOn {
        /// Affinity fields as in `MPIDR_EL1`.
        target: u64,
        /// Guest-physical address of the first instruction.
        entry: u64,
        /// The CPU's first x0.
        context: u64,
    },
    /// Stop the calling CPU.
    CpuOff,
    /// Is the CPU on?
    AffinityInfo {
        /// Affinity fields as in `MPIDR_EL1`.
        target: u64,
        /// The lowest affinity level that counts; only 0 is supported.
        level: u64,
    },
    /// Switch the machine off.
    SystemOff,
    /// Start the machine anew.
    SystemReset,
    /// There is no such function.
    Unknown(u32),
}

/// Decodes a call from its x0 to x3.
pub fn decode(args: [u64; 4]) -> Call {
    let number = args[0] as u32;
    if function::PROBES.contains(&number) {
        return Call::Return(NOT_SUPPORTED);
    }
    let Some(name) = known(number) else { return Call::Unknown(number) };
    let [x1, x2, x3] = arguments(number, [args[1], args[2], args[3]]);
    match name {
        function::SMCCC_VERSION => Call::Return(SMCCC_VERSION),
        function::SMCCC_ARCH_FEATURES => Call::Return(arch_features(x1 as u32)),
        function::PSCI_VERSION => Call::Return(PSCI_VERSION),
        function::PSCI_FEATURES => Call::Return(if known(x1 as u32).is_some() { 0 } else { NOT_SUPPORTED }),
        function::MIGRATE_INFO_TYPE => Call::Return(NO_TRUSTED_OS),
        // A standby state may be left at any time, and is at once: the caller then waits with WFI.
        function::CPU_SUSPEND => Call::Return(cpu_suspend(x1)),
        function::CPU_ON => Call::CpuOn { target: x1, entry: x2, context: x3 },
        function::CPU_OFF => Call::CpuOff,
        function::AFFINITY_INFO => Call::AffinityInfo { target: x1, level: x2 },
        function::SYSTEM_OFF => Call::SystemOff,
        function::SYSTEM_RESET => Call::SystemReset,
        function::SYSTEM_RESET2 if x1 == 0 => Call::SystemReset,
        function::SYSTEM_RESET2 => Call::Return(Psci::InvalidParameters.value()),
        _ => Call::Unknown(number),
    }
}

/// The 32-bit form of a function's number, if there is such a function.
fn known(number: u32) -> Option<u32> {
    let name = number & !SMC64;
    let exists = function::WITH_SMC64.contains(&name) || number == name && function::SMC32_ONLY.contains(&name);
    exists.then_some(name)
}

/// A 32-bit call has 32-bit arguments, whatever else is in the registers.
fn arguments(number: u32, args: [u64; 3]) -> [u64; 3] {
    if number & SMC64 == 0 { args.map(|arg| arg & 0xffff_ffff) } else { args }
}

fn arch_features(number: u32) -> u64 {
    match number {
        function::SMCCC_VERSION | function::SMCCC_ARCH_FEATURES => 0,
        _ => NOT_SUPPORTED,
    }
}

/// `power_state`: bit 16 asks for a power-down state, of which there is none.
fn cpu_suspend(power_state: u64) -> u64 {
    const POWER_DOWN: u64 = 1 << 16;
    if power_state & POWER_DOWN == 0 { Psci::Success.value() } else { Psci::InvalidParameters.value() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CPU_ON_64: u64 = 0xc400_0003;

    #[test]
    fn versions() {
        assert_eq!(decode([0x8400_0000, 0, 0, 0]), Call::Return(0x1_0001));
        assert_eq!(decode([0x8000_0000, 0, 0, 0]), Call::Return(0x1_0002));
    }

    #[test]
    fn what_is_there_is_announced_and_nothing_else() {
        for function in function::SMC32_ONLY.into_iter().chain(function::WITH_SMC64) {
            assert_eq!(decode([0x8400_000a, function.into(), 0, 0]), Call::Return(0), "{function:#x}");
            assert!(!matches!(decode([function.into(), 0, 0, 0]), Call::Unknown(_)), "{function:#x}");
        }
        for function in [0x8400_0005, 0xc400_0009, 0x8400_0013, 0x8600_ff00, 0] {
            assert_eq!(decode([0x8400_000a, function, 0, 0]), Call::Return(NOT_SUPPORTED), "{function:#x}");
            assert_eq!(decode([function, 0, 0, 0]), Call::Unknown(function as u32));
        }
    }

    #[test]
    fn asking_for_a_service_that_is_not_there_is_no_mistake() {
        for function in function::PROBES {
            assert_eq!(decode([function.into(), 0, 0, 0]), Call::Return(NOT_SUPPORTED));
        }
    }

    #[test]
    fn arguments_have_the_width_of_the_call() {
        let args = [0x1_0000_0001, 0x2_0000_0002, 0x3_0000_0003];
        assert_eq!(
            decode([CPU_ON_64, args[0], args[1], args[2]]),
            Call::CpuOn { target: args[0], entry: args[1], context: args[2] }
        );
        assert_eq!(decode([0x8400_0003, args[0], args[1], args[2]]), Call::CpuOn { target: 1, entry: 2, context: 3 });
    }

    #[test]
    fn suspending_is_a_standby_or_refused() {
        assert_eq!(decode([0xc400_0001, 0, 0, 0]), Call::Return(0));
        assert_eq!(decode([0xc400_0001, 1 << 16, 0, 0]), Call::Return(Psci::InvalidParameters.value()));
    }

    proptest! {
        #[test]
        fn any_call_has_an_answer(args in any::<[u64; 4]>()) {
            // What is not a fast call of one of three services is unknown.
            if !matches!(args[0] as u32 & 0x8f00_0000, 0x8000_0000 | 0x8400_0000 | 0x8600_0000) {
                prop_assert_eq!(decode(args), Call::Unknown(args[0] as u32));
            }
        }
    }
}
