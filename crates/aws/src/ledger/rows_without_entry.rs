//! Rows without an entry in the journal: what their certificates alone say.
//!
//! The rows of the Python CA have none until they are adopted. Afterwards such a row is damage, like one that the journal
//! was restored to before; its certificate is found and revoked all the same.

use chancery_authority::port::Receipt;
use chancery_authority::port::ledger::{CertificateRecord, IntentId, Kind, LedgerError};
use chancery_authority::principal::{Attributes, Principal};
use chancery_x509::certificate::Certificate;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;

use super::known_ca::KnownCa;
use super::row::Row;
use super::{DynamoLedger, StoredCertificate, damaged};

/// Which CA a row belongs to.
pub(super) enum RowOwner {
    /// To a CA of this deployment; the record names it.
    Ca(Box<CertificateRecord>),
    /// To none: its certificate was issued by no CA of this deployment, or cannot be read. Has the reason.
    Unknown(String),
}

impl DynamoLedger {
    /// A row without an entry in the journal, through the index of serial numbers. A row that cannot be read stops no
    /// other one of that serial number, and is an error only if there is no other.
    pub(super) async fn find_unrecorded(&self, serial: Serial) -> Result<Option<StoredCertificate>, LedgerError> {
        let mut unreadable = None;
        for item in self.rows_of(serial).await? {
            let row = match Row::parse(&item) {
                Ok(row) => row,
                Err(error) => {
                    unreadable = Some(damaged(&super::called(&item), &error));
                    continue;
                }
            };
            let row_key = row.key();
            match Self::record_of_row(row, &self.known_cas().await?) {
                RowOwner::Ca(record) => {
                    return Ok(Some(StoredCertificate {
                        record: *record,
                        row_key,
                    }));
                }
                RowOwner::Unknown(why) => tracing::warn!(%serial, why, "a row is left alone"),
            }
        }
        unreadable.map_or(Ok(None), Err)
    }

    /// The record of a row, from its certificate.
    pub(super) fn record_of_row(row: Row, cas: &[KnownCa]) -> RowOwner {
        let certificate = match Certificate::parse(&row.certificate) {
            Ok(certificate) => certificate,
            Err(error) => return RowOwner::Unknown(error.to_string()),
        };
        if certificate.serial() != row.serial {
            return RowOwner::Unknown("its certificate has another serial number".to_owned());
        }
        let own = cas
            .iter()
            .find(|ca| ca.serial == row.serial && ca.record.certificate == row.certificate);
        let Some(issuer) = cas.iter().find(|ca| ca.names_itself_in(&certificate)) else {
            return RowOwner::Unknown("its certificate was issued by none of this deployment's CAs".to_owned());
        };
        // A certificate says by itself that it is a CA's: a former one of a CA, or a cross-certificate. No role that issues
        // leaves can make one that its issuer signed.
        let is_ca = || {
            certificate
                .basic_constraints()
                .is_some_and(|constraints| constraints.ca)
                && issuer.has_signed(&certificate)
        };
        let kind = match own {
            Some(ca) => Kind::Ca {
                ca_name: ca.record.ca_name.clone(),
                parent: ca.record.parent.clone(),
                key: ca.record.key.clone(),
            },
            None if is_ca() => Kind::CrossCertificate,
            None => Kind::Leaf,
        };
        RowOwner::Ca(Box::new(CertificateRecord {
            id: IntentId {
                issuer: issuer.record.ca_name.clone(),
                serial: row.serial,
            },
            common_name: match kind {
                Kind::Leaf | Kind::CrossCertificate => row.partition,
                Kind::Ca { .. } => certificate.subject().attributes().common_name.unwrap_or_default(),
            },
            kind,
            profile: String::new(),
            renews: None,
            key: KeyFingerprint::of(certificate.spki_der()),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            shard: None,
            principal: Principal::recorded("", Attributes::default()),
            receipt: Receipt(String::new()),
            issued_at: certificate.not_before(),
            revocation: row.revocation,
            notify_expiry: row.notify_expiry.unwrap_or(false),
            reminders: row.reminders,
            certificate: row.certificate,
        }))
    }
}
