//! The certificate is DER, and has the structure of RFC 5280.
//!
//! What cannot be parsed at all is reported before any rule runs; this one checks every value that can be: the fewest
//! octets for lengths, tags and integers, BOOLEANs of FF, sorted SETs, strings in one piece.

use crate::view::certificate::Certificate;
use crate::view::der;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "certificate_der",
    severity: Severity::Error,
    citation: "X.690 section 10, RFC 5280 section 4.1",
    summary: "The certificate is DER, and has the structure of RFC 5280.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    der::check_der(certificate.der)
        .err()
        .map(|malformed| malformed.to_string())
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        CertificateParts, assert_found, assert_passes, attribute, key_usage, octet_string, oid, seq, tlv,
    };
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn der_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn members_of_a_set_in_order_pass() {
        let (low, high) = (
            attribute(oid::COMMON_NAME, tag::UTF8_STRING, b"a"),
            attribute(oid::COUNTRY, tag::PRINTABLE_STRING, b"DE"),
        );
        let subject = seq(&[&tlv(tag::SET, &[&low, &high])]);
        assert_passes(&RULE, &CertificateParts::leaf().subject(subject).lint());
        let subject = seq(&[&tlv(tag::SET, &[&high, &low])]);
        assert_found(&RULE, &CertificateParts::leaf().subject(subject).lint());
    }

    #[test]
    fn a_boolean_other_than_ff_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with_raw(
                    oid::KEY_USAGE,
                    seq(&[
                        &oid(oid::KEY_USAGE),
                        &[tag::BOOLEAN, 1, 1],
                        &octet_string(&key_usage(1)),
                    ]),
                )
                .lint(),
        );
    }

    #[test]
    fn a_padded_integer_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().serial(&[0, 1]).lint());
    }

    #[test]
    fn trailing_and_missing_octets_are_found() {
        let mut der = CertificateParts::leaf().encode();
        der.push(0);
        assert_found(&RULE, &crate::lint_certificate(&der, None));
        der.truncate(der.len() - 2);
        assert_found(&RULE, &crate::lint_certificate(&der, None));
        assert_found(&RULE, &crate::lint_certificate(b"", None));
    }
}
