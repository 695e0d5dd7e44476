//! Intents: reserved, then completed or given up, each in one transaction over everything that it touches.
//!
//! If an answer is lost, the transaction was either done or not, and the process cannot know which. The SDK retries
//! with the same token; should DynamoDB have forgotten it, the condition on our own entry fails, and the nonce in the
//! entry shows that this process wrote it.

use async_trait::async_trait;
use chancery_authority::port::ledger::{
    CertificateIntent, CertificateRecord, Completion, CrlScope, IntentId, Intents, Kind, LedgerError, OpenIntents,
    OpenPosition, Reservation,
};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::time::UnixTime;

use super::certified_keys::BLOCKED;
use super::item::Item;
use super::journal_entry::{IntentState, JournalEntry};
use super::open_index::OpenRange;
use super::row::Row;
use super::tables::{Table, pause, unavailable};
use super::transaction::{Transaction, Write};
use super::{DynamoLedger, attempts, crl_entries, journal_entry, journal_keys, row};
use crate::world::nonce;

/// Most attempts when what was read changes before it is written.
pub(super) const TURNS: u32 = 10;

/// Index of the entry in a transaction.
pub(super) const ENTRY: usize = 0;

/// The certificate table's row, in a completion.
const ROW: usize = 1;

#[async_trait]
impl Intents for DynamoLedger {
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        self.reserve_intent(intent).await
    }

    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        self.complete_intent(completion).await
    }

    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        self.lose_intent(intent, at).await
    }

    async fn list_open(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        self.list_open(after, before, limit).await
    }
}

impl DynamoLedger {
    pub(super) async fn complete_intent(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        let Some(mut entry) = self.open_entry(&completion.id).await? else {
            return Err(LedgerError::NoOpenIntent(completion.id));
        };
        let attempt = nonce();
        let mut writes = completing(&entry, &completion, &attempt);
        let mut outcome = self.tables.transact(&writes).await?;
        self.reserved_intents.forget(completion.id.serial);
        let mut revocation = None;
        if let Transaction::Refused(conditions) = &outcome
            && Transaction::failed(conditions, ENTRY).is_none()
            && let Some(row) = Transaction::failed(conditions, ROW)
            && row::certificate(row).is_ok_and(|certificate| certificate == completion.certificate)
        {
            // The journal is older than the row, as after a restore; the row stays as it is.
            revocation = row::revocation(row);
            writes.remove(ROW);
            outcome = self.tables.transact(&writes).await?;
        }
        if let Transaction::Refused(conditions) = outcome {
            match Transaction::failed(&conditions, ENTRY) {
                Some(item) if item.as_text("Attempt").is_ok_and(|of| of == attempt) => {}
                Some(_) => return Err(LedgerError::NoOpenIntent(completion.id)),
                // What it renews is revoked, or not the present certificate of its CA any more.
                None if entry.renewal.is_some() && Transaction::failed(&conditions, ROW).is_none() => {
                    return Err(LedgerError::NoOpenIntent(completion.id));
                }
                None => {
                    return Err(LedgerError::Damaged {
                        detail: format!(
                            "the certificate table has a row for {} without an intent",
                            completion.id
                        ),
                    });
                }
            }
        }
        entry.state = IntentState::Complete {
            receipt: completion.receipt,
            issued_at: completion.at,
        };
        if matches!(entry.kind, Kind::Ca { .. }) {
            self.cas.forget();
        }
        let row = Row {
            partition: String::new(),
            serial: entry.id.serial,
            certificate: completion.certificate,
            notify_expiry: Some(entry.notify_expiry),
            revocation,
            reminders: Vec::new(),
            counts_crls: false,
        };
        let record = entry.record(row).ok_or(LedgerError::NoOpenIntent(completion.id))?;
        // Roles that complete may write nothing of a revocation but the list.
        self.list_if_revoked(&record).await?;
        Ok(record)
    }

    pub(super) async fn lose_intent(&self, id: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        let attempt = nonce();
        self.reserved_intents.forget(id.serial);
        for round in 0..TURNS {
            let Some(entry) = self.open_entry(&id).await? else {
                return Err(LedgerError::NoOpenIntent(id));
            };
            let claim = self.tables.get(Table::Journal, journal_keys::claim(entry.key)).await?;
            let keeps_claim = claim.is_some_and(|claim| {
                // A blocked key stays blocked, whichever holder gives it up.
                claim.has(BLOCKED) || claim.as_number("Holders").unwrap_or(0_u64) > 1
            });
            let outcome = self.tables.transact(&losing(&entry, keeps_claim, at, &attempt)).await?;
            let Transaction::Refused(conditions) = outcome else {
                return Ok(());
            };
            match Transaction::failed(&conditions, ENTRY) {
                Some(item) if item.as_text("Attempt").is_ok_and(|of| of == attempt) => return Ok(()),
                Some(_) => return Err(LedgerError::NoOpenIntent(id)),
                // Another process claimed or released the same key meanwhile.
                None => pause(round).await,
            }
        }
        Err(unavailable(format!(
            "the key claim of {id} was changed by other processes in every attempt"
        )))
    }

    /// The entry of an open intent: from memory if this process reserved it, else from the journal.
    async fn open_entry(&self, id: &IntentId) -> Result<Option<JournalEntry>, LedgerError> {
        let entry = match self.reserved_intents.recall(id.serial) {
            Some(entry) => Some(entry),
            None => self.entry(id.serial).await?,
        };
        Ok(entry.filter(|entry| entry.id == *id && matches!(entry.state, IntentState::Open { .. })))
    }

    pub(super) async fn list_open(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        let mut found = OpenIntents::default();
        let position = |after: OpenPosition| (after.reserved_at, after.serial);
        let range = OpenRange {
            open: journal_entry::OPEN,
            after: after.map(position),
            last: UnixTime(before.0.saturating_sub(1)),
        };
        let read = |item: &Item| match JournalEntry::parse(item) {
            Ok(entry) => entry
                .as_open()
                .filter(|intent| intent.reserved_at < before)
                .map(|intent| (position(intent.position()), intent)),
            // Completed or given up meanwhile: no longer open.
            Err(_) if !item.has("Open") => None,
            Err(error) => {
                found.add_unreadable(format!("{}: {error}", super::called(item)));
                None
            }
        };
        let (intents, _) = self.list_in_order(&range, limit, read).await?;
        found.intents = intents;
        Ok(found)
    }
}

fn completing(entry: &JournalEntry, completion: &Completion, attempt: &str) -> Vec<Write> {
    let serial = entry.id.serial;
    let mut writes = vec![
        Write::Update {
            table: Table::Journal,
            key: journal_keys::intent(serial),
            update: "SET #Stage = :complete, #Receipt = :receipt, #IssuedAt = :at, #Attempt = :attempt \
                     REMOVE #Open, #Since, #Tbs, #Authentication"
                .to_owned(),
            condition: "#Stage = :open AND #Issuer = :issuer",
            with: Item::default()
                .text(":complete", "complete")
                .text(":receipt", &completion.receipt.0)
                .time(":at", completion.at)
                .text(":attempt", attempt)
                .text(":open", "open")
                .text(":issuer", entry.id.issuer.as_str()),
        },
        Write::Put {
            table: Table::Certificates,
            item: entry.new_row(&completion.certificate),
            condition: Some("attribute_not_exists(#CommonName)"),
            with: Item::default(),
        },
    ];
    writes.extend(
        completion
            .attempt
            .map(|attempt| attempts::concluding_signed(attempt, &completion.receipt, completion.at)),
    );
    writes.extend(listing(entry, completion.at));
    if let Kind::Ca { ca_name, .. } = &entry.kind {
        let present = entry
            .renewal
            .as_ref()
            .map_or(serial, |renewal| renewal.predecessor.serial);
        let first = entry.renewal.as_ref().map_or(serial, |renewal| renewal.root);
        writes.push(Write::Update {
            table: Table::Journal,
            key: journal_keys::ca(ca_name.as_str()),
            update: "SET #Stage = :complete, #Certificate = :certificate, #Serial = :serial, #FirstSerial = :first"
                .to_owned(),
            condition: "#Serial = :present",
            with: Item::default()
                .text(":complete", "complete")
                .octets(":certificate", completion.certificate.clone())
                .text(":serial", serial.to_string())
                .text(":present", present.to_string())
                .text(":first", first.to_string()),
        });
        // Where the CA is revoked, and this intent not given up yet, it must not take the present certificate's place.
        writes.extend(entry.renewal.as_ref().map(|renewal| Write::Check {
            table: Table::Journal,
            key: journal_keys::revoked_ca_seen_by(renewal.root, serial),
            condition: "attribute_not_exists(#Key)",
            with: Item::default(),
        }));
    }
    writes
}

/// List items of a certificate: in the order of issuance and, if reminders are wanted, in the order of expiry.
pub(super) fn listing(entry: &JournalEntry, issued_at: UnixTime) -> Vec<Write> {
    let serial = entry.id.serial;
    let put = |item| Write::Put {
        table: Table::Journal,
        item,
        condition: None,
        with: Item::default(),
    };
    let mut writes = vec![put(journal_keys::issuance(serial, issued_at)
        .text("CommonName", &entry.common_name)
        .text("Issuer", entry.id.issuer.as_str())
        .text("Partition", entry.partition())
        .time("NotAfter", entry.not_after))];
    if entry.notify_expiry {
        writes.push(put(
            journal_keys::expiry(serial, entry.not_after).text("Partition", entry.partition())
        ));
    }
    writes
}

fn losing(entry: &JournalEntry, keeps_claim: bool, at: UnixTime, attempt: &str) -> Vec<Write> {
    let serial = entry.id.serial;
    let own = Item::default().text(":serial", serial.to_string());
    let mut writes = vec![Write::Update {
        table: Table::Journal,
        key: journal_keys::intent(serial),
        // The TBSCertificate stays: a signature over it may turn up.
        update: "SET #Stage = :lost, #LostAt = :at, #Attempt = :attempt REMOVE #Open, #Since".to_owned(),
        condition: "#Stage = :open AND #Issuer = :issuer",
        with: Item::default()
            .text(":lost", "lost")
            .time(":at", at)
            .text(":attempt", attempt)
            .text(":open", "open")
            .text(":issuer", entry.id.issuer.as_str()),
    }];
    let claim = journal_keys::claim(entry.key);
    writes.push(if keeps_claim {
        Write::Update {
            table: Table::Journal,
            key: claim,
            update: "ADD #Holders :less".to_owned(),
            condition: "#Holders > :one OR attribute_exists(#Blocked)",
            with: Item::default().number(":less", -1).number(":one", 1),
        }
    } else {
        Write::Delete {
            table: Table::Journal,
            key: claim,
            condition: "attribute_not_exists(#Key) OR (#Holders = :one AND attribute_not_exists(#Blocked))",
            with: Item::default().number(":one", 1),
        }
    });
    let delete = |key| Write::Delete {
        table: Table::Journal,
        key,
        condition: "attribute_exists(#Key) OR attribute_not_exists(#Key)",
        with: Item::default(),
    };
    writes.push(delete(journal_keys::holder(entry.key, serial)));
    if let Some(renewal) = &entry.renewal {
        writes.push(delete(journal_keys::successor(renewal.root, serial)));
    }
    if let Some(token) = entry.token {
        writes.push(Write::Delete {
            table: Table::Journal,
            key: Item::journal_key(journal_keys::token(token), journal_keys::ALONE),
            condition: "attribute_not_exists(#Key) OR #Serial = :serial",
            with: own.clone(),
        });
    }
    if let Kind::Ca { ca_name, .. } = &entry.kind
        && entry.makes_ca()
    {
        writes.push(Write::Delete {
            table: Table::Journal,
            key: journal_keys::ca(ca_name.as_str()),
            condition: "attribute_not_exists(#Key) OR #Serial = :serial",
            with: own,
        });
    }
    let scope = CrlScope {
        issuer: entry.id.issuer.clone(),
        shard: entry.shard,
    };
    let revoked = RevokedEntry {
        serial,
        revoked_at: at,
        reason: RevocationReason::Unspecified,
        invalidity_date: None,
    };
    writes.push(Write::Put {
        table: Table::Journal,
        item: crl_entries::listed(&scope, &revoked, entry.not_after, attempt).flag("Lost", true),
        condition: None,
        with: Item::default(),
    });
    writes.push(crl_entries::changing(&scope, serial, attempt));
    writes
}
