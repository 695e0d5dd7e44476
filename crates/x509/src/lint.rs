//! Rules over final bytes, one a file, each citing what it follows.
//!
//! The bytes are read by a reader of this module's own, not by the code that built them: a mistake made
//! while building is not made again while checking. Reading allocates nothing; a clean certificate costs
//! microseconds and no memory.
//!
//! A CA lints before it signs for good: it signs with a throw-away key first, and lints that. Where many
//! certificates come from one CA, [`IssuerView`] reads the CA's certificate once:
//!
//! ```
//! # fn issue(ca_der: &[u8], leaf_der: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! use chancery_x509::lint::{self, IssuerView, Severity};
//!
//! let issuer = IssuerView::parse(ca_der)?;
//! let findings = lint::certificate_under(leaf_der, &issuer);
//! assert!(findings.iter().all(|finding| finding.severity < Severity::Error));
//! # Ok(())
//! # }
//! ```

mod certificate;
mod crl;
mod report;
mod syntax;
mod view;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;

pub use view::issuer::{IssuerError, IssuerView};

use view::certificate::Certificate;
use view::crl::{Crl, Entry};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Legal, but worth knowing.
    Notice,
    /// Legal, but unwise.
    Warning,
    /// Against a MUST: never issued here.
    Error,
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name, e.g. `serial_too_long`.
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What the rule follows, e.g. `RFC 5280 section 4.1.2.2`.
    pub citation: &'static str,
    /// What was found, in words. Text from the linted object is quoted, escaped and shortened.
    pub message: String,
}

/// A rule: what it is called, what it follows, and how it looks.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name, unique among all rules.
    pub name: &'static str,
    /// How bad its findings are.
    pub severity: Severity,
    /// What it follows, e.g. `RFC 5280 section 4.1.2.2`.
    pub citation: &'static str,
    /// What must hold, in one sentence.
    pub summary: &'static str,
    check: Check,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Certificates.
    Certificate,
    /// Certificate revocation lists.
    Crl,
}

/// How a rule looks, and what it needs for that. Each answers with a message where it found something; one that
/// looks at a repeated thing tells of the first few.
#[derive(Clone, Copy, Debug)]
enum Check {
    /// At a certificate alone.
    Certificate(fn(&Certificate<'_>) -> Option<String>),
    /// At a certificate under its CA's.
    Issued(fn(&Certificate<'_>, &IssuerView) -> Option<String>),
    /// At a CRL's frame: everything but its entries.
    Crl(fn(&Crl<'_>) -> Option<String>),
    /// At a CRL's frame under its CA's certificate.
    CrlIssued(fn(&Crl<'_>, &IssuerView) -> Option<String>),
    /// At each entry of a CRL, until the first finding.
    CrlEntry(fn(&Crl<'_>, &Entry<'_>) -> Option<String>),
    /// At all entries of a CRL together.
    CrlEntries(fn(&Crl<'_>) -> Option<String>),
    /// Found while reading, before any rule can look.
    Reading,
}

impl Rule {
    /// What the rule looks at.
    pub fn subject(&self) -> Subject {
        match self.check {
            Check::Certificate(_) | Check::Issued(_) | Check::Reading => Subject::Certificate,
            Check::Crl(_) | Check::CrlIssued(_) | Check::CrlEntry(_) | Check::CrlEntries(_) => Subject::Crl,
        }
    }

    /// Whether the rule compares with the CA's certificate, and is silent without it.
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

/// The CA's certificate, given for comparison, could not be read.
const ISSUER_UNREADABLE: Rule = Rule {
    name: "issuer_unreadable",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1",
    summary: "The CA certificate to compare with can be read.",
    check: Check::Reading,
};

/// Every rule, certificates' first.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    certificate::RULES
        .iter()
        .chain(crl::RULES)
        .chain(std::iter::once(&ISSUER_UNREADABLE))
}

/// Lints a certificate's final DER. `issuer` is the DER of its CA's certificate, where known: rules that compare need it.
pub fn certificate(der: &[u8], issuer: Option<&[u8]>) -> Vec<Finding> {
    with_issuer(issuer, |issuer| lint_certificate(der, issuer))
}

/// Lints a certificate's final DER under a CA that was read before: the form for issuing.
pub fn certificate_under(der: &[u8], issuer: &IssuerView) -> Vec<Finding> {
    lint_certificate(der, Some(issuer))
}

/// Lints a CRL's final DER, likewise. Entries are looked at in one pass; of each entry rule the first finding is told.
pub fn crl(der: &[u8], issuer: Option<&[u8]>) -> Vec<Finding> {
    with_issuer(issuer, |issuer| lint_crl(der, issuer, Extent::Whole))
}

/// Lints a CRL's final DER under a CA that was read before.
pub fn crl_under(der: &[u8], issuer: &IssuerView) -> Vec<Finding> {
    lint_crl(der, Some(issuer), Extent::Whole)
}

/// Lints a CRL's header and extensions only, under a CA that was read before: the cost does not depend on the entries.
pub fn crl_frame_under(der: &[u8], issuer: &IssuerView) -> Vec<Finding> {
    lint_crl(der, Some(issuer), Extent::Frame)
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

fn lint_certificate(der: &[u8], issuer: Option<&IssuerView>) -> Vec<Finding> {
    let certificate = match Certificate::parse(der) {
        Ok(certificate) => certificate,
        Err(malformed) => return vec![certificate::NOT_DER.finding(malformed.to_string())],
    };
    let mut findings = Vec::new();
    for rule in certificate::RULES {
        let message = match (rule.check, issuer) {
            (Check::Certificate(check), _) => check(&certificate),
            (Check::Issued(check), Some(issuer)) => check(&certificate, issuer),
            _ => None,
        };
        findings.extend(message.map(|message| rule.finding(message)));
    }
    findings
}

fn lint_crl(der: &[u8], issuer: Option<&IssuerView>, extent: Extent) -> Vec<Finding> {
    let crl = match Crl::parse(der) {
        Ok(crl) => crl,
        Err(malformed) => return vec![crl::NOT_DER.finding(malformed.to_string())],
    };
    let mut findings = Vec::new();
    for rule in crl::RULES {
        let message = match (rule.check, issuer) {
            (Check::Crl(check), _) => check(&crl),
            (Check::CrlIssued(check), Some(issuer)) => check(&crl, issuer),
            (Check::CrlEntries(check), _) if extent == Extent::Whole => check(&crl),
            _ => None,
        };
        findings.extend(message.map(|message| rule.finding(message)));
    }
    if extent == Extent::Whole {
        lint_entries(&crl, &mut findings);
    }
    findings
}

fn lint_entries(crl: &Crl<'_>, findings: &mut Vec<Finding>) {
    let mut pending: Vec<&Rule> = crl::RULES
        .iter()
        .filter(|rule| matches!(rule.check, Check::CrlEntry(_)))
        .collect();
    for entry in crl.entries() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(malformed) => return findings.push(crl::NOT_DER.finding(malformed.to_string())),
        };
        pending.retain(|rule| {
            let Check::CrlEntry(check) = rule.check else {
                return false;
            };
            let Some(message) = check(crl, &entry) else { return true };
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
        let rules: Vec<_> = certificate(&der, Some(b"no certificate"))
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
        assert_eq!(crl_frame_under(&repeated.encode(), &issuer), []);
        assert_eq!(crl_under(&repeated.encode(), &issuer)[0].rule, "crl_duplicate_serial");
    }
}
