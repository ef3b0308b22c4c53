//! Guests that use their disks, their networks and each other at the same time: the systems that they are in, and what their runs say.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use marker::throughput::{LONG, MET, PARTNER, SHORT, Work, address};
use marker_plugin::{Event, What};

/// Bytes of a guest's part of the disk: all parts are in the disk that a machine is given.
const PART: &str = "4M";

/// Instructions for each step that all of `guests` do of `work`: a request, a frame or a message; the whole machine's.
///
/// # Errors
/// When the run did not come to its end.
pub fn step(events: &[Event], guests: u8, work: Work) -> Result<u64> {
    let met: Vec<u64> =
        events.iter().filter(|event| event.what == What::Marker(MET)).map(|event| event.count).collect();
    let turn = Work::ALL.iter().position(|&other| other == work).context("all works are listed")? * 2;
    let Some(&[begin, middle, end]) = met.get(turn..turn + 3) else {
        bail!("the guests have met {} times: not behind {work:?}", met.len());
    };
    let steps = u64::from(guests) * ((LONG - SHORT) * work.batch()) as u64;
    Ok((end - middle).saturating_sub(middle - begin) / steps)
}

/// The same for each KiB.
///
/// # Errors
/// As [`step`].
pub fn kib(events: &[Event], guests: u8, work: Work) -> Result<u64> {
    Ok(step(events, guests, work)? * 1024 / work.size() as u64)
}

/// Writes the description of a system of so many guests into `folder`, where the tool finds what it names, too. Returns its path.
///
/// # Errors
/// When it cannot be written.
pub fn describe(folder: &Path, guests: u8) -> Result<PathBuf> {
    let name = format!("bench-devices-{guests}");
    fs::create_dir_all(folder)?;
    let write = |ending: &str, text: String| {
        let path = folder.join(format!("{name}{ending}"));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    write("-disk.txt", parts(guests))?;
    write("-stations.txt", stations(guests))?;
    write("-cmdline.txt", format!("guests={guests}\n"))?;
    write(".xml", system(&name, guests))
}

/// Who has which part of the disk.
fn parts(guests: u8) -> String {
    (1..=guests).map(|guest| format!("{guest} guest_{guest} {}M {PART}\n", 4 * (guest - 1))).collect()
}

/// The switch's stations: each guest may talk to the native program and to every other guest.
fn stations(guests: u8) -> String {
    let station = |channel: u8, name: String, address: [u8; 6]| {
        let bytes: Vec<String> = address.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{channel} {name} {}\n", bytes.join(":"))
    };
    let mut text: String = (1..=guests).map(|guest| station(guest, format!("guest_{guest}"), address(guest))).collect();
    text += &station(guests + 1, "partner".to_owned(), PARTNER);
    for guest in 1..=guests {
        text += &format!("talk guest_{guest} partner\n");
        text.extend((1..guest).map(|other| format!("talk guest_{guest} guest_{other}\n")));
    }
    text
}

/// Regions of a client of a server, and the channel to it.
fn client(server: &str, line: &str, channel: u8, pd: &str, own: u8) -> String {
    format!(
        r#"    <channel>
        <end pd="{server}" id="{channel}" />
        <end pd="{pd}" id="{own}" setvar_id="{line}_channel" />
    </channel>
"#
    )
}

/// A server's mapping of the region `region` of the client on `channel`.
fn served(region: &str, channel: u8) -> String {
    format!(
        r#"        <map mr="{region}" vaddr="{:#x}" perms="rw" setvar_vaddr="client_{channel}_vaddr" setvar_size="client_{channel}_size" />
"#,
        0x700_0000 + 0x10_0000 * u32::from(channel)
    )
}

/// The description.
fn system(name: &str, guests: u8) -> String {
    let all = 1..=guests;
    let mut text = shared(name);
    for guest in all.clone() {
        let _ = write!(
            text,
            r#"    <memory_region name="ram_{guest}" size="0x400000" page_size="0x200000" />
    <memory_region name="disk_{guest}" size="0x82000" />
    <memory_region name="net_{guest}" size="0x20000" />
"#
        );
    }
    let disks: String = all.clone().map(|guest| served(&format!("disk_{guest}"), guest)).collect();
    let cables: String = all.clone().map(|guest| served(&format!("net_{guest}"), guest)).collect();
    let last = guests + 1;
    text += &servers(&disks, &(cables + &served("net_partner", last)));
    text.extend(all.clone().map(monitor));
    text += &client("switch", "net", last, "partner", 0);
    for guest in all {
        let pd = format!("vmm_{guest}");
        text += &client("block", "disk", guest, &pd, 0);
        text += &client("switch", "net", guest, &pd, 1);
    }
    // Neighbours can send each other messages.
    for guest in (2..=guests).step_by(2) {
        let _ = write!(
            text,
            r#"    <channel>
        <end vm="guest_{}" id="0" />
        <end vm="guest_{guest}" id="0" />
    </channel>
"#,
            guest - 1
        );
    }
    text + "</system>\n"
}

/// What there is once.
fn shared(name: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<system>
    <memory_region name="gicv" size="0x2000" phys_addr="0x8040000" />
    <memory_region name="virtio_0" size="0x1000" phys_addr="0xa000000" />
    <memory_region name="kernel" size="0x40000" prefill_path="bench-devices.bin" />
    <memory_region name="cmdline" size="0x1000" prefill_path="{name}-cmdline.txt" />
    <memory_region name="disk_dma" size="0x10000" />
    <memory_region name="disk_shared" size="0x82000" />
    <memory_region name="parts" size="0x1000" prefill_path="{name}-disk.txt" />
    <memory_region name="stations" size="0x1000" prefill_path="{name}-stations.txt" />
    <memory_region name="net_partner" size="0x80000" />
"#
    )
}

/// The disk's driver, the servers with these mappings, and the native program.
fn servers(disks: &str, cables: &str) -> String {
    format!(
        r#"    <protection_domain name="disk" priority="180">
        <program_image path="virtio_blk.elf" />
        <map mr="virtio_0" vaddr="0x4000000" perms="rw" cached="false" setvar_vaddr="registers_vaddr" />
        <map mr="disk_dma" vaddr="0x5000000" perms="rw" setvar_vaddr="dma_vaddr" setvar_size="dma_size" />
        <map mr="disk_shared" vaddr="0x6000000" perms="rw" setvar_vaddr="user_vaddr" setvar_size="user_size" />
        <setvar symbol="dma_paddr" region_paddr="disk_dma" />
        <setvar symbol="user_paddr" region_paddr="disk_shared" />
        <irq irq="48" id="0" trigger="edge" setvar_id="device_irq" />
    </protection_domain>
    <protection_domain name="block" priority="170">
        <program_image path="block.elf" />
        <map mr="disk_shared" vaddr="0x5000000" perms="rw" setvar_vaddr="disk_vaddr" setvar_size="disk_size" />
        <map mr="parts" vaddr="0x6000000" perms="r" setvar_vaddr="clients_vaddr" setvar_prefill_size="clients_size" />
{disks}    </protection_domain>
    <protection_domain name="switch" priority="170">
        <program_image path="switch.elf" />
        <map mr="stations" vaddr="0x6000000" perms="r" setvar_vaddr="clients_vaddr" setvar_prefill_size="clients_size" />
{cables}    </protection_domain>
    <protection_domain name="partner" priority="160">
        <program_image path="bench_partner.elf" />
        <map mr="net_partner" vaddr="0x7000000" perms="rw" setvar_vaddr="net_vaddr" setvar_size="net_size" />
    </protection_domain>
    <channel>
        <end pd="disk" id="1" setvar_id="user_channel" />
        <end pd="block" id="0" setvar_id="disk_channel" />
    </channel>
"#
    )
}

/// A guest below its monitor.
fn monitor(guest: u8) -> String {
    format!(
        r#"    <protection_domain name="vmm_{guest}" priority="110" stack_size="0x10000">
        <program_image path="vmm.elf" />
        <map mr="ram_{guest}" vaddr="0x40000000" perms="rw" setvar_vaddr="guest_ram_vaddr" setvar_size="guest_ram_size" />
        <map mr="kernel" vaddr="0x10000000" perms="r" setvar_vaddr="kernel_vaddr" setvar_prefill_size="kernel_size" />
        <map mr="cmdline" vaddr="0x15000000" perms="r" setvar_vaddr="cmdline_vaddr" setvar_prefill_size="cmdline_size" />
        <map mr="disk_{guest}" vaddr="0x8000000" perms="rw" setvar_vaddr="disk_vaddr" setvar_size="disk_size" />
        <map mr="net_{guest}" vaddr="0x9000000" perms="rw" setvar_vaddr="net_vaddr" setvar_size="net_size" />
        <virtual_machine name="guest_{guest}" priority="50">
            <vcpu id="0" />
            <map mr="ram_{guest}" vaddr="0x40000000" perms="rwx" />
            <map mr="gicv" vaddr="0x8010000" perms="rw" cached="false" />
        </virtual_machine>
    </protection_domain>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    use block::config as disk;
    use microkit::diagnostic::{Diagnostics, Source};
    use microkit::sdf;
    use switch::config::Config;

    /// Numbers of guests that are measured.
    const COUNTS: [u8; 4] = [1, 2, 4, 8];

    fn marks(counts: &[u64]) -> Vec<Event> {
        counts.iter().map(|&count| Event { what: What::Marker(MET), count, guest: 0 }).collect()
    }

    #[test]
    fn what_every_turn_costs_does_not_show() {
        let steps = |batches: usize| (2 * Work::Read.batch() * batches) as u64;
        // Two turns of writing, then those of reading: 1000 for each turn, 640 for each request of two guests.
        let mut counts = vec![0, 7, 9];
        for batches in [SHORT, LONG] {
            counts.push(counts[counts.len() - 1] + 1000 + 640 * steps(batches));
        }
        let events = marks(&counts);
        assert_eq!(step(&events, 2, Work::Read).expect("all met"), 640);
        assert_eq!(kib(&events, 2, Work::Read).expect("all met"), 10);
        assert!(step(&events, 2, Work::SmallRead).is_err());
    }

    #[test]
    fn systems_can_be_read() {
        for guests in COUNTS {
            let text = system("bench", guests);
            let mut diagnostics = Diagnostics::default();
            let source = Source { path: "bench.xml".into(), text };
            let read = sdf::parse(&source, false, &mut diagnostics);
            assert!(read.is_some() && !diagnostics.has_errors(), "{guests} guests");
        }
    }

    #[test]
    fn servers_understand_their_texts() {
        for guests in COUNTS {
            let (parts, problems) = disk::parse(parts(guests).as_bytes());
            assert_eq!((parts.len(), problems), (guests.into(), vec![]));
            let (config, problems) = Config::parse(stations(guests).as_bytes());
            assert_eq!((config.stations.len(), problems), (usize::from(guests) + 1, vec![]));
            let n = usize::from(guests) + 1;
            assert_eq!(config.pairs.len(), n * (n - 1) / 2);
        }
    }
}
