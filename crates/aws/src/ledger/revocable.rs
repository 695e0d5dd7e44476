//! Finds the certificate to revoke, in whichever row it is: what the journal and a row state of it are claims. Where a
//! claim does not match a certificate that one of our CAs signed, the certificate decides, and the mismatch is
//! reported. Where no certificate is found, the journal has all that a revocation needs.

use chancery_authority::port::ledger::{CertificateRecord, LedgerError, Revocation, ToRevoke};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::Item;
use super::journal_entry::{IntentState, JournalEntry};
use super::known_ca::KnownCa;
use super::row::{self, Row};
use super::rows_without_entry::RowOwner;
use super::tables::{Range, Table};
use super::verified::{Verified, verified};
use super::{DynamoLedger, crl_entries, journal_keys};

/// Most rows of one serial number that are read: there is one, unless an attacker planted others.
const ROWS: usize = 20_000;

/// Most of those rows that may have a `Certificate` attribute.
const CERTIFICATES: usize = 100;

/// Rows that are read at a time: one may have 400 KB.
const TOGETHER: usize = 100;

/// A certificate to revoke.
pub(super) struct Revocable {
    pub(super) record: CertificateRecord,
    /// The key of its row, if there is one.
    pub(super) row_key: Option<Item>,
    /// The mismatch between journal, row and certificate, as text.
    pub(super) damaged: Option<String>,
}

impl Revocable {
    pub(super) fn into_to_revoke(self) -> ToRevoke {
        ToRevoke {
            record: self.record,
            damaged: self.damaged,
        }
    }
}

impl DynamoLedger {
    pub(super) async fn find_to_revoke(&self, serial: Serial) -> Result<Option<Revocable>, LedgerError> {
        let (entry, mut damaged) = match self.entry(serial).await {
            Ok(entry) => (entry, None),
            Err(LedgerError::Damaged { detail }) => (None, Some(detail)),
            Err(error) => return Err(error),
        };
        let mut own_row = None;
        if let Some(entry) = &entry {
            own_row = self.tables.get(Table::Certificates, entry.row_key()).await?;
            if let Some(item) = &own_row
                && let Some(verified) = self.verify(item, serial).await?
            {
                let Some(attribute) = verified.differs_from(entry) else {
                    let record = entry.clone().record(readable(item, entry));
                    let row_key = Some(entry.row_key());
                    // A certificate does not show what it renewed: compare with the line.
                    let damaged = self.differs_from_line(entry).await?;
                    let fits = |record| Revocable {
                        record,
                        row_key,
                        damaged,
                    };
                    return Ok(record.map(fits));
                };
                damaged = Some(format!(
                    "the journal's entry of {serial} has another {attribute} than its certificate"
                ));
            }
        }
        if let Some(found) = self
            .by_certificate(serial, entry.as_ref(), own_row.as_ref(), damaged.as_deref())
            .await?
        {
            return Ok(Some(found));
        }
        match entry {
            Some(entry) if matches!(entry.state, IntentState::Complete { .. }) => {
                self.by_journal(entry, own_row.as_ref()).await.map(Some)
            }
            // The intent is open or given up, and no row has a certificate.
            Some(_) => Ok(None),
            None => match (self.find_unrecorded(serial).await?, damaged) {
                (Some(found), damaged) => Ok(Some(Revocable {
                    record: found.record,
                    row_key: Some(found.row_key),
                    damaged,
                })),
                (None, Some(detail)) => Err(LedgerError::Damaged { detail }),
                (None, None) => Ok(None),
            },
        }
    }

    /// The certificate of a row, if one of the CAs signed it. If none of the known CAs did, the CAs are read again,
    /// since one may have been made meanwhile.
    async fn verify(&self, row: &Item, serial: Serial) -> Result<Option<Verified>, LedgerError> {
        if let Some(verified) = verified(row, serial, &self.known_cas().await?) {
            return Ok(Some(verified));
        }
        Ok(verified(row, serial, &self.read_cas().await?))
    }

    /// Finds the certificate in any row of that serial number; the row under the certificate's own name takes
    /// precedence.
    async fn by_certificate(
        &self,
        serial: Serial,
        entry: Option<&JournalEntry>,
        own_row: Option<&Item>,
        damaged: Option<&str>,
    ) -> Result<Option<Revocable>, LedgerError> {
        let mut rows: Vec<Item> = match self.named_row(serial).await? {
            Some(row) => vec![row],
            None => self.rows_of(serial).await?,
        };
        // The index lags behind: add the entry's own row.
        rows.extend(own_row.cloned());
        let by_cas = |cas: &[KnownCa]| -> Vec<(Row, Verified)> {
            rows.iter()
                .filter_map(|item| Some((Row::parse(item).ok()?, verified(item, serial, cas)?)))
                .collect()
        };
        let mut cas = self.known_cas().await?;
        let mut found = by_cas(&cas);
        // As in `verify`: a CA may have been made since they were read.
        if found.is_empty() && !rows.is_empty() {
            cas = self.read_cas().await?;
            found = by_cas(&cas);
        }
        found.sort_by_key(|(row, verified)| row.partition != own_partition(row, &verified.common_name(), &cas));
        let Some((row, verified)) = found.into_iter().next() else {
            return Ok(None);
        };
        let row_key = row.key();
        let RowOwner::Ca(record) = Self::record_of_row(row, &cas) else {
            return Ok(None);
        };
        let mut record = CertificateRecord {
            common_name: verified.common_name(),
            ..*record
        };
        record.id.issuer = verified.issuer;
        if let Some(entry) = entry {
            record.shard = entry.shard;
            record.renews = entry.renewal.as_ref().map(|renewal| renewal.predecessor.clone());
        }
        let damaged = match (damaged, entry) {
            (Some(damaged), _) => Some(damaged.to_owned()),
            (None, Some(_)) => Some(format!(
                "the journal's entry of {serial} does not lead to its certificate, which stands in row {}",
                super::called(&row_key)
            )),
            (None, None) if self.unadopted().await?.is_none() => {
                Some(format!("the journal has no entry of {serial}, which has a certificate"))
            }
            (None, None) => None,
        };
        Ok(Some(Revocable {
            record,
            row_key: Some(row_key),
            damaged,
        }))
    }

    /// Uses the journal's entry, where the certificate is not found.
    async fn by_journal(&self, entry: JournalEntry, row: Option<&Item>) -> Result<Revocable, LedgerError> {
        let id = entry.id.clone();
        let row_key = row.is_some().then(|| entry.row_key());
        let what = row.map_or_else(
            || "has no row".to_owned(),
            |item| format!("is not in {}", super::called(item)),
        );
        let damaged = format!("the certificate of {id} {what}; it is revoked from the journal's data");
        let row = row.map_or_else(|| nothing(&entry), |item| readable(item, &entry));
        let mut record = entry.record(row).ok_or(LedgerError::NotFound(id.serial))?;
        if row_key.is_none() {
            record.revocation = self.listed_revocation(&record).await?;
        }
        Ok(Revocable {
            record,
            row_key,
            damaged: Some(damaged),
        })
    }

    /// The revocation that the list records, for a certificate without a row.
    pub(super) async fn listed_revocation(
        &self,
        record: &CertificateRecord,
    ) -> Result<Option<Revocation>, LedgerError> {
        let key = journal_keys::revocation(&record.scope(), record.id.serial);
        let Some(item) = self.tables.get(Table::Journal, key).await? else {
            return Ok(None);
        };
        let (entry, _) = crl_entries::parse(&item, UnixTime(0));
        Ok(entry.map(|entry| Revocation {
            at: entry.revoked_at,
            reason: entry.reason,
            invalidity_date: entry.invalidity_date,
            principal: String::new(),
        }))
    }

    /// As [`find_to_revoke`](Self::find_to_revoke), with the common name that the caller gave: if the journal has no
    /// entry, the row under that name is read without the index. A role that may write one attribute of rows could fill
    /// the index with other rows of the same serial number.
    pub(super) async fn find_named_to_revoke(
        &self,
        serial: Serial,
        common_name: &str,
    ) -> Result<Option<Revocable>, LedgerError> {
        if !matches!(self.entry(serial).await, Ok(Some(_))) {
            self.name_hints.remember(serial, row::partition(common_name));
        }
        self.find_to_revoke(serial).await
    }

    /// The row under the name that the caller gave, if it has the certificate.
    async fn named_row(&self, serial: Serial) -> Result<Option<Item>, LedgerError> {
        let Some(partition) = self.name_hints.recall(serial) else {
            return Ok(None);
        };
        let key = Item::row_key(partition, serial.to_string());
        let Some(row) = self.tables.get(Table::Certificates, key).await? else {
            return Ok(None);
        };
        Ok(self.verify(&row, serial).await?.is_some().then_some(row))
    }

    /// The rows of a serial number, through their index. Rows without a certificate are skipped: a role that may write
    /// one attribute of rows can create such. Too many rows to read are reported as damage: the certificate may be
    /// among the rest.
    pub(super) async fn rows_of(&self, serial: Serial) -> Result<Vec<Item>, LedgerError> {
        let range = Range {
            index: Some("serial"),
            condition: "#SerialNumber = :key".to_owned(),
            ..Range::rows(serial.to_string())
        };
        let (mut found, mut looked_at, mut after) = (Vec::new(), 0, None);
        loop {
            let page = self.tables.page(&range, after).await?;
            for together in page.items.chunks(TOGETHER) {
                let keys = together.iter().filter_map(|item| {
                    let partition = item.as_text("CommonName").ok()?;
                    Some((Table::Certificates, Item::row_key(partition, serial.to_string())))
                });
                let rows = self.tables.get_many(keys.collect()).await?;
                let rows = rows.into_iter().map(|(_, row)| row);
                found.extend(rows.filter(|row| row.has("Certificate")));
                looked_at += together.len();
                if looked_at > ROWS || found.len() > CERTIFICATES {
                    return Err(LedgerError::Damaged {
                        detail: format!(
                            "the certificate table has more than {CERTIFICATES} certificates, or {ROWS} rows, of serial number \
                             {serial}: somebody has planted them; delete all but its own"
                        ),
                    });
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }
}

/// The partition of a certificate's own row: its common name, or a CA's name.
fn own_partition<'a>(row: &Row, common_name: &'a str, cas: &'a [KnownCa]) -> &'a str {
    let own = cas
        .iter()
        .find(|ca| ca.serial == row.serial && ca.record.certificate == row.certificate);
    own.map_or_else(|| row::partition(common_name), |ca| ca.record.ca_name.as_str())
}

/// A row, with those of its attributes that can be read.
fn readable(item: &Item, entry: &JournalEntry) -> Row {
    Row::parse(item).unwrap_or_else(|error| {
        tracing::error!(%error, row = super::called(item), "a row cannot be read; the journal is what its certificate is revoked by");
        Row {
            certificate: row::certificate(item).unwrap_or_default(),
            revocation: row::revocation(item),
            ..nothing(entry)
        }
    })
}

fn nothing(entry: &JournalEntry) -> Row {
    Row {
        partition: entry.partition().to_owned(),
        serial: entry.id.serial,
        certificate: Vec::new(),
        notify_expiry: None,
        revocation: None,
        reminders: Vec::new(),
        counts_crls: false,
    }
}
