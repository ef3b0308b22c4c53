//! Calls to the secure monitor, by capability. A badged one allows a single function.

use crate::arch;
use crate::error::SysError;
use crate::invoke::{Args, Outcome};
use crate::ipc;

/// The method of an SMC capability: x0 to x7 there and back.
pub fn invoke(badge: u64, args: &Args) -> Result<Outcome, SysError> {
    let registers = core::array::from_fn(|index| args.word(index));
    if badge != 0 && badge != registers[0] {
        return Err(SysError::IllegalOperation);
    }
    let results = arch::smc(registers);
    for (index, value) in results.iter().enumerate() {
        ipc::set_mr(args.thread(), index, *value);
    }
    Ok(Outcome::Written(results.len()))
}
