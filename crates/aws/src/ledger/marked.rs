//! CAs that a list says are revoked and that nobody has revoked.
//!
//! Whoever issues may list what was given up, and the list of a CA that certifies CAs ends a whole hierarchy. A CA's row is
//! marked by those alone who revoke, and they alone record that it is reserved under no more: an entry for a CA's certificate
//! counts where one of the two says so, too.
//!
//! A row alone says nothing: whoever may write one attribute of rows makes rows of any serial number. Those count that have a
//! certificate of the CA.

use std::collections::{HashMap, HashSet};

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CrlScope, LedgerError};
use chancery_x509::serial::Serial;

use super::authorities::KnownCa;
use super::crl::View;
use super::item::Item;
use super::revocable::verified;
use super::tables::{Range, Table, Write};
use super::{DynamoLedger, chain, names, row};

/// The certificates of CAs that stand under one, itself if it is a root.
#[derive(Default)]
pub(super) struct CaCertificates {
    /// Those that nobody has revoked.
    pub(super) unmarked: HashMap<Serial, CaName>,
    /// Those whose rows say that they are revoked.
    marked: HashSet<Serial>,
}

impl DynamoLedger {
    pub(super) async fn ca_certificates(&self, issuer: &CaName) -> Result<CaCertificates, LedgerError> {
        let mut found = CaCertificates::default();
        // Read anew: a CA that came since this process began is one of them.
        let cas = self.read_cas().await?;
        for ca in cas.iter() {
            let ca_name = &ca.record.ca_name;
            if ca.record.parent.as_ref().unwrap_or(ca_name) != issuer {
                continue;
            }
            // All of its certificates: it may have been made anew.
            for item in self.tables.query(&Range::rows(ca_name.as_str())).await? {
                let Ok(serial) = row::serial(&item) else { continue };
                if item.has("Revoked") {
                    found.marked.insert(serial);
                } else if is_of_ca(&item, serial, ca, issuer, &cas) {
                    found.unmarked.insert(serial, ca_name.clone());
                }
            }
        }
        found.unmarked.retain(|serial, _| !found.marked.contains(serial));
        for serial in self.ended(found.unmarked.keys().copied()).await? {
            found.unmarked.remove(&serial);
        }
        Ok(found)
    }

    /// Those of the CAs that are recorded as reserved under no more: whoever put a row back as it was takes nothing back.
    async fn ended(&self, serials: impl Iterator<Item = Serial>) -> Result<Vec<Serial>, LedgerError> {
        let first: Vec<(Serial, Item)> = serials
            .filter_map(|serial| Some((serial, names::revoked_ca(serial).next()?)))
            .collect();
        let keys = first.iter().map(|(_, key)| (Table::Journal, key.clone())).collect();
        let recorded = self.tables.get_many(keys).await?;
        let is_recorded = |key: &Item| recorded.iter().any(|(_, item)| item.0.get("Key") == key.0.get("Key"));
        let ended = first.into_iter().filter(|(_, key)| is_recorded(key));
        Ok(ended.map(|(serial, _)| serial).collect())
    }

    /// Leaves CAs out that nobody has revoked. Nothing is reserved any more under those that the list has and somebody has
    /// revoked: versions before that was recorded did not write it, and neither does whoever marks a row by hand.
    pub(super) async fn settle_cas(&self, scope: &CrlScope, view: &mut View) -> Result<(), LedgerError> {
        if view.is_empty() {
            return Ok(());
        }
        let CaCertificates { unmarked, marked } = self.ca_certificates(&scope.issuer).await?;
        for serial in view.remove(|serial| unmarked.contains_key(&serial)) {
            let ca = unmarked.get(&serial).map(CaName::as_str).unwrap_or_default();
            view.damage(format!(
                "the list of {} has the certificate of CA {ca}, serial number {serial}, whose row does not say that it is \
                 revoked; it is left out. Find out who wrote that, and delete it; or revoke the CA",
                scope.issuer
            ));
        }
        for serial in view.among(&marked) {
            // The CRL says that it is revoked, whatever becomes of this.
            if let Err(error) = self.end_ca(serial).await {
                view.damage(format!(
                    "CA certificate {serial} is revoked, and it could not be recorded that nothing is reserved under it: {error}"
                ));
            }
        }
        Ok(())
    }

    async fn end_ca(&self, serial: Serial) -> Result<(), LedgerError> {
        let parts = names::revoked_ca(serial).map(|key| (Table::Journal, key));
        let recorded = self.tables.get_many(parts.collect()).await?;
        let writes: Vec<Write> = chain::ending(serial).collect();
        if recorded.len() == writes.len() {
            return Ok(());
        }
        tracing::warn!(%serial, "a CA is revoked, and it was not recorded that nothing is reserved under it; it is now");
        self.tables.transact(&writes).await.map(|_| ())
    }
}

/// Whether that row of a CA's name is one of its own certificates: the one that the CA is known by, whatever became of its row,
/// or one that says that it is a CA's and that the CA above signed.
fn is_of_ca(item: &Item, serial: Serial, ca: &KnownCa, issuer: &CaName, cas: &[KnownCa]) -> bool {
    serial == ca.serial
        || verified(item, serial, cas).is_some_and(|verified| {
            let constraints = verified.certificate.basic_constraints();
            verified.issuer == *issuer && constraints.is_some_and(|constraints| constraints.ca)
        })
}
