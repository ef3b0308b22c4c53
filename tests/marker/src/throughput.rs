//! What guests that measure disk, network and messages agree on with the native program that they meet in, and with `cargo xtask bench`.
//!
//! Guests do one [`Work`] after the other, all at the same time, each of them twice: [`SHORT`] batches, then [`LONG`]. In front of each they
//! meet: the native program executes marker [`MET`] when all have come, and lets them go on. So what lies between two of these markers is
//! what all guests do, and everybody for them; the difference between the two turns is free of what beginning and meeting cost.

/// All guests have come.
pub const MET: u32 = 30;

/// Batches of the first turn of each work.
pub const SHORT: usize = 4;
/// Batches of the second turn.
pub const LONG: usize = 20;

/// What a guest does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Writes to the disk in large requests.
    Write,
    /// Reads what it has written.
    Read,
    /// Reads in small requests.
    SmallRead,
    /// Sends the shortest frames to the native program, which sends them back.
    ShortFrames,
    /// The same with the longest frames.
    LongFrames,
    /// Exchanges the longest frames with its neighbour, if it has one.
    Neighbour,
    /// Exchanges messages with its neighbour, if it has one, in turn.
    Messages,
}

impl Work {
    /// All of it, in its order.
    pub const ALL: [Self; 7] = [
        Self::Write,
        Self::Read,
        Self::SmallRead,
        Self::ShortFrames,
        Self::LongFrames,
        Self::Neighbour,
        Self::Messages,
    ];

    /// Requests, frames or messages of a batch: the device is told of all of them at once, messages go one by one.
    #[must_use]
    pub const fn batch(self) -> usize {
        match self {
            Self::Write | Self::Read => 4,
            Self::SmallRead => 8,
            Self::ShortFrames | Self::LongFrames | Self::Neighbour | Self::Messages => 16,
        }
    }

    /// Bytes of each. A frame's are those without preamble and checksum.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Write | Self::Read => 64 << 10,
            Self::SmallRead => 4 << 10,
            Self::ShortFrames => 60,
            Self::LongFrames | Self::Neighbour => 1514,
            Self::Messages => 24,
        }
    }
}

/// The place in a frame of what it is for, behind the addresses and the type.
pub const KIND: usize = 14;
/// The frames' type: one for experiments (IEEE 802, annex of local experimental Ethertypes).
pub const ETHERTYPE: [u8; 2] = [0x88, 0xb5];
/// To be counted; the native program sends it back.
pub const DATA: u8 = 0;
/// From the native program: all have come. To it, anything but [`DATA`] is the number of guests that meet, one of which has come.
pub const GO: u8 = 1;

/// The address of the native program.
pub const PARTNER: [u8; 6] = address(0);

/// The address of a guest, of which the first is number 1.
#[must_use]
pub const fn address(guest: u8) -> [u8; 6] {
    [0x52, 0x54, 0, 0, 1, guest]
}

/// The number of a guest's neighbour, where there is an even number of guests.
#[must_use]
pub const fn neighbour(guest: u8) -> u8 {
    ((guest - 1) ^ 1) + 1
}
