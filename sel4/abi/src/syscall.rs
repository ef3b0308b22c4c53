//! System-call numbers (register x7 at `svc #0`) and the registers of a call.

/// Declares the system calls with their numbers once, with the way back from a number.
macro_rules! syscalls {
    ($($(#[$attr:meta])* $name:ident = $number:literal),+ $(,)?) => {
        /// A system call of the seL4 MCS interface (manual, section 10.1). The value is the number in x7.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i64)]
        #[allow(missing_docs, reason = "the names are the manual's")]
        pub enum Syscall {
            $($(#[$attr])* $name = $number),+
        }

        impl Syscall {
            /// The system call that x7 names, if this configuration has it.
            pub const fn from_number(number: i64) -> Option<Self> {
                match number {
                    $($(#[$attr])* $number => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

syscalls! {
    Call = -1,
    ReplyRecv = -2,
    NBSendRecv = -3,
    NBSendWait = -4,
    Send = -5,
    NBSend = -6,
    Recv = -7,
    NBRecv = -8,
    Wait = -9,
    NBWait = -10,
    Yield = -11,
    #[cfg(sel4_debug)]
    DebugPutChar = -12,
    #[cfg(sel4_debug)]
    DebugDumpScheduler = -13,
    #[cfg(sel4_debug)]
    DebugHalt = -14,
    #[cfg(sel4_debug)]
    DebugCapIdentify = -15,
    #[cfg(sel4_debug)]
    DebugSnapshot = -16,
    #[cfg(sel4_debug)]
    DebugNameThread = -17,
    #[cfg(all(sel4_debug, sel4_smp))]
    DebugSendIPI = -18,
    #[cfg(all(sel4_debug, sel4_smp))]
    DebugGetThreadAffinity = -19,
    #[cfg(sel4_benchmark)]
    BenchmarkFlushCaches = -21,
    #[cfg(sel4_benchmark)]
    BenchmarkResetLog = -22,
    #[cfg(sel4_benchmark)]
    BenchmarkFinalizeLog = -23,
    #[cfg(sel4_benchmark)]
    BenchmarkSetLogBuffer = -24,
    #[cfg(sel4_benchmark)]
    BenchmarkNullSyscall = -25,
    #[cfg(sel4_benchmark)]
    BenchmarkGetThreadUtilisation = -26,
    #[cfg(sel4_benchmark)]
    BenchmarkResetThreadUtilisation = -27,
}

/// Which general-purpose register carries what at a system call.
pub mod register {
    /// Capability invoked (in), badge of the sender (out).
    pub const CAP: usize = 0;
    /// Message info, in and out.
    pub const INFO: usize = 1;
    /// The first of the message registers that travel in CPU registers.
    pub const FIRST_MESSAGE: usize = 2;
    /// The reply capability of a receive.
    pub const REPLY: usize = 6;
    /// The system call's number.
    pub const NUMBER: usize = 7;
    /// Destination of the send of `NBSendRecv`.
    pub const SEND_RECV_DEST: usize = 8;
    /// Destination of the send of `NBSendWait`.
    pub const SEND_WAIT_DEST: usize = 6;
}
