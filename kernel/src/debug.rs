//! The debug configuration's system calls and messages (seL4 manual, section 10.2.2). Release says nothing.

use crate::fault::Fault;
use crate::mem::Ref;
use crate::object::tcb::Tcb;

#[cfg(sel4_debug)]
pub use build::{print, system_call, unhandled_fault};

/// A fault that nobody is told.
#[cfg(not(sel4_debug))]
pub fn unhandled_fault(_tcb: Ref<Tcb>, _fault: Fault) {}

/// This configuration has no further system calls.
#[cfg(not(any(sel4_debug, sel4_benchmark)))]
pub fn system_call(thread: Ref<Tcb>, call: sel4_abi::syscall::Syscall) {
    crate::fault::raise(thread, Fault::UnknownSyscall { number: call as i64 as u64 });
}

#[cfg(sel4_debug)]
mod build {
    use super::*;
    use crate::arch;
    use crate::cpu::{Cpu, SEVERAL};
    use crate::fault;
    use crate::ipc;
    use crate::object::cnode;
    use crate::object::tcb::NAME_LENGTH;
    use core::fmt::{self, Write};
    use quoll_kernel_core::cap::Cap;
    use sel4_abi::syscall::{Syscall, register};

    /// The debug console.
    struct Console;

    impl Write for Console {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            text.bytes().for_each(arch::console::put);
            Ok(())
        }
    }

    /// Prints to the debug console.
    pub fn print(arguments: fmt::Arguments) {
        // The console has no errors.
        let _ = Console.write_fmt(arguments);
    }

    /// The thread's name as text.
    struct Name(Ref<Tcb>);

    impl fmt::Display for Name {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let name = self.0.name.get();
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
            name[..end].iter().try_for_each(|byte| match byte {
                0x20..0x7f => f.write_char(*byte as char),
                _ => f.write_char('?'),
            })
        }
    }

    /// A fault that nobody is told.
    pub fn unhandled_fault(tcb: Ref<Tcb>, fault: Fault) {
        let pc = tcb.regs.pc.get();
        print(format_args!("quoll: thread \"{}\" at {pc:#x} has no handler for {fault:x?}\n", Name(tcb)));
    }

    /// Does one of the debug configuration's own system calls.
    pub fn system_call(thread: Ref<Tcb>, call: Syscall) {
        let x0 = thread.regs.x[register::CAP].get();
        match call {
            Syscall::DebugPutChar => arch::console::put(x0 as u8),
            Syscall::DebugDumpScheduler | Syscall::DebugSnapshot => dump_scheduler(),
            Syscall::DebugHalt => {
                print(format_args!("quoll: halted at a thread's request\n"));
                arch::halt()
            }
            Syscall::DebugCapIdentify => {
                let tag = cnode::lookup_slot(thread, x0).map_or(0, |slot| slot.raw().tag_bits());
                thread.regs.x[register::CAP].set(u64::from(tag));
            }
            Syscall::DebugNameThread => name_thread(thread, x0),
            #[cfg(sel4_smp)]
            Syscall::DebugSendIPI => send_ipi(x0, thread.regs.x[register::INFO].get()),
            #[cfg(sel4_smp)]
            Syscall::DebugGetThreadAffinity => thread.regs.x[register::CAP].set(affinity(thread, x0)),
            other => fault::raise(thread, Fault::UnknownSyscall { number: other as i64 as u64 }),
        }
    }

    /// Sends a software-generated interrupt to a core.
    #[cfg(sel4_smp)]
    fn send_ipi(target: u64, irq: u64) {
        const SGIS: u64 = 16;
        if target < arch::cores() as u64 && irq < SGIS {
            arch::irq::send_sgi(irq as u32, 1 << target);
        } else {
            print(format_args!("quoll: no core {target}, or no software-generated interrupt {irq}\n"));
        }
    }

    /// The core that a thread belongs to; 0 for what is no thread.
    #[cfg(sel4_smp)]
    fn affinity(thread: Ref<Tcb>, cptr: u64) -> u64 {
        let Ok(Cap::Thread { addr }) = cnode::lookup_slot(thread, cptr).map(|slot| slot.cap()) else { return 0 };
        u64::from(Ref::<Tcb>::at(addr).core.get())
    }

    /// The name is a string in the caller's message registers, as bytes.
    fn name_thread(thread: Ref<Tcb>, cptr: u64) {
        let Ok(Cap::Thread { addr }) = cnode::lookup_slot(thread, cptr).map(|slot| slot.cap()) else {
            return print(format_args!("quoll: a thread was to be named, but {cptr:#x} is no thread\n"));
        };
        let mut name = [0; NAME_LENGTH];
        if let Some(buffer) = thread.buffer() {
            for (index, byte) in name[..NAME_LENGTH - 1].iter_mut().enumerate() {
                *byte = buffer.get(ipc::MSG + index / 8).to_le_bytes()[index % 8];
                if *byte == 0 {
                    break;
                }
            }
        }
        Ref::<Tcb>::at(addr).name.set(name);
    }

    fn dump_scheduler() {
        print(format_args!("Dumping all threads that run or wait for time\n"));
        arch::globals().cpus.iter().take(arch::cores()).enumerate().for_each(dump_core);
    }

    fn dump_core((core, cpu): (usize, &Cpu)) {
        if SEVERAL {
            print(format_args!("core {core}:\n"));
        }
        let line = |what: &str, tcb: Ref<Tcb>| {
            let (priority, pc) = (tcb.priority.get(), tcb.regs.pc.get());
            print(format_args!("{what:8} {:32} priority {priority:3} at {pc:#x}\n", Name(tcb)));
        };
        cpu.current.get().into_iter().for_each(|tcb| line("running", tcb));
        cpu.ready.iter().flat_map(|queues| queues.iter()).for_each(|tcb| line("ready", tcb));
        cpu.release.iter().for_each(|tcb| line("release", tcb));
    }
}
