//! Every extension's value is the DER of one value, also where its meaning is unknown.

use chancery_x509::tlv::Reader;

use crate::report::first_few;
use crate::view::certificate::Certificate;
use crate::view::der::{self, Explain as _, Malformed};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "extension_value_not_der",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2",
    summary: "Every extension's value is the DER of one value, also where its meaning is unknown.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let extensions = certificate.extensions?;
    first_few(extensions.iter().filter_map(|extension| {
        let malformed = check_one(extension.value).err()?;
        Some(format!("the value of {} is not DER: {malformed}", extension.oid))
    }))
}

fn check_one(value: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(value);
    reader.read()?;
    reader.finish().explain("octets follow after the value")?;
    der::check_der(value)
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, integer, seq};
    use crate::view::oid::Oid;

    use super::RULE;

    #[test]
    fn der_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(Oid(&[0x2a, 3]), false, &seq(&[&integer(&[1])]))
                .lint(),
        );
    }

    #[test]
    fn text_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(Oid(&[0x2a, 3]), false, b"plain text")
                .lint(),
        );
    }

    #[test]
    fn two_values_are_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(Oid(&[0x2a, 3]), false, &[5, 0, 5, 0])
                .lint(),
        );
    }

    #[test]
    fn nothing_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().with(Oid(&[0x2a, 3]), false, b"").lint(),
        );
    }
}
