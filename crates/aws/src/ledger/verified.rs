//! Certificates in rows, believed because a CA of this deployment signed them.

use chancery_authority::CaName;
use chancery_x509::certificate::Certificate;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;

use super::item::Item;
use super::journal_entry::{IntentState, JournalEntry};
use super::known_ca::KnownCa;
use super::row;

/// A certificate that a CA of this deployment signed.
pub(super) struct Verified {
    pub(super) issuer: CaName,
    pub(super) certificate: Certificate,
}

/// The certificate of a row, if one of the CAs signed it and it has that serial number.
pub(super) fn verified(row: &Item, serial: Serial, cas: &[KnownCa]) -> Option<Verified> {
    let certificate = Certificate::parse(&row::certificate(row).ok()?).ok()?;
    let issuer = cas
        .iter()
        .find(|ca| ca.has_signed(&certificate))?
        .record
        .ca_name
        .clone();
    (certificate.serial() == serial).then_some(Verified { issuer, certificate })
}

impl Verified {
    pub(super) fn common_name(&self) -> String {
        self.certificate.subject().attributes().common_name.unwrap_or_default()
    }

    /// The attribute of the entry that differs from the certificate.
    pub(super) fn differs_from(&self, entry: &JournalEntry) -> Option<&'static str> {
        if !matches!(entry.state, IntentState::Complete { .. }) {
            Some("Stage")
        } else if entry.id.issuer != self.issuer {
            Some("Issuer")
        } else if entry.key != KeyFingerprint::of(self.certificate.spki_der()) {
            Some("KeyFingerprint")
        } else if entry.not_after != self.certificate.not_after() {
            Some("NotAfter")
        } else if entry.common_name != self.common_name() {
            Some("CommonName")
        } else {
            None
        }
    }
}
