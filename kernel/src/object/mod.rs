//! Kernel objects, one file each.

pub mod asid;
#[cfg(sel4_debug)]
pub mod breakpoint;
pub mod cnode;
pub mod delete;
pub mod domain;
pub mod endpoint;
pub mod frame;
pub mod irq;
pub mod mailbox;
pub mod notification;
pub mod page_table;
pub mod reply;
pub mod sched_context;
pub mod slot;
pub mod smc;
pub mod tcb;
pub mod tcb_invoke;
pub mod untyped;
pub mod vcpu;
pub mod vcpu_context;
pub mod vspace;
