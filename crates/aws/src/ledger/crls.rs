//! CRL numbers, the entries of a CRL, and the records of signed CRLs.
//!
//! A CRL of a higher number must list everything that one of a lower number lists. So the number is reserved first,
//! then the revocations are read consistently, then the counter is read again. If no other process has reserved a
//! higher number meanwhile, any that does so later also reads later. Otherwise all of it is repeated.

use std::fmt::Write as _;

use async_trait::async_trait;
use aws_lc_rs::digest;
use aws_sdk_dynamodb::types::AttributeValue;
use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    AttemptOrigin, AttemptPosition, ChangeMark, CrlIntent, CrlPlan, CrlRecord, CrlReservation, CrlScope, CrlState,
    CrlUse, Crls, LedgerError,
};
use chancery_authority::port::{ETag, Receipt};
use data_encoding::HEXLOWER;

use super::item::{Item, Malformed};
use super::tables::{Range, Table, pause, unavailable};
use super::transaction::{Transaction, Write};
use super::{DynamoLedger, attempts, damaged, journal_keys};

/// Most attempts when other processes change the same counter.
const TURNS: u32 = 64;

/// Pages of CRL records that are searched for the newest published one: some four hundred records.
const PAGES: usize = 5;

/// The item that counts a scope's CRL numbers.
struct Counter {
    table: Table,
    key: Item,
    condition: &'static str,
}

#[async_trait]
impl Crls for DynamoLedger {
    async fn reserve(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError> {
        self.reserve_number(scope, &plan).await
    }

    async fn intend(&self, intent: CrlIntent, attempt: AttemptOrigin) -> Result<(), LedgerError> {
        self.put_crl_intent(intent, attempt).await
    }

    async fn open_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        self.list_open_crls(scope, limit).await
    }

    async fn complete(&self, crl: CrlRecord, attempt: AttemptPosition) -> Result<(), LedgerError> {
        self.put_crl(crl, attempt).await
    }

    async fn mark_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        self.note_published(scope, number, etag).await
    }

    async fn state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        self.read_state(scope, at_most).await
    }

    async fn record_use(&self, used: CrlUse) -> Result<(), LedgerError> {
        self.put_crl_use(used).await
    }

    async fn uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        self.list_crl_uses().await
    }
}

impl DynamoLedger {
    pub(super) async fn reserve_number(&self, scope: &CrlScope, plan: &CrlPlan) -> Result<CrlReservation, LedgerError> {
        let counter = self.counter(scope).await?;
        let mut ignored = None;
        for round in 0..TURNS {
            let (number, not_believed) = self.next_number(&counter, plan).await?;
            ignored = ignored.max(not_believed);
            // The mark is read before the view: a revocation in between is listed, and at worst counts as not yet
            // listed.
            let mark = self.mark(scope).await?;
            let view = self.view(scope, plan).await?;
            if self.current_number(&counter).await? == Some(number) {
                return Ok(CrlReservation {
                    number,
                    not_believed: ignored,
                    mark,
                    revocations: Box::new(view),
                });
            }
            pause(round).await;
        }
        Err(unavailable(format!(
            "others reserved CRL numbers of {} {TURNS} times in a row",
            scope.issuer
        )))
    }

    /// The change mark of a scope: a digest of all its parts. Each revocation replaces the part that its serial number
    /// selects.
    async fn mark(&self, scope: &CrlScope) -> Result<ChangeMark, LedgerError> {
        let parts = self.tables.query(&Range::journal(journal_keys::changes(scope))).await?;
        let mut context = digest::Context::new(&digest::SHA256);
        for part in &parts {
            for name in ["Sort", "Attempt"] {
                let text = part.as_text(name).unwrap_or_default();
                context.update(&(text.len() as u64).to_be_bytes());
                context.update(text.as_bytes());
            }
        }
        Ok(ChangeMark(HEXLOWER.encode(context.finish().as_ref())))
    }

    /// The counter of a CA's full CRL is in the CA's row, as in the Python CA; that of a shard is in the journal.
    async fn counter(&self, scope: &CrlScope) -> Result<Counter, LedgerError> {
        let row = match scope.shard {
            None => self.ca_row(&scope.issuer).await?,
            Some(_) => None,
        };
        Ok(match row {
            Some(key) => Counter {
                table: Table::Certificates,
                key,
                condition: "attribute_exists(#CommonName)",
            },
            None => Counter {
                table: Table::Journal,
                key: journal_keys::crl_number(scope),
                condition: "",
            },
        })
    }

    /// The CRL number in a CA's row: the last one reserved for its full CRL. `None` if the CA has no row.
    pub async fn crl_number(&self, issuer: &CaName) -> Result<Option<u64>, LedgerError> {
        let Some(key) = self.ca_row(issuer).await? else {
            return Ok(None);
        };
        let row = self.tables.get(Table::Certificates, key).await?.unwrap_or_default();
        let number = row.as_number("CRLNumber");
        number.map(Some).map_err(|error| damaged("a CRL counter", &error))
    }

    /// Reserves the number after the counter, and above what the plan found elsewhere. Also returns the counter's value
    /// if it is above what the plan believes. A counter that is not a number, is behind, or is not believed continues
    /// above what is known: it must neither go back nor block.
    async fn next_number(&self, counter: &Counter, plan: &CrlPlan) -> Result<(u64, Option<u64>), LedgerError> {
        for round in 0..TURNS {
            let item = self.tables.get(counter.table, counter.key.clone()).await?;
            let Some(item) = item.or_else(|| counter.condition.is_empty().then(Item::default)) else {
                self.cas.forget();
                return Err(LedgerError::Damaged {
                    detail: format!("the CA's row {:?} is gone", counter.key.0),
                });
            };
            let (last, found) = count(&item);
            let not_believed = last.filter(|number| *number > plan.at_most);
            let so_far = last.filter(|_| not_believed.is_none()).unwrap_or(0);
            let number = so_far.max(plan.above).saturating_add(1);
            let with = Item::default().number(":next", number);
            let (condition, with) = match found {
                Some(found) => ("#CRLNumber = :found", with.with(":found", found.clone())),
                None => ("attribute_not_exists(#CRLNumber)", with),
            };
            let condition = match counter.condition {
                "" => condition.to_owned(),
                also => format!("{also} AND {condition}"),
            };
            let (table, key) = (counter.table, counter.key.clone());
            let changed = self
                .tables
                .update(table, key, "SET #CRLNumber = :next", &condition, with)
                .await?;
            if changed.is_some() {
                return Ok((number, not_believed));
            }
            pause(round).await;
        }
        Err(unavailable(format!(
            "a CRL counter was changed by others {TURNS} times in a row"
        )))
    }

    async fn current_number(&self, counter: &Counter) -> Result<Option<u64>, LedgerError> {
        let item = self.tables.get(counter.table, counter.key.clone()).await?;
        Ok(item.unwrap_or_default().as_number("CRLNumber").ok())
    }

    /// Records the intent, before the signature. The item later becomes the CRL's record.
    pub(super) async fn put_crl_intent(&self, intent: CrlIntent, attempt: AttemptOrigin) -> Result<(), LedgerError> {
        let item = journal_keys::crl(&intent.scope, intent.number)
            .octets("SigningInput", intent.signing_input.clone())
            .time("IntendedAt", intent.at);
        let write = Write::Put {
            table: Table::Journal,
            item,
            condition: Some("attribute_not_exists(#Key)"),
            with: Item::default(),
        };
        let recorded = attempts::recording(&intent.first_attempt(attempt));
        let Transaction::Refused(conditions) = self.tables.transact(&[write, recorded]).await? else {
            return Ok(());
        };
        // It may be our own, whose answer was lost.
        let known = Transaction::failed(&conditions, 0);
        match known.map(|item| item.as_octets("SigningInput")) {
            Some(Ok(known)) if known == intent.signing_input => Ok(()),
            _ => Err(LedgerError::CrlNumberTaken {
                issuer: intent.scope.issuer,
                number: intent.number,
            }),
        }
    }

    pub(super) async fn put_crl(&self, crl: CrlRecord, attempt: AttemptPosition) -> Result<(), LedgerError> {
        let mut with = Item::default()
            .time(":MadeAt", crl.made_at)
            .time(":ThisUpdate", crl.this_update)
            .time(":NextUpdate", crl.next_update)
            .number(":Entries", crl.entries)
            .octets(":Digest", crl.digest)
            .text(":Receipt", &crl.receipt.0);
        let mut update = "SET #MadeAt = :MadeAt, #ThisUpdate = :ThisUpdate, #NextUpdate = :NextUpdate, \
                          #Entries = :Entries, #Digest = :Digest, #Receipt = :Receipt"
            .to_owned();
        for (name, value) in [
            ("Mark", crl.mark.map(|mark| mark.0)),
            ("Published", crl.published.map(|etag| etag.0)),
        ] {
            if let Some(value) = value {
                let _ = write!(update, ", #{name} = :{name}");
                with = with.text(&format!(":{name}"), value);
            }
        }
        let signed = attempts::concluding_signed(attempt, &crl.receipt, crl.made_at);
        let write = Write::Update {
            table: Table::Journal,
            key: journal_keys::crl(&crl.scope, crl.number),
            update,
            condition: "attribute_exists(#SigningInput)",
            with,
        };
        match self.tables.transact(&[write, signed]).await? {
            Transaction::Done => Ok(()),
            Transaction::Refused(_) => Err(unknown(&crl.scope, crl.number)),
        }
    }

    pub(super) async fn note_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        let noted = self.tables.update(
            Table::Journal,
            journal_keys::crl(scope, number),
            "SET #Published = :etag",
            "attribute_exists(#Digest)",
            Item::default().text(":etag", etag.0),
        );
        noted.await?.map(|_| ()).ok_or_else(|| unknown(scope, number))
    }

    /// Reads back from the newest number, a limited number of pages: a CRL that was not published, or not signed,
    /// seldom follows another such.
    pub(super) async fn read_state(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        let mut state = CrlState {
            mark: self.mark(scope).await?,
            ..CrlState::default()
        };
        let numbers = Range::journal(journal_keys::crls(scope));
        let mut range = Range {
            descending: true,
            limit: Some(4),
            condition: "#Key = :key AND #Sort <= :most".to_owned(),
            values: numbers.values.text(":most", journal_keys::number(at_most)),
            ..Range::journal("")
        };
        let mut after = None;
        for _ in 0..PAGES {
            let page = self.tables.page(&range, after).await?;
            for item in &page.items {
                let number = item.parse::<u64, _>("Sort", str::parse).unwrap_or(0);
                state.number = state.number.max(number);
                if !item.has("Digest") {
                    continue;
                }
                let crl = match parse_crl(scope, item) {
                    Ok(crl) => crl,
                    Err(error) => {
                        super::skip("a CRL's record", item, &error);
                        continue;
                    }
                };
                if state.latest.is_none() {
                    state.latest = Some(crl.clone());
                }
                if crl.published.is_some() {
                    state.published = Some(crl);
                    return Ok(state);
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
            range.limit = Some(100);
        }
        Ok(state)
    }

    pub(super) async fn list_open_crls(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        let range = Range {
            descending: true,
            filter: Some("attribute_not_exists(#Digest)".to_owned()),
            ..Range::journal(journal_keys::crls(scope))
        };
        let mut intents = Vec::new();
        let mut after = None;
        while intents.len() < limit {
            let page = self.tables.page(&range, after).await?;
            for item in &page.items {
                match parse_intent(scope, item) {
                    Ok(intent) => intents.push(intent),
                    Err(error) => super::skip("the intent to sign a CRL", item, &error),
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        intents.truncate(limit);
        Ok(intents)
    }
}

/// The counter's value, and its attribute as stored. An attribute that is not a valid number has no value.
fn count(item: &Item) -> (Option<u64>, Option<&AttributeValue>) {
    let Some(found) = item.0.get("CRLNumber") else {
        return (None, None);
    };
    let counted = item.as_number::<u64>("CRLNumber").ok();
    if counted.is_none() {
        tracing::error!(
            item = super::called(item),
            "the CRL counter is not a valid number; the recorded CRL numbers are used instead"
        );
    }
    (counted, Some(found))
}

fn unknown(scope: &CrlScope, number: u64) -> LedgerError {
    LedgerError::UnknownCrl {
        issuer: scope.issuer.clone(),
        number,
    }
}

fn parse_intent(scope: &CrlScope, item: &Item) -> Result<CrlIntent, Malformed> {
    Ok(CrlIntent {
        scope: scope.clone(),
        number: item.parse("Sort", str::parse)?,
        signing_input: item.as_octets("SigningInput")?.to_vec(),
        at: item.as_time("IntendedAt")?,
    })
}

fn parse_crl(scope: &CrlScope, item: &Item) -> Result<CrlRecord, Malformed> {
    let digest: [u8; 32] = item.as_octets("Digest")?.try_into().map_err(|_| Malformed {
        attribute: "Digest",
        wrong: "is not of 32 octets".to_owned(),
    })?;
    Ok(CrlRecord {
        scope: scope.clone(),
        number: item.parse("Sort", str::parse)?,
        // Records of earlier versions have one time for both.
        made_at: item.as_time(if item.has("MadeAt") { "MadeAt" } else { "ThisUpdate" })?,
        this_update: item.as_time("ThisUpdate")?,
        next_update: item.as_time("NextUpdate")?,
        entries: item.as_number("Entries")?,
        digest,
        receipt: Receipt(item.as_text("Receipt")?.to_owned()),
        mark: item
            .optional("Mark", |item, name| item.as_text(name).map(str::to_owned))?
            .map(ChangeMark),
        published: item
            .optional("Published", |item, name| item.as_text(name).map(str::to_owned))?
            .map(ETag),
    })
}
