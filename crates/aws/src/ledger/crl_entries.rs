//! The list of a scope's revocations, and the view of it from which one CRL is made.

use std::collections::{BTreeMap, HashSet};
use std::io;

use chancery_authority::port::ledger::{CrlPlan, CrlScope, LedgerError, RevokedEntries};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::{Item, Malformed};
use super::tables::{Range, Table};
use super::transaction::Write;
use super::{DynamoLedger, journal_keys};

/// Most damaged items that are described.
const DESCRIBED: usize = 100;

/// The entries of a CRL, all in memory: 48 octets each.
#[derive(Default)]
pub(super) struct View {
    entries: Vec<RevokedEntry>,
    damaged: Vec<String>,
}

/// The revocation item that the journal lists for a CRL.
pub(super) fn listed(scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime, attempt: &str) -> Item {
    let reason = Some(entry.reason).filter(|reason| *reason != RevocationReason::Unspecified);
    journal_keys::revocation(scope, entry.serial)
        .time("RevokedAt", entry.revoked_at)
        .optional_number("Reason", reason.map(RevocationReason::code))
        .optional_number("InvalidityDate", entry.invalidity_date.map(|date| date.0))
        .time("NotAfter", not_after)
        .text("Attempt", attempt)
}

/// The write that changes a scope's mark, in the transaction that changes what the scope lists.
pub(super) fn changing(scope: &CrlScope, serial: Serial, attempt: &str) -> Write {
    Write::Put {
        table: Table::Journal,
        item: journal_keys::change(scope, serial).text("Attempt", attempt),
        condition: None,
        with: Item::default(),
    }
}

impl DynamoLedger {
    pub(super) async fn view(&self, scope: &CrlScope, plan: &CrlPlan) -> Result<View, LedgerError> {
        let mut view = View::default();
        let mut range = Range::journal(journal_keys::revoked(scope));
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
        if let Some(former) = self.unadopted().await? {
            let of_rows = former.revocations(scope, plan.expired_before, &mut view).await?;
            view.merge(of_rows);
        }
        // Valid keys are in the order of serial numbers. Sort all the same, in case one is not valid.
        view.entries.sort_by_key(|entry| entry.serial);
        view.entries.dedup_by_key(|entry| entry.serial);
        Ok(view)
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

    /// Adds entries that only rows have; the journal's entry for a serial number takes precedence.
    fn merge(&mut self, of_rows: Vec<RevokedEntry>) {
        if of_rows.is_empty() {
            return;
        }
        let mut merged: BTreeMap<Serial, RevokedEntry> =
            of_rows.into_iter().map(|entry| (entry.serial, entry)).collect();
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
        journal_keys::revoked_serial(sort).ok_or("it is no serial number")
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

fn sort_of(item: &Item) -> &str {
    item.as_text("Sort").unwrap_or("an item")
}

fn range_name(range: &Range) -> &str {
    range.values.as_text(":key").unwrap_or_default()
}
