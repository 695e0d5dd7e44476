//! What a published CRL lists and the journal does not: when its certificates end, and putting it back.

use std::collections::{BTreeSet, HashMap};

use chancery_authority::Slug;
use chancery_authority::port::ledger::{CrlScope, Kind, LedgerError, Revocation};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::Item;
use super::row::{self, Row};
use super::tables::{Table, Transaction, Write};
use super::{DynamoLedger, chain, crl, names};
use crate::world::nonce;

impl DynamoLedger {
    /// The latest end that the journal, the row and the certificate in it say: each of them may have been written by others.
    pub(super) async fn read_ends(
        &self,
        issuer: &Slug,
        serials: &[Serial],
    ) -> Result<HashMap<Serial, UnixTime>, LedgerError> {
        let mut ends: HashMap<Serial, UnixTime> = HashMap::new();
        let mut note = |serial: Serial, end: UnixTime| {
            let latest = ends.entry(serial).or_insert(end);
            *latest = end.max(*latest);
        };
        let entries = self.entries(serials).await?;
        let of_issuer = || entries.values().filter(|entry| entry.id.issuer == *issuer);
        let rows = of_issuer().map(|entry| (Table::Certificates, entry.row_key()));
        for (_, item) in self.tables.get_many(rows.collect()).await? {
            let Ok(serial) = row::serial(&item) else { continue };
            if let Some(end) = end_of(&item) {
                note(serial, end);
            }
        }
        for entry in of_issuer() {
            note(entry.id.serial, entry.not_after);
        }
        if self.has_old_rows().await? {
            for serial in serials.iter().filter(|serial| !entries.contains_key(serial)) {
                if let Some(found) = self
                    .find(*serial)
                    .await?
                    .filter(|found| found.record.id.issuer == *issuer)
                {
                    note(*serial, found.record.not_after);
                }
            }
        }
        Ok(ends)
    }

    /// Reads their items alone, a hundred at a time. Those of shards are not looked for: they are taken for missing.
    pub(super) async fn read_listed(
        &self,
        issuer: &Slug,
        serials: &[Serial],
    ) -> Result<HashMap<Serial, RevocationReason>, LedgerError> {
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
        let unmarked = if items.is_empty() {
            HashMap::new()
        } else {
            self.unmarked_cas(issuer).await?
        };
        let read = |(_, item): (Table, Item)| {
            let serial = names::serial_of(item.as_text("Sort").ok()?)?;
            if unmarked.contains_key(&serial) {
                return None;
            }
            // A reason that cannot be read is not one that the certificate needs to be revoked for again.
            let code = item.as_number::<u8>("Reason").ok();
            let reason = code.and_then(RevocationReason::from_code).unwrap_or_default();
            Some((serial, reason))
        };
        Ok(items.into_iter().filter_map(read).collect())
    }

    pub(super) async fn list_again(
        &self,
        scope: &CrlScope,
        entry: &RevokedEntry,
        not_after: UnixTime,
    ) -> Result<(), LedgerError> {
        let attempt = nonce();
        let mut writes = vec![
            Write::Put {
                table: Table::Journal,
                item: crl::listed(scope, entry, not_after, &attempt),
                condition: None,
                with: Item::default(),
            },
            crl::changing(scope, entry.serial, &attempt),
        ];
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

/// The end of a row's certificate; of one that cannot be read, the end that the row says.
fn end_of(item: &Item) -> Option<UnixTime> {
    let certificate = Row::parse(item)
        .ok()
        .and_then(|row| Certificate::parse(&row.certificate).ok());
    let said = item.parse("Expires", row::parse_time).ok();
    certificate.map(|certificate| certificate.not_after()).max(said)
}
