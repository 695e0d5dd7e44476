//! Lints: over any octets, and against the readers that everything else here relies on.

use chancery_lint::{Finding, IssuerView, Severity, lint_crl_frame_under, lint_crl_under, rules};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::{CrlError, RevocationList};
use const_oid::ObjectIdentifier;

use super::made_by_openssl::{CRL, ISSUING, LEAF, ROOT};

/// Any octets as certificate and as CA certificate. What is without errors is read as a certificate.
pub fn lint_certificate(octets: &[u8]) {
    let findings = chancery_lint::lint_certificate(octets, None);
    assert_bounded(&findings);
    match Certificate::parse(octets) {
        Err(error) if !has_errors(&findings) && has_usual_oids(octets) => {
            panic!("lints pass what cannot be read: {error}")
        }
        _ => {}
    }
    for issuer in [ROOT, ISSUING] {
        assert_bounded(&chancery_lint::lint_certificate(octets, Some(issuer)));
    }
    for linted in [
        chancery_lint::lint_certificate(LEAF, Some(octets)),
        chancery_lint::lint_crl(CRL, Some(octets)),
    ] {
        assert_bounded(&linted);
        let unreadable = IssuerView::parse(octets).is_err();
        assert_eq!(
            unreadable,
            linted.iter().any(|finding| finding.rule == "issuer_unreadable")
        );
    }
}

/// Any octets as CRL. What is without errors is read as a CRL, entry by entry; using it is another matter.
pub fn lint_crl(octets: &[u8]) {
    let findings = chancery_lint::lint_crl(octets, None);
    assert_bounded(&findings);
    if !has_errors(&findings) && has_usual_oids(octets) {
        match RevocationList::from_der(octets.to_vec()) {
            Ok(list) => {
                if let Some(Err(error @ CrlError::Malformed { .. })) = list.entries().find(Result::is_err) {
                    panic!("lints pass an entry that cannot be read: {error}");
                }
            }
            // More extensions than there are kinds of cannot be told from an attack; lints only say what is wrong.
            Err(error) => assert!(
                error.to_string().contains("64 extensions"),
                "lints pass what cannot be read: {error}"
            ),
        }
    }
    let issuer = IssuerView::parse(ISSUING).expect("OpenSSL's CA is read");
    assert_bounded(&lint_crl_under(octets, &issuer));
    assert_bounded(&lint_crl_frame_under(octets, &issuer));
}

/// Whether every object identifier is one that can be held here: lints have no bounds on arcs, but of arcs over 32 bits and
/// identifiers over 39 octets, and of those from 2.40 on, nothing is certified.
fn has_usual_oids(mut der: &[u8]) -> bool {
    const OID: u8 = 0x06;
    const OCTET_STRING: u8 = 0x04;
    const CONSTRUCTED: u8 = 0x20;
    while let [tag, length, rest @ ..] = der {
        let octets = usize::from(length.saturating_sub(0x80));
        let Some((long, rest)) = rest.split_at_checked(octets) else {
            break;
        };
        let length = match octets {
            0 => usize::from(*length),
            _ => long.iter().fold(0, |length: usize, octet| {
                length.saturating_mul(256).saturating_add(usize::from(*octet))
            }),
        };
        let Some((content, rest)) = rest.split_at_checked(length) else {
            break;
        };
        let usual = match *tag {
            OID => ObjectIdentifier::from_bytes(content).is_ok(),
            OCTET_STRING => has_usual_oids(content),
            tag => tag & CONSTRUCTED == 0 || has_usual_oids(content),
        };
        if !usual {
            return false;
        }
        der = rest;
    }
    true
}

fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// Findings quote what they found, and are read by people: neither may grow with the object, nor carry its control
/// characters.
fn assert_bounded(findings: &[Finding]) {
    let rules = rules().count();
    assert!(findings.len() <= rules, "{} findings of {rules} rules", findings.len());
    for finding in findings {
        assert!(finding.message.len() < 4096, "{} says too much", finding.rule);
        assert!(
            !finding.message.chars().any(char::is_control),
            "{}: {:?}",
            finding.rule,
            finding.message
        );
    }
}
