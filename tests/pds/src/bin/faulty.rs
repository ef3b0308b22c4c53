//! Faults on purpose, so that the monitor has something to report. The channel that notifies says how.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::hint::black_box;
use core::ptr;

use sel4_abi::microkit::slot::BASE_OUTPUT_NOTIFICATION;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain};

const NULL_WRITE: Channel = Channel::new(1);
const STACK_OVERFLOW: Channel = Channel::new(2);
const UNDEFINED_INSTRUCTION: Channel = Channel::new(3);
const WRITE_TO_CODE: Channel = Channel::new(4);
const JUMP_TO_DATA: Channel = Channel::new(5);
const PANIC: Channel = Channel::new(6);
const MISSING_CAPABILITY: Channel = Channel::new(7);

struct Faulty;

#[protection_domain]
fn init() -> impl Handler {
    Faulty
}

impl Handler for Faulty {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        for channel in channels.iter() {
            fault(channel);
        }
        Ok(())
    }
}

fn fault(how: Channel) {
    match how {
        // SAFETY: nothing is mapped there: the thread stops.
        NULL_WRITE => unsafe { ptr::write_volatile(black_box(ptr::without_provenance_mut(8)), 1u64) },
        STACK_OVERFLOW => {
            overflow(0);
        }
        UNDEFINED_INSTRUCTION => undefined_instruction(),
        // SAFETY: code is mapped without the right to write: the thread stops.
        WRITE_TO_CODE => unsafe { ptr::write_volatile(black_box(init as *mut u64), 0) },
        JUMP_TO_DATA => jump_to_data(),
        PANIC => panic!("on purpose"),
        // The slot of channel 9's notification, which the domain does not have.
        MISSING_CAPABILITY => {
            sel4::cap::Notification::from_bits(BASE_OUTPUT_NOTIFICATION + 9).wait();
        }
        _ => {}
    }
}

#[allow(unconditional_recursion, reason = "it is what is tested")]
#[inline(never)]
fn overflow(depth: usize) -> usize {
    black_box([depth; 64])[depth % 64] + overflow(depth + 1)
}

fn undefined_instruction() {
    /// `udf #0`, among the code.
    #[unsafe(link_section = ".text.undefined")]
    static UNDEFINED: u32 = 0;
    // SAFETY: the first instruction there is undefined: the thread stops.
    let undefined: extern "C" fn() = unsafe { core::mem::transmute(black_box(&raw const UNDEFINED)) };
    undefined();
}

fn jump_to_data() {
    static DATA: [u32; 4] = [0xd503_201f; 4];
    // SAFETY: data is mapped without the right to execute: the thread stops.
    let data: extern "C" fn() = unsafe { core::mem::transmute(black_box(&raw const DATA)) };
    data();
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("faulty is a protection domain: it runs on quoll only");
}
