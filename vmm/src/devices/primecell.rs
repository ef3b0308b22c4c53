//! The identification that Arm's PrimeCell peripherals have at the end of their registers.

/// Offset of `PeriphID0`; eight registers with a byte each follow.
const FIRST: u64 = 0xfe0;
/// `PCellID0` to `PCellID3`: 0xb105f00d.
const CELL: [u8; 4] = [0x0d, 0xf0, 0x05, 0xb1];

/// The identification register at `offset`; 0 where there is none. `peripheral` is `PeriphID0` to `PeriphID3`.
pub fn read(peripheral: [u8; 4], offset: u64) -> u32 {
    let Some(index) = offset.checked_sub(FIRST).map(|offset| offset as usize / 4) else { return 0 };
    peripheral.iter().chain(&CELL).nth(index).copied().unwrap_or(0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_make_the_numbers() {
        let word = |base: u64| (0..4).rev().fold(0, |word, n| word << 8 | read([0x11, 0x10, 0x14, 0], base + 4 * n));
        assert_eq!(word(0xfe0), 0x0014_1011);
        assert_eq!(word(0xff0), 0xb105_f00d);
        assert_eq!(read([0xff; 4], 0xfdc), 0);
        assert_eq!(read([0xff; 4], 0x1000), 0);
    }
}
