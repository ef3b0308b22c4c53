//! What the kernel was configured with, for the preprocessor and as JSON (`gen_config`).

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value};

use crate::facts::Setting;
use crate::header;

/// The options as `CONFIG_…`. Programs' build scripts read lines of this file: name and value have two spaces between.
pub fn for_preprocessor(settings: &BTreeMap<String, Setting>) -> String {
    let mut text = header("Options of the kernel's configuration.");
    for (name, setting) in settings {
        let _ = match setting {
            Setting::Flag(true) => writeln!(text, "#define CONFIG_{name}  1"),
            Setting::Flag(false) => writeln!(text, "/* disabled: CONFIG_{name} */"),
            Setting::Text(value) if value.is_empty() => writeln!(text, "#define CONFIG_{name}  /* empty */"),
            Setting::Text(value) => writeln!(text, "#define CONFIG_{name}  {value}"),
        };
    }
    text
}

/// The options as JSON.
pub fn as_json(settings: &BTreeMap<String, Setting>) -> String {
    let value = |setting: &Setting| match setting {
        Setting::Flag(flag) => Value::Bool(*flag),
        Setting::Text(text) => Value::String(text.clone()),
    };
    let all: Map<String, Value> = settings.iter().map(|(name, setting)| (name.clone(), value(setting))).collect();
    format!("{:#}\n", Value::Object(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Configuration;

    #[test]
    fn build_scripts_find_the_architecture() {
        let text = for_preprocessor(&Configuration::read("debug").unwrap().kernel);
        // As the examples' makefiles do: grep 'CONFIG_SEL4_ARCH  ' | cut -d' ' -f4
        let line = text.lines().find(|line| line.contains("CONFIG_SEL4_ARCH  ")).unwrap();
        assert_eq!(line.split(' ').nth(3), Some("aarch64"));
        assert!(
            text.contains("#define CONFIG_PRINTING  1\n") && text.contains("/* disabled: CONFIG_EXPORT_PMU_USER */")
        );
    }
}
