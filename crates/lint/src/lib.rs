//! Rules for final bytes, each citing the standard that it follows: one per file, or a row of a table where rules differ only
//! in an extension and in what they demand of it.
//!
//! Lints give values meanings of their own, independent of the code that built the bytes, so that a mistake in building
//! is not repeated in checking; only the reader that splits octets into values is that of [`chancery_x509::tlv`], with its
//! budget. That reader is checked in turn: tests hold what passes against `x509-parser`, OpenSSL and `pkilint`. Parsing
//! allocates nothing; a clean certificate costs microseconds and no memory.
//!
//! A CA lints before the real signature: it assembles the object with a placeholder signature, and lints that. Where
//! many certificates come from one CA, [`IssuerView`] parses the CA's certificate once:
//!
//! ```
//! # fn issue(ca_der: &[u8], leaf_der: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! use chancery_lint::{IssuerView, Severity, lint_certificate_under};
//!
//! let issuer = IssuerView::parse(ca_der)?;
//! let findings = lint_certificate_under(leaf_der, &issuer);
//! assert!(findings.iter().all(|finding| finding.severity < Severity::Error));
//! # Ok(())
//! # }
//! ```

mod certificate;
mod crl;
mod extension_table;
mod report;
mod syntax;
mod view;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;

pub use view::issuer::{IssuerError, IssuerView};

use extension_table::{ExtensionRule, Holder};
use view::certificate::Certificate;
use view::crl::{Crl, Entry};

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Legal, but noteworthy.
    Notice,
    /// Legal, but inadvisable.
    Warning,
    /// Violates a MUST: never issued here.
    Error,
}

/// A violation that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name, e.g. `serial_too_long`.
    pub rule: &'static str,
    /// The rule's severity.
    pub severity: Severity,
    /// The standard that the rule follows, e.g. `RFC 5280 section 4.1.2.2`.
    pub citation: &'static str,
    /// What was found, as text. Content of the linted object is quoted, escaped and shortened.
    pub message: String,
}

impl Finding {
    /// Whether it is that the keyUsage has bits that a key of that kind cannot have: a profile may allow some.
    pub fn is_key_usage_unfit_for_key(&self) -> bool {
        self.rule == certificate::KEY_USAGE_UNFIT_FOR_KEY
    }
}

/// A rule: its name, the standard that it follows, and its check.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name, unique among all rules.
    pub name: &'static str,
    /// The severity of its findings.
    pub severity: Severity,
    /// The standard that it follows, e.g. `RFC 5280 section 4.1.2.2`.
    pub citation: &'static str,
    /// What must be true, in one sentence.
    pub summary: &'static str,
    check: Check,
}

/// The objects that a rule checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Certificates.
    Certificate,
    /// Certificate revocation lists.
    Crl,
}

/// The function of a rule, by the input that it needs. Each returns a message if it found something; one that checks a
/// repeated element reports the first few.
#[derive(Clone, Copy, Debug)]
enum Check {
    /// Checks a certificate alone.
    Certificate(fn(&Certificate<'_>) -> Option<String>),
    /// Checks whether an extension is there and critical: in a certificate, a CRL or each entry until the first finding.
    Extension(ExtensionRule),
    /// Checks a certificate and that of its CA.
    Issued(fn(&Certificate<'_>, &IssuerView) -> Option<String>),
    /// Checks a CRL's frame: everything except its entries.
    Crl(fn(&Crl<'_>) -> Option<String>),
    /// Checks a CRL's frame and its CA's certificate.
    CrlIssued(fn(&Crl<'_>, &IssuerView) -> Option<String>),
    /// Checks each entry of a CRL, until the first finding.
    CrlEntry(fn(&Crl<'_>, &Entry<'_>) -> Option<String>),
    /// Checks all entries of a CRL together.
    CrlEntries(fn(&Crl<'_>) -> Option<String>),
    /// Found while parsing, before any rule runs.
    Reading,
}

impl Rule {
    /// The objects that the rule checks.
    pub fn target(&self) -> Target {
        match self.check {
            Check::Certificate(_) | Check::Issued(_) | Check::Reading => Target::Certificate,
            Check::Crl(_) | Check::CrlIssued(_) | Check::CrlEntry(_) | Check::CrlEntries(_) => Target::Crl,
            Check::Extension(rule) => match rule.holder {
                Holder::Certificate
                | Holder::CaCertificate
                | Holder::EndEntityCertificate
                | Holder::CertificateNotSelfIssued
                | Holder::CertificateWithSubject => Target::Certificate,
                Holder::Crl | Holder::CrlEntry => Target::Crl,
            },
        }
    }

    /// Whether the rule compares with the CA's certificate, and is skipped without it.
    pub fn needs_issuer(&self) -> bool {
        matches!(self.check, Check::Issued(_) | Check::CrlIssued(_))
    }

    fn finding(&self, message: String) -> Finding {
        Finding {
            rule: self.name,
            severity: self.severity,
            citation: self.citation,
            message,
        }
    }
}

/// The CA's certificate for the comparison cannot be parsed.
const ISSUER_UNREADABLE: Rule = Rule {
    name: "issuer_unreadable",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1",
    summary: "The CA certificate to compare with can be read.",
    check: Check::Reading,
};

/// Every rule, those for certificates first.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    certificate::RULES
        .iter()
        .chain(crl::RULES)
        .chain(std::iter::once(&ISSUER_UNREADABLE))
}

/// Lints a certificate's final DER. `issuer` is the DER of its CA's certificate, if known: rules that compare need it.
pub fn lint_certificate(der: &[u8], issuer: Option<&[u8]>) -> Vec<Finding> {
    with_issuer(issuer, |issuer| run_certificate_rules(der, issuer))
}

/// Lints a certificate's final DER under a CA that was parsed before: the form for issuing.
pub fn lint_certificate_under(der: &[u8], issuer: &IssuerView) -> Vec<Finding> {
    run_certificate_rules(der, Some(issuer))
}

/// Lints a CRL's final DER. Entries are checked in one pass; for each entry rule only the first finding is reported.
pub fn lint_crl(der: &[u8], issuer: Option<&[u8]>) -> Vec<Finding> {
    with_issuer(issuer, |issuer| run_crl_rules(der, issuer, Extent::Whole))
}

/// Lints a CRL's final DER under a CA that was parsed before.
pub fn lint_crl_under(der: &[u8], issuer: &IssuerView) -> Vec<Finding> {
    run_crl_rules(der, Some(issuer), Extent::Whole)
}

/// Lints a CRL's header and extensions only, under a CA that was parsed before: the cost does not depend on the
/// entries.
pub fn lint_crl_frame_under(der: &[u8], issuer: &IssuerView) -> Vec<Finding> {
    run_crl_rules(der, Some(issuer), Extent::Frame)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    Frame,
}

fn with_issuer(issuer: Option<&[u8]>, lint: impl FnOnce(Option<&IssuerView>) -> Vec<Finding>) -> Vec<Finding> {
    match issuer.map(IssuerView::parse).transpose() {
        Ok(issuer) => lint(issuer.as_ref()),
        Err(error) => {
            let mut findings = lint(None);
            findings.push(ISSUER_UNREADABLE.finding(error.to_string()));
            findings
        }
    }
}

fn run_certificate_rules(der: &[u8], issuer: Option<&IssuerView>) -> Vec<Finding> {
    let certificate = match Certificate::parse(der) {
        Ok(certificate) => certificate,
        Err(malformed) => return vec![certificate::NOT_DER.finding(malformed.to_string())],
    };
    let mut findings = Vec::new();
    for rule in certificate::RULES {
        let message = match (rule.check, issuer) {
            (Check::Certificate(check), _) => check(&certificate),
            (Check::Extension(rule), _) => rule.check_certificate(&certificate),
            (Check::Issued(check), Some(issuer)) => check(&certificate, issuer),
            _ => None,
        };
        findings.extend(message.map(|message| rule.finding(message)));
    }
    findings
}

fn run_crl_rules(der: &[u8], issuer: Option<&IssuerView>, extent: Extent) -> Vec<Finding> {
    let crl = match Crl::parse(der) {
        Ok(crl) => crl,
        Err(malformed) => return vec![crl::NOT_DER.finding(malformed.to_string())],
    };
    let mut findings = Vec::new();
    for rule in crl::RULES {
        let message = match (rule.check, issuer) {
            (Check::Crl(check), _) => check(&crl),
            (Check::Extension(rule), _) => rule.check_crl(&crl),
            (Check::CrlIssued(check), Some(issuer)) => check(&crl, issuer),
            (Check::CrlEntries(check), _) if extent == Extent::Whole => check(&crl),
            _ => None,
        };
        findings.extend(message.map(|message| rule.finding(message)));
    }
    if extent == Extent::Whole {
        run_entry_rules(&crl, &mut findings);
    }
    findings
}

fn run_entry_rules(crl: &Crl<'_>, findings: &mut Vec<Finding>) {
    let mut pending: Vec<&Rule> = crl::RULES
        .iter()
        .filter(|rule| match rule.check {
            Check::CrlEntry(_) => true,
            Check::Extension(rule) => rule.holder == Holder::CrlEntry,
            _ => false,
        })
        .collect();
    for entry in crl.entries() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(malformed) => return findings.push(crl::NOT_DER.finding(malformed.to_string())),
        };
        pending.retain(|rule| {
            let message = match rule.check {
                Check::CrlEntry(check) => check(crl, &entry),
                Check::Extension(rule) => rule.check_entry(&entry),
                _ => return false,
            };
            let Some(message) = message else { return true };
            let serial = report::hex(entry.serial);
            findings.push(rule.finding(format!("entry {} (serial {serial}): {message}", entry.number)));
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::testing::{CertificateParts, CrlParts};
    use super::*;

    #[test]
    fn rules_have_names_of_their_own_and_cite_something() {
        let mut names = BTreeSet::new();
        for rule in rules() {
            assert!(names.insert(rule.name), "{} is there twice", rule.name);
            assert!(
                rule.name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
                "{}",
                rule.name
            );
            assert!(
                rule.citation.chars().any(|c| c.is_ascii_digit()),
                "{} cites no document",
                rule.name
            );
            assert!(rule.summary.ends_with('.'), "{} has no sentence", rule.name);
        }
    }

    #[test]
    fn good_objects_are_clean() {
        for (what, findings) in [
            ("root", CertificateParts::root().lint()),
            ("issuing CA", CertificateParts::issuing_ca().lint()),
            ("leaf", CertificateParts::leaf().lint()),
            ("CRL", CrlParts::full().lint()),
        ] {
            assert_eq!(findings, [], "{what}");
        }
    }

    #[test]
    fn an_unreadable_issuer_is_told_and_the_rest_is_linted() {
        let der = CertificateParts::leaf().serial(&[0]).encode();
        let rules: Vec<_> = lint_certificate(&der, Some(b"no certificate"))
            .iter()
            .map(|finding| finding.rule)
            .collect();
        assert!(
            rules.contains(&"issuer_unreadable") && rules.contains(&"serial_not_positive"),
            "{rules:?}"
        );
    }

    #[test]
    fn the_frame_of_a_crl_is_linted_without_its_entries() {
        let issuer = IssuerView::parse(&CertificateParts::issuing_ca().encode()).unwrap();
        let good = CrlParts::full();
        let entry = good.entries[0].clone();
        let repeated = CrlParts {
            entries: vec![entry.clone(), entry],
            ..good
        };
        assert_eq!(lint_crl_frame_under(&repeated.encode(), &issuer), []);
        assert_eq!(
            lint_crl_under(&repeated.encode(), &issuer)[0].rule,
            "crl_duplicate_serial"
        );
    }
}
