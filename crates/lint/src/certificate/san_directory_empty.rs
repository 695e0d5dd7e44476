//! Directory names in subjectAltName are not empty.

use crate::view::certificate::Certificate;
use crate::view::general_name::GeneralName;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "san_directory_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.6",
    summary: "Directory names in subjectAltName are not empty.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let empty = |name: GeneralName<'_>| matches!(name, GeneralName::Directory(name) if name.is_empty());
    certificate
        .alt_names()?
        .iter()
        .any(empty)
        .then(|| "subjectAltName has an empty directory name".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, common_name, directory, name};

    use super::RULE;

    #[test]
    fn a_name_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[directory(&common_name("a"))])
                .lint(),
        );
    }

    #[test]
    fn an_empty_one_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().with_names(&[directory(&name(&[]))]).lint(),
        );
    }
}
