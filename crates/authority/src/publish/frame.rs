//! Lints a CRL's frame, which is everything except its entries, before the CRL is written and signed.
//!
//! The configuration and the CA's certificate influence only the frame. An entry is a serial number, a time and a
//! reason that the ledger validated: no lint could find anything in it, so a million entries are not parsed again.

use chancery_lint::{Severity, lint_crl_frame_under};
use chancery_x509::crl::{CrlHeader, CrlWriter, Framing};

use super::PublishError;
use crate::ca::Ca;
use crate::issue::throwaway;

/// Refuses a CRL whose frame violates a lint. The cost does not depend on the number of entries.
pub(super) fn lint(header: &CrlHeader<'_>, ca: &Ca) -> Result<(), PublishError> {
    let (tbs, _, length) = CrlWriter::new(header, 0, Vec::new())?.finish_tbs()?;
    let algorithm = ca.issuer.public_key().algorithm();
    let linted = Framing::new(algorithm, length, &throwaway::signature(algorithm)).assemble(&tbs);
    let findings = lint_crl_frame_under(&linted, &ca.lint_view);
    match findings.into_iter().find(|finding| finding.severity == Severity::Error) {
        None => Ok(()),
        Some(finding) => Err(PublishError::Lint {
            issuer: ca.name().clone(),
            rule: finding.rule,
            citation: finding.citation,
            message: finding.message,
        }),
    }
}

#[cfg(test)]
mod tests {
    use chancery_lint::IssuerView;

    use super::*;
    use crate::publish::testing::{Root, header};

    #[test]
    fn a_frame_that_does_not_fit_the_ca_s_certificate_is_found() {
        let (root, other) = (Root::new(), Root::new());
        lint(&header(&root.ca), &root.ca).unwrap();
        // The lints now see another CA's certificate, whose key is another.
        let mut mistaken = Ca::try_from(root.ca.record.clone()).unwrap();
        mistaken.lint_view = IssuerView::parse(other.ca.certificate().as_der()).unwrap();
        let error = lint(&header(&mistaken), &mistaken).unwrap_err();
        let PublishError::Lint { issuer, rule, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((issuer, *rule), (root.ca.name(), "crl_aki_unlike_ca_ski"));
    }
}
