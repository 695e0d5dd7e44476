//! Reserving: everything that an intent claims is one transaction, whose conditions decide all races.

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CertificateIntent, Kind, LedgerError, Reservation};

use super::certified_keys::BLOCKED;
use super::intents::{ENTRY, TURNS};
use super::issuer_states;
use super::item::Item;
use super::journal_entry::{IntentState, JournalEntry};
use super::succession::Succession;
use super::tables::{Table, pause, unavailable};
use super::transaction::{Condition, Transaction, Write};
use super::{DynamoLedger, attempts, damaged, freezes, journal_entry, journal_keys};
use crate::world::nonce;

/// The writes of a reservation, in order. The first two are always there, the others where they are needed.
struct Reserving {
    writes: Vec<Write>,
    token: Option<usize>,
    ca_name: Option<usize>,
    /// Index of the check that the key is not blocked.
    block: usize,
    /// Index of the check that issuance is not frozen.
    frozen: usize,
    /// Index of the check that the issuer issues.
    issues: Option<usize>,
    /// Index of the first check that a CA of the chain is not revoked, and the CA of each.
    chain: (usize, Vec<CaName>),
    /// Indices of the writes and checks on which renewing the predecessor depends.
    renewal: std::ops::Range<usize>,
}

const CLAIM: usize = 1;

impl DynamoLedger {
    pub(super) async fn reserve_intent(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        self.check_rows_of_ca(&intent).await?;
        if let Some(former) = self.unadopted().await? {
            former.check_reservation(&intent).await?;
        }
        let attempt = nonce();
        if intent.renews.is_some()
            && let Some(token) = intent.token_digest()
            && let Some(earlier) = self
                .tables
                .get(
                    Table::Journal,
                    Item::journal_key(journal_keys::token(token), journal_keys::ALONE),
                )
                .await?
            && let Some(reservation) = self.replay(&earlier, &intent).await?
        {
            // This comes before the check of the predecessor, whose successor is the certificate of this very request.
            return Ok(reservation);
        }
        let chain = self.chain_not_revoked(&intent.id.issuer, intent.id.serial).await?;
        for round in 0..TURNS {
            let succession = match &intent.renews {
                None => None,
                Some(predecessor) => Some(self.place_of_successor(predecessor, &intent).await?),
            };
            let reserving = Reserving::new(&intent, succession.as_ref(), &chain, &attempt);
            let renewal = || succession.as_ref().map(|succession| succession.renewal.clone());
            let conditions = match self.tables.transact(&reserving.writes).await? {
                Transaction::Done => {
                    self.reserved_intents
                        .remember(JournalEntry::from_intent(&intent, renewal()));
                    return Ok(Reservation::New);
                }
                Transaction::Refused(conditions) => conditions,
            };
            let failed = |index: usize| Transaction::failed(&conditions, index);
            if failed(ENTRY).is_some_and(|item| item.as_text("Attempt").is_ok_and(|of| of == attempt)) {
                self.reserved_intents
                    .remember(JournalEntry::from_intent(&intent, renewal()));
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
        if entry.state == IntentState::Lost {
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
                item: journal_entry::of_intent(intent, renewal, attempt),
                condition: Some("attribute_not_exists(#Key)"),
                with: Item::default(),
            },
            claiming(intent),
        ];
        let token = intent.token_digest().map(|token| {
            let item = Item::journal_key(journal_keys::token(token), journal_keys::ALONE)
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
            Kind::Leaf | Kind::CrossCertificate => None,
            // Completing it puts it in the place of the present certificate, if that is still the one that it renews.
            Kind::Ca { ca_name, .. } if intent.renews.is_some() => {
                writes.push(Write::Check {
                    table: Table::Journal,
                    key: journal_keys::ca(ca_name.as_str()),
                    condition: "#Stage = :complete AND #Serial = :renewed",
                    with: Item::default().text(":complete", "complete").text(
                        ":renewed",
                        intent
                            .renews
                            .as_ref()
                            .map(|renewed| renewed.serial.to_string())
                            .unwrap_or_default(),
                    ),
                });
                Some(writes.len() - 1)
            }
            Kind::Ca { ca_name, parent, key } => {
                let item = journal_keys::ca(ca_name.as_str())
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
        writes.push(freezes::not_frozen(intent.id.serial));
        let frozen = writes.len() - 1;
        let issues = issuer_states::issues(intent).map(|check| {
            writes.push(check);
            writes.len() - 1
        });
        let before = writes.len();
        writes.extend(succession.into_iter().flat_map(|succession| succession.writes(intent)));
        let renewal = before..writes.len();
        if intent.allow_key_reuse {
            writes.push(Write::Put {
                table: Table::Journal,
                item: journal_keys::holder(intent.key, intent.id.serial),
                condition: None,
                with: Item::default(),
            });
        }
        writes.push(attempts::recording(&intent.first_attempt()));
        // In addition to the key's claim, which roles that give intents up may delete.
        writes.push(Write::Check {
            table: Table::Journal,
            key: journal_keys::block(intent.key),
            condition: "attribute_not_exists(#Key)",
            with: Item::default(),
        });
        Self {
            block: writes.len() - 1,
            frozen,
            issues,
            writes,
            token,
            ca_name,
            chain,
            renewal,
        }
    }
}

/// A key has one holder, or several of one common name; a blocked key accepts none. The claim names the first holder;
/// each other holder has an item beside the claim.
fn claiming(intent: &CertificateIntent) -> Write {
    let with = Item::default()
        .number(":one", 1)
        .text(":name", &intent.common_name)
        .text(":serial", intent.id.serial.to_string());
    Write::Update {
        table: Table::Journal,
        key: journal_keys::claim(intent.key),
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
    if let Some(found) = failed(reserving.frozen) {
        return Some(freezes::refused(found));
    }
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
        return Some(issuer_states::not_active(&intent.id.issuer, found));
    }
    if let (Some(_), Kind::Ca { ca_name, .. }) = (reserving.ca_name.and_then(failed), &intent.kind) {
        return Some(match &intent.renews {
            None => LedgerError::CaExists(ca_name.clone()),
            Some(renewed) => LedgerError::not_present(renewed),
        });
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
