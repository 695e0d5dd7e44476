//! CRL numbers, the entries of a CRL, and the records of signed CRLs.
//!
//! A CRL of a higher number must list everything that one of a lower number lists. So the number is reserved first,
//! then the revocations are read consistently, then the counter is read again. If no other process has reserved a
//! higher number meanwhile, any that does so later also reads later. Otherwise all of it is repeated.

use std::fmt::Write as _;

use std::collections::{BTreeMap, HashSet};
use std::io;

use aws_lc_rs::digest;
use aws_sdk_dynamodb::types::AttributeValue;
use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    ChangeMark, CrlIntent, CrlPlan, CrlRecord, CrlReservation, CrlScope, CrlState, LedgerError, RevokedEntries,
};
use chancery_authority::port::{ETag, Receipt};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use data_encoding::HEXLOWER;

use super::item::{Item, Malformed};
use super::tables::{Range, Table, Transaction, Write, pause, unavailable};
use super::{DynamoLedger, damaged, names};

/// Most attempts when other processes change the same counter.
const TURNS: u32 = 64;

/// Pages of CRL records that are searched for the newest published one: some four hundred records.
const PAGES: usize = 5;

/// Most damaged items that are described.
const DESCRIBED: usize = 100;

/// The item that counts a scope's CRL numbers.
struct Counter {
    table: Table,
    key: Item,
    condition: &'static str,
}

/// The entries of a CRL, all in memory: 48 octets each.
#[derive(Default)]
pub(super) struct View {
    entries: Vec<RevokedEntry>,
    damaged: Vec<String>,
}

/// The revocation item that the journal lists for a CRL.
pub(super) fn listed(scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime, attempt: &str) -> Item {
    let reason = Some(entry.reason).filter(|reason| *reason != RevocationReason::Unspecified);
    names::revocation(scope, entry.serial)
        .time("RevokedAt", entry.revoked_at)
        .optional_number("Reason", reason.map(RevocationReason::code))
        .optional_number("InvalidityDate", entry.invalidity_date.map(|date| date.0))
        .time("NotAfter", not_after)
        .text("Attempt", attempt)
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
        let parts = self.tables.query(&Range::journal(names::changes(scope))).await?;
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
                key: names::crl_number(scope),
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
            let (said, found) = count(&item);
            let not_believed = said.filter(|number| *number > plan.at_most);
            let so_far = said.filter(|_| not_believed.is_none()).unwrap_or(0);
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

    async fn view(&self, scope: &CrlScope, plan: &CrlPlan) -> Result<View, LedgerError> {
        let mut view = View::default();
        let mut range = Range::journal(names::revoked(scope));
        if let Some(end) = plan.expired_before {
            // A missing or malformed `NotAfter` counts as not expired: such a comparison is false.
            range.filter = Some("NOT (#NotAfter < :end)".to_owned());
            range.values = range.values.time(":end", end);
        }
        range.projection = Some("#Sort, #RevokedAt, #Reason, #InvalidityDate, #NotAfter".to_owned());
        let mut after = None;
        loop {
            let page = self.tables.page(&range, after).await?;
            for item in &page.items {
                let (entry, wrong) = parse(item, plan.at);
                if !wrong.is_empty() {
                    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
                    view.damage(format!(
                        "{} of {}: {}",
                        sort_of(item),
                        range_name(&range),
                        wrong.join("; ")
                    ));
                }
                view.entries.extend(entry);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        self.settle_cas(scope, &mut view).await?;
        if self.has_old_rows().await? {
            let old = self.old_revocations(scope, plan.expired_before, &mut view).await?;
            view.merge(old);
        }
        // Valid keys are in the order of serial numbers. Sort all the same, in case one is not valid.
        view.entries.sort_by_key(|entry| entry.serial);
        view.entries.dedup_by_key(|entry| entry.serial);
        Ok(view)
    }

    /// Records the intent, before the signature. The item later becomes the CRL's record.
    pub(super) async fn put_crl_intent(&self, intent: CrlIntent) -> Result<(), LedgerError> {
        let item = names::crl(&intent.scope, intent.number)
            .octets("SigningInput", intent.signing_input.clone())
            .time("IntendedAt", intent.at);
        let write = Write::Put {
            table: Table::Journal,
            item,
            condition: Some("attribute_not_exists(#Key)"),
            with: Item::default(),
        };
        let Transaction::Refused(conditions) = self.tables.transact(&[write]).await? else {
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

    pub(super) async fn put_crl(&self, crl: CrlRecord) -> Result<(), LedgerError> {
        let mut with = Item::default()
            .time(":MadeAt", crl.made_at)
            .time(":ThisUpdate", crl.this_update)
            .time(":NextUpdate", crl.next_update)
            .number(":Entries", crl.entries)
            .octets(":Digest", crl.digest)
            .text(":Receipt", crl.receipt.0);
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
        let condition = "attribute_exists(#SigningInput)";
        let key = names::crl(&crl.scope, crl.number);
        let recorded = self
            .tables
            .update(Table::Journal, key, &update, condition, with)
            .await?;
        recorded.map(|_| ()).ok_or_else(|| unknown(&crl.scope, crl.number))
    }

    pub(super) async fn note_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        let noted = self.tables.update(
            Table::Journal,
            names::crl(scope, number),
            "SET #Published = :etag",
            "attribute_exists(#Digest)",
            Item::default().text(":etag", etag.0),
        );
        noted.await?.map(|_| ()).ok_or_else(|| unknown(scope, number))
    }

    /// Reads back from the newest number, a limited number of pages: a CRL that was not published, or not signed,
    /// seldom follows another such.
    pub(super) async fn standing(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        let mut standing = CrlState {
            mark: self.mark(scope).await?,
            ..CrlState::default()
        };
        let numbers = Range::journal(names::crls(scope));
        let mut range = Range {
            descending: true,
            limit: Some(4),
            condition: "#Key = :key AND #Sort <= :most".to_owned(),
            values: numbers.values.text(":most", names::number(at_most)),
            ..Range::journal("")
        };
        let mut after = None;
        for _ in 0..PAGES {
            let page = self.tables.page(&range, after).await?;
            for item in &page.items {
                let number = item.parse::<u64, _>("Sort", str::parse).unwrap_or(0);
                standing.number = standing.number.max(number);
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
                if standing.latest.is_none() {
                    standing.latest = Some(crl.clone());
                }
                if crl.published.is_some() {
                    standing.published = Some(crl);
                    return Ok(standing);
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
            range.limit = Some(100);
        }
        Ok(standing)
    }

    pub(super) async fn list_open_crls(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        let range = Range {
            descending: true,
            filter: Some("attribute_not_exists(#Digest)".to_owned()),
            ..Range::journal(names::crls(scope))
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

/// The write that changes a scope's mark, in the transaction that changes what the scope lists.
pub(super) fn changing(scope: &CrlScope, serial: Serial, attempt: &str) -> Write {
    Write::Put {
        table: Table::Journal,
        item: names::change(scope, serial).text("Attempt", attempt),
        condition: None,
        with: Item::default(),
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

impl View {
    pub(super) fn damage(&mut self, description: String) {
        tracing::error!(description, "a revocation is damaged");
        if self.damaged.len() < DESCRIBED {
            self.damaged.push(description);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Those of the serial numbers that have an entry.
    pub(super) fn among(&self, serials: &HashSet<Serial>) -> Vec<Serial> {
        let entries = self.entries.iter().map(|entry| entry.serial);
        entries.filter(|serial| serials.contains(serial)).collect()
    }

    /// Removes those entries and returns their serial numbers.
    pub(super) fn remove(&mut self, which: impl Fn(Serial) -> bool) -> Vec<Serial> {
        let removed = self
            .entries
            .iter()
            .map(|entry| entry.serial)
            .filter(|serial| which(*serial));
        let removed: Vec<Serial> = removed.collect();
        self.entries.retain(|entry| !which(entry.serial));
        removed
    }

    /// Adds entries of old rows; the journal's entry for a serial number takes precedence.
    fn merge(&mut self, old: Vec<RevokedEntry>) {
        if old.is_empty() {
            return;
        }
        let mut merged: BTreeMap<Serial, RevokedEntry> = old.into_iter().map(|entry| (entry.serial, entry)).collect();
        merged.extend(self.entries.drain(..).map(|entry| (entry.serial, entry)));
        self.entries = merged.into_values().collect();
    }
}

impl RevokedEntries for View {
    fn entries(&self) -> u64 {
        self.entries.len() as u64
    }

    fn octets(&self) -> u64 {
        self.entries.iter().map(|entry| entry.encoded_len() as u64).sum()
    }

    fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> io::Result<()>) -> io::Result<()> {
        self.entries.iter().try_for_each(each)
    }

    fn damaged(&self) -> &[String] {
        &self.damaged
    }
}

/// Parses a revocation item. A detail that cannot be read gets the least value (`at` for the time) and is returned as
/// malformed: the certificate is revoked, whatever its details. Without a serial number there is no entry.
pub(super) fn parse(item: &Item, at: UnixTime) -> (Option<RevokedEntry>, Vec<Malformed>) {
    let mut wrong = Vec::new();
    let serial = item.parse("Sort", |sort| {
        names::revoked_serial(sort).ok_or("it is no serial number")
    });
    let revoked_at = item.as_time("RevokedAt").unwrap_or_else(|error| {
        wrong.push(error);
        at
    });
    let reason = match item.optional("Reason", Item::as_number::<u64>) {
        Ok(None) => RevocationReason::Unspecified,
        Ok(Some(code)) => {
            let known = u8::try_from(code).ok().and_then(RevocationReason::from_code);
            known.unwrap_or_else(|| {
                wrong.push(Malformed {
                    attribute: "Reason",
                    wrong: format!("is {code}, which is no reason"),
                });
                RevocationReason::Unspecified
            })
        }
        Err(error) => {
            wrong.push(error);
            RevocationReason::Unspecified
        }
    };
    let invalidity_date = item.optional("InvalidityDate", Item::as_time).unwrap_or_else(|error| {
        wrong.push(error);
        None
    });
    wrong.extend(item.as_time("NotAfter").err());
    let entry = match serial {
        Ok(serial) => Some(RevokedEntry {
            serial,
            revoked_at,
            reason,
            invalidity_date,
        }),
        Err(error) => {
            wrong.push(error);
            None
        }
    };
    (entry, wrong)
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

fn sort_of(item: &Item) -> &str {
    item.as_text("Sort").unwrap_or("an item")
}

fn range_name(range: &Range) -> &str {
    range.values.as_text(":key").unwrap_or_default()
}
