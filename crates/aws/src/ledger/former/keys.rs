//! What the Python CA certified: checked before a key is certified again, and when a key is compromised.

use std::collections::BTreeSet;

use chancery_authority::port::ledger::{CertificateIntent, Kind, LedgerError};
use chancery_x509::certificate::Certificate;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;

use super::super::item::Item;
use super::super::row::Row;
use super::super::tables::{Range, Table};
use super::super::{journal_keys, row};
use super::FormerRows;

impl FormerRows<'_> {
    /// Checks what the journal's conditions cannot: whether the Python CA made the CA, and whether it certified the key
    /// for the same common name (it checked no other names).
    pub(in crate::ledger) async fn check_reservation(&self, intent: &CertificateIntent) -> Result<(), LedgerError> {
        if let Kind::Ca { ca_name, parent, .. } = &intent.kind {
            let cas = self.0.read_cas().await?;
            if cas.iter().any(|ca| ca.record.ca_name == *ca_name && !ca.is_recorded) {
                return Err(LedgerError::CaExists(ca_name.clone()));
            }
            if parent.is_none() {
                self.begin_empty().await?;
            }
        }
        if intent.allow_key_reuse {
            return Ok(());
        }
        if self.has_certified(intent.key, &intent.common_name).await? {
            return Err(LedgerError::KeyInUse {
                common_name: intent.common_name.clone(),
            });
        }
        Ok(())
    }

    /// Whether the Python CA certified the key for that common name, in a row without an entry in the journal. For rows
    /// with an entry, the key's claim decides.
    pub(in crate::ledger) async fn has_certified(
        &self,
        key: KeyFingerprint,
        common_name: &str,
    ) -> Result<bool, LedgerError> {
        for item in self.0.tables.query(&Range::rows(row::partition(common_name))).await? {
            let row = match Row::parse(&item) {
                Ok(row) => row,
                Err(error) => {
                    super::super::skip("a row", &item, &error);
                    continue;
                }
            };
            if key_of(&row) == Some(key) && self.0.entry(row.serial).await?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The serial numbers of that key's certificates, from all rows.
    pub(in crate::ledger) async fn of_key(&self, key: KeyFingerprint) -> Result<BTreeSet<Serial>, LedgerError> {
        let mut serials = BTreeSet::new();
        let mut after = None;
        loop {
            let page = self
                .0
                .tables
                .scan(Table::Certificates, None, Item::default(), after)
                .await?;
            self.0.add_of_key(page.items, key, &mut serials).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(serials),
            }
        }
    }

    /// A deployment whose first CA is made here has nothing to adopt.
    async fn begin_empty(&self) -> Result<(), LedgerError> {
        let first = self
            .0
            .tables
            .scan(Table::Certificates, None, Item::default(), None)
            .await?;
        if !first.items.is_empty() || first.next.is_some() {
            return Ok(());
        }
        let state = journal_keys::adoption().flag("Complete", true);
        self.0.tables.put(Table::Journal, state).await?;
        self.0.adopted.set(true);
        Ok(())
    }
}

fn key_of(row: &Row) -> Option<KeyFingerprint> {
    let certificate = Certificate::parse(&row.certificate).ok()?;
    Some(KeyFingerprint::of(certificate.spki_der()))
}
