//! The macros that ask for the kernel's configuration, in the places where programs use them.

use sel4::{
    sel4_cfg, sel4_cfg_attr, sel4_cfg_bool, sel4_cfg_enum, sel4_cfg_if, sel4_cfg_str, sel4_cfg_struct, sel4_cfg_usize,
    sel4_cfg_word, sel4_cfg_wrap_match,
};

#[sel4_cfg(PRINTING)]
const PRINTING: bool = true;
#[sel4_cfg(not(PRINTING))]
const PRINTING: bool = false;

#[sel4_cfg_struct]
#[derive(Default)]
struct Fields {
    #[sel4_cfg(DEBUG_BUILD)]
    debug: u8,
    #[sel4_cfg(not(DEBUG_BUILD))]
    release: u8,
}

impl Fields {
    #[sel4_cfg(DEBUG_BUILD)]
    const fn only(&self) -> u8 {
        self.debug + 1
    }

    #[sel4_cfg(not(DEBUG_BUILD))]
    const fn only(&self) -> u8 {
        self.release
    }
}

#[sel4_cfg_enum]
#[sel4_cfg_attr(DEBUG_BUILD, derive(Debug))]
enum Variants {
    #[sel4_cfg(not(MAX_NUM_NODES = "1"))]
    Several,
    #[sel4_cfg(MAX_NUM_NODES = "1")]
    One,
}

impl Variants {
    const fn cores(&self) -> usize {
        sel4_cfg_wrap_match! {
            match self {
                #[sel4_cfg(not(MAX_NUM_NODES = "1"))]
                Self::Several => 4,
                #[sel4_cfg(MAX_NUM_NODES = "1")]
                Self::One => 1,
            }
        }
    }
}

type Cores = sel4_cfg_if! {
    if #[sel4_cfg(ENABLE_SMP_SUPPORT)] {
        [u8; 4]
    } else {
        [u8; 1]
    }
};

sel4_cfg_if! {
    if #[sel4_cfg(ENABLE_SMP_SUPPORT)] {
        const VARIANT: Variants = Variants::Several;
    } else {
        const VARIANT: Variants = Variants::One;
    }
}

#[test]
fn macros_answer_for_this_configuration() {
    assert_eq!(PRINTING, cfg!(sel4_debug));
    assert_eq!(sel4_cfg_bool!(all(DEBUG_BUILD, not(ENABLE_SMP_SUPPORT))), cfg!(all(sel4_debug, not(sel4_smp))));
    assert_eq!(Fields::default().only(), u8::from(cfg!(sel4_debug)));
    assert_eq!(VARIANT.cores(), if cfg!(sel4_smp) { 4 } else { 1 });
    assert_eq!(size_of::<Cores>(), VARIANT.cores());
    assert_eq!(sel4_cfg_usize!(MAX_NUM_NODES), VARIANT.cores());
    assert_eq!(sel4_cfg_word!(WORD_SIZE), 64_u64);
    assert_eq!(sel4_cfg_str!(SEL4_ARCH), "aarch64");
}

#[test]
fn constants() {
    assert_eq!(sel4::config::consts::PRINTING, PRINTING);
    assert_eq!(sel4::config::consts::SEL4_ARCH, "aarch64");
    assert_eq!(sel4::sys::seL4_PageBits, 12_u32);
    assert_eq!(sel4::sys::seL4_UserVSpaceTop, sel4::abi::object::USER_TOP);
    assert_eq!(sel4::sys::seL4_Error::seL4_DeleteFirst, sel4::Error::DeleteFirst.into_sys());
    assert_eq!(sel4::sys::seL4_TCBBits as usize, sel4::ObjectBlueprint::Tcb.physical_size_bits());
}
