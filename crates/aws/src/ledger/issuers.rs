//! The CAs: those in the journal, and those that only a row has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::KeyName;
use chancery_authority::port::ledger::{
    CaRecord, CertificateIntent, IssuerChange, IssuerStatus, Issuers, Kind, LedgerError,
};

use super::issuer_states::IssuerStates;
use super::item::{Item, Malformed};
use super::known_ca::KnownCa;
use super::tables::Range;
use super::verified::verified;
use super::{DynamoLedger, journal_keys, row};

/// The CAs as they were read last, cached.
#[derive(Debug, Default)]
pub(super) struct CaCache(Mutex<Option<Arc<[KnownCa]>>>);

impl CaCache {
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
    async fn list(&self) -> Result<Vec<CaRecord>, LedgerError> {
        let cas = self.read_cas().await?;
        Ok(cas.iter().map(|ca| ca.record.clone()).collect())
    }

    async fn is_revoked(&self, ca: &CaName) -> Result<bool, LedgerError> {
        self.is_ca_revoked(ca).await
    }

    async fn change(&self, change: IssuerChange) -> Result<(), LedgerError> {
        self.change_issuer(change).await
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
        let items = self.tables.query(&Range::journal(journal_keys::CAS)).await?;
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
        let Kind::Ca { ca_name, .. } = &intent.kind else {
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
    let record = CaRecord {
        ca_name: ca_name(item, "Sort")?,
        parent: item.optional("AuthorityParent", ca_name)?,
        key: KeyName(item.as_text("AuthorityKey")?.to_owned()),
        certificate: item.as_octets("Certificate")?.to_vec(),
        status: IssuerStatus::default(),
    };
    let serial = item.parse("Serial", str::parse)?;
    let first = item.optional("FirstSerial", |item, name| item.parse(name, str::parse))?;
    let mut ca = KnownCa::new(record, serial, true);
    ca.first = first.unwrap_or(serial);
    Ok(Some(ca))
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
