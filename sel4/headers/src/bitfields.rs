//! Words that pack fields, and faults as structures, with functions for their parts (`sel4/shared_types_gen.h`,
//! `sel4/sel4_arch/types_gen.h`), and the same as descriptions for other languages (`*.pbf`).

use std::fmt::Write;

use crate::facts::{Configuration, Field};
use crate::header;
use crate::types::WORD_BITS;

/// A structure of words whose fields are accessed by functions.
struct Block {
    name: String,
    /// The highest first, which is the order of the parameters of `_new`.
    fields: Vec<Field>,
    words: usize,
}

/// The functions of message info, rights and CNode data.
pub fn shared_types(configuration: &Configuration) -> String {
    let mut text = header("Words that pack fields (seL4 manual, sections 3.1.4 and 4.1).");
    text.push_str("#include <sel4/simple_types.h>\n");
    for block in words(configuration) {
        let name = &block.name;
        let _ = writeln!(
            text,
            "\nstruct {name} {{\n    seL4_Uint64 words[{}];\n}};\ntypedef struct {name} {name}_t;\n",
            block.words
        );
        block.constructor(&mut text, name, name, None);
        for field in &block.fields {
            accessors(&mut text, name, name, field);
        }
    }
    text
}

/// The same for `bitfield_gen`'s readers.
pub fn shared_types_description(configuration: &Configuration) -> String {
    let mut text = format!("base {WORD_BITS}\n");
    for block in words(configuration) {
        block.describe(&mut text);
    }
    text
}

fn words(configuration: &Configuration) -> impl Iterator<Item = Block> {
    let block = |(name, fields): (&String, &Vec<Field>)| Block { name: name.clone(), fields: fields.clone(), words: 1 };
    configuration.bitfields.iter().map(block)
}

/// The field that says which fault a structure is.
const TYPE: &str = "seL4_FaultType";
const TYPE_BITS: u32 = 4;

/// Faults whose fields do not have the names of the message's parts, part by part.
const FIELDS: [(&str, &str); 7] = [
    ("UserException_SP", "Stack"),
    ("VPPIEvent_IRQ", "irq"),
    ("Timeout_Data", "data"),
    ("Timeout_Consumed", "consumed"),
    ("CapFault_BitsLeft", "MR4"),
    ("CapFault_GuardMismatch_GuardFound", "MR5"),
    ("CapFault_GuardMismatch_BitsFound", "MR6"),
];
/// A part that shares its place with another one.
const ALIAS: &str = "CapFault_DepthMismatch_BitsFound";

/// A fault: its name, its number, and the parts of its message by place.
struct Fault {
    name: String,
    number: i64,
    /// The name of the part's index, and of the field.
    parts: Vec<(String, String)>,
}

fn faults(configuration: &Configuration) -> Vec<Fault> {
    let tags = configuration.enums.get("seL4_Fault_tag").into_iter().flatten();
    tags.filter_map(|(tag, number)| {
        let name = tag.strip_prefix("seL4_Fault_")?.to_owned();
        let message = configuration.enums.get(&format!("seL4_{name}_Msg")).into_iter().flatten();
        let parts = message
            .filter_map(|(index, _)| index.strip_prefix("seL4_").map(|part| (index, part)))
            .filter(|(_, part)| *part != ALIAS && !part.ends_with("_Length"))
            .map(|(index, part)| (index.clone(), field_name(&name, part)))
            .collect();
        Some(Fault { name, number: *number, parts })
    })
    .collect()
}

fn field_name(fault: &str, part: &str) -> String {
    match FIELDS.iter().find(|(name, _)| *name == part) {
        Some((_, field)) => (*field).to_owned(),
        None => part.trim_start_matches(fault).trim_start_matches('_').to_owned(),
    }
}

impl Fault {
    /// The structure has one size for all faults; the type is in the lowest word, the last part in the next.
    fn block(&self, words: usize) -> Block {
        let field = |(place, (_, name)): (usize, &(String, String))| {
            let word = self.parts.len() - place;
            let width = if name == "HSR" { 32 } else { WORD_BITS as u32 };
            Field { name: name.clone(), shift: (word * WORD_BITS) as u32, width }
        };
        Block { name: self.name.clone(), fields: self.parts.iter().enumerate().map(field).collect(), words }
    }
}

/// The words of the structure for any fault.
fn fault_words(faults: &[Fault]) -> usize {
    faults.iter().map(|fault| fault.parts.len()).max().unwrap_or(0) + 1
}

/// `seL4_Fault_t` and its functions.
pub fn fault_types(configuration: &Configuration) -> String {
    let faults = faults(configuration);
    let words = fault_words(&faults);
    let mut text = header("A fault as a structure.");
    text.push_str("#include <sel4/constants.h>\n#include <sel4/simple_types.h>\n");
    let _ = writeln!(
        text,
        "\nstruct seL4_Fault {{\n    seL4_Uint64 words[{words}];\n}};\ntypedef struct seL4_Fault seL4_Fault_t;\n"
    );
    let tag = Field { name: TYPE.to_owned(), shift: 0, width: TYPE_BITS };
    getter(&mut text, "seL4_Fault", "seL4_Fault", &tag);
    for fault in &faults {
        let block = fault.block(words);
        let prefix = format!("seL4_Fault_{}", fault.name);
        block.constructor(&mut text, "seL4_Fault", &prefix, Some(&prefix));
        for field in &block.fields {
            accessors(&mut text, "seL4_Fault", &prefix, field);
        }
    }
    text
}

/// `seL4_getFault`: the fault that a message tells.
pub fn fault_reader(configuration: &Configuration) -> String {
    let mut text = header("The fault that a message tells (seL4 manual, section 6.2).");
    text.push_str("#include <sel4/functions.h>\n#include <sel4/types.h>\n\n");
    text.push_str("LIBSEL4_INLINE_FUNC seL4_Fault_t seL4_getFault(seL4_MessageInfo_t tag)\n{\n");
    text.push_str("    switch (seL4_MessageInfo_get_label(tag)) {\n");
    for fault in faults(configuration).iter().filter(|fault| !fault.parts.is_empty()) {
        let prefix = format!("seL4_Fault_{}", fault.name);
        let parts: Vec<String> = fault.parts.iter().map(|(index, _)| format!("seL4_GetMR({index})")).collect();
        let _ = writeln!(text, "    case {prefix}:\n        return {prefix}_new({});", parts.join(", "));
    }
    text.push_str("    default:\n        return seL4_Fault_NullFault_new();\n    }\n}\n\n");
    text.push_str("LIBSEL4_INLINE_FUNC seL4_Fault_t seL4_getArchFault(seL4_MessageInfo_t tag)\n{\n");
    text.push_str("    return seL4_getFault(tag);\n}\n");
    for fault in faults(configuration) {
        let name = &fault.name;
        let _ = writeln!(
            text,
            "\nLIBSEL4_INLINE_FUNC seL4_Bool seL4_is{name}_tag(seL4_MessageInfo_t tag)\n{{\n    \
             return seL4_MessageInfo_get_label(tag) == seL4_Fault_{name};\n}}"
        );
    }
    text
}

/// The faults for `bitfield_gen`'s readers.
pub fn fault_types_description(configuration: &Configuration) -> String {
    let faults = faults(configuration);
    let words = fault_words(&faults);
    let mut text = format!("base {WORD_BITS}\n");
    for fault in &faults {
        let mut block = fault.block(words);
        block.fields.push(Field { name: TYPE.to_owned(), shift: 0, width: TYPE_BITS });
        block.describe(&mut text);
    }
    let _ = writeln!(text, "\ntagged_union seL4_Fault {TYPE} {{");
    for fault in &faults {
        let _ = writeln!(text, "    tag {} {}", fault.name, fault.number);
    }
    text.push_str("}\n");
    text
}

impl Block {
    fn constructor(&self, text: &mut String, of: &str, prefix: &str, tag: Option<&str>) {
        let parameters: Vec<String> = self.fields.iter().map(|field| format!("seL4_Uint64 {}", field.name)).collect();
        let parameters = if parameters.is_empty() { "void".to_owned() } else { parameters.join(", ") };
        let _ = writeln!(
            text,
            "\nLIBSEL4_INLINE_FUNC CONST {of}_t {prefix}_new({parameters})\n{{\n    {of}_t value = {{{{0}}}};"
        );
        if let Some(tag) = tag {
            let _ = writeln!(text, "    value.words[0] = {tag};");
        }
        for field in &self.fields {
            let place = Part::of(field);
            let _ = writeln!(
                text,
                "    value.words[{}] |= ({} & {}) << {};",
                place.word, field.name, place.mask, place.bit
            );
        }
        text.push_str("    return value;\n}\n");
    }

    fn describe(&self, text: &mut String) {
        let _ = writeln!(text, "\nblock {} {{", self.name);
        let mut above = (self.words * WORD_BITS) as u32;
        for field in &self.fields {
            padding(text, above - field.shift - field.width);
            let _ = writeln!(text, "    field {} {}", field.name, field.width);
            above = field.shift;
        }
        padding(text, above);
        text.push_str("}\n");
    }
}

fn padding(text: &mut String, bits: u32) {
    if bits > 0 {
        let _ = writeln!(text, "    padding {bits}");
    }
}

/// Where a field lies among the words.
struct Part {
    word: u32,
    bit: u32,
    mask: String,
}

impl Part {
    fn of(field: &Field) -> Self {
        let bits = WORD_BITS as u32;
        let mask = u64::MAX >> (bits - field.width);
        Self { word: field.shift / bits, bit: field.shift % bits, mask: format!("{mask:#x}ull") }
    }
}

fn accessors(text: &mut String, of: &str, prefix: &str, field: &Field) {
    getter(text, of, prefix, field);
    let Part { word, bit, mask } = Part::of(field);
    let name = &field.name;
    let _ = writeln!(
        text,
        "\nLIBSEL4_INLINE_FUNC CONST {of}_t {prefix}_set_{name}({of}_t value, seL4_Uint64 {name})\n{{\n    \
         value.words[{word}] = (value.words[{word}] & ~({mask} << {bit})) | (({name} & {mask}) << {bit});\n    \
         return value;\n}}\n\
         \nLIBSEL4_INLINE_FUNC void {prefix}_ptr_set_{name}({of}_t *value, seL4_Uint64 {name})\n{{\n    \
         *value = {prefix}_set_{name}(*value, {name});\n}}"
    );
}

fn getter(text: &mut String, of: &str, prefix: &str, field: &Field) {
    let Part { word, bit, mask } = Part::of(field);
    let name = &field.name;
    let _ = writeln!(
        text,
        "\nLIBSEL4_INLINE_FUNC CONST seL4_Uint64 {prefix}_get_{name}({of}_t value)\n{{\n    \
         return (value.words[{word}] >> {bit}) & {mask};\n}}\n\
         \nLIBSEL4_INLINE_FUNC PURE seL4_Uint64 {prefix}_ptr_get_{name}({of}_t *value)\n{{\n    \
         return {prefix}_get_{name}(*value);\n}}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_faults_are_fields() {
        let debug = Configuration::read("debug").unwrap();
        let text = fault_types(&debug);
        for expected in [
            "seL4_Fault_VMFault_new(seL4_Uint64 IP, seL4_Uint64 Addr, seL4_Uint64 PrefetchFault, seL4_Uint64 FSR)",
            "seL4_Fault_UnknownSyscall_get_FaultIP(",
            "seL4_Fault_UserException_get_Stack(",
            "seL4_Fault_CapFault_get_MR6(",
            "seL4_Fault_DebugException_get_BreakpointNumber(",
            "struct seL4_Fault {\n    seL4_Uint64 words[14];",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(fault_reader(&debug).contains(
            "return seL4_Fault_Timeout_new(seL4_GetMR(seL4_Timeout_Data), seL4_GetMR(seL4_Timeout_Consumed));"
        ));
    }

    #[test]
    fn descriptions_fill_the_words() {
        let release = Configuration::read("release").unwrap();
        for text in [fault_types_description(&release), shared_types_description(&release)] {
            for block in text.split("block ").skip(1) {
                let (block, _) = block.split_once('}').unwrap();
                let bits: usize = block
                    .lines()
                    .skip(1)
                    .filter_map(|line| line.split_whitespace().next_back()?.parse::<usize>().ok())
                    .sum();
                assert_eq!(bits % WORD_BITS, 0, "{block}");
            }
        }
    }
}
