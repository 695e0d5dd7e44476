//! A CA as the ledger has it, its certificate parsed once.

use std::sync::OnceLock;

use chancery_authority::port::ledger::CaRecord;
use chancery_x509::certificate::Certificate;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::serial::Serial;

use super::item::Item;

/// A CA, and the serial number of its row.
#[derive(Debug)]
pub(super) struct KnownCa {
    pub(super) record: CaRecord,
    pub(super) serial: Serial,
    /// The serial number of its first certificate, which the present one goes back to by renewals: what says that the CA
    /// is revoked is named by it.
    pub(super) first: Serial,
    /// Whether the journal has it; otherwise only its row does.
    pub(super) is_recorded: bool,
    certificate: OnceLock<Option<Certificate>>,
    /// Whether the CA that its record has above it signed its certificate, once that was found out.
    is_signed: OnceLock<bool>,
}

impl KnownCa {
    pub(super) fn new(record: CaRecord, serial: Serial, is_recorded: bool) -> Self {
        Self {
            record,
            serial,
            first: serial,
            is_recorded,
            certificate: OnceLock::new(),
            is_signed: OnceLock::new(),
        }
    }

    /// The key of its row.
    pub(super) fn row_key(&self) -> Item {
        Item::row_key(self.record.ca_name.as_str(), self.serial.to_string())
    }

    pub(super) fn certificate(&self) -> Option<&Certificate> {
        let parse = || Certificate::parse(&self.record.certificate).ok();
        self.certificate.get_or_init(parse).as_ref()
    }

    /// Whether its certificate has that common name. A certificate that cannot be parsed may have any.
    pub(super) fn may_be_named(&self, common_name: &str) -> bool {
        self.certificate()
            .is_none_or(|certificate| certificate.subject().attributes().common_name.as_deref() == Some(common_name))
    }

    /// Whether `above`, the CA that its record has above it or for a root itself, signed its certificate.
    pub(super) fn is_signed_from_above(&self, above: Option<&Self>) -> bool {
        let is_signed = || Some(above?.has_signed(self.certificate()?));
        *self.is_signed.get_or_init(|| is_signed().unwrap_or(false))
    }

    pub(super) fn key(&self) -> Option<CaPublicKey> {
        CaPublicKey::from_der(self.certificate()?.spki_der()).ok()
    }

    /// Whether it issued that certificate, by name and by signature.
    pub(super) fn has_signed(&self, certificate: &Certificate) -> bool {
        self.names_itself_in(certificate) && self.key().is_some_and(|key| certificate.is_signed_by(&key))
    }

    /// Whether the certificate names it as its issuer: by name, and by key identifier if both have one.
    pub(super) fn names_itself_in(&self, certificate: &Certificate) -> bool {
        self.certificate().is_some_and(|own| {
            let identifiers = (certificate.authority_key_identifier(), own.subject_key_identifier());
            own.subject() == certificate.issuer()
                && match identifiers {
                    (Some(named), Some(own)) => named == own,
                    _ => true,
                }
        })
    }
}
