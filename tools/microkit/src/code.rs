//! What the tool can say: one [`Code`] for each kind of finding. There is a fixture for each
//! (`tests/fixtures`), and a test that fails while there is none.

use crate::diagnostic::Severity::{self, Error, Warning};

/// Defines the enum, its names, and the list of all.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $severity:ident)*) => {
        /// A kind of finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name that stands in messages, `error[name]: …`. It stays the same between versions.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => $severity,)*
                }
            }
        }
    };
}

codes! {
    /// The file is no XML.
    Xml "xml" Error
    /// The root element is not `system`.
    Root "root" Error
    /// Elements are nested deeper than protection domains can be.
    Nesting "nesting" Error
    /// An element that isn't known, or not there.
    UnknownElement "unknown-element" Error
    /// An attribute that isn't known.
    UnknownAttribute "unknown-attribute" Error
    /// A required attribute isn't there.
    MissingAttribute "missing-attribute" Error
    /// A required element isn't there.
    MissingElement "missing-element" Error
    /// An element stands there too often.
    RepeatedElement "repeated-element" Error
    /// Text between elements.
    Text "text" Error
    /// An attribute's value is not of its form.
    Value "value" Error
    /// A region that is to be filled with boot information.
    BootInformation "boot-information" Error

    /// With `--strict`: something that upstream's format has not.
    Extension "extension" Error
    /// A name refers to nothing.
    UnknownName "unknown-name" Error
    /// Two things of a kind have one name.
    RepeatedName "repeated-name" Error
    /// An empty name.
    EmptyName "empty-name" Error
    /// A name that programs see in part only.
    LongName "long-name" Warning
    /// The tool's own name.
    ReservedName "reserved-name" Error
    /// More protection domains than possible.
    TooManyDomains "too-many-protection-domains" Error
    /// More virtual CPUs than possible.
    TooManyVcpus "too-many-vcpus" Error

    /// An id that is too large.
    IdRange "id-range" Error
    /// An id that has two meanings.
    RepeatedId "repeated-id" Error
    /// An interrupt that each core has its own of.
    PrivateInterrupt "private-interrupt" Error
    /// An interrupt that there is not.
    InterruptRange "interrupt-range" Error
    /// An interrupt for two.
    RepeatedInterrupt "repeated-interrupt" Error

    /// A priority, budget or period out of range.
    ScheduleRange "schedule-range" Error
    /// A budget above the period.
    BudgetAbovePeriod "budget-above-period" Error
    /// A stack that is too small, too large or no multiple of a page.
    StackSize "stack-size" Error
    /// A core that there is not.
    UnknownCore "unknown-core" Error
    /// A child that its parent can't reload.
    Reload "reload" Error
    /// A passive protection domain that nothing wakes.
    Unreachable "unreachable" Warning
    /// A slot that can't be addressed.
    SlotRange "slot-range" Error
    /// A slot with two capabilities.
    RepeatedSlot "repeated-slot" Error

    /// A channel of a protection domain with itself.
    ChannelToItself "channel-to-itself" Error
    /// Both ends of a channel call.
    CallsBothWays "calls-both-ways" Error
    /// A call to a protection domain that isn't of higher priority.
    CallPriority "call-priority" Error
    /// An end of a channel that is nobody's, or two's.
    ChannelEnd "channel-end" Error
    /// A scheduling context that is nobody's, or two's.
    CapOwner "cap-owner" Error
    /// A call by a guest, or to one.
    GuestCall "guest-call" Error
    /// A virtual CPU that the virtual machine has not.
    UnknownVcpu "unknown-vcpu" Error
    /// Virtual time where the guest would not have it, or its virtual CPUs not the same.
    VirtualTime "virtual-time" Error
    /// An attribute for messages where the other end takes none.
    MessageOption "message-option" Error

    /// Domains with several cores.
    DomainsWithCores "domains-with-cores" Error
    /// A domain where none are declared.
    DomainUndeclared "domain-undeclared" Error
    /// A protection domain without a domain.
    DomainMissing "domain-missing" Error
    /// A domain's number that is too large.
    DomainRange "domain-range" Error
    /// More domains than the kernel has.
    TooManySchedulingDomains "too-many-domains" Error
    /// A schedule that doesn't fit the kernel's.
    ScheduleLength "schedule-length" Error
    /// A schedule that starts where nobody runs.
    ScheduleStart "schedule-start" Error

    /// A region that nobody has.
    UnusedRegion "unused-region" Warning
    /// A region without a size.
    MissingSize "missing-size" Error
    /// A size that is no multiple of the page size.
    SizeAlignment "size-alignment" Error
    /// A size beyond all memory.
    SizeRange "size-range" Error
    /// A page size that the hardware has not.
    PageSize "page-size" Error
    /// Regions with more pages than there are slots for.
    TooManyPages "too-many-pages" Error
    /// A physical address that is no multiple of the page size.
    PhysicalAlignment "physical-alignment" Error
    /// Physical addresses beyond the last.
    PhysicalRange "physical-range" Error
    /// Memory in part, something else in part.
    PartlyMemory "partly-memory" Error
    /// Registers that are the kernel's.
    KernelDevice "kernel-device" Error
    /// Regions that share physical addresses.
    RegionOverlap "region-overlap" Error
    /// A region where the kernel or the root task is.
    RegionOnSystem "region-on-system" Error
    /// No room for a region whose address a program is told.
    NoContiguousMemory "no-contiguous-memory" Error

    /// A file that isn't found, or can't be read.
    UnreadableFile "unreadable-file" Error
    /// A file beyond all memory.
    FileSize "file-size" Error
    /// A file of data without any.
    EmptyFile "empty-file" Error
    /// Data longer than their region.
    DataLength "data-length" Error
    /// Data for what is no memory.
    DataOnDevice "data-on-device" Error

    /// A virtual address that is no multiple of the page size.
    MapAlignment "map-alignment" Error
    /// A mapping that reaches beyond the address space, or onto the stack.
    MapRange "map-range" Error
    /// Mappings that overlap each other or the program.
    MapOverlap "map-overlap" Error
    /// Registers of a device behind a cache.
    CachedDevice "cached-device" Warning

    /// A program that is no ELF file.
    ProgramFormat "program-format" Error
    /// A program for another machine.
    ProgramMachine "program-machine" Error
    /// A program that isn't linked to fixed addresses.
    ProgramLinkage "program-linkage" Error
    /// A program whose file is damaged.
    ProgramDamaged "program-damaged" Error
    /// A program with nothing to load.
    ProgramEmpty "program-empty" Error
    /// A program that is too large, or lies too high.
    ProgramSize "program-size" Error
    /// Segments that overlap, or share a page.
    ProgramSegments "program-segments" Error
    /// A program whose entry point is not in its code.
    ProgramEntry "program-entry" Error
    /// A program without the symbols of a protection domain.
    ProgramRuntime "program-runtime" Error
    /// A symbol that the program has not.
    UnknownSymbol "unknown-symbol" Error
    /// A symbol that the program has several of.
    AmbiguousSymbol "ambiguous-symbol" Error
    /// A symbol that gets two values.
    RepeatedSymbol "repeated-symbol" Error
    /// A symbol that the tool itself writes.
    ReservedSymbol "reserved-symbol" Error
    /// A symbol that is no variable of a word.
    SymbolSize "symbol-size" Error
    /// The length of data where there are none.
    NoData "no-data" Error

    /// The VMM is not told what it must know.
    GuestUntold "guest-untold" Error
    /// A guest that can't be started.
    GuestBoot "guest-boot" Error
    /// Virtual CPUs that the VMM doesn't find.
    GuestVcpus "guest-vcpus" Error
    /// A guest's memory that isn't where the VMM takes it to be.
    GuestMemory "guest-memory" Error
    /// More mappings than the VMM can tell its guest of.
    GuestMaps "guest-maps" Error
    /// Memory of a guest where the VMM emulates a device for it.
    GuestMapEmulated "guest-map-emulated" Error

    /// A device that a guest can't have, or not there.
    GuestDevice "guest-device" Error
    /// The interrupt of a guest's device that its monitor does not have, or its interrupt controller has no room for.
    GuestDeviceInterrupt "guest-device-interrupt" Error
    /// A device that would read and write another memory than its guest means.
    GuestDeviceDma "guest-device-dma" Error
    /// A page of a guest's device that others may write, too.
    GuestDeviceShared "guest-device-shared" Error
    /// A page of a device that several protection domains may write.
    DeviceShared "device-shared" Warning

    /// A board that there is not.
    UnknownBoard "unknown-board" Error
    /// A configuration that there is not.
    UnknownConfiguration "unknown-configuration" Error
    /// No SDK, or nothing for board and configuration in it.
    SdkContents "sdk-contents" Error
    /// A program of the SDK that can't be used.
    SdkProgram "sdk-program" Error
    /// A kernel that can't be loaded where it is linked to.
    KernelPlace "kernel-place" Error
    /// More than memory holds.
    OutOfMemory "out-of-memory" Error
    /// Memory that is in use already.
    MemoryTaken "memory-taken" Error
    /// Memory in too many pieces.
    MemoryPieces "memory-pieces" Error
    /// More than the root task has slots for.
    OutOfSlots "out-of-slots" Error
    /// An image larger than memory.
    ImageSize "image-size" Error
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_differ_and_are_words() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    }
}
