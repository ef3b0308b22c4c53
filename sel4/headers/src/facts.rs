//! The interface's numbers by their names in C, for one configuration of the kernel: read from `sel4/abi/data`, which
//! the crate `sel4-abi` is held against.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

const DATA: &str = include_str!("../../abi/data/sel4-16.0.0-aarch64-hyp-mcs.json");

/// The numbers of one enumeration, by value.
pub type Numbers = Vec<(String, i64)>;

/// What one configuration of the kernel defines.
#[derive(Debug)]
pub struct Configuration {
    /// Enumerations by name, but for the invocation labels, which follow from the methods.
    pub enums: BTreeMap<String, Numbers>,
    /// Other constants.
    pub constants: BTreeMap<String, i64>,
    /// Structures that pack fields into a word: name to fields, the highest first.
    pub bitfields: BTreeMap<String, Vec<Field>>,
    /// Offsets of the members of structures, and `sizeof`.
    pub offsets: BTreeMap<String, Vec<(String, i64)>>,
    /// Options that the kernel was built with.
    pub kernel: BTreeMap<String, Setting>,
    /// Options of the library.
    pub library: BTreeMap<String, Setting>,
}

/// A field of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its lowest bit.
    pub shift: u32,
    /// Its bits.
    pub width: u32,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// On or off.
    Flag(bool),
    /// A number or a name.
    Text(String),
}

/// There is no such configuration, or the data are not as expected.
#[derive(Debug)]
pub struct DataError(String);

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DataError {}

type Result<T> = std::result::Result<T, DataError>;

/// Enumerations whose numbers are not taken from the data.
const LABELS: [&str; 3] = ["invocation_label", "sel4_arch_invocation_label", "arch_invocation_label"];

impl Configuration {
    /// Reads the data for the configuration `name`, as the SDK's folders are called.
    ///
    /// # Errors
    /// When there is no such configuration.
    pub fn read(name: &str) -> Result<Self> {
        let data: Value = serde_json::from_str(DATA).map_err(|error| DataError(error.to_string()))?;
        let overlays = overlays(name)?;
        let mut enums = BTreeMap::new();
        let mut constants = numbers(object(&data, "constants")?)?;
        merge_enums(&mut enums, object(&data, "enums")?)?;
        let mut settings = settings(object(&data["config"], "release")?);
        for overlay in overlays {
            let mut differences = object(&data, overlay)?.clone();
            if let Some(Value::Object(differing)) = differences.remove("constants") {
                constants.extend(numbers(&differing)?);
            }
            merge_enums(&mut enums, &differences)?;
            if let Some(Value::Object(differing)) = data["config"].get(overlay) {
                settings.extend(self::settings(differing));
            }
        }
        let (library, kernel) = settings.into_iter().partition(|(name, _)| name.starts_with("LIB_SEL4_"));
        Ok(Self {
            enums: enums.into_iter().map(|(name, numbers)| (name, by_value(numbers))).collect(),
            constants,
            bitfields: bitfields(object(&data, "bitfields")?)?,
            offsets: offsets(object(&data, "struct_offsets")?)?,
            kernel,
            library,
        })
    }

    /// Whether the kernel was built with an option.
    pub fn is_set(&self, option: &str) -> bool {
        self.kernel.get(option) == Some(&Setting::Flag(true))
    }
}

/// The sections of the data that differ from release, weakest first.
fn overlays(configuration: &str) -> Result<&'static [&'static str]> {
    Ok(match configuration {
        "release" => &[],
        "debug" => &["debug_differs"],
        "benchmark" => &["benchmark_differs"],
        "smp-release" => &["smp-release_differs"],
        "smp-debug" => &["debug_differs", "smp-release_differs", "smp-debug_differs_from_debug"],
        "smp-benchmark" => &["benchmark_differs", "smp-release_differs"],
        _ => return Err(DataError(format!("there is no configuration `{configuration}`"))),
    })
}

fn object<'a>(data: &'a Value, name: &str) -> Result<&'a Map<String, Value>> {
    data[name].as_object().ok_or_else(|| DataError(format!("the data have no section `{name}`")))
}

fn number(name: &str, value: &Value) -> Result<i64> {
    value.as_i64().ok_or_else(|| DataError(format!("`{name}` is no number in the data")))
}

fn numbers(section: &Map<String, Value>) -> Result<BTreeMap<String, i64>> {
    section.iter().map(|(name, value)| Ok((name.clone(), number(name, value)?))).collect()
}

fn merge_enums(enums: &mut BTreeMap<String, BTreeMap<String, i64>>, section: &Map<String, Value>) -> Result<()> {
    for (name, values) in section {
        if LABELS.contains(&name.as_str()) {
            continue;
        }
        let values = values.as_object().ok_or_else(|| DataError(format!("`{name}` is no enumeration in the data")))?;
        enums.entry(name.clone()).or_default().extend(numbers(values)?);
    }
    Ok(())
}

fn by_value(numbers: BTreeMap<String, i64>) -> Numbers {
    let mut sorted: Numbers = numbers.into_iter().collect();
    sorted.sort_by_key(|&(_, value)| value);
    sorted
}

fn bitfields(section: &Map<String, Value>) -> Result<BTreeMap<String, Vec<Field>>> {
    let mut all = BTreeMap::new();
    for (name, fields) in section {
        let mut list = Vec::new();
        for (field, place) in fields.as_object().into_iter().flatten().filter(|(_, place)| place.is_array()) {
            let part = |index: usize| {
                u32::try_from(number(field, &place[index])?).map_err(|error| DataError(error.to_string()))
            };
            list.push(Field { name: field.clone(), shift: part(0)?, width: part(1)? });
        }
        list.sort_by_key(|field| std::cmp::Reverse(field.shift));
        all.insert(name.clone(), list);
    }
    Ok(all)
}

fn offsets(section: &Map<String, Value>) -> Result<BTreeMap<String, Vec<(String, i64)>>> {
    let mut all = BTreeMap::new();
    for (name, members) in section {
        let members = members.as_object().ok_or_else(|| DataError(format!("`{name}` is no structure in the data")))?;
        all.insert(name.clone(), by_value(numbers(members)?));
    }
    Ok(all)
}

fn settings(section: &Map<String, Value>) -> BTreeMap<String, Setting> {
    let value = |value: &Value| match value {
        Value::Bool(flag) => Setting::Flag(*flag),
        Value::String(text) => Setting::Text(text.clone()),
        other => Setting::Text(other.to_string()),
    };
    section.iter().map(|(name, setting)| (name.clone(), value(setting))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_differ_where_the_data_say_so() {
        let release = Configuration::read("release").unwrap();
        let debug = Configuration::read("smp-debug").unwrap();
        assert_eq!((release.constants["seL4_TCBBits"], debug.constants["seL4_TCBBits"]), (11, 12));
        assert!(!release.enums["seL4_Syscall_ID"].iter().any(|(name, _)| name == "seL4_SysDebugSendIPI"));
        assert!(debug.enums["seL4_Syscall_ID"].contains(&("seL4_SysDebugSendIPI".to_owned(), -18)));
        assert!(
            !release.is_set("ENABLE_SMP_SUPPORT") && debug.is_set("ENABLE_SMP_SUPPORT") && debug.is_set("PRINTING")
        );
        assert_eq!(debug.kernel["MAX_NUM_NODES"], Setting::Text("4".to_owned()));
        assert!(Configuration::read("fast").is_err());
    }
}
