//! Whole reports, as they are printed.

use monitor::{Domain, Report};
use sel4::{Fault, IpcBuffer, MessageInfo, UserContext, Word};

const DOMAIN: Domain<'static> = Domain { name: "driver", stack_bottom: Some(0xff_ffff_c000) };

fn fault(label: Word, message: &[Word]) -> Option<Fault> {
    let mut ipc_buffer = IpcBuffer::default();
    ipc_buffer.msg_regs_mut()[..message.len()].copy_from_slice(message);
    monitor::fault(&ipc_buffer, &MessageInfo::new(label, 0, 0, message.len()))
}

fn report(fault: Option<Fault>, registers: Option<UserContext>) -> String {
    Report { teller: "MONITOR", outcome: "is stopped", domain: DOMAIN, fault, registers }.to_string()
}

/// The report's lines before the registers.
fn lines(fault: Option<Fault>) -> Vec<String> {
    let report = report(fault, None);
    let mut lines: Vec<_> = report.lines().map(str::to_owned).collect();
    assert_eq!(lines.remove(0), "MONITOR: protection domain 'driver' has faulted and is stopped");
    assert_eq!(lines.pop().as_deref(), Some("  registers: cannot be read"));
    lines
}

#[test]
fn null_pointer() {
    let expected = [
        "  what: bad write of 8 bytes at 0x8: nothing is mapped there",
        "  instruction at: 0x2013ac",
        "  help: a null pointer, or a field or element of one",
    ];
    assert_eq!(lines(fault(6, &[0x20_13ac, 8, 0, 0x93c0_8044])), expected);
}

#[test]
fn stack_overflow() {
    let lines = lines(fault(6, &[0x20_13ac, 0xff_ffff_bff0, 0, 0x9200_0047]));
    assert_eq!(lines[0], "  what: bad write at 0xffffffbff0: nothing is mapped there");
    assert_eq!(lines[2], "  help: stack overflow: the stack ends at 0xffffffc000; give the domain a larger stack_size");
}

#[test]
fn missing_capability() {
    let expected = [
        "  what: send on a bad capability pointer 0x4f: empty slot (9 bits left)",
        "  instruction at: 0x201000",
        "  help: the slot is for: protected call of channel 5; the system description gives the domain no such thing",
    ];
    assert_eq!(lines(fault(1, &[0x20_1000, 0x4f, 0, 2, 9])), expected);
}

#[test]
fn undefined_instruction() {
    let lines = lines(fault(3, &[0x20_1000, 0, 0, 0x0200_0000, 0]));
    assert_eq!(lines[0], "  what: undefined instruction (syndrome 0x2000000, code 0x0)");
    assert!(lines[2].contains("after a panic"), "{lines:?}");
}

#[test]
fn unknown_system_call() {
    let mut message = [0; 13];
    (message[8], message[12]) = (0x20_1000, 7);
    assert_eq!(lines(fault(2, &message)), ["  what: unknown system call 7", "  instruction at: 0x201000"]);
}

#[test]
fn other_messages() {
    assert_eq!(lines(None), ["  what: a message that is no fault"]);
    assert_eq!(lines(fault(5, &[3, 1000])), ["  what: budget used up; 1000 us used, scheduling context 3"]);
}

#[test]
fn every_register_once() {
    let mut registers = UserContext::default();
    for (i, word) in registers.as_words_mut().iter_mut().enumerate() {
        *word = 0xabc_0000 + i as Word;
    }
    let report = report(None, Some(registers));
    for i in 0..36 {
        let value = format!("{:#018x}", 0xabc_0000 + i);
        assert_eq!(report.matches(&value).count(), 1, "{report}");
    }
    assert!(report.contains("\n  x0   0x000000000abc0003 x1   0x000000000abc0004"), "{report}");
    assert!(report.contains("\n  pc   0x000000000abc0000 sp   0x000000000abc0001 spsr 0x000000000abc0002"), "{report}");
}
