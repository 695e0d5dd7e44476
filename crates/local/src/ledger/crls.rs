//! CRL numbers, and the CRLs that were signed.

use chancery_authority::port::keystore::Receipt;
use chancery_authority::port::ledger::{CrlRecord, CrlScope};
use chancery_authority::port::publication::ETag;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension};

use super::certificates::issuer_number;
use super::fault::{Fault, damaged};
use super::records::unsigned;
use super::revocations::shard_number;
use super::writer::Writing;

/// Gives out the next number of a scope: one more than the last, and never below the floor that a restore has set.
/// Answers the scope's number of the issuer, too.
pub(crate) fn reserve_number(writing: &Writing<'_>, scope: &CrlScope) -> Result<(u64, i64), Fault> {
    let issuer = writing.issuer(&scope.issuer)?;
    let number: i64 = writing
        .connection
        .prepare_cached(
            "INSERT INTO crl_numbers (issuer, shard, number)
             VALUES (?1, ?2, max(1, coalesce((SELECT value FROM properties WHERE name = 'crl_number_floor'), 1)))
             ON CONFLICT (issuer, shard) DO UPDATE SET number = max(number + 1, excluded.number)
             RETURNING number",
        )?
        .query_row((issuer, shard_number(scope.shard)), |row| row.get(0))?;
    let number = u64::try_from(number).map_err(|_| damaged(format!("crl_numbers: {number} is no CRL number")))?;
    Ok((number, issuer))
}

/// Lets no CRL number below `floor` be given out from now on.
pub(crate) fn raise_floor(connection: &Connection, floor: i64) -> Result<(), Fault> {
    connection.execute(
        "INSERT INTO properties (name, value) VALUES ('crl_number_floor', ?1)
         ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        [floor],
    )?;
    Ok(())
}

/// Records a signed CRL.
pub(crate) fn complete(writing: &Writing<'_>, crl: &CrlRecord) -> Result<(), Fault> {
    let number = stored_number(crl.number)?;
    let entries = i64::try_from(crl.entries).unwrap_or(i64::MAX);
    let issuer = writing.issuer(&crl.scope.issuer)?;
    writing.connection.execute(
        "INSERT OR REPLACE INTO crls (issuer, shard, number, this_update, next_update, entries, digest, receipt, etag)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            issuer,
            shard_number(crl.scope.shard),
            number,
            crl.this_update.0,
            crl.next_update.0,
            entries,
            &crl.digest,
            &crl.receipt.0,
            crl.published.as_ref().map(|etag| &etag.0),
        ),
    )?;
    Ok(())
}

/// Records under which version a CRL was published.
pub(crate) fn published(writing: &Writing<'_>, scope: &CrlScope, number: u64, etag: &ETag) -> Result<(), Fault> {
    let changed = match writing.known_issuer(&scope.issuer)? {
        None => 0,
        Some(issuer) => writing.connection.execute(
            "UPDATE crls SET etag = ?4 WHERE issuer = ?1 AND shard = ?2 AND number = ?3",
            (issuer, shard_number(scope.shard), stored_number(number)?, &etag.0),
        )?,
    };
    match changed {
        0 => Err(damaged(format!(
            "CRL number {number} of {} was published, but is not recorded",
            scope.issuer
        ))),
        _ => Ok(()),
    }
}

fn stored_number(number: u64) -> Result<i64, Fault> {
    i64::try_from(number).map_err(|_| damaged(format!("CRL number {number} was never given out")))
}

/// The signed CRL of the highest number.
pub(crate) fn latest(connection: &Connection, scope: &CrlScope) -> Result<Option<CrlRecord>, Fault> {
    let Some(issuer) = issuer_number(connection, &scope.issuer)? else {
        return Ok(None);
    };
    let crl = connection
        .prepare_cached(
            "SELECT number, this_update, next_update, entries, digest, receipt, etag FROM crls
             WHERE issuer = ?1 AND shard = ?2 ORDER BY number DESC LIMIT 1",
        )?
        .query_row((issuer, shard_number(scope.shard)), |row| {
            Ok(CrlRecord {
                scope: scope.clone(),
                number: unsigned(row, 0)?,
                this_update: UnixTime(row.get(1)?),
                next_update: UnixTime(row.get(2)?),
                entries: unsigned(row, 3)?,
                digest: row.get(4)?,
                receipt: Receipt(row.get(5)?),
                published: row.get::<_, Option<String>>(6)?.map(ETag),
            })
        })
        .optional()?;
    Ok(crl)
}
