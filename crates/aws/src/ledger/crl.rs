//! CRL numbers, what a CRL lists, and the CRLs that were signed.
//!
//! A CRL of a higher number must list all that one of a lower number lists. The number is reserved first, then what is
//! revoked is read, consistently; and then the counter is looked at again: as long as nobody reserved a higher number
//! meanwhile, whoever does so later also reads later. Otherwise both are done again.

use std::collections::BTreeMap;
use std::io;

use chancery_authority::Slug;
use chancery_authority::port::ledger::{CrlRecord, CrlReservation, CrlScope, LedgerError, Revocations};
use chancery_authority::port::{ETag, Receipt};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::{Item, Malformed};
use super::tables::{Range, Table, pause, unavailable};
use super::{DynamoLedger, damaged, names};

/// Reservations of one scope at a time that are put up with.
const TURNS: u32 = 64;

/// Damaged rows that are described.
const DESCRIBED: usize = 100;

/// Where a scope's numbers are counted.
struct Counter {
    table: Table,
    key: Item,
    condition: &'static str,
}

/// What a CRL lists, read to its end: 48 octets an entry.
#[derive(Default)]
pub(super) struct View {
    entries: Vec<RevokedEntry>,
    damaged: Vec<String>,
}

/// What the journal lists for a CRL.
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
    pub(super) async fn reserve_number(
        &self,
        scope: &CrlScope,
        expired_before: Option<UnixTime>,
    ) -> Result<CrlReservation, LedgerError> {
        let counter = self.counter(scope).await?;
        for round in 0..TURNS {
            let number = self.next_number(&counter).await?;
            let view = self.view(scope, expired_before).await?;
            if self.current_number(&counter).await? == number {
                return Ok(CrlReservation {
                    number,
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

    /// The number of a CA's full CRL is counted in its row, as it always was; that of a shard in the journal.
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

    /// The number of a CA's full CRL that was reserved last, as its row has it; `None` where the CA has no row.
    pub async fn crl_number(&self, issuer: &Slug) -> Result<Option<u64>, LedgerError> {
        let Some(key) = self.ca_row(issuer).await? else {
            return Ok(None);
        };
        let row = self.tables.get(Table::Certificates, key).await?.unwrap_or_default();
        let number = row.as_number("CRLNumber");
        number.map(Some).map_err(|error| damaged("a CRL counter", &error))
    }

    async fn next_number(&self, counter: &Counter) -> Result<u64, LedgerError> {
        let one = Item::default().number(":one", 1);
        let (table, key) = (counter.table, counter.key.clone());
        let changed = self
            .tables
            .update(table, key, "ADD #CRLNumber :one", counter.condition, one)
            .await?;
        let Some(changed) = changed else {
            self.cas.forget();
            return Err(LedgerError::Damaged {
                detail: format!("the CA's row {:?} is gone", counter.key.0),
            });
        };
        changed
            .as_number("CRLNumber")
            .map_err(|error| damaged("a CRL counter", &error))
    }

    async fn current_number(&self, counter: &Counter) -> Result<u64, LedgerError> {
        let item = self.tables.get(counter.table, counter.key.clone()).await?;
        let number = item.unwrap_or_default().as_number("CRLNumber");
        number.map_err(|error| damaged("a CRL counter", &error))
    }

    async fn view(&self, scope: &CrlScope, expired_before: Option<UnixTime>) -> Result<View, LedgerError> {
        let mut view = View::default();
        let mut range = Range::journal(names::revoked(scope));
        if let Some(end) = expired_before {
            range.filter = Some("#NotAfter >= :end".to_owned());
            range.values = range.values.time(":end", end);
        }
        range.projection = Some("#Sort, #RevokedAt, #Reason, #InvalidityDate".to_owned());
        let mut after = None;
        loop {
            let page = self.tables.page(&range, after).await?;
            for item in &page.items {
                match parse(item) {
                    Ok(entry) => view.entries.push(entry),
                    Err(error) => view.damage(format!("{} of {}: {error}", sort_of(item), range_name(&range))),
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        if self.has_old_rows().await? {
            let old = self.old_revocations(scope, expired_before, &mut view).await?;
            view.merge(old);
        }
        Ok(view)
    }

    pub(super) async fn put_crl(&self, crl: CrlRecord) -> Result<(), LedgerError> {
        let item = names::crl(&crl.scope, crl.number)
            .time("ThisUpdate", crl.this_update)
            .time("NextUpdate", crl.next_update)
            .number("Entries", crl.entries)
            .octets("Digest", crl.digest)
            .text("Receipt", crl.receipt.0)
            .optional_text("Published", crl.published.map(|etag| etag.0));
        self.tables.put(Table::Journal, item).await
    }

    pub(super) async fn note_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        let noted = self.tables.update(
            Table::Journal,
            names::crl(scope, number),
            "SET #Published = :etag",
            "attribute_exists(#Key)",
            Item::default().text(":etag", etag.0),
        );
        noted.await.map(|_| ())
    }

    pub(super) async fn newest_crl(&self, scope: &CrlScope) -> Result<Option<CrlRecord>, LedgerError> {
        let range = Range {
            descending: true,
            limit: Some(1),
            ..Range::journal(names::crls(scope))
        };
        let page = self.tables.page(&range, None).await?;
        let newest = page.items.first().map(|item| parse_crl(scope, item)).transpose();
        newest.map_err(|error| damaged("a CRL's record", &error))
    }
}

impl View {
    pub(super) fn damage(&mut self, description: String) {
        tracing::error!(description, "a revocation cannot be read and is left out");
        if self.damaged.len() < DESCRIBED {
            self.damaged.push(description);
        }
    }

    /// What the journal says of a serial goes before what an old row says.
    fn merge(&mut self, old: Vec<RevokedEntry>) {
        if old.is_empty() {
            return;
        }
        let mut merged: BTreeMap<Serial, RevokedEntry> = old.into_iter().map(|entry| (entry.serial, entry)).collect();
        merged.extend(self.entries.drain(..).map(|entry| (entry.serial, entry)));
        self.entries = merged.into_values().collect();
    }
}

impl Revocations for View {
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

fn parse(item: &Item) -> Result<RevokedEntry, Malformed> {
    Ok(RevokedEntry {
        serial: item.parse("Sort", |sort| names::serial_of(sort).ok_or("it is no serial number"))?,
        revoked_at: item.as_time("RevokedAt")?,
        reason: match item.optional("Reason", Item::as_number)? {
            None => RevocationReason::Unspecified,
            Some(code) => RevocationReason::from_code(code).ok_or_else(|| Malformed {
                attribute: "Reason",
                wrong: format!("is {code}, which is no reason"),
            })?,
        },
        invalidity_date: item.optional("InvalidityDate", Item::as_time)?,
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
        this_update: item.as_time("ThisUpdate")?,
        next_update: item.as_time("NextUpdate")?,
        entries: item.as_number("Entries")?,
        digest,
        receipt: Receipt(item.as_text("Receipt")?.to_owned()),
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
