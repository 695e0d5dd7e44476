//! The outcome of one entry.

use chancery_lint::{Finding, Severity};
use chancery_x509::extension::extended_key_usage_name;
use chancery_x509::serial::Serial;
use chancery_x509::time::{DAY, UnixTime};
use serde::{Serialize, Serializer};

use crate::AltNameText;
use chancery_authority::issue::Prepared;
use chancery_authority::port::ledger::CertificateRecord;

/// What would be done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing, now or later: the reason is given.
    Refused,
    /// A certificate would be revoked.
    Revoked,
    /// A certificate would be issued for a name that has certificates of other keys.
    Renewed,
    /// A certificate would be issued.
    Issued,
    /// Nothing, now or later: it needs no action.
    Skipped,
    /// It was done before.
    Unchanged,
}

impl Verdict {
    /// Every verdict, those that need attention first.
    pub const ALL: [Self; 6] = [
        Self::Refused,
        Self::Revoked,
        Self::Renewed,
        Self::Issued,
        Self::Skipped,
        Self::Unchanged,
    ];

    /// `refused`, `revoked`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Revoked => "revoked",
            Self::Renewed => "renewed",
            Self::Issued => "issued",
            Self::Skipped => "skipped",
            Self::Unchanged => "unchanged",
        }
    }
}

/// One entry, or a list as a whole.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// The list's file name: `tls.json`.
    pub list: &'static str,
    /// The entry's index in it, from 0; `None` where the item is about the list as a whole.
    pub entry: Option<usize>,
    /// What would be done with it.
    pub verdict: Verdict,
    /// A stable code of the reason: that of the refusal, or `already_issued`, `already_revoked`, ….
    pub code: Option<&'static str>,
    /// The reason, as the answer to the request would give it.
    pub reason: Option<String>,
    /// The common name, if there is one.
    pub common_name: Option<String>,
    /// The CSR's file.
    pub csr_file: Option<String>,
    /// The certificate that would be issued.
    pub certificate: Option<Planned>,
    /// The existing certificate: to be revoked or replaced, or the one that the entry resulted in before.
    pub existing: Option<Existing>,
    /// The serial number that a list of revocations names.
    pub serial_number: Option<String>,
    /// Why it would be revoked.
    pub revocation_reason: Option<&'static str>,
    /// Warnings about permitted but questionable content.
    pub warnings: Vec<String>,
    /// Lint findings on the certificate that would be issued.
    pub findings: Vec<PlanFinding>,
}

/// A certificate that would be issued, except for its serial number and signature.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// Its subject, RFC 4514.
    pub subject: String,
    /// Its alternative names.
    pub sans: Vec<AltNameText>,
    /// Its key: `P-256`, `RSA 2048`.
    pub key: String,
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub key_sha256: String,
    /// The profile.
    pub profile: String,
    /// Extended key usages, by the names that requests use, else as OIDs.
    pub extended_key_usages: Vec<String>,
    /// OIDs of custom extensions.
    pub custom_extensions: Vec<String>,
    /// The CA.
    pub issuer: String,
    /// Its lifetime in whole days.
    pub lifetime_days: i64,
    /// Its notAfter, if it were issued now.
    #[serde(serialize_with = "shown")]
    pub not_after: UnixTime,
}

/// An existing certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Existing {
    /// Its serial number.
    #[serde(serialize_with = "shown")]
    pub serial_number: Serial,
    /// Its notAfter.
    #[serde(serialize_with = "shown")]
    pub not_after: UnixTime,
    /// The revocation reason, if it is revoked.
    pub revoked: Option<&'static str>,
}

/// What a lint found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanFinding {
    /// The lint's rule.
    pub rule: &'static str,
    /// `notice`, `warning`.
    pub severity: &'static str,
    /// The standard that the rule follows.
    pub citation: &'static str,
    /// What it found.
    pub message: String,
}

fn shown<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Item {
    pub(super) fn new(list: &'static str, entry: Option<usize>, verdict: Verdict) -> Self {
        Self {
            list,
            entry,
            verdict,
            code: None,
            reason: None,
            common_name: None,
            csr_file: None,
            certificate: None,
            existing: None,
            serial_number: None,
            revocation_reason: None,
            warnings: Vec::new(),
            findings: Vec::new(),
        }
    }

    pub(super) fn refused(list: &'static str, entry: Option<usize>, code: &'static str, reason: String) -> Self {
        Self::new(list, entry, Verdict::Refused).with_reason(code, reason)
    }

    pub(super) fn with_reason(mut self, code: &'static str, reason: impl Into<String>) -> Self {
        self.code = Some(code);
        self.reason = Some(reason.into());
        self
    }

    pub(super) fn named(mut self, common_name: Option<&str>) -> Self {
        self.common_name = common_name.map(shortened);
        self
    }
}

/// Shortens a name for display, to 255 characters.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(255).collect()
}

impl Planned {
    pub(super) fn of(prepared: &Prepared, now: UnixTime) -> Self {
        let template = prepared.template();
        let usage = |oid: &const_oid::ObjectIdentifier| match extended_key_usage_name(oid) {
            Some(name) => name.to_owned(),
            None => oid.to_string(),
        };
        Self {
            subject: template.subject.to_rfc4514(),
            sans: template.alt_names.iter().map(AltNameText::from).collect(),
            key: template.public_key.kind().to_string(),
            key_sha256: template.public_key.fingerprint().to_string(),
            profile: prepared.profile().to_owned(),
            extended_key_usages: template.extended_key_usages.iter().map(usage).collect(),
            custom_extensions: template
                .custom_extensions
                .iter()
                .map(|extension| extension.oid().to_string())
                .collect(),
            issuer: prepared.ca().name().to_string(),
            lifetime_days: template.not_after.0.saturating_sub(now.0) / DAY,
            not_after: template.not_after,
        }
    }
}

impl Existing {
    pub(super) fn of(record: &CertificateRecord) -> Self {
        Self {
            serial_number: record.id.serial,
            not_after: record.not_after,
            revoked: record.revocation.as_ref().map(|revocation| revocation.reason.name()),
        }
    }
}

impl From<&Finding> for PlanFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule,
            severity: match finding.severity {
                Severity::Notice => "notice",
                Severity::Warning => "warning",
                Severity::Error => "error",
            },
            citation: finding.citation,
            message: finding.message.clone(),
        }
    }
}
