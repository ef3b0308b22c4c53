//! Calls of the firmware through the kernel.

use sel4::abi::label::InvocationLabel;
use sel4::init_thread::slot;
use sel4::{Error, SmcContext};

use crate::kit::{Kit, invoke, refuses};

/// PSCI_VERSION and its answer on QEMU: 1.1 (Arm DEN0022).
const PSCI_VERSION: u64 = 0x8400_0000;
const PSCI_1_1: u64 = 0x1_0001;

pub fn run(kit: &mut Kit) {
    kit.section("10.9");
    let smc = slot::SMC.cap();
    refuses(kit, "a firmware call needs its label and arguments", smc, InvocationLabel::ARMSMCCall);
    let short = invoke(smc, InvocationLabel::ARMSMCCall as u64, &[], &[PSCI_VERSION; 7]);
    kit.check("a firmware call has eight registers", short, Err(Error::TruncatedMessage));
    let answer = smc.smc_call(&SmcContext([PSCI_VERSION, 1, 2, 3, 4, 5, 6, 7]));
    kit.check("a firmware call is answered", answer.map(|answer| answer.0[0]), Ok(PSCI_1_1));
}
