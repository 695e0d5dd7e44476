//! Certificates.

use chancery_authority::port::ledger::{CertificateRecord, Kind, Page, Revocation};
use chancery_x509::certificate::Certificate;
use chancery_x509::time::UnixTime;

use crate::certificates::{CertificateEntry, CertificateKind, CertificatePage, CertificateStatus, RevocationEntry};

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
                Kind::Leaf => CertificateKind::Leaf,
                Kind::Ca { .. } => CertificateKind::Ca,
                Kind::CrossCertificate => CertificateKind::CrossCertificate,
            },
            profile: record.profile.clone(),
            not_before: record.not_before.to_string(),
            not_after: record.not_after.to_string(),
            issued_at: record.issued_at.to_string(),
            requested_by: record.principal.to_string(),
            status: if record.revocation.is_some() {
                CertificateStatus::Revoked
            } else if record.not_after < now {
                CertificateStatus::Expired
            } else {
                CertificateStatus::Valid
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
            reason: revocation.reason.name().to_owned(),
            invalidity_date: revocation.invalidity_date.map(|date| date.to_string()),
            requested_by: revocation.principal.clone(),
        }
    }
}

impl CertificatePage {
    /// A page of the ledger, with each certificate's status at that time.
    pub fn new(page: Page, now: UnixTime) -> Self {
        let entries = page
            .certificates
            .iter()
            .map(|record| CertificateEntry::new(record, now));
        Self {
            certificates: entries.collect(),
            next: page.next.map(|cursor| cursor.0),
        }
    }
}
