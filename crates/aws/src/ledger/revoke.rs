//! Revocation: one transaction marks the row and adds the entry that the journal lists for the CRL.

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CertificateRecord, LedgerError, Revocation, Revoked};
use chancery_authority::revoke::satisfies;
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::Item;
use super::journal_entry::Renewal;
use super::revocable::Revocable;
use super::tables::{Table, pause, unavailable};
use super::transaction::{Attempted, Transaction, Write};
use super::{DynamoLedger, crl_entries, journal_keys, line, row, unfinished};
use crate::world::nonce;

/// Most attempts when what was read changes before it is written.
const TURNS: u32 = 10;

/// Attributes of a revocation in a row.
const ATTRIBUTES: [&str; 4] = ["Revoked", "RevocationReason", "InvalidityDate", "RevokedBy"];

impl DynamoLedger {
    pub(super) async fn revoke_certificate(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        others: Others,
    ) -> Result<Revoked, LedgerError> {
        let attempt = nonce();
        // Writes besides the list entry that are impossible are left out of the next attempt.
        let mut left_out = LeftOut::default();
        for round in 0..TURNS {
            let found = self.find_to_revoke(serial).await?;
            let found = found.filter(|found| found.record.id.issuer == *issuer);
            let Some(Revocable {
                mut record,
                row_key,
                damaged,
            }) = found
            else {
                return Err(LedgerError::NotFound(serial));
            };
            if let Some(damaged) = damaged {
                tracing::error!(damaged, %serial, "the ledger's records of a certificate contradict each other");
            }
            let row_key = row_key.filter(|_| !left_out.row);
            if row_key.is_none() && record.revocation.is_none() {
                record.revocation = self.listed_revocation(&record).await?;
            }
            let Some((revocation, condition)) = decide(&record, &revocation) else {
                self.mend_list(&record).await?;
                return Ok(Revoked::Already(Box::new(record)));
            };
            let has_row = row_key.is_some();
            let mut writes = revoking(&record, row_key, &revocation, condition, &attempt, others);
            let of_line = writes.len();
            if let Some(renewal) = self.renewal_to_mark(&record).await? {
                let marking = line::marking(&renewal, serial, record.not_after);
                let kept = marking.into_iter().zip(left_out.line).filter(|(_, left_out)| !left_out);
                writes.extend(kept.map(|(write, _)| write));
            }
            let in_line = of_line..writes.len();
            writes.extend(self.revoking_writes_of_record(&record, revocation.reason).await?);
            let done = match self.tables.attempt(&writes).await? {
                Attempted::Done => true,
                // Another process was faster, or it was this one and the answer was lost.
                Attempted::Refused(conditions) => {
                    let of_line = in_line.filter(|index| Transaction::failed(&conditions, *index).is_some());
                    left_out.leave_out_of_line(&writes, of_line, serial);
                    self.is_ours(&record, &attempt).await?
                }
                Attempted::Impossible { writes: places, detail } => {
                    tracing::error!(detail, %serial, "an item's content prevents writing the revocation to it");
                    let is_row = has_row && places.contains(&0);
                    left_out.row |= is_row;
                    let of_line: Vec<usize> = in_line.filter(|index| places.contains(index)).collect();
                    if !is_row && of_line.is_empty() {
                        return Err(LedgerError::Damaged { detail });
                    }
                    left_out.leave_out_of_line(&writes, of_line.into_iter(), serial);
                    false
                }
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
        Err(unavailable(format!(
            "the row of {serial} was changed by other processes in every attempt"
        )))
    }

    /// The line to mark with a revocation. An entry that cannot be read names none, and does not stop the revocation.
    async fn renewal_to_mark(&self, record: &CertificateRecord) -> Result<Option<Renewal>, LedgerError> {
        match self.renewal_of(record).await {
            Err(LedgerError::Damaged { detail }) => {
                tracing::error!(detail, "the line of a certificate is not known, and is not marked");
                Ok(None)
            }
            renewal => renewal,
        }
    }

    /// Lists a certificate whose row is revoked, if the list lacks it: one of the two may have been written by hand, or
    /// lost.
    pub(super) async fn mend_list(&self, record: &CertificateRecord) -> Result<(), LedgerError> {
        if let Some(revocation) = &record.revocation {
            // If its row was marked by hand, reservations under it do not fail yet.
            let writes = self.revoking_writes_of_record(record, revocation.reason).await?;
            if !writes.is_empty() {
                self.tables.transact(&writes).await?;
            }
        }
        self.list_if_revoked(record).await
    }

    /// As [`mend_list`](Self::mend_list), but writes only the list: for roles that may write nothing else of a
    /// revocation.
    pub(super) async fn list_if_revoked(&self, record: &CertificateRecord) -> Result<(), LedgerError> {
        let Some(revocation) = &record.revocation else {
            return Ok(());
        };
        let scope = record.scope();
        let key = journal_keys::revocation(&scope, record.id.serial);
        let listed = self.tables.get(Table::Journal, key).await?;
        // An entry with too early an end would be dropped from the CRL too soon.
        let is_over = |item: &Item| item.as_time("NotAfter").is_ok_and(|end| end < record.not_after);
        // The reason that the key is compromised replaces another reason.
        let is_told = |item: &Item| {
            let (listed, _) = crl_entries::parse(item, UnixTime(0));
            listed.is_none_or(|listed| satisfies(listed.reason, revocation.reason))
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
        // Its row is marked already.
        self.list_alone(&scope, &entry, record.not_after).await
    }

    async fn is_ours(&self, record: &CertificateRecord, attempt: &str) -> Result<bool, LedgerError> {
        let key = journal_keys::revocation(&record.scope(), record.id.serial);
        let listed = self.tables.get(Table::Journal, key).await?;
        Ok(listed.is_some_and(|item| item.as_text("Attempt").is_ok_and(|of| of == attempt)))
    }
}

/// Writes that a revocation leaves out, because what an item contains makes them impossible.
#[derive(Default)]
struct LeftOut {
    /// The row: only the list is written.
    row: bool,
    /// Of its line, the successor's mark and the version. Renewals fail in a line whose version is damaged.
    line: [bool; 2],
}

impl LeftOut {
    fn leave_out_of_line(&mut self, writes: &[Write], places: impl Iterator<Item = usize>, serial: Serial) {
        for index in places {
            let Some(Write::Update { key, .. }) = writes.get(index) else {
                continue;
            };
            let is_version = key.as_text("Sort").is_ok_and(|sort| sort == journal_keys::ALONE);
            self.line[usize::from(is_version)] = true;
            tracing::error!(item = super::called(key), %serial, "a line is not marked with a revocation: the item is damaged");
        }
    }
}

/// The revocation to write, and its condition; `None` if the first revocation remains in force.
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

/// Whether other certificates are to be revoked afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    None,
    /// The rest of the family follows. A mark, with this start time, shows that it is unfinished if the process is
    /// interrupted.
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
    let listed = crl_entries::listed(&record.scope(), &entry, record.not_after, attempt);
    // Without a row, only the list is written.
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
    writes.push(crl_entries::changing(&record.scope(), record.id.serial, attempt));
    writes
}
