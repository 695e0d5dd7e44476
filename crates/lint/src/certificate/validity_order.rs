//! The validity does not end before it begins.

use crate::report::quoted;
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "validity_order",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.5",
    summary: "The validity does not end before it begins.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let (begin, end) = (certificate.not_before, certificate.not_after);
    (end.seconds? < begin.seconds?).then(|| {
        format!(
            "notAfter {} is before notBefore {}",
            quoted(end.text),
            quoted(begin.text)
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, generalized, utc};

    use super::RULE;

    #[test]
    fn a_second_passes() {
        assert_passes(
            &RULE,
            &CertificateParts {
                not_after: utc("250101000000Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn an_earlier_end_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                not_after: utc("241231235959Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn the_types_do_not_matter() {
        assert_passes(
            &RULE,
            &CertificateParts {
                not_before: utc("491231235959Z"),
                not_after: generalized("20500101000000Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
