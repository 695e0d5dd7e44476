//! For entries that a published CRL has and the journal does not: finds evidence of their certificates, and lists them
//! again.

use std::collections::{BTreeSet, HashMap, HashSet};

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CrlScope, Evidence, LedgerError, Listed, Revocation, compromises_key};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::item::Item;
use super::journal_entry::IntentState;
use super::tables::Table;
use super::transaction::{Transaction, Write};
use super::unfinished::UNFINISHED;
use super::verified::verified;
use super::{DynamoLedger, crl_entries, journal_keys, row};
use crate::world::nonce;

/// Serial numbers that are looked up in the index at a time.
const AT_ONCE: usize = 16;

impl DynamoLedger {
    /// The certificates in rows: of the row that the journal's entry names, and where that row has no certificate that
    /// a CA signed, of every row with that serial number. What cannot be read is left out.
    pub(super) async fn read_evidence(&self, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        let mut shown: HashMap<Serial, Evidence> = HashMap::new();
        let entries = self.entries(serials).await?;
        let rows = entries.values().map(|entry| (Table::Certificates, entry.row_key()));
        let rows = self.tables.get_many(rows.collect()).await?;
        let mut note = |serial: Serial, row: &Item| {
            if let Ok(certificate) = row::certificate(row) {
                let certificates = &mut shown.entry(serial).or_default().certificates;
                // The row that the entry names is among those of its serial number.
                if !certificates.contains(&certificate) {
                    certificates.push(certificate);
                }
            }
        };
        for (_, row) in &rows {
            if let Ok(serial) = row::serial(row) {
                note(serial, row);
            }
        }
        let cas = self.known_cas().await?;
        let good: HashSet<Serial> = rows
            .iter()
            .filter_map(|(_, row)| {
                row::serial(row)
                    .ok()
                    .filter(|serial| verified(row, *serial, &cas).is_some())
            })
            .collect();
        let left: BTreeSet<Serial> = serials
            .iter()
            .filter(|serial| !good.contains(serial))
            .copied()
            .collect();
        let looked_up: Vec<_> = stream::iter(left)
            .map(async |serial| match self.rows_of(serial).await {
                Ok(rows) => Ok((serial, rows)),
                // Its own row's certificate counts; rows that others planted beside it stop nothing.
                Err(error @ LedgerError::Damaged { .. }) => {
                    tracing::error!(%error, %serial, "what rows show of a certificate is left out");
                    Ok((serial, Vec::new()))
                }
                Err(error) => Err(error),
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (serial, rows) in looked_up {
            for row in rows {
                note(serial, &row);
            }
        }
        for entry in entries.values().filter(|entry| entry.state == IntentState::Lost) {
            shown.entry(entry.id.serial).or_default().given_up = true;
        }
        Ok(shown)
    }

    /// Reads only the items of these serial numbers, a hundred at a time. Some count as not listed: those of shards,
    /// which are not read; one whose family is not revoked completely; and one with a compromised key that is not
    /// recorded as blocked, which earlier versions did not record.
    pub(super) async fn read_listed(
        &self,
        issuer: &CaName,
        serials: &[Serial],
    ) -> Result<HashMap<Serial, Listed>, LedgerError> {
        let scope = CrlScope {
            issuer: issuer.clone(),
            shard: None,
        };
        // The caller's list may have a serial number twice.
        let once: BTreeSet<Serial> = serials.iter().copied().collect();
        let keys = once
            .into_iter()
            .map(|serial| (Table::Journal, journal_keys::revocation(&scope, serial)));
        let items = self.tables.get_many(keys.collect()).await?;
        if items.is_empty() {
            return Ok(HashMap::new());
        }
        let unmarked = self.ca_certificates(issuer).await?.unmarked;
        let compromised = items.iter().filter(|(_, item)| compromises_key(reason_of(item)));
        let compromised = compromised.filter_map(|(_, item)| journal_keys::revoked_serial(item.as_text("Sort").ok()?));
        let unblocked = self.unblocked(&compromised.collect::<Vec<_>>()).await?;
        let read = |(_, item): (Table, Item)| {
            let serial = journal_keys::revoked_serial(item.as_text("Sort").ok()?)?;
            if unmarked.contains_key(&serial) || unblocked.contains(&serial) {
                return None;
            }
            let reason = reason_of(&item);
            // An end that cannot be read counts as never.
            let not_after = item.as_time("NotAfter").unwrap_or(UnixTime(i64::MAX));
            (!item.has(UNFINISHED)).then_some((serial, Listed { reason, not_after }))
        };
        Ok(items.into_iter().filter_map(read).collect())
    }

    /// Those of the serial numbers whose keys are not recorded as blocked. The journal knows no key for a serial number
    /// without an entry: it is not among them.
    async fn unblocked(&self, serials: &[Serial]) -> Result<HashSet<Serial>, LedgerError> {
        let mut keys: HashMap<Serial, KeyFingerprint> = HashMap::new();
        for (serial, entry) in self.entries(serials).await? {
            keys.insert(serial, entry.key);
        }
        let blocks = keys.values().map(|key| (Table::Journal, journal_keys::block(*key)));
        let blocks = self.tables.get_many(blocks.collect()).await?;
        let blocked: HashSet<String> = blocks
            .iter()
            .filter_map(|(_, item)| item.as_text("Key").ok().map(str::to_owned))
            .collect();
        let is_blocked = |key: KeyFingerprint| {
            let block = journal_keys::block(key);
            block.as_text("Key").is_ok_and(|key| blocked.contains(key))
        };
        let unblocked = keys.into_iter().filter(|(_, key)| !is_blocked(*key));
        Ok(unblocked.map(|(serial, _)| serial).collect())
    }

    /// Lists an entry again and writes nothing else: roles that may list given-up intents may write no more.
    pub(super) async fn list_alone(
        &self,
        scope: &CrlScope,
        entry: &RevokedEntry,
        not_after: UnixTime,
    ) -> Result<(), LedgerError> {
        let writes = listing(scope, entry, not_after);
        self.tables.transact(&writes).await.map(|_| ())
    }

    pub(super) async fn list_again(
        &self,
        scope: &CrlScope,
        entry: &RevokedEntry,
        not_after: UnixTime,
    ) -> Result<(), LedgerError> {
        let mut writes = Vec::from(listing(scope, entry, not_after));
        let mut of_list = writes.len();
        if let Some(known) = self.entry(entry.serial).await.ok().flatten() {
            writes.extend(self.revoking_writes_of_entry(&known, entry.reason).await?);
            of_list = writes.len();
            let revoked = row::of_revocation(&Revocation {
                at: entry.revoked_at,
                reason: entry.reason,
                invalidity_date: entry.invalidity_date,
                principal: String::new(),
            });
            let revoked = revoked.as_text("Revoked").unwrap_or_default().to_owned();
            writes.push(Write::Update {
                table: Table::Certificates,
                key: known.row_key(),
                update: "SET #Revoked = if_not_exists(#Revoked, :revoked)".to_owned(),
                condition: "attribute_exists(#CommonName)",
                with: Item::default().text(":revoked", revoked),
            });
        }
        if let Transaction::Refused(_) = self.tables.transact(&writes).await? {
            // There is no row to update: write the list only.
            writes.truncate(of_list);
            self.tables.transact(&writes).await?;
        }
        Ok(())
    }

    /// Lists a revoked row that belongs to no known CA for the issuing CA, as the Python CA did.
    pub(super) async fn list_revoked_row(&self, item: &Item) -> Result<(), LedgerError> {
        let (Ok(serial), Some(revocation)) = (row::serial(item), row::revocation(item)) else {
            return Ok(());
        };
        let scope = CrlScope {
            issuer: self.deployment.issuing_ca().clone(),
            shard: None,
        };
        let revoked = RevokedEntry {
            serial,
            revoked_at: revocation.at,
            reason: revocation.reason,
            invalidity_date: revocation.invalidity_date,
        };
        let end = item.parse("Expires", row::parse_time).unwrap_or(UnixTime(i64::MAX));
        self.list_revoked(&scope, &revoked, end).await
    }

    /// Lists a revocation unless it is listed already.
    pub(super) async fn list_revoked(
        &self,
        scope: &CrlScope,
        revoked: &RevokedEntry,
        end: UnixTime,
    ) -> Result<(), LedgerError> {
        let write = Write::Put {
            table: Table::Journal,
            item: crl_entries::listed(scope, revoked, end, ""),
            condition: Some("attribute_not_exists(#Key)"),
            with: Item::default(),
        };
        let changing = crl_entries::changing(scope, revoked.serial, &nonce());
        self.tables.transact(&[write, changing]).await.map(|_| ())
    }
}

/// The writes that list an entry, and nothing else.
fn listing(scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> [Write; 2] {
    let attempt = nonce();
    [
        Write::Put {
            table: Table::Journal,
            item: crl_entries::listed(scope, entry, not_after, &attempt),
            condition: None,
            with: Item::default(),
        },
        crl_entries::changing(scope, entry.serial, &attempt),
    ]
}

/// The reason of an item. One that cannot be read counts as unspecified: it is no cause to revoke the certificate
/// again.
fn reason_of(item: &Item) -> RevocationReason {
    let code = item.as_number::<u8>("Reason").ok();
    code.and_then(RevocationReason::from_code).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Roles that complete what another process began may write nothing of a revocation but the CA's list.
    #[test]
    fn listing_an_entry_writes_the_list_of_its_ca_alone() {
        let scope = CrlScope {
            issuer: CaName::new("a-ca").unwrap(),
            shard: None,
        };
        let entry = RevokedEntry {
            serial: Serial::from_octets(&[1]).unwrap(),
            revoked_at: UnixTime(1),
            reason: RevocationReason::Unspecified,
            invalidity_date: None,
        };
        let partitions: Vec<String> = listing(&scope, &entry, UnixTime(2))
            .into_iter()
            .map(|write| match write {
                Write::Put {
                    table: Table::Journal,
                    item,
                    ..
                } => item.as_text("Key").unwrap().to_owned(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(partitions, ["revoked#a-ca#full", "changes#a-ca#full"]);
    }
}
