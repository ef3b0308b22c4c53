//! Driver of a virtio serial device (Virtio 1.2, 5.3): moves bytes between one of its ports and a line to whoever talks on
//! it (the console server, for terminals elsewhere).
//!
//! Both directions hold back the sender instead of losing bytes: when the line is full, bytes stay in the device's buffers until
//! it has none left; when the device has not sent what it was given, bytes stay in the line. For that it must be a port of its own
//! (QEMU's `virtserialport`): of what a console port (`virtconsole`) is given, QEMU drops what the host does not take.
//!
//! [`Driver`] is the logic over the [`Port`] that it needs; [`Serial`] is one of the device's.
#![no_std]

mod buffers;
mod driver;
mod hardware;

pub use driver::{Driver, Port};
pub use hardware::Serial;
pub use virtio_drivers::Error;
