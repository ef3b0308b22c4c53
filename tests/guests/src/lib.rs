//! What guests that measure or test a hypervisor share; what they are made of is [`bare_guest`]. The programs are in `src/bin`.

#![no_std]
#![cfg(target_os = "none")]

pub mod messages;
pub mod shares;
