//! certificateIssuer is critical, and in indirect CRLs only.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_certificate_issuer_misplaced",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.3.3",
    summary: "certificateIssuer is critical, and in indirect CRLs only.",
    check: Check::CrlEntry(check),
};

fn check(crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    let issuer = entry.certificate_issuer;
    match issuer.present {
        true if !crl.is_indirect() => Some("it has certificateIssuer in a CRL that is not indirect".into()),
        true if !issuer.critical => Some("its certificateIssuer is not critical".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, common_name, directory, extension, implicit, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn it_passes_in_an_indirect_crl_only() {
        let point =
            |flag: u8| CrlParts::full().with(oid::ISSUING_DISTRIBUTION_POINT, true, &seq(&[&implicit(flag, &[0xff])]));
        let names = seq(&[&directory(&common_name("Example"))]);
        let issuer = |critical| [extension(oid::CERTIFICATE_ISSUER, critical, &names)];
        assert_passes(&RULE, &point(4).entry_with(&issuer(true)).lint());
        assert_found(&RULE, &point(4).entry_with(&issuer(false)).lint());
        assert_found(&RULE, &point(1).entry_with(&issuer(true)).lint());
    }
}
