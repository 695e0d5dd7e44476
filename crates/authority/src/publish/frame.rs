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
    use std::sync::Arc;

    use chancery_lint::IssuerView;
    use chancery_x509::time::UnixTime;

    use super::*;
    use crate::authority::Authority;
    use crate::config::Config;
    use crate::memory::MemoryPorts;
    use crate::port::ledger::latest_crl;
    use crate::profile::Profiles;

    const NOW: UnixTime = UnixTime(1_795_464_000);

    #[tokio::test]
    async fn a_crl_whose_frame_breaks_a_rule_is_never_signed() {
        let memory = MemoryPorts::new(NOW);
        let config = Config::from_toml("").unwrap();
        let authority = Authority::open(memory.ports(), config, Profiles::built_in())
            .await
            .unwrap();
        authority.initialise(&|_: &str| ()).await.unwrap();
        let scope = authority.crl_scopes().pop().unwrap();
        let before = authority.publish_crl(&scope).await.unwrap();

        // The lints now see another CA's certificate, which the frame does not match.
        let [root, issuing] = &authority.cas()[..] else {
            panic!("a root and an issuing CA")
        };
        let mut mistaken = Ca::try_from(issuing.record.clone()).unwrap();
        mistaken.lint_view = IssuerView::parse(root.certificate().as_der()).unwrap();
        *authority.cas.write().unwrap() = Arc::new([root.clone(), Arc::new(mistaken)]);

        let signatures = memory.keys.log().len();
        let error = authority.publish_crl(&scope).await.unwrap_err();
        let PublishError::Lint { issuer, rule, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((issuer, *rule), (&scope.issuer, "crl_issuer_unlike_ca_subject"));
        assert_eq!(memory.keys.log().len(), signatures);
        let latest = latest_crl(authority.ports().ledger.crls(), &scope)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(latest.number, before.number);
    }
}
