//! Enumerations and constants (`sel4/constants.h`).

use std::fmt::Write;

use crate::facts::Configuration;
use crate::header;
use crate::methods;
use crate::types::Structure;

/// Enumerations that C knows by a tag (`enum priorityConstants`) and no other name.
const TAGGED: [&str; 3] = ["priorityConstants", "seL4_MsgLimits", "seL4_RootCNodeCapSlots"];
/// Enumerations with a tag and another name.
const BOTH: [(&str, &str); 4] = [
    ("api_object", "seL4_ObjectType"),
    ("_mode_object", "seL4_ModeObjectType"),
    ("_object", "seL4_ArchObjectType"),
    ("seL4_Fault_tag", "seL4_Fault_tag_t"),
];
/// Enumerations with a name that are no wider than an `int`; the others are as wide as a word.
const NARROW: [&str; 3] = ["seL4_Syscall_ID", "seL4_Error", "entry_type_t"];
/// Constants that are not plain numbers in C, or that a type's header defines.
const ELSEWHERE: [&str; 4] = ["seL4_True", "seL4_False", "seL4_Null", "seL4_NilData"];
/// Tags of the labels' enumerations, and the name of the number behind the last label.
const LABELS: [(&str, &str); 3] = [
    ("invocation_label", "nInvocationLabels"),
    ("sel4_arch_invocation_label", "nSeL4ArchInvocationLabels"),
    ("arch_invocation_label", "nArchInvocationLabels"),
];

/// The header.
pub fn constants(configuration: &Configuration) -> String {
    let mut text = header("Numbers of the interface (seL4 manual; Arm ARM for registers).");
    text.push_str("#include <sel4/config.h>\n#include <sel4/macros.h>\n\n");
    for (name, value) in &configuration.constants {
        if !ELSEWHERE.contains(&name.as_str()) {
            let _ = writeln!(text, "#define {name} {}", literal(*value));
        }
    }
    text.push_str("\n#ifndef __ASSEMBLER__\n");
    for (name, numbers) in &configuration.enums {
        text.push_str(&enumeration(name, numbers.iter().map(|(name, value)| (name.as_str(), *value))));
    }
    for ((tag, end), list) in LABELS.into_iter().zip(methods::labels(configuration)) {
        let behind = list.last().map_or(0, |(_, number)| number + 1);
        let _ = writeln!(text, "\nenum {tag} {{");
        entries(&mut text, list.into_iter().chain([(end, behind)]));
        text.push_str("};\n");
    }
    text.push_str("\n#endif\n");
    text
}

fn enumeration<'a>(name: &str, numbers: impl Iterator<Item = (&'a str, i64)>) -> String {
    let mut text = String::new();
    let both = BOTH.iter().find(|(tag, _)| *tag == name);
    let tagged = both.is_some() || TAGGED.contains(&name);
    let _ = match (tagged, both) {
        (true, None) => writeln!(text, "\nenum {name} {{"),
        (true, Some(_)) => writeln!(text, "\ntypedef enum {name} {{"),
        (false, _) => writeln!(text, "\ntypedef enum {{"),
    };
    entries(&mut text, numbers);
    if !tagged && !NARROW.contains(&name) {
        let _ = writeln!(text, "    SEL4_FORCE_LONG_ENUM({name}),");
    }
    let _ = match (tagged, both) {
        (true, None) => writeln!(text, "}};"),
        (_, Some((_, other))) => writeln!(text, "}} {other};"),
        (false, None) => writeln!(text, "}} {name};"),
    };
    text
}

fn entries<'a>(text: &mut String, numbers: impl Iterator<Item = (&'a str, i64)>) {
    for (name, value) in numbers {
        let _ = writeln!(text, "    {name} = {value},");
    }
}

/// A number that the preprocessor and the assembler understand too: large ones in hexadecimal.
fn literal(value: i64) -> String {
    match value {
        ..0 => format!("({value})"),
        0..0x1_0000 => value.to_string(),
        _ => format!("{value:#x}"),
    }
}

/// Structures of words that methods take and give (`sel4/structures.h`).
pub fn structures() -> String {
    let mut text = header("Structures that methods of kernel objects take and give.");
    text.push_str("#include <sel4/simple_types.h>\n");
    for structure in Structure::ALL {
        let name = structure.name();
        let _ = writeln!(text, "\ntypedef struct {name}_ {{");
        for member in structure.members() {
            let _ = writeln!(text, "    seL4_Word {member};");
        }
        let _ = writeln!(text, "}} {name};");
    }
    text
}

/// Assertions that the headers' numbers and layouts are those of the data, to be compiled.
pub fn assertions(configuration: &Configuration) -> String {
    let mut text = "#include <stddef.h>\n#include <sel4/sel4.h>\n\n".to_owned();
    let enums = configuration.enums.values().flatten();
    for (name, value) in enums.chain(&configuration.constants.clone().into_iter().collect::<Vec<_>>()) {
        if name != "seL4_Null" {
            let _ = writeln!(text, "_Static_assert((long){name} == {value}, \"{name}\");");
        }
    }
    for (name, members) in &configuration.offsets {
        for (member, offset) in members {
            let _ = match member.as_str() {
                "sizeof" => writeln!(text, "_Static_assert(sizeof({name}) == {offset}, \"{name}\");"),
                member => {
                    writeln!(text, "_Static_assert(offsetof({name}, {member}) == {offset}, \"{name}.{member}\");")
                }
            };
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The labels follow from the order of the methods; the data have them as they were read off.
    #[test]
    fn labels_are_those_of_the_data() {
        let data: serde_json::Value =
            serde_json::from_str(include_str!("../../abi/data/sel4-16.0.0-aarch64-hyp-mcs.json")).unwrap();
        for (configuration, section) in [("release", &data["enums"]), ("debug", &data["debug_differs"])] {
            let configuration = Configuration::read(configuration).unwrap();
            let mut lists = methods::labels(&configuration);
            for ((tag, end), list) in LABELS.into_iter().zip(&mut lists) {
                list.push((end, list.last().unwrap().1 + 1));
                for (name, number) in section[tag].as_object().unwrap() {
                    assert!(list.contains(&(name, number.as_i64().unwrap())), "{name}");
                }
            }
        }
        let smp = methods::labels(&Configuration::read("smp-debug").unwrap());
        assert_eq!(smp[2].last(), Some(&("ARMIRQIssueIRQHandlerTriggerCore", 65)));
    }

    #[test]
    fn enumerations_have_the_tags_and_names_that_programs_use() {
        let text = constants(&Configuration::read("release").unwrap());
        for expected in [
            "typedef enum api_object {",
            "} seL4_ObjectType;",
            "enum priorityConstants {\n    seL4_InvalidPrio = -1,",
            "    SEL4_FORCE_LONG_ENUM(seL4_VCPUReg),\n} seL4_VCPUReg;",
            "#define seL4_UserTop 0xffffffffff\n",
        ] {
            assert!(text.contains(expected), "{expected}");
        }
    }
}
