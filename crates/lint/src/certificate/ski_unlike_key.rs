//! subjectKeyIdentifier is the SHA-1 of the key, method 1.
//!
//! Any unique identifier of the key is valid; this one can be computed from the key alone.

use crate::{Check, Rule, Severity};
use sha1::{Digest, Sha1};

use crate::report::hex;
use crate::view::certificate::Certificate;

pub(super) const RULE: Rule = Rule {
    name: "ski_unlike_key",
    severity: Severity::Notice,
    citation: "RFC 5280 section 4.2.1.2",
    summary: "subjectKeyIdentifier is the SHA-1 of the key, method 1.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let identifier = certificate.known.subject_key_identifier.value?;
    (identifier != Sha1::digest(certificate.public_key.key).as_slice())
        .then(|| format!("subjectKeyIdentifier {} is not the SHA-1 of the key", hex(identifier)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, octet_string};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn the_digest_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn another_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::SUBJECT_KEY_IDENTIFIER, false, &octet_string(&[1; 20]))
                .lint(),
        );
    }
}
