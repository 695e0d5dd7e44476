//! Reserve, then complete or give up: each is one transaction over everything that it touches.
//!
//! If an answer is lost, the transaction was either done or not, and the process cannot know which. The SDK retries
//! with the same token; should DynamoDB have forgotten it, the condition on our own entry fails, and the nonce in the
//! entry shows that this process wrote it.

use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CertificateIntent, CertificateRecord, Completion, CrlScope, IntentId, KeyStatus, Kind, LedgerError, OpenIntents,
    OpenPosition, Reservation,
};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::time::UnixTime;

use super::entry::{self, Entry, Stage};
use super::family::Succession;
use super::issuers;
use super::item::Item;
use super::open::Span;
use super::row::Row;
use super::tables::{Condition, Table, Transaction, Write, pause, unavailable};
use super::{DynamoLedger, crl, damaged, names, row};
use crate::world::nonce;

/// Most attempts when what was read changes before it is written.
const TURNS: u32 = 10;

/// The writes of a reservation, in order. The first two are always there, the others where they are needed.
struct Reserving {
    writes: Vec<Write>,
    token: Option<usize>,
    ca_name: Option<usize>,
    /// Index of the check that the key is not blocked.
    block: usize,
    /// Index of the check that the issuer issues.
    issues: Option<usize>,
    /// Index of the first check that a CA of the chain is not revoked, and the CA of each.
    chain: (usize, Vec<CaName>),
    /// Indices of the writes and checks on which renewing the predecessor depends.
    renewal: std::ops::Range<usize>,
}

/// What the journal records of a key.
enum Claim {
    Free,
    /// The claim of its holders.
    Held(Item),
    Blocked,
}

const ENTRY: usize = 0;
/// The certificate table's row, in a completion.
const ROW: usize = 1;
const CLAIM: usize = 1;

impl DynamoLedger {
    pub(super) async fn reserve_intent(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        self.check_against_old_rows(&intent).await?;
        let attempt = nonce();
        if intent.renews.is_some()
            && let Some(token) = intent.token_digest()
            && let Some(earlier) = self
                .tables
                .get(Table::Journal, Item::journal_key(names::token(token), names::ALONE))
                .await?
            && let Some(reservation) = self.replay(&earlier, &intent).await?
        {
            // This comes before the check of the predecessor, whose successor is the certificate of this very request.
            return Ok(reservation);
        }
        let chain = self.chain_stands(&intent.id.issuer, intent.id.serial).await?;
        for round in 0..TURNS {
            let succession = match &intent.renews {
                None => None,
                Some(predecessor) => Some(self.place_of_successor(predecessor, &intent).await?),
            };
            let reserving = Reserving::new(&intent, succession.as_ref(), &chain, &attempt);
            let renewal = || succession.as_ref().map(|succession| succession.renewal.clone());
            let conditions = match self.tables.transact(&reserving.writes).await? {
                Transaction::Done => {
                    self.recent.remember(Entry::from_intent(&intent, renewal()));
                    return Ok(Reservation::New);
                }
                Transaction::Refused(conditions) => conditions,
            };
            let failed = |index: usize| Transaction::failed(&conditions, index);
            if failed(ENTRY).is_some_and(|item| item.as_text("Attempt").is_ok_and(|of| of == attempt)) {
                self.recent.remember(Entry::from_intent(&intent, renewal()));
                return Ok(Reservation::New);
            }
            if let Some(earlier) = reserving.token.and_then(failed) {
                match self.replay(earlier, &intent).await? {
                    Some(reservation) => return Ok(reservation),
                    // The earlier intent was given up meanwhile: its token is free again.
                    None => pause(round).await,
                }
            } else if let Some(refusal) = refusal(&intent, &reserving, &conditions) {
                return Err(refusal);
            } else {
                // Only the predecessor or its line has changed meanwhile.
                pause(round).await;
            }
        }
        Err(unavailable(format!(
            "the idempotency token of {}, or the certificate that it renews, was changed by other processes in every attempt",
            intent.id
        )))
    }

    /// Who holds a key, according to the claim that a reservation's condition checks, or to a row that the Python CA
    /// wrote.
    pub(super) async fn find_key_holder(
        &self,
        key: KeyFingerprint,
        common_name: &str,
    ) -> Result<KeyStatus, LedgerError> {
        match self.claim_of(key).await? {
            Claim::Blocked => return Ok(KeyStatus::Blocked),
            Claim::Held(claim) => {
                let holder = claim.as_text("CommonName");
                let holder = holder.map_err(|error| damaged("a key claim", &error))?;
                return Ok(KeyStatus::Held(holder.to_owned()));
            }
            Claim::Free => {}
        }
        let is_held = self.has_old_rows().await? && self.is_certified_by_old_row(key, common_name).await?;
        Ok(if is_held {
            KeyStatus::Held(common_name.to_owned())
        } else {
            KeyStatus::Free
        })
    }

    /// Whether a key is blocked: no certificate is issued for it any more.
    pub(super) async fn is_blocked(&self, key: KeyFingerprint) -> Result<bool, LedgerError> {
        Ok(matches!(self.claim_of(key).await?, Claim::Blocked))
    }

    /// What the journal records of a key. That it is blocked is recorded in two items; either one suffices.
    async fn claim_of(&self, key: KeyFingerprint) -> Result<Claim, LedgerError> {
        let keys = [names::block(key), names::claim(key)].map(|key| (Table::Journal, key));
        let items = self.tables.get_many(keys.into()).await?;
        Ok(if items.iter().any(|(_, item)| item.has(BLOCKED)) {
            Claim::Blocked
        } else {
            items
                .into_iter()
                .next()
                .map_or(Claim::Free, |(_, item)| Claim::Held(item))
        })
    }

    /// The result of the request that used the token first.
    async fn replay(&self, earlier: &Item, intent: &CertificateIntent) -> Result<Option<Reservation>, LedgerError> {
        let parsed = earlier
            .as_octets("RequestDigest")
            .and_then(|digest| Ok((digest, earlier.parse("Serial", str::parse)?)));
        let (digest, serial) = parsed.map_err(|error| damaged("an idempotency token", &error))?;
        let Some(entry) = self.entry(serial).await? else {
            return Ok(None);
        };
        // A lost intent does not bind its token: giving up frees it.
        if entry.stage == Stage::Lost {
            return Ok(None);
        }
        if digest != intent.request_digest {
            return Err(LedgerError::TokenReused);
        }
        if let Some(open) = entry.as_open() {
            return Ok(Some(Reservation::Open(Box::new(open))));
        }
        let record = self.record_of(entry).await?;
        Ok(record.map(|record| Reservation::Completed(Box::new(record))))
    }

    pub(super) async fn complete_intent(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        let Some(mut entry) = self.open_entry(&completion.id).await? else {
            return Err(LedgerError::NoOpenIntent(completion.id));
        };
        let attempt = nonce();
        let mut writes = completing(&entry, &completion, &attempt);
        let mut outcome = self.tables.transact(&writes).await?;
        self.recent.forget(completion.id.serial);
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
        entry.stage = Stage::Complete {
            receipt: completion.receipt,
            issued_at: completion.at,
        };
        if matches!(entry.kind, Kind::Authority { .. }) {
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
        self.recent.forget(id.serial);
        for round in 0..TURNS {
            let Some(entry) = self.open_entry(&id).await? else {
                return Err(LedgerError::NoOpenIntent(id));
            };
            let claim = self.tables.get(Table::Journal, names::claim(entry.key)).await?;
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
    async fn open_entry(&self, id: &IntentId) -> Result<Option<Entry>, LedgerError> {
        let entry = match self.recent.recall(id.serial) {
            Some(entry) => Some(entry),
            None => self.entry(id.serial).await?,
        };
        Ok(entry.filter(|entry| entry.id == *id && matches!(entry.stage, Stage::Open { .. })))
    }

    pub(super) async fn list_open(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        let mut found = OpenIntents::default();
        let position = |after: OpenPosition| (after.reserved_at, after.serial);
        let span = Span {
            open: entry::OPEN,
            after: after.map(position),
            last: UnixTime(before.0.saturating_sub(1)),
        };
        let read = |item: &Item| match Entry::parse(item) {
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
        let (intents, _) = self.list_in_order(&span, limit, read).await?;
        found.intents = intents;
        Ok(found)
    }
}

impl Reserving {
    fn new(
        intent: &CertificateIntent,
        succession: Option<&Succession>,
        chain: &[(CaName, Write)],
        attempt: &str,
    ) -> Self {
        let renewal = succession.map(|succession| &succession.renewal);
        let mut writes = vec![
            Write::Put {
                table: Table::Journal,
                item: entry::of_intent(intent, renewal, attempt),
                condition: Some("attribute_not_exists(#Key)"),
                with: Item::default(),
            },
            claiming(intent),
        ];
        let token = intent.token_digest().map(|token| {
            let item = Item::journal_key(names::token(token), names::ALONE)
                .text("Serial", intent.id.serial.to_string())
                .octets("RequestDigest", intent.request_digest);
            writes.push(Write::Put {
                table: Table::Journal,
                item,
                condition: Some("attribute_not_exists(#Key)"),
                with: Item::default(),
            });
            writes.len() - 1
        });
        let ca_name = match &intent.kind {
            Kind::Leaf => None,
            Kind::Authority { ca_name, parent, key } => {
                let item = names::authority(ca_name.as_str())
                    .text("Stage", "open")
                    .text("Serial", intent.id.serial.to_string())
                    .optional_text("AuthorityParent", parent.as_ref().map(CaName::as_str))
                    .text("AuthorityKey", &key.0);
                writes.push(Write::Put {
                    table: Table::Journal,
                    item,
                    condition: Some("attribute_not_exists(#Key)"),
                    with: Item::default(),
                });
                Some(writes.len() - 1)
            }
        };
        let (cas, conditions): (Vec<CaName>, Vec<Write>) = chain.iter().cloned().unzip();
        let chain = (writes.len(), cas);
        writes.extend(conditions);
        let issues = issuers::issues(intent).map(|check| {
            writes.push(check);
            writes.len() - 1
        });
        let before = writes.len();
        writes.extend(succession.into_iter().flat_map(|succession| succession.writes(intent)));
        let renewal = before..writes.len();
        if intent.allow_key_reuse {
            writes.push(Write::Put {
                table: Table::Journal,
                item: names::holder(intent.key, intent.id.serial),
                condition: None,
                with: Item::default(),
            });
        }
        // In addition to the key's claim, which roles that give intents up may delete.
        writes.push(Write::Check {
            table: Table::Journal,
            key: names::block(intent.key),
            condition: "attribute_not_exists(#Key)",
            with: Item::default(),
        });
        Self {
            block: writes.len() - 1,
            issues,
            writes,
            token,
            ca_name,
            chain,
            renewal,
        }
    }
}

/// Attribute of the claim of a blocked key: since when.
pub(super) const BLOCKED: &str = "Blocked";

/// A key has one holder, or several of one common name; a blocked key accepts none. The claim names the first holder;
/// each other holder has an item beside the claim.
fn claiming(intent: &CertificateIntent) -> Write {
    let with = Item::default()
        .number(":one", 1)
        .text(":name", &intent.common_name)
        .text(":serial", intent.id.serial.to_string());
    Write::Update {
        table: Table::Journal,
        key: names::claim(intent.key),
        update: "SET #CommonName = :name, #Serial = if_not_exists(#Serial, :serial) ADD #Holders :one".to_owned(),
        condition: if intent.allow_key_reuse {
            "attribute_not_exists(#Key) OR (#CommonName = :name AND attribute_not_exists(#Blocked))"
        } else {
            "attribute_not_exists(#Key)"
        },
        with,
    }
}

/// Why a reservation was refused: of several reasons always the same one. `None` if only the predecessor or its line
/// changed.
fn refusal(intent: &CertificateIntent, reserving: &Reserving, conditions: &[Condition]) -> Option<LedgerError> {
    let failed = |index: usize| Transaction::failed(conditions, index);
    let (first, cas) = &reserving.chain;
    let found = (*first..).zip(cas).find_map(|(index, ca)| Some((failed(index)?, ca)));
    if let Some((found, ca)) = found {
        return Some(if found.0.is_empty() {
            LedgerError::no_record_of_ca(ca)
        } else {
            LedgerError::IssuerRevoked { ca: ca.clone() }
        });
    }
    if let Some(found) = reserving.issues.and_then(failed) {
        return Some(issuers::not_active(&intent.id.issuer, found));
    }
    if let (Some(_), Kind::Authority { ca_name, .. }) = (reserving.ca_name.and_then(failed), &intent.kind) {
        return Some(LedgerError::AuthorityExists(ca_name.clone()));
    }
    if failed(ENTRY).is_some() {
        return Some(LedgerError::SerialTaken(intent.id.serial));
    }
    if failed(reserving.block).is_some() {
        return Some(LedgerError::KeyBlocked);
    }
    match failed(CLAIM) {
        Some(claim) if claim.has(BLOCKED) => Some(LedgerError::KeyBlocked),
        Some(claim) => Some(LedgerError::KeyInUse {
            common_name: claim.as_text("CommonName").unwrap_or_default().to_owned(),
        }),
        None if reserving.renewal.clone().any(|index| failed(index).is_some()) => None,
        None => Some(LedgerError::KeyInUse {
            common_name: String::new(),
        }),
    }
}

fn completing(entry: &Entry, completion: &Completion, attempt: &str) -> Vec<Write> {
    let serial = entry.id.serial;
    let mut writes = vec![
        Write::Update {
            table: Table::Journal,
            key: names::intent(serial),
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
    writes.extend(listing(entry, completion.at));
    if let Kind::Authority { ca_name, .. } = &entry.kind {
        writes.push(Write::Update {
            table: Table::Journal,
            key: names::authority(ca_name.as_str()),
            update: "SET #Stage = :complete, #Certificate = :certificate".to_owned(),
            condition: "#Serial = :serial",
            with: Item::default()
                .text(":complete", "complete")
                .octets(":certificate", completion.certificate.clone())
                .text(":serial", serial.to_string()),
        });
    }
    writes
}

/// List items of a certificate: in the order of issuance and, if reminders are wanted, in the order of expiry.
pub(super) fn listing(entry: &Entry, issued_at: UnixTime) -> Vec<Write> {
    let serial = entry.id.serial;
    let put = |item| Write::Put {
        table: Table::Journal,
        item,
        condition: None,
        with: Item::default(),
    };
    let mut writes = vec![put(names::issuance(serial, issued_at)
        .text("CommonName", &entry.common_name)
        .text("Issuer", entry.id.issuer.as_str())
        .text("Partition", entry.partition())
        .time("NotAfter", entry.not_after))];
    if entry.notify_expiry {
        writes.push(put(
            names::expiry(serial, entry.not_after).text("Partition", entry.partition())
        ));
    }
    writes
}

fn losing(entry: &Entry, keeps_claim: bool, at: UnixTime, attempt: &str) -> Vec<Write> {
    let serial = entry.id.serial;
    let own = Item::default().text(":serial", serial.to_string());
    let mut writes = vec![Write::Update {
        table: Table::Journal,
        key: names::intent(serial),
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
    let claim = names::claim(entry.key);
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
    writes.push(delete(names::holder(entry.key, serial)));
    if let Some(renewal) = &entry.renewal {
        writes.push(delete(names::successor(renewal.root, serial)));
    }
    if let Some(token) = entry.token {
        writes.push(Write::Delete {
            table: Table::Journal,
            key: Item::journal_key(names::token(token), names::ALONE),
            condition: "attribute_not_exists(#Key) OR #Serial = :serial",
            with: own.clone(),
        });
    }
    if let Kind::Authority { ca_name, .. } = &entry.kind {
        writes.push(Write::Delete {
            table: Table::Journal,
            key: names::authority(ca_name.as_str()),
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
        item: crl::listed(&scope, &revoked, entry.not_after, attempt).flag("Lost", true),
        condition: None,
        with: Item::default(),
    });
    writes.push(crl::changing(&scope, serial, attempt));
    writes
}
