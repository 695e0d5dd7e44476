//! What a published CRL lists and the journal does not: what there is to show of its certificates, and putting it back.

use std::collections::{BTreeSet, HashMap, HashSet};

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CrlScope, Evidence, Kind, LedgerError, Listed, Revocation, compromises_key};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::entry::Stage;
use super::item::Item;
use super::revocable::verified;
use super::row;
use super::tables::{Table, Transaction, Write};
use super::unfinished::UNFINISHED;
use super::{DynamoLedger, chain, crl, names};
use crate::world::nonce;

/// Serial numbers that are looked up in the index at a time.
const AT_ONCE: usize = 16;

impl DynamoLedger {
    /// The certificates that rows have: the row that the journal's entry leads to, and where that shows none, every row of the
    /// serial number. What cannot be read is left out.
    pub(super) async fn read_evidence(&self, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        let mut shown: HashMap<Serial, Evidence> = HashMap::new();
        let entries = self.entries(serials).await?;
        let rows = entries.values().map(|entry| (Table::Certificates, entry.row_key()));
        let rows = self.tables.get_many(rows.collect()).await?;
        let mut note = |serial: Serial, row: &Item| {
            if let Ok(certificate) = row::certificate(row) {
                let certificates = &mut shown.entry(serial).or_default().certificates;
                // The row that the entry leads to is among those of its serial number.
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
                // What its own row shows counts; what others planted beside it stops nothing.
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
        for entry in entries.values().filter(|entry| entry.stage == Stage::Lost) {
            shown.entry(entry.id.serial).or_default().given_up = true;
        }
        Ok(shown)
    }

    /// Reads their items alone, a hundred at a time. Those of shards are not looked for: they are taken for missing; so is one
    /// whose others were not all come to, and one whose key is compromised and not recorded as blocked, which versions before
    /// that was recorded did not write.
    pub(super) async fn read_listed(
        &self,
        issuer: &CaName,
        serials: &[Serial],
    ) -> Result<HashMap<Serial, Listed>, LedgerError> {
        let scope = CrlScope {
            issuer: issuer.clone(),
            shard: None,
        };
        // A list may have an entry twice.
        let once: BTreeSet<Serial> = serials.iter().copied().collect();
        let keys = once
            .into_iter()
            .map(|serial| (Table::Journal, names::revocation(&scope, serial)));
        let items = self.tables.get_many(keys.collect()).await?;
        if items.is_empty() {
            return Ok(HashMap::new());
        }
        let unmarked = self.ca_certificates(issuer).await?.unmarked;
        let compromised = items.iter().filter(|(_, item)| compromises_key(reason_of(item)));
        let compromised = compromised.filter_map(|(_, item)| names::revoked_serial(item.as_text("Sort").ok()?));
        let unblocked = self.unblocked(&compromised.collect::<Vec<_>>()).await?;
        let read = |(_, item): (Table, Item)| {
            let serial = names::revoked_serial(item.as_text("Sort").ok()?)?;
            if unmarked.contains_key(&serial) || unblocked.contains(&serial) {
                return None;
            }
            let reason = reason_of(&item);
            // An end that cannot be read is none.
            let not_after = item.as_time("NotAfter").unwrap_or(UnixTime(i64::MAX));
            (!item.has(UNFINISHED)).then_some((serial, Listed { reason, not_after }))
        };
        Ok(items.into_iter().filter_map(read).collect())
    }

    /// Those of the serial numbers whose keys, as the journal has them, are not recorded as blocked. What it does not know has
    /// no such key.
    async fn unblocked(&self, serials: &[Serial]) -> Result<HashSet<Serial>, LedgerError> {
        let mut keys: HashMap<Serial, KeyFingerprint> = HashMap::new();
        for (serial, entry) in self.entries(serials).await? {
            keys.insert(serial, entry.key);
        }
        let blocks = keys.values().map(|key| (Table::Journal, names::block(*key)));
        let blocks = self.tables.get_many(blocks.collect()).await?;
        let blocked: HashSet<String> = blocks
            .iter()
            .filter_map(|(_, item)| item.as_text("Key").ok().map(str::to_owned))
            .collect();
        let is_blocked = |key: KeyFingerprint| {
            let block = names::block(key);
            block.as_text("Key").is_ok_and(|key| blocked.contains(key))
        };
        let unblocked = keys.into_iter().filter(|(_, key)| !is_blocked(*key));
        Ok(unblocked.map(|(serial, _)| serial).collect())
    }

    /// Lists an entry again, and says nothing of it elsewhere: whoever may list what was given up may do no more.
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
            if matches!(known.kind, Kind::Authority { .. }) {
                writes.extend(chain::ending(entry.serial));
            }
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
            // There is no row to say it: the list does.
            writes.truncate(of_list);
            self.tables.transact(&writes).await?;
        }
        Ok(())
    }
}

/// What listing an entry writes, in the list alone.
fn listing(scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> [Write; 2] {
    let attempt = nonce();
    [
        Write::Put {
            table: Table::Journal,
            item: crl::listed(scope, entry, not_after, &attempt),
            condition: None,
            with: Item::default(),
        },
        crl::changing(scope, entry.serial, &attempt),
    ]
}

/// A reason that cannot be read is not one that the certificate needs to be revoked for again.
fn reason_of(item: &Item) -> RevocationReason {
    let code = item.as_number::<u8>("Reason").ok();
    code.and_then(RevocationReason::from_code).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Roles that complete what another one began may write nothing of a revocation but the CA's list.
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
