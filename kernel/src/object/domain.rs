//! Domains: the methods of the domain capability (seL4 manual, section 6.3).

use crate::error::SysError;
use crate::invoke::Args;
use crate::mem::Ref;
use crate::object::tcb::Tcb;
use crate::sched;
use crate::state;
use quoll_kernel_core::cap::Cap;
use quoll_kernel_core::domain::{DURATION_BITS, Entry};
use sel4_abi::config::{NUM_DOMAIN_SCHEDULES, NUM_DOMAINS};
use sel4_abi::label::InvocationLabel as Label;

/// Methods of the domain capability.
pub fn invoke(label: Label, args: &Args) -> Result<(), SysError> {
    match label {
        Label::DomainSetSet => {
            let domain = decode_domain(args.word(0))?;
            let Cap::Thread { addr } = args.cap(0).cap() else { return Err(SysError::InvalidArgument(1)) };
            let tcb: Ref<Tcb> = Ref::at(addr);
            sched::set_domain(tcb, domain);
        }
        Label::DomainScheduleConfigure => configure(args)?,
        _ => {
            let index = decode_index(args.word(0))?;
            if !state::kernel().domains.can_start(index) {
                return Err(SysError::InvalidArgument(0));
            }
            state::kernel().domains.set_start(index);
            sched::start_domain();
        }
    }
    Ok(())
}

fn decode_domain(word: u64) -> Result<u8, SysError> {
    // An interface of bytes: what is above is cut off, as in libsel4.
    let domain = word & 0xff;
    if domain < NUM_DOMAINS as u64 { Ok(domain as u8) } else { Err(SysError::InvalidArgument(0)) }
}

fn decode_index(word: u64) -> Result<usize, SysError> {
    let max = NUM_DOMAIN_SCHEDULES as u64 - 1;
    if word > max { Err(SysError::Range { min: 0, max }) } else { Ok(word as usize) }
}

fn configure(args: &Args) -> Result<(), SysError> {
    let index = decode_index(args.word(0))?;
    let (domain, duration) = (args.word(1) & 0xff, args.word(2));
    if domain >= NUM_DOMAINS as u64 {
        return Err(SysError::Range { min: 0, max: NUM_DOMAINS as u64 - 1 });
    }
    let domains = &state::kernel().domains;
    let ends_start = duration == 0 && domains.is_start(index);
    if duration >> DURATION_BITS != 0 || (duration == 0 && domain != 0) || ends_start {
        return Err(SysError::InvalidArgument(2));
    }
    domains.configure(index, Entry { domain: domain as u8, duration });
    Ok(())
}
