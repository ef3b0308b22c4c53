//! Methods of kernel objects as functions in C (`interfaces/sel4_client.h`).

use std::fmt::Write;

use sel4_abi::message::FAST_REGISTERS;

use crate::facts::Configuration;
use crate::header;
use crate::methods::{INTERFACES, Method};
use crate::types::{Param, Place, Structure, Type, WORD_BITS, places};

/// The header.
pub fn client(configuration: &Configuration) -> String {
    let mut text = header("Methods of kernel objects (seL4 manual, section 10.3 and 10.7).");
    text.push_str("#include <sel4/types.h>\n#include <sel4/invocation.h>\n#include <sel4/syscalls.h>\n");
    for interface in INTERFACES {
        for method in interface.methods.iter().filter(|method| method.is_in(configuration)) {
            text.push('\n');
            text.push_str(&Stub { interface: interface.name, method }.render());
        }
    }
    text
}

struct Stub {
    interface: &'static str,
    method: &'static Method,
}

impl Stub {
    fn render(&self) -> String {
        let (inputs, words) = places(self.method.inputs);
        let mut text = self.result_type();
        let _ = writeln!(text, "LIBSEL4_INLINE {} {}({})\n{{", self.returns(), self.function(), self.parameters());
        if self.answers_by_value() {
            let _ = writeln!(text, "    {} result = {{0}};", self.returns());
        } else {
            text.push_str("    seL4_Error error;\n");
        }
        let _ = writeln!(text, "    seL4_Word mr[{FAST_REGISTERS}] = {{{}}};\n", in_registers(&inputs));
        text.push_str(&self.send(&inputs));
        let caps = self.caps().count();
        let error = if self.answers_by_value() { "result.error" } else { "error" };
        let _ = writeln!(text, "    {error} = seL4_Invoke(_service, {}, {caps}, {words}, mr);", self.method.label);
        text.push_str(&self.receive());
        let value = if self.answers_by_value() { "result" } else { "error" };
        let _ = writeln!(text, "    return {value};\n}}");
        text
    }

    fn function(&self) -> String {
        format!("{}_{}", self.interface, self.method.name)
    }

    fn caps(&self) -> impl Iterator<Item = &'static Param> {
        self.method.inputs.iter().filter(|param| matches!(param.ty, Type::Cap(_)))
    }

    /// Whether there are answers beside structures, which are written where the caller says.
    fn answers_by_value(&self) -> bool {
        self.method.outputs.iter().any(|param| !matches!(param.ty, Type::Structure(_)))
    }

    fn returns(&self) -> String {
        if self.answers_by_value() { format!("{}_t", self.function()) } else { "seL4_Error".to_owned() }
    }

    /// The structure that a method with answers returns.
    fn result_type(&self) -> String {
        if !self.answers_by_value() {
            return String::new();
        }
        let name = self.function();
        let mut text = format!("struct {name} {{\n    int error;\n");
        for param in self.method.outputs {
            let _ = writeln!(text, "    {} {};", param.ty.name(), param.name);
        }
        let _ = writeln!(text, "}};\ntypedef struct {name} {name}_t;\n");
        text
    }

    fn parameters(&self) -> String {
        let mut list = format!("{} _service", self.interface);
        for param in self.method.inputs {
            let star = if matches!(param.ty, Type::Structure(_)) { "*" } else { "" };
            let _ = write!(list, ", {} {star}{}", param.ty.name(), param.name);
        }
        for param in self.method.outputs.iter().filter(|param| matches!(param.ty, Type::Structure(_))) {
            let _ = write!(list, ", {} *{}", param.ty.name(), param.name);
        }
        list
    }

    /// What does not travel in registers: capabilities, and message registers behind the first.
    fn send(&self, inputs: &[(Param, Place)]) -> String {
        let mut text = String::new();
        for (number, param) in self.caps().enumerate() {
            let _ = writeln!(text, "    seL4_SetCap({number}, {});", param.name);
        }
        let last = inputs.iter().map(|(_, place)| place.word).max().unwrap_or(0);
        for word in FAST_REGISTERS..=last {
            let _ = writeln!(text, "    seL4_SetMR({word}, {});", message_word(inputs, word));
        }
        for (param, place) in inputs {
            if let Type::Structure(structure) = param.ty {
                let first = FAST_REGISTERS - place.word;
                let _ = writeln!(
                    text,
                    "    for (seL4_Word i = {first}; i < {}; i++) {{\n        seL4_SetMR((int)i + {}, ((const seL4_Word *){})[i]);\n    }}",
                    self.length(structure),
                    place.word,
                    param.name
                );
            }
        }
        text
    }

    /// Takes the answers out of the message.
    fn receive(&self) -> String {
        let (outputs, _) = places(self.method.outputs);
        let mut text = String::new();
        for (param, place) in outputs {
            match param.ty {
                Type::Structure(structure) => {
                    let _ = writeln!(
                        text,
                        "    for (seL4_Word i = 0; error == seL4_NoError && i < {}; i++) {{\n        \
                         ((seL4_Word *){})[i] = i < {FAST_REGISTERS} ? mr[i] : seL4_GetMR((int)i);\n    }}",
                        self.length(structure),
                        param.name
                    );
                }
                ty => {
                    let word = if place.word < FAST_REGISTERS {
                        format!("mr[{}]", place.word)
                    } else {
                        format!("seL4_GetMR({})", place.word)
                    };
                    let masked =
                        if place.bits < WORD_BITS { format!("{word} & {:#x}", mask(place.bits)) } else { word };
                    let _ = writeln!(text, "    result.{} = ({})({masked});", param.name, ty.name());
                }
            }
        }
        text
    }

    /// How many words of a structure are transferred: all, or as many as the caller counts.
    fn length(&self, structure: Structure) -> String {
        let members = structure.members().len();
        if self.method.inputs.iter().any(|param| param.name == "count") {
            format!("(count < {members} ? count : {members})")
        } else {
            members.to_string()
        }
    }
}

/// The message registers that travel in CPU registers.
fn in_registers(inputs: &[(Param, Place)]) -> String {
    (0..FAST_REGISTERS).map(|word| message_word(inputs, word)).collect::<Vec<_>>().join(", ")
}

/// The content of a message register.
fn message_word(inputs: &[(Param, Place)], word: usize) -> String {
    let parts: Vec<String> = inputs.iter().filter_map(|(param, place)| part(param, place, word)).collect();
    if parts.is_empty() { "0".to_owned() } else { parts.join(" | ") }
}

/// What a parameter contributes to a message register.
fn part(param: &Param, place: &Place, word: usize) -> Option<String> {
    let name = param.name;
    if let Type::Structure(structure) = param.ty {
        let member = word.checked_sub(place.word)?;
        return structure.members().get(member).map(|member| format!("{name}->{member}"));
    }
    if place.word != word {
        return None;
    }
    Some(match param.ty {
        Type::CapRights => format!("{name}.words[0]"),
        _ if place.bits == WORD_BITS => format!("(seL4_Word){name}"),
        _ if place.bit == 0 => format!("((seL4_Word){name} & {:#x})", mask(place.bits)),
        _ => format!("((seL4_Word){name} & {:#x}) << {}", mask(place.bits), place.bit),
    })
}

fn mask(bits: usize) -> u64 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use sel4_abi::label::InvocationLabel;

    fn stub(name: &str) -> String {
        let release = Configuration::read("debug").unwrap();
        let all = client(&release);
        let start = all.find(&format!(" {name}(")).unwrap_or_else(|| panic!("no {name}"));
        all[start..].split("\n}\n").next().unwrap().to_owned()
    }

    #[test]
    fn words_caps_and_narrow_parameters_go_where_the_kernel_looks() {
        let retype = stub("seL4_Untyped_Retype");
        assert!(retype.contains("seL4_SetCap(0, root);"), "{retype}");
        assert!(retype.contains("seL4_SetMR(4, (seL4_Word)node_offset);"), "{retype}");
        assert!(retype.contains("seL4_Invoke(_service, UntypedRetype, 1, 6, mr)"), "{retype}");
        let inject = stub("seL4_ARM_VCPU_InjectIRQ");
        assert!(inject.contains("((seL4_Word)index & 0xff) << 32, 0, 0, 0}"), "{inject}");
    }

    #[test]
    fn the_kernel_expects_what_is_sent() {
        let release = Configuration::read("release").unwrap();
        let mut seen = 0;
        for method in INTERFACES.iter().flat_map(|interface| interface.methods) {
            let Some(label) = labels().find(|label| label.name() == method.label && method.is_in(&release)) else {
                continue;
            };
            let (placed, _) = places(method.inputs);
            let end = |(param, place): &(Param, Place)| match param.ty {
                // As many as the words before say.
                Type::Structure(Structure::UserContext) => place.word,
                Type::Structure(structure) => place.word + structure.members().len(),
                _ => place.word + 1,
            };
            let words = placed.iter().map(end).max().unwrap_or(0);
            let caps = Stub { interface: "", method }.caps().count();
            let signature = label.signature();
            assert_eq!((usize::from(signature.words), usize::from(signature.caps)), (words, caps), "{}", method.label);
            seen += 1;
        }
        // All but the invalid one.
        assert_eq!(seen, labels().count() - 1);
    }

    fn labels() -> impl Iterator<Item = InvocationLabel> {
        (0..).map_while(InvocationLabel::from_number)
    }

    #[test]
    fn registers_are_transferred_as_far_as_the_caller_counts() {
        let write = stub("seL4_TCB_WriteRegisters");
        assert!(write.contains("(seL4_Word)count, regs->pc, regs->sp}"), "{write}");
        assert!(write.contains("for (seL4_Word i = 2; i < (count < 36 ? count : 36); i++)"), "{write}");
        assert!(write.contains("TCBWriteRegisters, 0, 38, mr"), "{write}");
        let read = stub("seL4_TCB_ReadRegisters");
        assert!(read.contains("i < 4 ? mr[i] : seL4_GetMR((int)i)"), "{read}");
    }

    #[test]
    fn answers_come_in_a_structure_with_the_error() {
        let breakpoint = stub("seL4_TCB_GetBreakpoint");
        assert!(breakpoint.contains("result.rw = (seL4_Word)(mr[3]);"), "{breakpoint}");
        assert!(breakpoint.contains("result.is_enabled = (seL4_Bool)(seL4_GetMR(4) & 0x1);"), "{breakpoint}");
    }
}
