//! A certificate as the API represents it.

use chancery_authority::port::ledger::{CertificateRecord, Kind, Revocation};
use chancery_x509::certificate::Certificate;
use chancery_x509::time::UnixTime;
use serde::Serialize;

/// A certificate as the ledger has it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CertificateEntry {
    /// Decimal.
    #[schema(example = "421739264938475629384756")]
    serial_number: String,
    /// The CA that issued it.
    #[schema(example = "chancery-issuing-ca")]
    issuer: String,
    /// Empty where the subject has none.
    common_name: String,
    /// RFC 4514.
    subject: String,
    /// `leaf` or `authority`.
    kind: &'static str,
    /// Profile that it was issued with.
    #[schema(example = "tls-server")]
    profile: String,
    /// RFC 3339.
    not_before: String,
    /// RFC 3339.
    not_after: String,
    /// RFC 3339.
    issued_at: String,
    /// Principal that requested the certificate.
    #[schema(example = "token:k3w9")]
    requested_by: String,
    /// `valid`, `expired` or `revoked`.
    status: &'static str,
    /// Whether notices are sent before it expires.
    notify_expiry: bool,
    /// Only if revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<RevocationEntry>,
    /// SHA-256 of the SubjectPublicKeyInfo, hexadecimal.
    key_sha256: String,
    /// PEM.
    certificate: String,
}

/// A revocation as the ledger has it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RevocationEntry {
    /// RFC 3339.
    revoked_at: String,
    /// RFC 5280's name for the reason.
    #[schema(example = "keyCompromise")]
    reason: &'static str,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    invalidity_date: Option<String>,
    /// Principal that requested the revocation.
    requested_by: String,
}

impl CertificateEntry {
    /// The entry of a record, with its status at that time.
    pub fn new(record: &CertificateRecord, now: UnixTime) -> Self {
        // The ledger's certificates were parsed before they were recorded; if one is damaged, the rest is still worth
        // returning.
        let subject = Certificate::parse(&record.certificate).map(|certificate| certificate.subject().to_rfc4514());
        Self {
            serial_number: record.id.serial.to_string(),
            issuer: record.id.issuer.to_string(),
            common_name: record.common_name.clone(),
            subject: subject.unwrap_or_default(),
            kind: match record.kind {
                Kind::Leaf => "leaf",
                Kind::Authority { .. } => "authority",
            },
            profile: record.profile.clone(),
            not_before: record.not_before.to_string(),
            not_after: record.not_after.to_string(),
            issued_at: record.issued_at.to_string(),
            requested_by: record.principal.clone(),
            status: if record.revocation.is_some() {
                "revoked"
            } else if record.not_after < now {
                "expired"
            } else {
                "valid"
            },
            notify_expiry: record.notify_expiry,
            revocation: record.revocation.as_ref().map(RevocationEntry::new),
            key_sha256: data_encoding::HEXLOWER.encode(&record.key.0),
            certificate: chancery_x509::pem::encode("CERTIFICATE", &record.certificate),
        }
    }
}

impl RevocationEntry {
    fn new(revocation: &Revocation) -> Self {
        Self {
            revoked_at: revocation.at.to_string(),
            reason: revocation.reason.name(),
            invalidity_date: revocation.invalidity_date.map(|date| date.to_string()),
            requested_by: revocation.principal.clone(),
        }
    }
}
