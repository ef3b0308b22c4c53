//! What scripts read of an SDK folder: labels and sizes as JSON.

use serde_json::{Map, Value};

use crate::facts::Configuration;
use crate::methods;

/// log2 of sizes in bytes, of the table of pools in entries: the names in the file, and the constants'.
const SIZES: [(&str, &str); 16] = [
    ("tcb", "seL4_TCBBits"),
    ("endpoint", "seL4_EndpointBits"),
    ("notification", "seL4_NotificationBits"),
    ("small_page", "seL4_PageBits"),
    ("large_page", "seL4_LargePageBits"),
    ("huge_page", "seL4_HugePageBits"),
    ("asid_pool", "seL4_ASIDPoolBits"),
    ("asid_table", "seL4_ASIDPoolIndexBits"),
    ("slot", "seL4_SlotBits"),
    ("min_untyped_bits", "seL4_MinUntypedBits"),
    ("max_untyped_bits", "seL4_MaxUntypedBits"),
    ("vspace", "seL4_VSpaceBits"),
    ("reply", "seL4_ReplyBits"),
    ("vcpu", "seL4_VCPUBits"),
    ("page_table", "seL4_PageTableBits"),
    ("io_page_table", "seL4_IOPageTableBits"),
];

const ADDRESS_SPACE: [(&str, &str); 3] = [
    ("page_table_index_bits", "seL4_PageTableIndexBits"),
    ("vspace_index_bits", "seL4_VSpaceIndexBits"),
    ("vspace_user_top", "seL4_UserVSpaceTop"),
];

/// Invocation labels by name.
pub fn labels(configuration: &Configuration) -> String {
    // The label 0 is no method's.
    let labels = methods::labels(configuration).into_iter().flatten().filter(|&(_, number)| number != 0);
    object(labels.map(|(name, number)| (name.to_owned(), number.into())).collect())
}

/// Sizes of objects.
pub fn object_sizes(configuration: &Configuration) -> String {
    constants(configuration, &SIZES)
}

/// How address spaces are divided.
pub fn address_space(configuration: &Configuration) -> String {
    constants(configuration, &ADDRESS_SPACE)
}

fn constants(configuration: &Configuration, names: &[(&str, &str)]) -> String {
    let value = |name: &str| configuration.constants.get(name).map_or(Value::Null, |&number| number.into());
    object(names.iter().map(|(name, constant)| ((*name).to_owned(), value(constant))).collect())
}

fn object(members: Map<String, Value>) -> String {
    format!("{:#}\n", Value::Object(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_number() {
        for configuration in ["debug", "smp-release"] {
            let configuration = Configuration::read(configuration).unwrap();
            for text in [labels(&configuration), object_sizes(&configuration), address_space(&configuration)] {
                let members: Map<String, Value> = serde_json::from_str(&text).unwrap();
                assert!(members.len() >= 3 && members.values().all(Value::is_u64), "{text}");
            }
        }
    }

    #[test]
    fn debug_differs_from_release() {
        let number = |text: &str, name: &str| serde_json::from_str::<Value>(text).unwrap()[name].as_u64();
        let (debug, release) = (Configuration::read("debug").unwrap(), Configuration::read("release").unwrap());
        assert_eq!(number(&labels(&debug), "UntypedRetype"), Some(1));
        assert_eq!(number(&labels(&debug), "InvalidInvocation"), None);
        assert_eq!(number(&labels(&debug), "TCBSetTLSBase"), Some(20));
        assert_eq!(number(&labels(&release), "TCBSetTLSBase"), Some(16));
        assert_eq!(number(&object_sizes(&debug), "tcb"), Some(12));
        assert_eq!(number(&object_sizes(&release), "tcb"), Some(11));
    }
}
