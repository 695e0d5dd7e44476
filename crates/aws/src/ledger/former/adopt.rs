//! Adopts the rows that the Python CA made: each gets the journal items that a certificate of our own has.
//!
//! Each row is one transaction, which does not change the row itself. Adopting may be interrupted anywhere, repeated,
//! and run beside everything else: the journal's entry of a row is never replaced. Once it reaches the table's end,
//! nothing needs to read the whole table any more.

use std::time::Instant;

use aws_sdk_dynamodb::types::AttributeValue;
use chancery_authority::port::ledger::{
    CertificateRecord, CrlScope, Kind, LedgerError, Revocation, TokenOrigin, compromises_key,
};
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use futures_util::stream::{self, StreamExt as _};

use super::super::intents::listing;
use super::super::item::Item;
use super::super::journal_entry::{IntentState, JournalEntry};
use super::super::known_ca::KnownCa;
use super::super::row::Row;
use super::super::rows_without_entry::RowOwner;
use super::super::tables::Table;
use super::super::transaction::{Transaction, Write};
use super::super::{DynamoLedger, chain, crl_entries, journal_entry, journal_keys, row};
use crate::world::nonce;

/// Rows that are adopted at a time.
const TOGETHER: usize = 16;

/// Most malformed rows that are described.
const DESCRIBED: usize = 1000;

/// Whether to write, and where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptionMode {
    /// Read every row from the beginning, and write nothing.
    DryRun,
    /// Adopt, continuing where the last run stopped.
    Resume,
    /// Adopt from the beginning: finds rows that were written or changed by hand since.
    Again,
}

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Rows that were read.
    pub rows: u64,
    /// Rows that were adopted, or in a dry run would be.
    pub adopted: u64,
    /// Rows that had an entry in the journal.
    pub known: u64,
    /// Rows that cannot be adopted, and why (at most 1,000). They stay as they are; a revoked one is still on the CRL
    /// if its serial number can be read.
    pub malformed: Vec<String>,
    /// Whether the run reached the table's end. If not, time ran out, and the next run continues.
    pub complete: bool,
}

enum Outcome {
    Adopted,
    Known,
    Malformed(String),
}

impl DynamoLedger {
    /// Adopts rows until the time `until` or the table's end. Calls `progress` after every page.
    pub async fn adopt(
        &self,
        mode: AdoptionMode,
        until: Option<Instant>,
        progress: &(dyn Fn(&Adoption) + Sync),
    ) -> Result<Adoption, LedgerError> {
        let cas = self.read_cas().await?;
        let mut adoption = Adoption::default();
        let mut after = match mode {
            AdoptionMode::Resume => self.where_adoption_stopped().await?,
            AdoptionMode::DryRun | AdoptionMode::Again => None,
        };
        let write = mode != AdoptionMode::DryRun;
        while until.is_none_or(|until| Instant::now() < until) {
            let page = self
                .tables
                .scan(Table::Certificates, None, Item::default(), after)
                .await?;
            let mut outcomes = stream::iter(page.items)
                .map(|item| self.adopt_row(item, &cas, write))
                .buffer_unordered(TOGETHER);
            while let Some(outcome) = outcomes.next().await {
                adoption.count(outcome?);
            }
            drop(outcomes);
            adoption.complete = page.next.is_none();
            if write {
                self.note_adoption(page.next.as_ref()).await?;
            }
            progress(&adoption);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Ok(adoption)
    }

    async fn where_adoption_stopped(&self) -> Result<Option<Item>, LedgerError> {
        let state = self
            .tables
            .get(Table::Journal, journal_keys::adoption())
            .await?
            .unwrap_or_default();
        Ok(match (state.as_text("AfterName"), state.as_text("AfterSerial")) {
            (Ok(name), Ok(serial)) => Some(Item::row_key(name, serial)),
            _ => None,
        })
    }

    async fn note_adoption(&self, next: Option<&Item>) -> Result<(), LedgerError> {
        let state = journal_keys::adoption().flag("Complete", next.is_none());
        let state = match next {
            None => state,
            Some(next) => {
                let part = |name| match next.0.get(name) {
                    Some(AttributeValue::S(text)) => Some(text.clone()),
                    _ => None,
                };
                state
                    .optional_text("AfterName", part("CommonName"))
                    .optional_text("AfterSerial", part("SerialNumber"))
            }
        };
        self.tables.put(Table::Journal, state).await?;
        self.adopted.set(next.is_none());
        Ok(())
    }

    async fn adopt_row(&self, item: Item, cas: &[KnownCa], write: bool) -> Result<Outcome, LedgerError> {
        let serial = match row::serial(&item) {
            Ok(serial) => serial,
            Err(error) => return Ok(Outcome::Malformed(format!("{}: {error}", super::super::called(&item)))),
        };
        if let Some(entry) = self.entry(serial).await? {
            if write {
                self.adopt_changes(&item, &entry).await?;
            }
            return Ok(Outcome::Known);
        }
        let belongs = match Row::parse(&item) {
            Ok(row) => Self::record_of_row(row, cas),
            Err(error) => RowOwner::Unknown(error.to_string()),
        };
        let record = match belongs {
            RowOwner::Ca(record) => *record,
            RowOwner::Unknown(why) => {
                if write {
                    self.list_revoked_row(&item).await?;
                }
                return Ok(Outcome::Malformed(format!("{}: {why}", super::super::called(&item))));
            }
        };
        if !write {
            return Ok(Outcome::Adopted);
        }
        let writes = adopting(&record);
        let outcome = match self.tables.transact(&writes).await? {
            Transaction::Done => Outcome::Adopted,
            // Another run has adopted it meanwhile.
            Transaction::Refused(_) => Outcome::Known,
        };
        // If the run is interrupted here, the next one finds the row's entry and adopts its changes.
        if let Some(revocation) = &record.revocation {
            self.block_if_compromised(record.key, &record.common_name, serial, revocation)
                .await?;
        }
        Ok(outcome)
    }

    /// Blocks a key that a row marks as compromised. Its other certificates and their rows are left alone: they are
    /// revoked when an operator revokes this one again, or lists it in `revoked.json`.
    async fn block_if_compromised(
        &self,
        key: KeyFingerprint,
        common_name: &str,
        serial: Serial,
        revocation: &Revocation,
    ) -> Result<(), LedgerError> {
        if !compromises_key(revocation.reason) {
            return Ok(());
        }
        self.block(key, common_name, serial, revocation.at).await
    }

    /// Adopts changes made by hand to a row with an entry: a revocation, or a reminder switched on.
    async fn adopt_changes(&self, item: &Item, entry: &JournalEntry) -> Result<(), LedgerError> {
        if !matches!(entry.state, IntentState::Complete { .. }) {
            return Ok(());
        }
        if let Some(revocation) = row::revocation(item) {
            let scope = CrlScope {
                issuer: entry.id.issuer.clone(),
                shard: entry.shard,
            };
            let revoked = RevokedEntry {
                serial: entry.id.serial,
                revoked_at: revocation.at,
                reason: revocation.reason,
                invalidity_date: revocation.invalidity_date,
            };
            self.list_revoked(&scope, &revoked, entry.not_after).await?;
            self.block_if_compromised(entry.key, &entry.common_name, entry.id.serial, &revocation)
                .await?;
            let writes = self.revoking_writes_of_entry(entry, revocation.reason).await?;
            if !writes.is_empty() {
                self.tables.transact(&writes).await?;
            }
        }
        if item.as_flag("NotifyExpiry").unwrap_or(false) {
            let listed = journal_keys::expiry(entry.id.serial, entry.not_after).text("Partition", entry.partition());
            self.tables.put(Table::Journal, listed).await?;
        }
        Ok(())
    }
}

impl Adoption {
    fn count(&mut self, outcome: Outcome) {
        self.rows += 1;
        match outcome {
            Outcome::Adopted => self.adopted += 1,
            Outcome::Known => self.known += 1,
            Outcome::Malformed(why) => {
                if self.malformed.len() < DESCRIBED {
                    self.malformed.push(why);
                }
            }
        }
    }
}

fn adopting(record: &CertificateRecord) -> Vec<Write> {
    let entry = JournalEntry {
        id: record.id.clone(),
        kind: record.kind.clone(),
        common_name: record.common_name.clone(),
        profile: record.profile.clone(),
        key: record.key,
        not_before: record.not_before,
        not_after: record.not_after,
        shard: None,
        principal: record.principal.clone(),
        notify_expiry: record.notify_expiry,
        reserved_at: record.issued_at,
        token: None,
        authentication: None,
        token_origin: TokenOrigin::Caller,
        renewal: None,
        state: IntentState::Complete {
            receipt: record.receipt.clone(),
            issued_at: record.issued_at,
        },
    };
    let put = |item| Write::Put {
        table: Table::Journal,
        item,
        condition: None,
        with: Item::default(),
    };
    let mut writes = vec![
        Write::Put {
            table: Table::Journal,
            item: journal_entry::of_facts(&entry)
                .text("Stage", "complete")
                .text("Receipt", &record.receipt.0)
                .time("IssuedAt", record.issued_at)
                .flag("Adopted", true),
            condition: Some("attribute_not_exists(#Key)"),
            with: Item::default(),
        },
        // The Python CA checked a key under one name only: several names may hold it, and the claim has the first.
        Write::Update {
            table: Table::Journal,
            key: journal_keys::claim(record.key),
            update: "SET #CommonName = if_not_exists(#CommonName, :name) ADD #Holders :one".to_owned(),
            condition: "attribute_not_exists(#Key) OR attribute_exists(#Key)",
            with: Item::default().text(":name", &record.common_name).number(":one", 1),
        },
        // Searches for all certificates of the key find it here, whichever name the claim has.
        put(journal_keys::holder(record.key, record.id.serial)),
    ];
    writes.extend(listing(&entry, record.issued_at));
    if let Some(revocation) = &record.revocation {
        let revoked = RevokedEntry {
            serial: record.id.serial,
            revoked_at: revocation.at,
            reason: revocation.reason,
            invalidity_date: revocation.invalidity_date,
        };
        writes.push(put(crl_entries::listed(
            &record.scope(),
            &revoked,
            record.not_after,
            "",
        )));
        writes.push(crl_entries::changing(&record.scope(), record.id.serial, &nonce()));
        if matches!(record.kind, Kind::Ca { .. }) {
            writes.extend(chain::revoking_writes(record.id.serial));
        }
    }
    if let Kind::Ca { ca_name, parent, key } = &record.kind {
        writes.push(put(journal_keys::ca(ca_name.as_str())
            .text("Stage", "complete")
            .text("Serial", record.id.serial.to_string())
            .optional_text(
                "AuthorityParent",
                parent.as_ref().map(chancery_authority::CaName::as_str),
            )
            .text("AuthorityKey", &key.0)
            .octets("Certificate", record.certificate.clone())));
    }
    writes
}
