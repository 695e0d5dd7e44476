//! Reminders of certificates that end soon.

use async_trait::async_trait;
use chancery_authority::ca_name::CaName;
use chancery_authority::port::ledger::{Cursor, LedgerError, Page, Reminders};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::certificates::page;
use super::state::{State, position};
use super::{MemoryLedger, lock};

#[async_trait]
impl Reminders for MemoryLedger {
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        lock(&self.0).expiring(from, to, after, limit)
    }

    async fn record(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        lock(&self.0).record_reminder(issuer, serial, at)
    }
}

impl State {
    pub(super) fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        let after = after.map(parse_expiry).transpose()?;
        let records = self.issued.iter().filter_map(|(sequence, id)| {
            let record = self.rows.get(&position(id))?.record()?;
            let due = record.notify_expiry && (from..to).contains(&record.not_after);
            let position = (record.not_after.0, *sequence);
            (due && after.is_none_or(|after| position > after)).then_some((*sequence, record))
        });
        let mut found: Vec<_> = records.collect();
        found.sort_by_key(|(sequence, record)| (record.not_after, *sequence));
        Ok(page(found, limit, |sequence, record| {
            format!("{}/{sequence}", record.not_after.0)
        }))
    }

    pub(super) fn record_reminder(&mut self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        self.record_mut(issuer, serial)?.reminders.push(at);
        Ok(())
    }
}

fn parse_expiry(cursor: &Cursor) -> Result<(i64, u64), LedgerError> {
    let parts = cursor
        .0
        .split_once('/')
        .and_then(|(end, sequence)| Some((end.parse().ok()?, sequence.parse().ok()?)));
    parts.ok_or_else(|| LedgerError::foreign_cursor(cursor))
}
