//! Reminders of certificates that end soon.

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::ledger::{CertificateRecord, Cursor, LedgerError, Page, Reminders};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::certificate_lists::{MAX_PAGE, Position, page, parse_cursor};
use super::item::Item;
use super::tables::{Range, Table};
use super::{DynamoLedger, journal_keys};

#[async_trait]
impl Reminders for DynamoLedger {
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        self.list_expiring(from, to, after, limit).await
    }

    async fn record(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        self.add_reminder(issuer, serial, at).await
    }
}

impl DynamoLedger {
    pub(super) async fn list_expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        let after = after.map(parse_cursor).transpose()?;
        let limit = limit.min(MAX_PAGE);
        let due = |record: &CertificateRecord| is_due(record, (from, to), after);
        if let Some(former) = self.unadopted().await? {
            let found = former.expiring((from, to), after, limit).await?;
            return Ok(page(found, limit, |record| (record.not_after, record.id.serial)));
        }
        let mut found: Vec<CertificateRecord> = Vec::new();
        let mut position = after;
        while found.len() <= limit {
            let from = position.map_or_else(
                || journal_keys::second(from),
                // The least string that is greater.
                |(at, serial)| format!("{}!", journal_keys::moment(at, serial)),
            );
            if from >= journal_keys::second(to) {
                break;
            }
            let ranges = (0..journal_keys::LANES).map(|lane| {
                let mut range = Range::journal(journal_keys::expiring(lane));
                "#Key = :key AND #Sort BETWEEN :from AND :to".clone_into(&mut range.condition);
                range.values = range.values.text(":from", &from).text(":to", journal_keys::second(to));
                range
            });
            let (listed, more) = self.listed(ranges, true).await?;
            position = listed.last().map(|last| last.position);
            let mut records = self.records_listed(listed).await?;
            records.retain(due);
            records.sort_by_key(|record| (record.not_after, record.id.serial));
            found.extend(records);
            if !more {
                break;
            }
        }
        Ok(page(found, limit, |record| (record.not_after, record.id.serial)))
    }

    pub(super) async fn add_reminder(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        let found = self.find(serial).await?;
        let Some(found) = found.filter(|found| found.record.id.issuer == *issuer) else {
            return Err(LedgerError::NotFound(serial));
        };
        let time = chancery_contract::contract_time(at);
        let list = |values: Vec<String>| {
            let values = values.into_iter().map(aws_sdk_dynamodb::types::AttributeValue::S);
            aws_sdk_dynamodb::types::AttributeValue::L(values.collect())
        };
        let added = self.tables.update(
            Table::Certificates,
            found.row_key,
            "SET #ExpiryReminders = list_append(if_not_exists(#ExpiryReminders, :none), :sent)",
            // Once for each time: repeating a request adds nothing.
            "attribute_exists(#CommonName) AND NOT contains(#ExpiryReminders, :time)",
            Item::default()
                .with(":none", list(Vec::new()))
                .with(":sent", list(vec![time.clone()]))
                .text(":time", time),
        );
        added.await.map(|_| ())
    }
}

/// Whether a reminder of the certificate is due in that window, after that position.
pub(super) fn is_due(record: &CertificateRecord, (from, to): (UnixTime, UnixTime), after: Option<Position>) -> bool {
    let position = (record.not_after, record.id.serial);
    record.notify_expiry && (from..to).contains(&record.not_after) && after.is_none_or(|after| position > after)
}
