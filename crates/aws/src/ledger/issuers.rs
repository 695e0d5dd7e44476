//! The CAs: those in the journal, and those that only a row has.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::KeyName;
use chancery_authority::port::ledger::{
    AuthorityRecord, CertificateIntent, IssuerChange, IssuerStatus, Issuers, Kind, LedgerError,
};
use chancery_x509::certificate::Certificate;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::serial::Serial;

use super::issuer_states::IssuerStates;
use super::item::{Item, Malformed};
use super::tables::Range;
use super::verified::verified;
use super::{DynamoLedger, names, row};

/// The CAs as they were read last, cached.
#[derive(Debug, Default)]
pub(super) struct Cas(Mutex<Option<Arc<[KnownCa]>>>);

/// A CA, and the serial number of its row.
#[derive(Debug)]
pub(super) struct KnownCa {
    pub(super) record: AuthorityRecord,
    pub(super) serial: Serial,
    /// Whether the journal has it; otherwise only its row does.
    pub(super) is_recorded: bool,
    certificate: OnceLock<Option<Certificate>>,
    /// Whether the CA that its record has above it signed its certificate, once that was found out.
    is_signed: OnceLock<bool>,
}

impl Cas {
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    fn known(&self) -> Option<Arc<[KnownCa]>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<[KnownCa]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Issuers for DynamoLedger {
    async fn list(&self) -> Result<Vec<AuthorityRecord>, LedgerError> {
        let cas = self.read_cas().await?;
        Ok(cas.iter().map(|ca| ca.record.clone()).collect())
    }

    async fn change(&self, change: IssuerChange) -> Result<(), LedgerError> {
        self.change_issuer(change).await
    }
}

impl KnownCa {
    pub(super) fn new(record: AuthorityRecord, serial: Serial, is_recorded: bool) -> Self {
        Self {
            record,
            serial,
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

impl DynamoLedger {
    /// Reads every CA, parents first, and caches them.
    pub(super) async fn read_cas(&self) -> Result<Arc<[KnownCa]>, LedgerError> {
        let (mut cas, states) = self.recorded_cas().await?;
        let (root, issuing) = (self.deployment.root_ca(), self.deployment.issuing_ca());
        if !is_among(&cas, root)
            && let Some(ca) = self.former().ca(root, None).await?
        {
            cas.push(ca);
        }
        if !is_among(&cas, issuing) {
            let parent = cas.iter().find(|ca| ca.record.ca_name == *root);
            if let Some(parent) = parent
                && let Some(ca) = self.former().ca(issuing, Some(parent)).await?
            {
                cas.push(ca);
            }
        }
        for ca in &mut cas {
            ca.record.status = states.of(&ca.record.ca_name);
        }
        let cas: Arc<[KnownCa]> = parents_first(cas).into();
        *self.cas.lock() = Some(cas.clone());
        Ok(cas)
    }

    /// The cached CAs; reads them if there are none.
    pub(super) async fn known_cas(&self) -> Result<Arc<[KnownCa]>, LedgerError> {
        match self.cas.known() {
            Some(cas) => Ok(cas),
            None => self.read_cas().await,
        }
    }

    /// The key of a CA's row; `None` if there is no such CA.
    pub(super) async fn ca_row(&self, ca_name: &CaName) -> Result<Option<Item>, LedgerError> {
        let of = |cas: &[KnownCa]| {
            cas.iter()
                .find(|ca| ca.record.ca_name == *ca_name)
                .map(KnownCa::row_key)
        };
        if let Some(row) = self.cas.known().as_deref().and_then(of) {
            return Ok(Some(row));
        }
        Ok(of(&self.read_cas().await?))
    }

    /// The CAs in the journal, and the states of CAs, which stand beside them.
    async fn recorded_cas(&self) -> Result<(Vec<KnownCa>, IssuerStates), LedgerError> {
        let items = self.tables.query(&Range::journal(names::AUTHORITIES)).await?;
        let mut cas = Vec::with_capacity(items.len());
        let mut states = IssuerStates::default();
        for item in items {
            match states.take(&item) {
                Ok(false) => {}
                Ok(true) => continue,
                // Whether it issues is decided by what a reservation looks at; what it publishes goes on.
                Err(error) => {
                    super::skip("the state of a CA", &item, &error);
                    continue;
                }
            }
            match recorded(&item) {
                Ok(Some(ca)) => cas.push(ca),
                // Still being made.
                Ok(None) => {}
                Err(error) => super::skip("a CA", &item, &error),
            }
        }
        Ok((cas, states))
    }

    /// Refuses to make a CA while its name has a row that is not a leaf's: as long as the ledger does not know the CA,
    /// that row may be the CA's own, damaged.
    pub(super) async fn check_rows_of_ca(&self, intent: &CertificateIntent) -> Result<(), LedgerError> {
        let Kind::Authority { ca_name, .. } = &intent.kind else {
            return Ok(());
        };
        let cas = self.read_cas().await?;
        if cas.iter().any(|ca| ca.record.ca_name == *ca_name) {
            return Ok(());
        }
        for item in self.tables.query(&Range::rows(ca_name.as_str())).await? {
            let is_leaf = row::serial(&item).is_ok_and(|serial| {
                verified(&item, serial, &cas).is_some_and(|verified| {
                    let constraints = verified.certificate.basic_constraints();
                    constraints.is_none_or(|constraints| !constraints.ca)
                })
            });
            // A row with neither certificate nor counter is an attribute that was written where no row was.
            if !is_leaf && (item.has("Certificate") || item.has("CRLNumber")) {
                return Err(LedgerError::Damaged {
                    detail: format!(
                        "{} has the name of CA {ca_name} but is neither a leaf's row nor a valid row of that CA; restore \
                         the row: no CA is made in its place",
                        super::called(&item)
                    ),
                });
            }
        }
        Ok(())
    }
}

fn recorded(item: &Item) -> Result<Option<KnownCa>, Malformed> {
    if item.as_text("Stage")? != "complete" {
        return Ok(None);
    }
    let ca_name = |item: &Item, name| item.parse(name, |text| CaName::new(text));
    let record = AuthorityRecord {
        ca_name: ca_name(item, "Sort")?,
        parent: item.optional("AuthorityParent", ca_name)?,
        key: KeyName(item.as_text("AuthorityKey")?.to_owned()),
        certificate: item.as_octets("Certificate")?.to_vec(),
        status: IssuerStatus::default(),
    };
    Ok(Some(KnownCa::new(record, item.parse("Serial", str::parse)?, true)))
}

fn is_among(cas: &[KnownCa], ca_name: &CaName) -> bool {
    cas.iter().any(|ca| ca.record.ca_name == *ca_name)
}

/// CAs whose parent is missing come last: they can do nothing without it.
fn parents_first(mut left: Vec<KnownCa>) -> Vec<KnownCa> {
    let mut ordered: Vec<KnownCa> = Vec::with_capacity(left.len());
    loop {
        let (ready, waiting): (Vec<_>, Vec<_>) = left.into_iter().partition(|ca| {
            let parent = ca.record.parent.as_ref();
            parent.is_none_or(|parent| is_among(&ordered, parent))
        });
        if ready.is_empty() {
            ordered.extend(waiting);
            return ordered;
        }
        ordered.extend(ready);
        left = waiting;
    }
}
