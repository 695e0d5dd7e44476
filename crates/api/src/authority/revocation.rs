//! Revocations.

use chancery_authority::port::ledger::UnreadableRow;
use chancery_authority::publish::PublishError;
use chancery_authority::revoke::{Affected, RevokedCertificate};
use chancery_x509::time::UnixTime;

use crate::certificates::CertificateEntry;
use crate::revoke::{AffectedCertificate, RevokeAnswer, UnreadableEntry};

impl From<&UnreadableRow> for UnreadableEntry {
    fn from(row: &UnreadableRow) -> Self {
        Self {
            what: row.what.clone(),
            is_done: row.is_done,
        }
    }
}

impl From<&Affected> for AffectedCertificate {
    fn from(affected: &Affected) -> Self {
        Self {
            serial_number: affected.id.serial.to_string(),
            issuer: affected.id.issuer.to_string(),
            common_name: affected.common_name.clone(),
            not_after: affected.not_after.to_string(),
            same_key: affected.same_key,
        }
    }
}

impl RevokeAnswer {
    /// Describes a revocation as of that time; `describe` turns the error of an unpublished CRL into text.
    pub fn new(revoked: &RevokedCertificate, now: UnixTime, describe: impl Fn(&PublishError) -> String) -> Self {
        let of_others = revoked.other_crls.iter().find_map(|(_, crl)| crl.as_ref().err());
        let problem = match &revoked.crl {
            Some(Ok(_)) => of_others.map(describe),
            Some(Err(error)) => Some(describe(error)),
            None => Some("this CA's CRLs are not published at once; the next one will list it".to_owned()),
        };
        let still_valid = revoked.still_valid.as_ref();
        Self {
            certificate: CertificateEntry::new(&revoked.record, now),
            already_revoked: revoked.already,
            crl_problem: problem,
            also_revoked: revoked.others.iter().map(AffectedCertificate::from).collect(),
            unreadable: revoked.unreadable.iter().map(UnreadableEntry::from).collect(),
            still_valid: still_valid
                .into_iter()
                .flat_map(|left| left.certificates.iter().map(AffectedCertificate::from))
                .collect(),
            still_valid_is_incomplete: still_valid.is_none_or(|left| left.has_more),
        }
    }
}
