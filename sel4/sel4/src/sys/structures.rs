//! Structures as the bindings have them: fields by C's names. Layouts are [`abi`](crate::abi)'s; that they are the same is
//! checked when this is compiled.

use core::mem::offset_of;

use super::{seL4_CPtr, seL4_MessageInfo, seL4_Word};
use crate::abi::config::MAX_BOOTINFO_UNTYPEDS;
use crate::abi::message::{MAX_EXTRA_CAPS, MAX_LENGTH};
use crate::abi::{bootinfo, ipc_buffer};

macro_rules! structures {
    ($($(#[$outer:meta])* $t:ident = $abi:path { $($field:ident = $named:ident: $ty:ty,)* })*) => { $(
        $(#[$outer])*
        #[allow(missing_docs, reason = "the names are the manual's")]
        pub struct $t {
            $(pub $field: $ty,)*
        }

        const _: () = {
            $(assert!(offset_of!($t, $field) == offset_of!($abi, $named));)*
            assert!(size_of::<$t>() == size_of::<$abi>() && align_of::<$t>() == align_of::<$abi>());
        };
    )* };
}

structures! {
    /// Slots from `start` up to, not with, `end`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[repr(C)]
    seL4_SlotRegion = bootinfo::SlotRegion {
        start = start: seL4_Word,
        end = end: seL4_Word,
    }

    /// One untyped capability given to the root task.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[repr(C)]
    seL4_UntypedDesc = bootinfo::UntypedDesc {
        paddr = paddr: seL4_Word,
        sizeBits = size_bits: u8,
        isDevice = is_device: u8,
        padding = padding: [u8; 6],
    }

    /// What the kernel tells the root task.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(C)]
    seL4_BootInfo = bootinfo::BootInfo {
        extraLen = extra_len: seL4_Word,
        nodeID = node_id: seL4_Word,
        numNodes = num_nodes: seL4_Word,
        numIOPTLevels = num_iopt_levels: seL4_Word,
        ipcBuffer = ipc_buffer: *mut seL4_IPCBuffer,
        empty = empty: seL4_SlotRegion,
        sharedFrames = shared_frames: seL4_SlotRegion,
        userImageFrames = user_image_frames: seL4_SlotRegion,
        userImagePaging = user_image_paging: seL4_SlotRegion,
        ioSpaceCaps = io_space_caps: seL4_SlotRegion,
        extraBIPages = extra_bi_pages: seL4_SlotRegion,
        initThreadCNodeSizeBits = init_thread_cnode_size_bits: seL4_Word,
        initThreadDomain = init_thread_domain: seL4_Word,
        schedcontrol = sched_control: seL4_SlotRegion,
        untyped = untyped: seL4_SlotRegion,
        untypedList = untyped_list: [seL4_UntypedDesc; MAX_BOOTINFO_UNTYPEDS],
    }

    /// Starts each chunk that follows the boot info.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[repr(C)]
    seL4_BootInfoHeader = bootinfo::BootInfoHeader {
        id = id: seL4_Word,
        len = len: seL4_Word,
    }

    /// A thread's IPC buffer.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(C, align(1024))]
    seL4_IPCBuffer = ipc_buffer::IpcBuffer {
        tag = tag: seL4_MessageInfo,
        msg = msg: [seL4_Word; MAX_LENGTH],
        userData = user_data: seL4_Word,
        caps_or_badges = caps_or_badges: [seL4_Word; MAX_EXTRA_CAPS],
        receiveCNode = receive_cnode: seL4_CPtr,
        receiveIndex = receive_index: seL4_CPtr,
        receiveDepth = receive_depth: seL4_Word,
    }
}

impl Default for seL4_IPCBuffer {
    /// An IPC buffer of zeros.
    fn default() -> Self {
        Self {
            tag: seL4_MessageInfo::default(),
            msg: [0; MAX_LENGTH],
            userData: 0,
            caps_or_badges: [0; MAX_EXTRA_CAPS],
            receiveCNode: 0,
            receiveIndex: 0,
            receiveDepth: 0,
        }
    }
}
