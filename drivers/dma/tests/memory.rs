//! The state is one of the whole program, and so is the test.

use core::ptr::NonNull;

use virtio_dma::Dma;
use virtio_drivers::{BufferDirection::Both, Hal, PAGE_SIZE};

/// Pages for good, with something left in them.
fn pages(count: usize) -> NonNull<u8> {
    let bytes = vec![0xff_u8; (count + 1) * PAGE_SIZE].leak();
    let start = bytes.as_ptr().align_offset(PAGE_SIZE);
    NonNull::from(&mut bytes[start..]).cast()
}

fn share(start: NonNull<u8>, length: usize) -> u64 {
    // SAFETY: there is no device: addresses are all that is made of it.
    unsafe { Dma::share(NonNull::slice_from_raw_parts(start, length), Both) }
}

fn bytes<'a>(start: NonNull<u8>, length: usize) -> &'a [u8] {
    // SAFETY: the memory was given to the caller, and nobody writes it.
    unsafe { NonNull::slice_from_raw_parts(start, length).as_ref() }
}

#[test]
fn memory_is_given_out_once_and_known_to_the_device() {
    let (own, shared) = (pages(3), pages(1));
    // SAFETY: leaked, and used by nobody else; there is no device.
    unsafe { Dma::set_own(own, 3 * PAGE_SIZE, 0x4000_0000) };
    // SAFETY: as above.
    unsafe { Dma::set_shared(shared, PAGE_SIZE, 0x5000_0000) };
    let odd = Dma::take(10, 1).expect("room");
    let even = Dma::take(64, 64).expect("room");
    assert!(bytes(odd, 10).iter().chain(bytes(even, 64)).all(|&byte| byte == 0), "former contents are seen");
    assert_eq!([share(odd, 10), share(even, 64)], [0x4000_0000, 0x4000_0040]);
    let (address, page) = Dma::dma_alloc(1, Both);
    assert_eq!((address, page), (0x4000_1000, byte(own, PAGE_SIZE)));
    assert_eq!(Dma::dma_alloc(2, Both).0, 0, "there is one page left");
    assert_eq!(Dma::dma_alloc(1, Both).0, 0x4000_2000);
    assert_eq!(Dma::take(1, 1), None);
    assert_eq!(share(byte(shared, 512), PAGE_SIZE - 512), 0x5000_0200);
    let beyond = std::panic::catch_unwind(|| share(pages(1), 1));
    assert!(beyond.is_err(), "the device reaches what it was not given");
}

/// A byte of some pages.
fn byte(pages: NonNull<u8>, offset: usize) -> NonNull<u8> {
    // SAFETY: the callers name bytes in the pages.
    unsafe { pages.add(offset) }
}
