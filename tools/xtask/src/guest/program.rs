//! Tiny programs for the guest's user space, as whole ELF files: no cross linker is needed for a handful of
//! instructions.

/// Where the file is mapped in the process.
const LOAD_ADDRESS: u64 = 0x0040_0000;
const ELF_HEADER_SIZE: u16 = 64;
const PROGRAM_HEADER_SIZE: u16 = 56;
const PAGE_SIZE: u64 = 4096;

/// A program that executes marker instruction `number` (`hint #(48 + number)`, see the marker plugin) and exits with 0.
pub fn marker(number: u32) -> Vec<u8> {
    let hint = 0xd503_201f | ((48 + number) << 5);
    let mov_x8_exit = 0xd280_0ba8;
    let mov_x0_0 = 0xd280_0000;
    let svc_0 = 0xd400_0001;
    elf(&[hint, mov_x8_exit, mov_x0_0, svc_0])
}

/// A static AArch64 executable of one segment that starts at its first instruction (ELF-64 object file format).
fn elf(code: &[u32]) -> Vec<u8> {
    let headers = u64::from(ELF_HEADER_SIZE + PROGRAM_HEADER_SIZE);
    let size = headers + 4 * code.len() as u64;
    let mut file = Vec::new();
    let (class_64, little_endian, version, system_v) = (2, 1, 1, 0);
    file.extend([0x7f, b'E', b'L', b'F', class_64, little_endian, version, system_v, 0, 0, 0, 0, 0, 0, 0, 0]);
    let (executable, aarch64) = (2u16, 183u16);
    put16(&mut file, &[executable, aarch64]);
    put32(&mut file, &[1]);
    put64(&mut file, &[LOAD_ADDRESS + headers, u64::from(ELF_HEADER_SIZE), 0]);
    put32(&mut file, &[0]);
    let (program_headers, section_header_size) = (1, 64);
    put16(&mut file, &[ELF_HEADER_SIZE, PROGRAM_HEADER_SIZE, program_headers, section_header_size, 0, 0]);
    let (load, read_execute) = (1, 5);
    put32(&mut file, &[load, read_execute]);
    put64(&mut file, &[0, LOAD_ADDRESS, LOAD_ADDRESS, size, size, PAGE_SIZE]);
    put32(&mut file, code);
    file
}

fn put16(file: &mut Vec<u8>, values: &[u16]) {
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put32(file: &mut Vec<u8>, values: &[u32]) {
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put64(file: &mut Vec<u8>, values: &[u64]) {
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_their_standard_sizes() {
        let file = marker(3);
        assert_eq!(file.len(), 64 + 56 + 16);
        let entry = u64::from_le_bytes(file[24..32].try_into().expect("eight bytes"));
        assert_eq!(entry, LOAD_ADDRESS + 120);
        // hint #51: CRm = 6, op2 = 3.
        assert_eq!(file[120..124], 0xd503_267fu32.to_le_bytes());
    }
}
