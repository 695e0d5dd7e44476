//! Certificates: the journal's entries, and their rows in the certificate table.

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CertificateRecord, Certificates, Cursor, Evidence, KeyStatus, LedgerError, Page, Search,
};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;

use super::item::Item;
use super::journal_entry::{IntentState, JournalEntry};
use super::row::Row;
use super::rows_without_entry::RowOwner;
use super::tables::Table;
use super::{DynamoLedger, StoredCertificate, damaged, journal_keys};

#[async_trait]
impl Certificates for DynamoLedger {
    async fn evidence(&self, _issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        self.read_evidence(serials).await
    }

    async fn get(&self, issuer: Option<&CaName>, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError> {
        let found = self.find(serial).await?.map(|found| found.record);
        Ok(found.filter(|record| issuer.is_none_or(|issuer| *issuer == record.id.issuer)))
    }

    async fn key_status(&self, key: KeyFingerprint, common_name: &str) -> Result<KeyStatus, LedgerError> {
        self.find_key_holder(key, common_name).await
    }

    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        self.search_certificates(query, after, limit).await
    }

    async fn named(&self, common_name: &str, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        self.list_named(common_name, after, limit).await
    }
}

impl DynamoLedger {
    /// A certificate and the key of its row; `None` if there is no such serial number, or its intent is open or lost.
    pub(super) async fn find(&self, serial: Serial) -> Result<Option<StoredCertificate>, LedgerError> {
        match self.entry(serial).await? {
            Some(entry) => {
                let row_key = entry.row_key();
                let record = self.record_of(entry).await?;
                Ok(record.map(|record| StoredCertificate { record, row_key }))
            }
            None => self.find_unrecorded(serial).await,
        }
    }

    /// The journal's entry of a serial number.
    pub(super) async fn entry(&self, serial: Serial) -> Result<Option<JournalEntry>, LedgerError> {
        let item = self.tables.get(Table::Journal, journal_keys::intent(serial)).await?;
        let entry = item.as_ref().map(JournalEntry::parse).transpose();
        entry.map_err(|error| damaged(&format!("the journal's entry of {serial}"), &error))
    }

    /// The journal's entries of several serial numbers; those that cannot be read are logged and left out.
    pub(super) async fn entries(&self, serials: &[Serial]) -> Result<HashMap<Serial, JournalEntry>, LedgerError> {
        let keys = serials
            .iter()
            .map(|serial| (Table::Journal, journal_keys::intent(*serial)));
        let items = self.tables.get_many(keys.collect()).await?;
        let mut entries = HashMap::with_capacity(items.len());
        for (_, item) in items {
            match JournalEntry::parse(&item) {
                Ok(entry) => drop(entries.insert(entry.id.serial, entry)),
                Err(error) => super::skip("an entry of the journal", &item, &error),
            }
        }
        Ok(entries)
    }

    /// The record of an entry; `None` unless it is complete.
    pub(super) async fn record_of(&self, entry: JournalEntry) -> Result<Option<CertificateRecord>, LedgerError> {
        if !matches!(entry.state, IntentState::Complete { .. }) {
            return Ok(None);
        }
        let item = self.tables.get(Table::Certificates, entry.row_key()).await?;
        let item = item.ok_or_else(|| LedgerError::Damaged {
            detail: format!("the row of {} is not in the certificate table", entry.id),
        })?;
        let row = Row::parse(&item).map_err(|error| damaged(&super::called(&item), &error))?;
        Ok(entry.record(row))
    }

    /// The records of rows, with or without entries in the journal.
    pub(super) async fn records_of(&self, items: Vec<Item>) -> Result<Vec<CertificateRecord>, LedgerError> {
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            match Row::parse(&item) {
                Ok(row) => rows.push(row),
                Err(error) => super::skip("a row", &item, &error),
            }
        }
        let serials: Vec<Serial> = rows.iter().map(|row| row.serial).collect();
        let mut entries = self.entries(&serials).await?;
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(entry) = entries.remove(&row.serial) {
                records.extend(entry.record(row));
                continue;
            }
            let serial = row.serial;
            match Self::record_of_row(row, &self.known_cas().await?) {
                RowOwner::Ca(record) => records.push(*record),
                RowOwner::Unknown(why) => tracing::warn!(%serial, why, "a row is left alone"),
            }
        }
        Ok(records)
    }
}
