//! Reminders of certificates that end soon.

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{Cursor, Page, Reminders};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::Connection;

use super::SqliteLedger;
use super::certificate_row::by_id;
use super::fault::Fault;
use super::search::MAX_PAGE;
use super::writer::Writing;

#[async_trait]
impl Reminders for SqliteLedger {
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        let after = after.cloned();
        self.read(move |connection| expiring(connection, (from, to), after.as_ref(), limit))
            .await
    }

    async fn record(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        let issuer = issuer.clone();
        self.write(move |writing| record_reminder(writing, &issuer, serial, at))
            .await
    }
}

/// Certificates with expiry reminders, ordered by expiry. One that cannot be read is logged and left out.
pub(crate) fn expiring(
    connection: &Connection,
    (from, to): (UnixTime, UnixTime),
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, Fault> {
    let start = |cursor: &Cursor| {
        let (not_after, id) = cursor
            .0
            .split_once('.')
            .ok_or_else(|| LedgerError::foreign_cursor(cursor))?;
        not_after
            .parse::<i64>()
            .ok()
            .zip(id.parse::<i64>().ok())
            .ok_or_else(|| LedgerError::foreign_cursor(cursor))
    };
    let (after_time, after_id) = after.map(start).transpose()?.unwrap_or((from.0, i64::MIN));
    let limit = limit.clamp(1, MAX_PAGE);
    let mut found: Vec<(i64, i64)> = connection
        .prepare_cached(
            "SELECT not_after, id FROM certificates INDEXED BY certificates_to_remind
             WHERE notify_expiry = 1 AND issued_at IS NOT NULL AND not_after >= ?1 AND not_after < ?2
                 AND (not_after, id) > (?3, ?4)
             ORDER BY not_after, id LIMIT ?5",
        )?
        .query_map(
            (
                from.0.max(after_time),
                to.0,
                after_time,
                after_id,
                i64::try_from(limit).unwrap_or(i64::MAX) + 1,
            ),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect::<Result<_, _>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(not_after, id)| Cursor(format!("{not_after}.{id}")));
    let mut certificates = Vec::with_capacity(found.len());
    for (_, id) in found {
        match by_id(connection, id) {
            Ok(record) => certificates.push(record),
            Err(Fault::Ledger(error)) => tracing::error!(%error, "a certificate gets no reminder"),
            Err(other) => return Err(other),
        }
    }
    Ok(Page { certificates, next })
}

/// Records a reminder; recording the same one again changes nothing.
pub(crate) fn record_reminder(
    writing: &Writing<'_>,
    issuer: &CaName,
    serial: Serial,
    at: UnixTime,
) -> Result<(), Fault> {
    let certificate = "SELECT 1 FROM certificates c JOIN issuers i ON i.id = c.issuer
                       WHERE c.serial = ?1 AND i.slug = ?2 AND c.issued_at IS NOT NULL";
    if !writing
        .connection
        .prepare_cached(certificate)?
        .exists((serial.as_padded(), issuer.as_str()))?
    {
        return Err(LedgerError::NotFound(serial).into());
    }
    writing.connection.execute(
        "INSERT OR IGNORE INTO reminders (certificate, at)
         SELECT c.id, ?3 FROM certificates c JOIN issuers i ON i.id = c.issuer WHERE c.serial = ?1 AND i.slug = ?2",
        (serial.as_padded(), issuer.as_str(), at.0),
    )?;
    Ok(())
}
