//! Revocation: the row says it, and the journal lists it for the CRL, in one transaction.

use chancery_authority::Slug;
use chancery_authority::port::ledger::{CertificateRecord, CrlScope, Kind, LedgerError, Revocation, Revoked};
use chancery_authority::revoke::stands;
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::Item;
use super::revocable::Revocable;
use super::tables::{Table, Transaction, Write, pause, unavailable};
use super::{DynamoLedger, chain, crl, family, names, row, unfinished};
use crate::world::nonce;

/// Times that what was read may have changed before it is written.
const TURNS: u32 = 10;

/// Attributes of a revocation in a row.
const ATTRIBUTES: [&str; 4] = ["Revoked", "RevocationReason", "InvalidityDate", "RevokedBy"];

impl DynamoLedger {
    pub(super) async fn revoke_certificate(
        &self,
        issuer: &Slug,
        serial: Serial,
        revocation: Revocation,
        others: Others,
    ) -> Result<Revoked, LedgerError> {
        let attempt = nonce();
        for round in 0..TURNS {
            let found = self.find_to_revoke(serial).await?;
            let found = found.filter(|found| found.record.id.issuer == *issuer);
            let Some(Revocable {
                record,
                row_key,
                damaged,
            }) = found
            else {
                return Err(LedgerError::NotFound(serial));
            };
            if let Some(damaged) = damaged {
                tracing::error!(damaged, %serial, "what the ledger has of a certificate does not fit");
            }
            let Some((revocation, condition)) = decide(&record, &revocation) else {
                self.mend_list(&record).await?;
                return Ok(Revoked::Already(Box::new(record)));
            };
            let mut writes = revoking(&record, row_key, &revocation, condition, &attempt, others);
            if let Some(renewal) = self.renewal_of(&record).await? {
                writes.extend(family::marking(&renewal, serial));
            }
            if matches!(record.kind, Kind::Authority { .. }) {
                writes.extend(chain::ending(serial));
            }
            let done = match self.tables.transact(&writes).await? {
                Transaction::Done => true,
                // Somebody was faster, or it was us and the answer was lost.
                Transaction::Refused(_) => self.is_ours(&record, &attempt).await?,
            };
            if done {
                let record = CertificateRecord {
                    revocation: Some(revocation),
                    ..record
                };
                return Ok(Revoked::Now(Box::new(record)));
            }
            pause(round).await;
        }
        Err(unavailable(format!("the row of {serial} changed again and again")))
    }

    /// A certificate that its row says is revoked, and the list does not: it is listed again. Only one of the two may have been
    /// written by hand, or lost.
    pub(super) async fn mend_list(&self, record: &CertificateRecord) -> Result<(), LedgerError> {
        let Some(revocation) = &record.revocation else {
            return Ok(());
        };
        let scope = scope_of(record);
        if matches!(record.kind, Kind::Authority { .. }) {
            // Where its row was written by hand, nobody who reserves knows of it.
            let writes: Vec<Write> = chain::ending(record.id.serial).collect();
            self.tables.transact(&writes).await?;
        }
        let key = names::revocation(&scope, record.id.serial);
        let listed = self.tables.get(Table::Journal, key).await?;
        // One whose end is said to be earlier would be left out too soon.
        let is_over = |item: &Item| item.as_time("NotAfter").is_ok_and(|end| end < record.not_after);
        // That the key is compromised replaces another reason.
        let is_told = |item: &Item| {
            let (listed, _) = crl::parse(item, UnixTime(0));
            listed.is_none_or(|listed| stands(listed.reason, revocation.reason))
        };
        if listed.is_some_and(|item| !is_over(&item) && is_told(&item)) {
            return Ok(());
        }
        tracing::error!(serial = %record.id.serial, "a certificate was revoked, and not listed as it should be; it is listed now");
        let entry = RevokedEntry {
            serial: record.id.serial,
            revoked_at: revocation.at,
            reason: revocation.reason,
            invalidity_date: revocation.invalidity_date,
        };
        self.list_again(&scope, &entry, record.not_after).await
    }

    async fn is_ours(&self, record: &CertificateRecord, attempt: &str) -> Result<bool, LedgerError> {
        let key = names::revocation(&scope_of(record), record.id.serial);
        let listed = self.tables.get(Table::Journal, key).await?;
        Ok(listed.is_some_and(|item| item.as_text("Attempt").is_ok_and(|of| of == attempt)))
    }

    pub(super) async fn add_reminder(&self, issuer: &Slug, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        let found = self.find(serial).await?;
        let Some(found) = found.filter(|found| found.record.id.issuer == *issuer) else {
            return Err(LedgerError::NotFound(serial));
        };
        let time = chancery_authority::wire::contract_time(at);
        let list = |values: Vec<String>| {
            let values = values.into_iter().map(aws_sdk_dynamodb::types::AttributeValue::S);
            aws_sdk_dynamodb::types::AttributeValue::L(values.collect())
        };
        let added = self.tables.update(
            Table::Certificates,
            found.row_key,
            "SET #ExpiryReminders = list_append(if_not_exists(#ExpiryReminders, :none), :sent)",
            // Once for each time: a repeated request adds nothing.
            "attribute_exists(#CommonName) AND NOT contains(#ExpiryReminders, :time)",
            Item::default()
                .with(":none", list(Vec::new()))
                .with(":sent", list(vec![time.clone()]))
                .text(":time", time),
        );
        added.await.map(|_| ())
    }
}

/// What to write, and on what condition; `None` where the first revocation stands.
fn decide(record: &CertificateRecord, wanted: &Revocation) -> Option<(Revocation, &'static str)> {
    let compromise = RevocationReason::KeyCompromise;
    match &record.revocation {
        None => Some((
            wanted.clone(),
            "attribute_exists(#CommonName) AND attribute_not_exists(#Revoked)",
        )),
        Some(first) if first.reason == compromise || wanted.reason != compromise => None,
        Some(first) => Some((
            Revocation {
                at: first.at,
                ..wanted.clone()
            },
            "attribute_exists(#Revoked) AND (attribute_not_exists(#RevocationReason) OR \
             #RevocationReason <> :RevocationReason)",
        )),
    }
}

/// Those that share the fate of a certificate, and come after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    None,
    /// Whoever is interrupted before all are revoked leaves a mark of it, and of when it was begun.
    Follow(UnixTime),
}

fn revoking(
    record: &CertificateRecord,
    row_key: Option<Item>,
    revocation: &Revocation,
    condition: &'static str,
    attempt: &str,
    others: Others,
) -> Vec<Write> {
    let attributes = row::of_revocation(revocation);
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    let mut with = Item::default();
    for name in ATTRIBUTES {
        match attributes.0.get(name) {
            Some(value) => {
                set.push(format!("#{name} = :{name}"));
                with = with.with(&format!(":{name}"), value.clone());
            }
            None => remove.push(format!("#{name}")),
        }
    }
    let mut update = format!("SET {}", set.join(", "));
    if !remove.is_empty() {
        update.push_str(" REMOVE ");
        update.push_str(&remove.join(", "));
    }
    let entry = RevokedEntry {
        serial: record.id.serial,
        revoked_at: revocation.at,
        reason: revocation.reason,
        invalidity_date: revocation.invalidity_date,
    };
    let listed = crl::listed(&scope_of(record), &entry, record.not_after, attempt);
    // Without a row, the list says it alone.
    let row = row_key.map(|key| Write::Update {
        table: Table::Certificates,
        key,
        update,
        condition,
        with,
    });
    let mut writes: Vec<Write> = row.into_iter().collect();
    writes.push(Write::Put {
        table: Table::Journal,
        item: match others {
            Others::None => listed,
            Others::Follow(since) => unfinished::mark(listed, since),
        },
        condition: None,
        with: Item::default(),
    });
    writes.push(crl::changing(&scope_of(record), record.id.serial, attempt));
    writes
}

pub(super) fn scope_of(record: &CertificateRecord) -> CrlScope {
    CrlScope {
        issuer: record.id.issuer.clone(),
        shard: record.shard,
    }
}
