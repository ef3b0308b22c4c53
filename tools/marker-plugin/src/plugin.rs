//! The plugin proper. QEMU's plugin interface, version 4 (QEMU documentation, "TCG Plugins"), as far as it is used is
//! declared here, because Debian's QEMU comes without its header.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::mem::offset_of;
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use crate::{Event, Range, WFI, What, marker, parse_range};

/// The interface that this plugin is written for.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = 4;

/// `enum qemu_plugin_cb_flags`: the callback looks at no registers.
const NO_REGISTERS: c_int = 0;
/// `enum qemu_plugin_op`: add an immediate to a 64-bit counter.
const ADD_U64: c_int = 0;

#[repr(C)]
struct TranslationBlock {
    _opaque: [u8; 0],
}
#[repr(C)]
struct Instruction {
    _opaque: [u8; 0],
}
#[repr(C)]
struct Scoreboard {
    _opaque: [u8; 0],
}

/// `qemu_plugin_u64`: a counter of each core at an offset in a scoreboard.
#[repr(C)]
#[derive(Clone, Copy)]
struct Counter {
    scoreboard: *mut Scoreboard,
    offset: usize,
}

// SAFETY: QEMU hands out the pointer for use by any of its threads and never moves or frees the scoreboard while the
// plugin is loaded; it is only passed back to QEMU.
unsafe impl Send for Counter {}
// SAFETY: as above.
unsafe impl Sync for Counter {}

type TranslateCallback = unsafe extern "C" fn(u64, *mut TranslationBlock);
type ExecuteCallback = extern "C" fn(c_uint, *mut c_void);
type ExitCallback = extern "C" fn(u64, *mut c_void);

unsafe extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: u64, callback: TranslateCallback);
    fn qemu_plugin_register_atexit_cb(id: u64, callback: ExitCallback, data: *mut c_void);
    fn qemu_plugin_tb_n_insns(block: *const TranslationBlock) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const TranslationBlock, index: usize) -> *mut Instruction;
    fn qemu_plugin_insn_data(instruction: *const Instruction, to: *mut c_void, length: usize) -> usize;
    fn qemu_plugin_insn_vaddr(instruction: *const Instruction) -> u64;
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Instruction,
        callback: ExecuteCallback,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
        instruction: *mut Instruction,
        operation: c_int,
        counter: Counter,
        immediate: u64,
    );
    fn qemu_plugin_scoreboard_new(element_size: usize) -> *mut Scoreboard;
    fn qemu_plugin_u64_sum(counter: Counter) -> u64;
}

/// What each core counts: its scoreboard.
#[repr(C)]
struct Counts {
    /// All that it executed.
    all: u64,
    /// In a guest.
    guest: u64,
}

struct State {
    all: Counter,
    guest: Counter,
    /// Where the hypervisor executes.
    host: Vec<Range>,
    /// Set by the guest's first instruction.
    guest_came: Once,
    log: Mutex<BufWriter<File>>,
}

static STATE: OnceLock<State> = OnceLock::new();

impl State {
    fn note(&self, what: What) {
        // SAFETY: the counters lie in a scoreboard that QEMU made.
        let (count, guest) = unsafe { (qemu_plugin_u64_sum(self.all), qemu_plugin_u64_sum(self.guest)) };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk shows in the reader: the log lacks its end. Flushed at once: QEMU may be killed.
        let _ = writeln!(log, "{}", Event { what, count, guest }).and_then(|()| log.flush());
    }

    /// Whether what is executed at `address` is a guest's.
    fn is_guests(&self, address: u64) -> bool {
        let guests = !self.host.is_empty() && !self.host.iter().any(|range| range.contains(address));
        if guests {
            self.guest_came.call_once(|| self.note(What::Guest));
        }
        guests
    }
}

/// QEMU calls this when it loads the plugin. Takes the arguments `out=FILE` and `host=0xSTART+0xSIZE`, the
/// latter as often as wanted.
///
/// # Safety
/// As QEMU calls it: `argv` holds `argc` strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    _info: *const c_void,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    let count = usize::try_from(argc).unwrap_or(0);
    // SAFETY: QEMU gives `argc` strings that end in NUL.
    let arguments: Vec<&CStr> = (0..count).map(|index| unsafe { CStr::from_ptr(*argv.add(index)) }).collect();
    let options = |name| arguments.iter().filter_map(move |argument| argument.to_str().ok()?.strip_prefix(name));
    let Some(file) = options("out=").next().and_then(|path| File::create(path).ok()) else {
        eprintln!("marker plugin: needs out=FILE, and a file that can be written");
        return -1;
    };
    let Some(host) = options("host=").map(parse_range).collect() else {
        eprintln!("marker plugin: host is given as 0xSTART+0xSIZE");
        return -1;
    };
    // SAFETY: we are being installed, which is when scoreboards may be made.
    let scoreboard = unsafe { qemu_plugin_scoreboard_new(size_of::<Counts>()) };
    let state = State {
        all: Counter { scoreboard, offset: offset_of!(Counts, all) },
        guest: Counter { scoreboard, offset: offset_of!(Counts, guest) },
        host,
        guest_came: Once::new(),
        log: Mutex::new(BufWriter::new(file)),
    };
    if STATE.set(state).is_err() {
        return -1;
    }
    // SAFETY: the callbacks have the types that QEMU expects and live as long as the library.
    unsafe {
        qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
        qemu_plugin_register_atexit_cb(id, at_exit, std::ptr::null_mut());
    }
    0
}

/// Adds the counting to each instruction as its block is translated. Per instruction, not per block: a block that an
/// exception leaves early must count only what it executed.
///
/// # Safety
/// As QEMU calls it: `block` is being translated.
unsafe extern "C" fn translated(_id: u64, block: *mut TranslationBlock) {
    let Some(state) = STATE.get() else { return };
    // SAFETY: `block` is valid during this call.
    let length = unsafe { qemu_plugin_tb_n_insns(block) };
    for index in 0..length {
        let mut word = [0; 4];
        // SAFETY: the index is in range; the instruction is valid during this call; `word` has the length given.
        unsafe {
            let instruction = qemu_plugin_tb_get_insn(block, index);
            qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, ADD_U64, state.all, 1);
            if state.is_guests(qemu_plugin_insn_vaddr(instruction)) {
                qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, ADD_U64, state.guest, 1);
            }
            qemu_plugin_insn_data(instruction, word.as_mut_ptr().cast(), word.len());
            let word = u32::from_le_bytes(word);
            if let Some(number) = marker(word) {
                let data = std::ptr::without_provenance_mut(number as usize);
                qemu_plugin_register_vcpu_insn_exec_cb(instruction, reached, NO_REGISTERS, data);
            } else if word == WFI {
                qemu_plugin_register_vcpu_insn_exec_cb(instruction, waits, NO_REGISTERS, std::ptr::null_mut());
            }
        }
    }
}

fn note(what: What) {
    if let Some(state) = STATE.get() {
        state.note(what);
    }
}

extern "C" fn reached(_vcpu: c_uint, number: *mut c_void) {
    // It is a number that `translated` put there.
    note(What::Marker(number.addr() as u32));
}

extern "C" fn waits(_vcpu: c_uint, _data: *mut c_void) {
    note(What::Wait);
}

extern "C" fn at_exit(_id: u64, _data: *mut c_void) {
    note(What::End);
}
