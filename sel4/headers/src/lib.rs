//! The interface in C. `cargo xtask sdk` writes the headers of an SDK folder from it, one set for each configuration of
//! the kernel: numbers, labels, layouts and stubs are made from `sel4-abi` and its data; what is code rather than a
//! table (system calls in assembler, the event loop's API) stands as C in `c/`.
//!
//! Names, types and parameters are libsel4's and libmicrokit's, as the seL4 manual (section 10) and the Microkit manual
//! (section "libmicrokit") document them.

mod bitfields;
mod facts;
mod interface;
mod methods;
mod microkit;
mod numbers;
mod settings;
mod stubs;
mod tables;
mod types;

pub use facts::{Configuration, DataError, Field, Numbers, Setting};
use methods::InterfaceFile;

/// A file below the include folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// Headers that are written in C.
const WRITTEN: [(&str, &str); 11] = [
    ("microkit.h", include_str!("../c/microkit.h")),
    ("sel4/assert.h", include_str!("../c/sel4/assert.h")),
    ("sel4/benchmark_utilisation_types.h", include_str!("../c/sel4/benchmark_utilisation_types.h")),
    ("sel4/bootinfo_types.h", include_str!("../c/sel4/bootinfo_types.h")),
    ("sel4/functions.h", include_str!("../c/sel4/functions.h")),
    ("sel4/macros.h", include_str!("../c/sel4/macros.h")),
    ("sel4/sel4.h", include_str!("../c/sel4/sel4.h")),
    ("sel4/simple_types.h", include_str!("../c/sel4/simple_types.h")),
    ("sel4/syscalls.h", include_str!("../c/sel4/syscalls.h")),
    ("sel4/types.h", include_str!("../c/sel4/types.h")),
    ("sel4/sel4_arch/mapping.h", include_str!("../c/sel4/sel4_arch/mapping.h")),
];

/// Headers that libsel4 has too, whose content stands in another one here: each includes that one.
const FORWARDS: [(&str, &str); 32] = [
    ("autoconf.h", "sel4/config.h"),
    ("sel4/arch/constants.h", "sel4/constants.h"),
    ("sel4/arch/deprecated.h", "sel4/sel4.h"),
    ("sel4/arch/invocation.h", "sel4/constants.h"),
    ("sel4/arch/mapping.h", "sel4/sel4_arch/mapping.h"),
    ("sel4/arch/objecttype.h", "sel4/constants.h"),
    ("sel4/arch/simple_types.h", "sel4/simple_types.h"),
    ("sel4/arch/syscalls.h", "sel4/syscalls.h"),
    ("sel4/arch/types.h", "sel4/types.h"),
    ("sel4/benchmark_track_types.h", "sel4/constants.h"),
    ("sel4/bootinfo.h", "sel4/bootinfo_types.h"),
    ("sel4/debug_assert.h", "sel4/assert.h"),
    ("sel4/deprecated.h", "sel4/sel4.h"),
    ("sel4/errors.h", "sel4/constants.h"),
    ("sel4/invocation.h", "sel4/constants.h"),
    ("sel4/mode/types.h", "sel4/types.h"),
    ("sel4/objecttype.h", "sel4/constants.h"),
    ("sel4/plat/api/constants.h", "sel4/constants.h"),
    ("sel4/sel4_arch/constants.h", "sel4/constants.h"),
    ("sel4/sel4_arch/faults.h", "sel4/faults.h"),
    ("sel4/sel4_arch/invocation.h", "sel4/constants.h"),
    ("sel4/sel4_arch/objecttype.h", "sel4/constants.h"),
    ("sel4/sel4_arch/simple_types.h", "sel4/simple_types.h"),
    ("sel4/sel4_arch/syscalls.h", "sel4/syscalls.h"),
    ("sel4/sel4_arch/types.h", "sel4/types.h"),
    ("sel4/shared_types.h", "sel4/types.h"),
    ("sel4/syscall.h", "sel4/constants.h"),
    ("sel4/arch/shared_types.h", "sel4/types.h"),
    ("sel4/virtual_client.h", "sel4/sel4.h"),
    ("sel4/syscalls_master.h", "sel4/syscalls.h"),
    ("sel4/syscalls_mcs.h", "sel4/syscalls.h"),
    ("sel4/sel4_arch/deprecated.h", "sel4/sel4.h"),
];

/// All files of the include folder for a configuration, called as the SDK's folders are (`debug`, `smp-release`, …).
///
/// # Errors
/// When there is no such configuration.
pub fn files(configuration: &str) -> Result<Vec<File>, DataError> {
    let configuration = &Configuration::read(configuration)?;
    let generated = [
        ("api/syscall.xml", interface::system_calls(configuration)),
        ("interfaces/object-api.xml", interface::objects(configuration, InterfaceFile::Object)),
        ("interfaces/object-api-arch.xml", interface::objects(configuration, InterfaceFile::Arch)),
        ("interfaces/object-api-sel4-arch.xml", interface::objects(configuration, InterfaceFile::SeL4Arch)),
        ("interfaces/sel4_client.h", stubs::client(configuration)),
        ("kernel/gen_config.h", settings::for_preprocessor(&configuration.kernel)),
        ("kernel/gen_config.json", settings::as_json(&configuration.kernel)),
        ("microkit_abi.h", microkit::constants()),
        ("sel4/config.h", config()),
        ("sel4/constants.h", numbers::constants(configuration)),
        ("sel4/faults.h", bitfields::fault_reader(configuration)),
        ("sel4/gen_config.h", settings::for_preprocessor(&configuration.library)),
        ("sel4/gen_config.json", settings::as_json(&configuration.library)),
        ("sel4/sel4_arch/types.pbf", bitfields::fault_types_description(configuration)),
        ("sel4/sel4_arch/types_gen.h", bitfields::fault_types(configuration)),
        ("sel4/shared_types.pbf", bitfields::shared_types_description(configuration)),
        ("sel4/shared_types_gen.h", bitfields::shared_types(configuration)),
        ("sel4/structures.h", numbers::structures()),
    ];
    let file = |path: &str, text: String| File { path: path.to_owned(), text };
    let mut all: Vec<File> = generated.into_iter().map(|(path, text)| file(path, text)).collect();
    all.extend(WRITTEN.map(|(path, text)| file(path, text.to_owned())));
    all.extend(FORWARDS.map(|(path, target)| file(path, forward(target))));
    Ok(all)
}

/// The tables beside the include folder, for scripts: invocation labels, sizes of objects, the address space's levels.
///
/// # Errors
/// When there is no such configuration.
pub fn tables(configuration: &str) -> Result<[File; 3], DataError> {
    let configuration = &Configuration::read(configuration)?;
    let file = |path: &str, text: String| File { path: path.to_owned(), text };
    Ok([
        file("address_space_constants.json", tables::address_space(configuration)),
        file("invocations_all.json", tables::labels(configuration)),
        file("object_sizes.json", tables::object_sizes(configuration)),
    ])
}

/// A C source that compiles only if the headers of a configuration have the data's numbers and layouts.
///
/// # Errors
/// When there is no such configuration.
pub fn assertions(configuration: &str) -> Result<String, DataError> {
    Ok(numbers::assertions(&Configuration::read(configuration)?))
}

/// The beginning of a header.
fn header(what: &str) -> String {
    format!("/* {what} Generated. SPDX-License-Identifier: BSD-2-Clause */\n#pragma once\n\n")
}

fn forward(target: &str) -> String {
    format!("/* SPDX-License-Identifier: BSD-2-Clause */\n#pragma once\n#include <{target}>\n")
}

fn config() -> String {
    let mut text = header("Options of the kernel and of the library.");
    text.push_str("#include <kernel/gen_config.h>\n#include <sel4/gen_config.h>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The configurations of an SDK for this board.
    const CONFIGURATIONS: [&str; 6] = ["debug", "release", "benchmark", "smp-debug", "smp-release", "smp-benchmark"];

    #[test]
    fn every_header_that_one_includes_is_there() {
        for configuration in CONFIGURATIONS {
            let files = files(configuration).unwrap();
            let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
            assert_eq!(paths.len(), files.len(), "a path is there twice");
            for file in &files {
                for line in file.text.lines() {
                    let included = line.strip_prefix("#include <").and_then(|rest| rest.strip_suffix('>'));
                    if let Some(included) = included {
                        assert!(paths.contains(included), "{} includes {included}", file.path);
                    }
                }
            }
        }
    }
}
