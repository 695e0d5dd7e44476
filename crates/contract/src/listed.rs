//! Revocations that operators list: decides what to do about an entry, before anything is written.

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CertificateRecord, Kind, LedgerError, Revocations, ToRevoke};
use chancery_authority::revoke::replaces;
use chancery_x509::serial::Serial;

use crate::RevokedEntry;

/// What an entry of the list requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedRevocation {
    /// The certificate must be revoked, or its reason changed to that of a compromised key.
    Due(Box<CertificateRecord>),
    /// It is already revoked as the entry requires.
    AlreadyRevoked(Box<CertificateRecord>),
    /// Nothing can be revoked; trying again changes nothing.
    Skipped(SkippedRevocation),
}

/// Why an entry is skipped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkippedRevocation {
    /// No certificate with that serial number.
    #[error("no certificate has serial number {serial}; nothing to revoke")]
    NotFound {
        /// As listed.
        serial: Serial,
    },
    /// The certificate with that serial number has another name.
    #[error("the certificate with serial number {serial} belongs to {actual:?}, not {listed:?}; correct the entry")]
    OtherName {
        /// As listed.
        serial: Serial,
        /// As listed, shortened to 80 characters.
        listed: String,
        /// The certificate's recorded name.
        actual: String,
    },
    /// The certificate was issued by a CA whose certificates another list is for.
    #[error("the certificate is that of another CA, {issuer}; list it in that CA's file")]
    OtherAuthority {
        /// The issuing CA.
        issuer: CaName,
    },
    /// A root's own certificate.
    #[error("{0} is a root CA, which no CRL can revoke; remove its certificate from every trust store instead")]
    Root(CaName),
}

/// Decides on an entry of the list for what `issuers` issued, which identifies a certificate by serial number and common
/// name (a CA by its name). Also returns a description of inconsistent ledger rows, if any.
pub async fn decide_listed(
    revocations: &dyn Revocations,
    issuers: &[CaName],
    entry: &RevokedEntry,
) -> Result<(ListedRevocation, Option<String>), LedgerError> {
    let serial = entry.serial_number;
    Ok(
        match revocations
            .certificate_to_revoke(serial, Some(&entry.common_name))
            .await?
        {
            Some(ToRevoke { record, damaged }) => (decide(record, issuers, entry), damaged),
            None => (ListedRevocation::Skipped(SkippedRevocation::NotFound { serial }), None),
        },
    )
}

fn decide(record: CertificateRecord, issuers: &[CaName], entry: &RevokedEntry) -> ListedRevocation {
    let serial = entry.serial_number;
    let skipped = if !is_named(&record, &entry.common_name) {
        SkippedRevocation::OtherName {
            serial,
            listed: entry.common_name.chars().take(80).collect(),
            actual: record.common_name,
        }
    } else if !issuers.contains(&record.id.issuer) {
        SkippedRevocation::OtherAuthority {
            issuer: record.id.issuer,
        }
    } else if let Some(revocation) = &record.revocation
        && !replaces(entry.reason, revocation)
    {
        return ListedRevocation::AlreadyRevoked(Box::new(record));
    } else if let Kind::Ca {
        ca_name, parent: None, ..
    } = record.kind
    {
        SkippedRevocation::Root(ca_name)
    } else {
        return ListedRevocation::Due(Box::new(record));
    };
    ListedRevocation::Skipped(skipped)
}

fn is_named(record: &CertificateRecord, name: &str) -> bool {
    let ca_name = match &record.kind {
        Kind::Ca { ca_name, .. } => Some(ca_name.as_str()),
        Kind::Leaf | Kind::CrossCertificate => None,
    };
    record.common_name == name || ca_name == Some(name)
}
