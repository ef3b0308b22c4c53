//! Types of parameters, and where each lies in a message.

/// A parameter of a method.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A word.
    Word,
    /// Microseconds, or ticks for durations of domains.
    Time,
    /// One bit.
    Bool,
    /// 8 bits.
    Uint8,
    /// 16 bits.
    Uint16,
    /// A capability of this type: it travels as an extra capability.
    Cap(&'static str),
    /// Rights.
    CapRights,
    /// Attributes of a mapping.
    VmAttributes,
    /// Number of a register of a virtual CPU.
    VcpuReg,
    /// Several words, handed over by reference.
    Structure(Structure),
}

/// A structure of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// A thread's registers.
    UserContext,
    /// Registers of a firmware call.
    SmcContext,
}

/// Number of registers that a firmware call takes and returns.
const SMC_REGISTERS: usize = 8;

impl Structure {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::UserContext, Self::SmcContext];

    /// Its name in C.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserContext => "seL4_UserContext",
            Self::SmcContext => "seL4_ARM_SMCContext",
        }
    }

    /// Its members, a word each, in the order of the message.
    pub fn members(self) -> Vec<String> {
        use sel4_abi::context::{ORDER, Register};
        match self {
            Self::UserContext => ORDER
                .iter()
                .map(|register| match register {
                    Register::Pc => "pc".to_owned(),
                    Register::Sp => "sp".to_owned(),
                    Register::Spsr => "spsr".to_owned(),
                    Register::X(number) => format!("x{number}"),
                    Register::TpidrEl0 => "tpidr_el0".to_owned(),
                    Register::TpidrroEl0 => "tpidrro_el0".to_owned(),
                })
                .collect(),
            Self::SmcContext => (0..SMC_REGISTERS).map(|number| format!("x{number}")).collect(),
        }
    }
}

impl Type {
    /// Its name in C.
    pub fn name(self) -> &'static str {
        match self {
            Self::Word => "seL4_Word",
            Self::Time => "seL4_Time",
            Self::Bool => "seL4_Bool",
            Self::Uint8 => "seL4_Uint8",
            Self::Uint16 => "seL4_Uint16",
            Self::Cap(name) => name,
            Self::CapRights => "seL4_CapRights_t",
            Self::VmAttributes => "seL4_ARM_VMAttributes",
            Self::VcpuReg => "seL4_VCPUReg",
            Self::Structure(structure) => structure.name(),
        }
    }

    /// Bits that it takes in a message.
    pub fn bits(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Uint8 => 8,
            Self::Uint16 => 16,
            Self::Structure(structure) => structure.members().len() * WORD_BITS,
            _ => WORD_BITS,
        }
    }
}

/// Bits of a message register.
pub const WORD_BITS: usize = sel4_abi::Word::BITS as usize;

/// Where a parameter lies in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The message register, or the first of them.
    pub word: usize,
    /// Its lowest bit there.
    pub bit: usize,
    /// Bits that it takes.
    pub bits: usize,
}

/// Places parameters one behind the other, each at a multiple of its width; capabilities take no place.
/// Also gives the number of message registers.
pub fn places(params: &[Param]) -> (Vec<(Param, Place)>, usize) {
    let mut used: usize = 0;
    let mut placed = Vec::new();
    for param in params.iter().filter(|param| !matches!(param.ty, Type::Cap(_))) {
        let bits = param.ty.bits();
        used = used.next_multiple_of(bits.min(WORD_BITS));
        placed.push((*param, Place { word: used / WORD_BITS, bit: used % WORD_BITS, bits }));
        used += bits;
    }
    (placed, used.div_ceil(WORD_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_parameters_share_a_word_each_at_a_multiple_of_its_width() {
        let param = |name, ty| Param { name, ty };
        let inject = [param("virq", Type::Uint16), param("priority", Type::Uint8), param("group", Type::Uint8)];
        let (placed, words) = places(&inject);
        assert_eq!(
            placed.iter().map(|(_, place)| (place.word, place.bit)).collect::<Vec<_>>(),
            [(0, 0), (0, 16), (0, 24)]
        );
        assert_eq!(words, 1);

        let read = [param("suspend", Type::Bool), param("flags", Type::Uint8), param("count", Type::Word)];
        let (placed, words) = places(&read);
        assert_eq!(
            placed.iter().map(|(_, place)| (place.word, place.bit)).collect::<Vec<_>>(),
            [(0, 0), (0, 8), (1, 0)]
        );
        assert_eq!(words, 2);
    }

    #[test]
    fn capabilities_take_no_place() {
        let params = [Param { name: "root", ty: Type::Cap("seL4_CNode") }, Param { name: "index", ty: Type::Word }];
        let (placed, words) = places(&params);
        assert_eq!((placed.len(), placed[0].0.name, words), (1, "index", 1));
    }
}
