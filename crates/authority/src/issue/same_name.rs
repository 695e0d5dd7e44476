//! Compares names as verifiers do (RFC 5280 section 7.1): letter case, whitespace and string types are ignored.

use std::collections::BTreeSet;

use chancery_x509::name::{Attribute, Name};
use const_oid::ObjectIdentifier;

use super::folding;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// An attribute's type and value in comparable form; a value that is not text is compared by its octets.
type Compared = (ObjectIdentifier, Result<String, Vec<u8>>);

/// Whether the subjects are equal, attribute by attribute.
pub(crate) fn is_same(one: &Name, other: &Name) -> bool {
    !one.is_empty() && compared(one) == compared(other)
}

/// A common name of `one` that `other` has as well.
pub(super) fn common_name_in_common(one: &Name, other: &Name) -> Option<String> {
    let theirs: BTreeSet<String> = common_names(other).map(|name| folding::compared(&name)).collect();
    common_names(one).find(|name| theirs.contains(&folding::compared(name)))
}

fn common_names(name: &Name) -> impl Iterator<Item = String> {
    name.iter()
        .filter(|attribute| attribute.oid == COMMON_NAME)
        .filter_map(|attribute| attribute.text().map(std::borrow::Cow::into_owned))
}

/// The order of RDNs matters, that of the attributes in one does not.
fn compared(name: &Name) -> Vec<BTreeSet<Compared>> {
    name.rdns()
        .map(|rdn| rdn.map(|attribute| compare(&attribute)).collect())
        .collect()
}

fn compare(attribute: &Attribute<'_>) -> Compared {
    let value = match attribute.text() {
        Some(text) => Ok(folding::compared(&text)),
        None => Err(attribute.value_der().to_vec()),
    };
    (attribute.oid, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_rfc4514(text).unwrap()
    }

    #[test]
    fn letter_case_blanks_and_string_types_say_nothing() {
        let ca = name("CN=Example Root CA,O=Example,C=GB");
        for same in [
            "CN=Example Root CA,O=Example,C=GB",
            "CN=example ROOT ca,O=EXAMPLE,C=GB",
            "CN=Example  Root   CA,O=Example,C=GB",
            "CN=Example Root \u{ff23}A,O=Example,C=GB",
            // Equal to the CA's name though encoded as UTF8String or PrintableString instead.
            "CN=#0C0F4578616D706C6520526F6F74204341,O=Example,C=GB",
            "CN=#130F4578616D706C6520526F6F74204341,O=Example,C=GB",
        ] {
            assert!(is_same(&name(same), &ca), "{same}");
            assert!(common_name_in_common(&name(same), &ca).is_some(), "{same}");
        }
        for other in [
            "CN=Example Root CA,O=Example",
            "CN=Example Root CA 2,O=Example,C=GB",
            "O=Example,CN=Example Root CA,C=GB",
            "C=GB,O=Example,CN=Example Root CA",
        ] {
            assert!(!is_same(&name(other), &ca), "{other}");
        }
        assert!(common_name_in_common(&name("CN=b,CN=EXAMPLE root ca"), &ca).is_some());
        assert!(common_name_in_common(&name("OU=Example Root CA"), &ca).is_none());
        let empty = name("");
        assert!(!is_same(&empty, &empty), "no name is nobody's");
    }
}
