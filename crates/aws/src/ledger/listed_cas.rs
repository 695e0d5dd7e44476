//! Entries for CA certificates that a list has, although no operator has revoked the CA.
//!
//! Roles that issue may list intents that they gave up, and an entry for a CA certificate would end a whole hierarchy.
//! Only roles that revoke may mark a CA's row, or record that nothing is reserved under the CA any more: an entry for a
//! CA certificate counts only with one of these two.
//!
//! A row alone proves nothing: a role that may write one attribute of rows can create rows of any serial number. Only
//! rows with a certificate of the CA count.

use std::collections::{HashMap, HashSet};

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CrlScope, LedgerError};
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;

use super::crl_entries::View;
use super::item::Item;
use super::known_ca::KnownCa;
use super::tables::{Range, Table};
use super::transaction::Write;
use super::verified::verified;
use super::{DynamoLedger, chain, journal_keys, row};

/// The certificates of the CAs that one CA issued, with its own if it is a root.
#[derive(Default)]
pub(super) struct CaCertificates {
    /// Those that are not revoked, with their CA and the serial number of its first certificate.
    pub(super) unmarked: HashMap<Serial, (CaName, Serial)>,
    /// Those whose rows are marked as revoked, with the serial number of their CA's first certificate.
    marked: HashMap<Serial, Serial>,
    /// Former ones that are superseded.
    superseded: HashSet<Serial>,
}

impl DynamoLedger {
    pub(super) async fn ca_certificates(&self, issuer: &CaName) -> Result<CaCertificates, LedgerError> {
        let mut found = CaCertificates::default();
        // Read again: it may include a CA that was made since this process began.
        let cas = self.read_cas().await?;
        for ca in cas.iter() {
            let ca_name = &ca.record.ca_name;
            if ca.record.parent.as_ref().unwrap_or(ca_name) != issuer {
                continue;
            }
            // All of its certificates: the CA may have been renewed or replaced.
            for item in self.tables.query(&Range::rows(ca_name.as_str())).await? {
                let Ok(serial) = row::serial(&item) else { continue };
                if item.has("Revoked") {
                    // One that was renewed, and is superseded, does not end its CA.
                    let reason = row::revocation(&item).map(|revocation| revocation.reason);
                    if serial == ca.serial || reason != Some(RevocationReason::Superseded) {
                        found.marked.insert(serial, ca.first);
                    } else {
                        found.superseded.insert(serial);
                    }
                } else if is_of_ca(&item, serial, ca, issuer, &cas) {
                    found.unmarked.insert(serial, (ca_name.clone(), ca.first));
                }
            }
        }
        found
            .unmarked
            .retain(|serial, _| !found.marked.contains_key(serial) && !found.superseded.contains(serial));
        let ended = self.ended(found.unmarked.values().map(|(_, first)| *first)).await?;
        found.unmarked.retain(|_, (_, first)| !ended.contains(first));
        Ok(found)
    }

    /// Those of the CAs that are recorded as revoked for reservations: restoring a row does not undo that.
    async fn ended(&self, serials: impl Iterator<Item = Serial>) -> Result<HashSet<Serial>, LedgerError> {
        let first: Vec<(Serial, Item)> = serials
            .filter_map(|serial| Some((serial, journal_keys::revoked_ca(serial).next()?)))
            .collect();
        let keys = first.iter().map(|(_, key)| (Table::Journal, key.clone())).collect();
        let recorded = self.tables.get_many(keys).await?;
        let is_recorded = |key: &Item| recorded.iter().any(|(_, item)| item.0.get("Key") == key.0.get("Key"));
        let ended = first.into_iter().filter(|(_, key)| is_recorded(key));
        Ok(ended.map(|(serial, _)| serial).collect())
    }

    /// Removes entries of CAs that are not revoked. For revoked CAs on the list, records that nothing is reserved under
    /// them any more: earlier versions did not record it, and neither does an operator who marks a row by hand.
    pub(super) async fn settle_cas(&self, scope: &CrlScope, view: &mut View) -> Result<(), LedgerError> {
        if view.is_empty() {
            return Ok(());
        }
        let CaCertificates { unmarked, marked, .. } = self.ca_certificates(&scope.issuer).await?;
        for serial in view.remove(|serial| unmarked.contains_key(&serial)) {
            let ca = unmarked.get(&serial).map(|(ca, _)| ca.as_str()).unwrap_or_default();
            view.damage(format!(
                "the list of {} has the certificate of CA {ca}, serial number {serial}, whose row does not say that it is \
                 revoked; it is left out. Find out who wrote that, and delete it; or revoke the CA",
                scope.issuer
            ));
        }
        for serial in view.among(&marked.keys().copied().collect()) {
            // The CRL lists it even if this fails.
            let first = marked.get(&serial).copied().unwrap_or(serial);
            if let Err(error) = self.end_ca(first).await {
                view.damage(format!(
                    "CA certificate {serial} is revoked, and it could not be recorded that nothing is reserved under it: {error}"
                ));
            }
        }
        Ok(())
    }

    async fn end_ca(&self, serial: Serial) -> Result<(), LedgerError> {
        let parts = journal_keys::revoked_ca(serial).map(|key| (Table::Journal, key));
        let recorded = self.tables.get_many(parts.collect()).await?;
        let writes: Vec<Write> = chain::revoking_writes(serial).collect();
        if recorded.len() == writes.len() {
            return Ok(());
        }
        tracing::warn!(%serial, "a CA is revoked, and it was not recorded that nothing is reserved under it; it is now");
        self.tables.transact(&writes).await.map(|_| ())
    }
}

/// Whether a row under a CA's name has one of the CA's certificates: the one that the CA is known by, whatever its row
/// contains, or a CA certificate that the CA above signed.
fn is_of_ca(item: &Item, serial: Serial, ca: &KnownCa, issuer: &CaName, cas: &[KnownCa]) -> bool {
    serial == ca.serial
        || verified(item, serial, cas).is_some_and(|verified| {
            let constraints = verified.certificate.basic_constraints();
            verified.issuer == *issuer && constraints.is_some_and(|constraints| constraints.ca)
        })
}
