//! The interface as XML, in the form of libsel4's interface files: what bindings for other languages are made from.

use std::fmt::Write;

use crate::facts::{Configuration, Numbers};
use crate::methods::{Interface, InterfaceFile, of_file};
use crate::types::{Param, Structure};

/// One of libsel4's interface files, with the methods of this configuration.
pub fn objects(configuration: &Configuration, file: InterfaceFile) -> String {
    let mut text = String::from("<?xml version=\"1.0\"?>\n<api name=\"quoll\" label_prefix=\"\">\n");
    if file == InterfaceFile::SeL4Arch {
        for structure in Structure::ALL {
            let _ = writeln!(text, "    <struct name=\"{}\">", structure.name());
            for member in structure.members() {
                let _ = writeln!(text, "        <member name=\"{member}\"/>");
            }
            text.push_str("    </struct>\n");
        }
    }
    for interface in of_file(file) {
        methods(&mut text, configuration, interface);
    }
    text.push_str("</api>\n");
    text
}

fn methods(text: &mut String, configuration: &Configuration, interface: &Interface) {
    let _ = writeln!(text, "    <interface name=\"{}\">", interface.name);
    for method in interface.methods.iter().filter(|method| method.is_in(configuration)) {
        let _ = writeln!(text, "        <method id=\"{}\" name=\"{}\">", method.label, method.name);
        method.inputs.iter().for_each(|param| parameter(text, "in", param));
        method.outputs.iter().for_each(|param| parameter(text, "out", param));
        text.push_str("        </method>\n");
    }
    text.push_str("    </interface>\n");
}

fn parameter(text: &mut String, direction: &str, param: &Param) {
    let (name, ty) = (param.name, param.ty.name());
    let _ = writeln!(text, "            <param dir=\"{direction}\" name=\"{name}\" type=\"{ty}\"/>");
}

/// An option that no configuration sets: what stands under it only takes a number.
const NEVER: &str = "CONFIG_DANGEROUS_CODE_INJECTION";

/// The system calls. Readers number them in order, so those that a configuration lacks keep their places.
pub fn system_calls(configuration: &Configuration) -> String {
    let empty = Numbers::new();
    let calls = configuration.enums.get("seL4_Syscall_ID").unwrap_or(&empty);
    let last = calls.iter().map(|&(_, number)| number).min().unwrap_or(0);
    let mut api = String::new();
    let mut debug = String::new();
    for number in (last..0).rev() {
        let name =
            calls.iter().find(|(_, other)| *other == number).map(|(name, _)| name.trim_start_matches("seL4_Sys"));
        let _ = match (name, name.is_some_and(|name| name.starts_with("Debug") || name.starts_with("Benchmark"))) {
            (Some(name), false) => writeln!(api, "            <syscall name=\"{name}\"/>"),
            (Some(name), true) => writeln!(debug, "        <config><syscall name=\"{name}\"/></config>"),
            (None, _) => writeln!(
                debug,
                "        <config><condition><config var=\"{NEVER}\"/></condition><syscall name=\"None{}\"/></config>",
                -number
            ),
        };
    }
    format!(
        "<?xml version=\"1.0\"?>\n<syscalls>\n    <api-master>\n        <config>\n{api}        </config>\n    </api-master>\n    \
         <api-mcs>\n        <config>\n{api}        </config>\n    </api-mcs>\n    <debug>\n{debug}    </debug>\n</syscalls>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_files_are_well_formed_and_name_every_label() {
        let configuration = Configuration::read("smp-debug").unwrap();
        let labels = crate::methods::labels(&configuration);
        for (file, labels) in InterfaceFile::ALL.into_iter().zip(labels) {
            let text = objects(&configuration, file);
            let document = roxmltree::Document::parse(&text).unwrap();
            let found: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
            let expected: Vec<_> =
                labels.into_iter().map(|(name, _)| name).filter(|name| *name != "InvalidInvocation").collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn system_calls_count_down_from_minus_one() {
        for name in ["release", "debug", "benchmark", "smp-debug"] {
            let configuration = Configuration::read(name).unwrap();
            let text = system_calls(&configuration);
            let document = roxmltree::Document::parse(&text).unwrap();
            let sections =
                document.descendants().filter(|node| node.has_tag_name("api-mcs") || node.has_tag_name("debug"));
            let calls = sections.flat_map(|section| section.descendants().filter(|node| node.has_tag_name("syscall")));
            let names: Vec<_> = calls.filter_map(|call| call.attribute("name")).collect();
            for (call, number) in &configuration.enums["seL4_Syscall_ID"] {
                assert_eq!(format!("seL4_Sys{}", names[usize::try_from(-1 - number).unwrap()]), *call, "{name}");
            }
        }
    }
}
