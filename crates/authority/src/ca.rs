//! A CA that exists: its record, with everything parsed once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chancery_lint::IssuerView;
use chancery_x509::certificate::{Certificate, Issuer};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::key::ca::CaPublicKey;

use crate::ca_name::CaName;
use crate::config::Config;
use crate::port::ledger::{CaRecord, LedgerError};

/// A CA's identity: SHA-256 of its key's SubjectPublicKeyInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IssuerId(pub KeyFingerprint);

impl IssuerId {
    /// That of the CA with that key.
    pub fn of(key: &CaPublicKey) -> Self {
        Self(KeyFingerprint::of(key.as_der()))
    }
}

impl fmt::Display for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A CA that exists: its record, with everything parsed once.
#[derive(Debug)]
pub struct Ca {
    /// The ledger's record.
    pub record: CaRecord,
    /// Its certificate and key, ready to issue.
    pub issuer: Issuer,
    /// What lints of the certificates that it issues compare with.
    pub(crate) lint_view: IssuerView,
    /// Its certificate as PEM, for answers.
    pub pem: String,
    /// Whether its certificate and those above it passed [`Authority::believe`].
    pub(crate) is_believed: AtomicBool,
    /// Whether the ledger was found to have the same certificate in both of its places.
    pub(crate) is_same_twice: AtomicBool,
}

impl Ca {
    /// Its name.
    pub fn name(&self) -> &CaName {
        &self.record.ca_name
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        self.issuer.certificate()
    }

    /// Its identity: that of its key.
    pub fn id(&self) -> IssuerId {
        IssuerId::of(self.issuer.public_key())
    }

    pub(crate) fn is_same_but_for_status(&self, record: &CaRecord) -> bool {
        let CaRecord {
            ca_name,
            parent,
            key,
            certificate,
            status: _,
        } = &self.record;
        (ca_name, parent, key, certificate) == (&record.ca_name, &record.parent, &record.key, &record.certificate)
    }

    /// The same CA with a record that differs in its status alone; what was checked stays checked.
    pub(crate) fn with_status(&self, record: CaRecord) -> Result<Self, LedgerError> {
        let ca = Self::try_from(record)?;
        let copy = |from: &AtomicBool, to: &AtomicBool| to.store(from.load(Ordering::Acquire), Ordering::Release);
        copy(&self.is_believed, &ca.is_believed);
        copy(&self.is_same_twice, &ca.is_same_twice);
        Ok(ca)
    }

    /// Who signed its certificate: the CA above, or for a root itself.
    pub(crate) fn signer(&self) -> &CaName {
        self.record.parent.as_ref().unwrap_or(&self.record.ca_name)
    }
}

impl TryFrom<CaRecord> for Ca {
    type Error = LedgerError;

    fn try_from(record: CaRecord) -> Result<Self, LedgerError> {
        let damaged = |error: &dyn std::error::Error| LedgerError::Damaged {
            detail: format!("the certificate of CA {} cannot be used: {error}", record.ca_name),
        };
        let certificate = Certificate::parse(&record.certificate).map_err(|error| damaged(&error))?;
        let lint_view = IssuerView::parse(certificate.as_der()).map_err(|error| damaged(&error))?;
        let pem = certificate.to_pem();
        let issuer = Issuer::new(certificate).map_err(|error| damaged(&error))?;
        Ok(Self {
            record,
            issuer,
            lint_view,
            pem,
            is_believed: AtomicBool::new(false),
            is_same_twice: AtomicBool::new(false),
        })
    }
}

/// The CA that issues where a profile names none.
pub(crate) fn default_issuer<'a>(cas: &'a [Arc<Ca>], config: &Config) -> Option<&'a Arc<Ca>> {
    let configured = config.issuing_ca().name();
    // A root issues leaves only where the configuration says so, whatever is recorded.
    let may_issue = |ca: &Ca| ca.record.parent.is_some() || ca.name() == configured;
    let made = cas.iter().find(|ca| ca.record.status.is_default && may_issue(ca));
    made.or_else(|| cas.iter().find(|ca| ca.name() == configured))
}

/// The chain of a CA among `cas`: itself first, root last. A damaged ledger may have a cycle of parents: the walk ends
/// after as many steps as there are CAs.
pub(crate) fn chain_among<'a>(cas: &'a [Arc<Ca>], ca_name: &CaName) -> impl Iterator<Item = &'a Arc<Ca>> {
    let named = |ca_name: &CaName| cas.iter().find(|ca| ca.name() == ca_name);
    let above = move |ca: &&'a Arc<Ca>| ca.record.parent.as_ref().and_then(named);
    std::iter::successors(named(ca_name), above).take(cas.len())
}
