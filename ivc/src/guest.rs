//! Messages as a guest sends and takes them: the hypervisor's calls ([`sel4_abi::quoll::hypercall`]) by the SMC Calling
//! Convention.
//!
//! A guest finds the calls by the node compatible with `quoll,messages-1.0` in its device tree, which also names the interrupt
//! that tells of messages and signals. It is edge-triggered: who has taken it looks at [`pending`] until there is nothing.

use sel4_abi::quoll::{hypercall, port};
use smccc::Call;

/// A message.
pub type Words = [u64; port::WORDS];

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The receiver has not yet taken the one before.
    Busy,
    /// There is no such port, or no hypervisor that knows of messages.
    NoPort,
}

/// What has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Channels with a message, a bit each.
    pub messages: u64,
    /// Channels that were signalled since the last look, a bit each.
    pub signals: u64,
}

/// A call with arguments from x1 on; comes back with the status and three values.
#[inline]
fn call<C: Call>(function: u64, arguments: [u64; 4]) -> (i64, Words) {
    let mut registers = [0; 17];
    registers[..arguments.len()].copy_from_slice(&arguments);
    let [status, a, b, c, ..] = C::call64(function as u32, registers);
    (status as i64, [a, b, c])
}

const fn sent(status: i64) -> Result<(), Refused> {
    match status {
        hypercall::SUCCESS => Ok(()),
        hypercall::BUSY => Err(Refused::Busy),
        _ => Err(Refused::NoPort),
    }
}

/// Major and minor version of the calls; `None` if there are none.
pub fn version<C: Call>() -> Option<(u64, u64)> {
    let (status, [major, minor, _]) = call::<C>(hypercall::VERSION, [0; 4]);
    (status == hypercall::SUCCESS).then_some((major, minor))
}

/// Sends a message through a channel.
///
/// # Errors
/// When the one before was not taken, or the guest may not send there.
pub fn send<C: Call>(channel: u64, [a, b, c]: Words) -> Result<(), Refused> {
    sent(call::<C>(hypercall::SEND, [channel, a, b, c]).0)
}

/// Sends a message through all channels that take part in this guest's broadcasts. Nothing is learnt of the receivers.
pub fn broadcast<C: Call>([a, b, c]: Words) {
    call::<C>(hypercall::BROADCAST, [a, b, c, 0]);
}

/// Signals through a channel.
///
/// # Errors
/// When the guest may not signal there.
pub fn signal<C: Call>(channel: u64) -> Result<(), Refused> {
    sent(call::<C>(hypercall::SIGNAL, [channel, 0, 0, 0]).0)
}

/// What has come.
pub fn pending<C: Call>() -> Pending {
    match call::<C>(hypercall::PENDING, [0; 4]) {
        (hypercall::SUCCESS, [messages, signals, _]) => Pending { messages, signals },
        _ => Pending::default(),
    }
}

/// Takes the message that has come through a channel, and lets the next one come.
pub fn receive<C: Call>(channel: u64) -> Option<Words> {
    let (status, words) = call::<C>(hypercall::RECEIVE, [channel, 0, 0, 0]);
    (status == hypercall::SUCCESS).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hypervisor that has channel 5 and remembers nothing: each status says what was asked.
    struct Fake;

    impl Call for Fake {
        fn call32(_: u32, _: [u32; 7]) -> [u32; 8] {
            panic!("these are 64-bit calls")
        }

        fn call64(function: u32, x: [u64; 17]) -> [u64; 18] {
            assert_eq!(x[4..], [0; 13]);
            let (status, values) = match (u64::from(function), x[0]) {
                (hypercall::VERSION, _) => (0, [1, 0, 0]),
                (hypercall::SEND, 5) if x[1..4] == [1, 2, 3] => (0, [0; 3]),
                (hypercall::SEND, 5) => (hypercall::BUSY, [0; 3]),
                (hypercall::SIGNAL, 5) => (0, [0; 3]),
                (hypercall::PENDING, _) => (0, [1 << 5, 1 << 6, 0]),
                (hypercall::RECEIVE, 5) => (0, [7, 8, 9]),
                _ => (hypercall::INVALID_PARAMETER, [0; 3]),
            };
            let mut answer = [0; 18];
            answer[0] = status as u64;
            answer[1..4].copy_from_slice(&values);
            answer
        }
    }

    #[test]
    fn calls_are_those_of_the_interface() {
        assert_eq!(version::<Fake>(), Some((1, 0)));
        assert_eq!(send::<Fake>(5, [1, 2, 3]), Ok(()));
        assert_eq!(send::<Fake>(5, [4, 5, 6]), Err(Refused::Busy));
        assert_eq!(send::<Fake>(4, [1, 2, 3]), Err(Refused::NoPort));
        assert_eq!((signal::<Fake>(5), signal::<Fake>(4)), (Ok(()), Err(Refused::NoPort)));
        assert_eq!(pending::<Fake>(), Pending { messages: 1 << 5, signals: 1 << 6 });
        assert_eq!((receive::<Fake>(5), receive::<Fake>(4)), (Some([7, 8, 9]), None));
    }

    /// Nobody there: every call is answered as the convention says.
    struct Nobody;

    impl Call for Nobody {
        fn call32(_: u32, _: [u32; 7]) -> [u32; 8] {
            [u32::MAX; 8]
        }

        fn call64(_: u32, _: [u64; 17]) -> [u64; 18] {
            [u64::MAX; 18]
        }
    }

    #[test]
    fn without_such_a_hypervisor_nothing_comes_and_nothing_is_sent() {
        assert_eq!(version::<Nobody>(), None);
        assert_eq!(send::<Nobody>(0, [0; 3]), Err(Refused::NoPort));
        broadcast::<Nobody>([0; 3]);
        assert_eq!((pending::<Nobody>(), receive::<Nobody>(0)), (Pending::default(), None));
    }
}
