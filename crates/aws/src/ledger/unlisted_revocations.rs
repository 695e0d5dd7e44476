//! Revocations that a row has and no list: an operator wrote `Revoked` by hand, as was usual with the Python CA, or the
//! list's item is gone.
//!
//! No list leads to such a row, so the table is scanned, a page at a time, each page continuing where the last one
//! ended. What a page finds is read again, consistently, before it is acted on.

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CertificateRecord, Cursor, LedgerError, Unlisted};
use chancery_authority::publish::is_past;
use chancery_authority::revoke::satisfies;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::item::Item;
use super::tables::{Items, Range, Table};
use super::{DynamoLedger, journal_keys, row};

/// Most rows of a page; DynamoDB ends a page at 1 MB anyway, which is some 400 rows.
const ROWS: i32 = 500;

/// Rows that are checked at a time.
const AT_ONCE: usize = 16;

/// Most damaged rows that are described.
const DESCRIBED: usize = 100;

const REVOKED: &str = "attribute_exists(#Revoked)";

const READ: &str = "#CommonName, #SerialNumber, #Expires, #Issued, #Revoked, #RevocationReason, #InvalidityDate";

/// The result for a revoked row that is on no list.
enum Finding {
    Due(Box<CertificateRecord>),
    Damaged(String),
    /// It belongs to another CA, or is listed where the first check did not read.
    Nothing,
}

impl DynamoLedger {
    pub(super) async fn find_unlisted(&self, issuer: &CaName, at: UnixTime) -> Result<Unlisted, LedgerError> {
        // Until all rows are adopted, every CRL reads the whole table anyway.
        if self.unadopted().await?.is_some() {
            return Ok(Unlisted::default());
        }
        let page = self.rows_marked_revoked(issuer).await?;
        let mut unlisted = Unlisted {
            next: page.next.as_ref().and_then(cursor),
            ..Unlisted::default()
        };
        let mut rows = Vec::new();
        for item in &page.items {
            match row::serial(item) {
                // A role that can change this attribute could remove `Revoked` as well.
                Ok(_) if item.parse("Expires", row::parse_time).is_ok_and(|end| is_past(end, at)) => {}
                Ok(serial) => rows.push((serial, item)),
                Err(error) if self.reports_damage(issuer) => {
                    describe(&mut unlisted, format!("{}: {error}", super::called(item)));
                }
                Err(_) => {}
            }
        }
        let serials: Vec<Serial> = rows.iter().map(|(serial, _)| *serial).collect();
        let listed = self.read_listed(issuer, &serials).await?;
        rows.retain(|(serial, item)| {
            let wanted = row::revocation(item)
                .map(|revocation| revocation.reason)
                .unwrap_or_default();
            !listed
                .get(serial)
                .is_some_and(|listed| satisfies(listed.reason, wanted))
        });
        let looks = rows.iter().map(|(serial, item)| self.examine(issuer, *serial, item));
        let findings: Vec<Finding> = stream::iter(looks.collect::<Vec<_>>())
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        for finding in findings {
            match finding {
                Finding::Due(record) => unlisted.certificates.push(*record),
                Finding::Damaged(what) => describe(&mut unlisted, what),
                Finding::Nothing => {}
            }
        }
        Ok(unlisted)
    }

    /// For a CA that issues leaves, a page of the table. The root issues only CA certificates, whose few rows are known by
    /// name.
    async fn rows_marked_revoked(&self, issuer: &CaName) -> Result<Items, LedgerError> {
        if issuer != self.deployment.root_ca() {
            let after = self.unlisted_position(issuer).await?;
            return self
                .tables
                .scan_portion(Table::Certificates, REVOKED, READ, ROWS, after)
                .await;
        }
        let cas = self.known_cas().await?;
        let mut items = Vec::new();
        for ca in cas.iter() {
            // All of its rows: those of certificates that were renewed among them.
            let rows = self.tables.query(&Range::rows(ca.record.ca_name.as_str())).await?;
            items.extend(rows.into_iter().filter(|row| row.has("Revoked")));
        }
        Ok(Items { items, next: None })
    }

    async fn examine(&self, issuer: &CaName, serial: Serial, row: &Item) -> Result<Finding, LedgerError> {
        match self.examine_row(issuer, serial, row).await? {
            Finding::Damaged(_) if !self.reports_damage(issuer) => Ok(Finding::Nothing),
            finding => Ok(finding),
        }
    }

    /// Whether damaged rows are reported with this CA's: the table is gone through for each CA that issues leaves, and what
    /// is wrong with a row is reported once.
    fn reports_damage(&self, issuer: &CaName) -> bool {
        issuer == self.deployment.root_ca() || issuer == self.deployment.issuing_ca()
    }

    async fn examine_row(&self, issuer: &CaName, serial: Serial, row: &Item) -> Result<Finding, LedgerError> {
        let called = super::called(row);
        let found = match self.find_to_revoke(serial).await {
            Ok(found) => found,
            Err(LedgerError::Damaged { detail }) => return Ok(Finding::Damaged(format!("{called}: {detail}"))),
            Err(error) => return Err(error),
        };
        let Some(found) = found else {
            return if self.reports_damage(issuer) {
                self.examine_unknown(row, called).await
            } else {
                Ok(Finding::Nothing)
            };
        };
        let has_row = |key: &Item| {
            ["CommonName", "SerialNumber"]
                .into_iter()
                .all(|part| key.0.get(part) == row.0.get(part))
        };
        let record = found.record;
        if !found.row_key.as_ref().is_some_and(has_row) || record.revocation.is_none() {
            return Ok(Finding::Damaged(format!(
                "{called} says Revoked, and is not the row of the certificate with that serial number, which is that of {:?}: \
                 write it there, or list the certificate in revoked.json",
                record.common_name
            )));
        }
        if record.id.issuer != *issuer {
            return Ok(Finding::Nothing);
        }
        // The first check did not read the lists of shards.
        if record.shard.is_some() {
            let key = journal_keys::revocation(&record.scope(), serial);
            if self.tables.get(Table::Journal, key).await?.is_some() {
                return Ok(Finding::Nothing);
            }
        }
        Ok(Finding::Due(Box::new(record)))
    }

    /// A row without a known certificate. If its `Certificate` attribute has a value, the serial number is listed for
    /// the issuing CA, as adopting would do. Either case is reported.
    async fn examine_unknown(&self, row: &Item, called: String) -> Result<Finding, LedgerError> {
        let part = |name| row.as_text(name).unwrap_or_default();
        let key = Item::row_key(part("CommonName"), part("SerialNumber"));
        let whole = self.tables.get(Table::Certificates, key).await?.unwrap_or_default();
        if !whole.has("Certificate") {
            return Ok(Finding::Damaged(format!(
                "{called} says Revoked, and there is no certificate of that serial number: compare name and number"
            )));
        }
        self.list_revoked_row(&whole).await?;
        Ok(Finding::Damaged(format!(
            "{called} says Revoked of a certificate that cannot be read; its serial number is listed"
        )))
    }

    /// Where the next page begins. A position that cannot be read starts again from the beginning.
    async fn unlisted_position(&self, issuer: &CaName) -> Result<Option<Item>, LedgerError> {
        let item = self.tables.get(Table::Journal, journal_keys::row_scan(issuer)).await?;
        let after = item.and_then(|item| item.as_text("After").ok().map(str::to_owned));
        let key: Option<(String, String)> = after.and_then(|after| serde_json::from_str(&after).ok());
        Ok(key
            .filter(|(name, serial)| !name.is_empty() && !serial.is_empty())
            .map(|(name, serial)| Item::row_key(name, serial)))
    }

    pub(super) async fn keep_unlisted_position(
        &self,
        issuer: &CaName,
        next: Option<Cursor>,
    ) -> Result<(), LedgerError> {
        // The rows of CAs are read all at once.
        if issuer == self.deployment.root_ca() {
            return Ok(());
        }
        let item = journal_keys::row_scan(issuer).optional_text("After", next.map(|next| next.0));
        self.tables.put(Table::Journal, item).await
    }
}

fn describe(unlisted: &mut Unlisted, what: String) {
    if unlisted.damaged.len() < DESCRIBED {
        unlisted.damaged.push(what);
    }
}

/// The key of the row that ended a page, as a cursor.
fn cursor(key: &Item) -> Option<Cursor> {
    let part = |name| key.as_text(name).ok();
    let position = (part("CommonName")?, part("SerialNumber")?);
    serde_json::to_string(&position).ok().map(Cursor)
}
