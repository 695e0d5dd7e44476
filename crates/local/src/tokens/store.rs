//! Tokens as rows of the ledger.

use aws_lc_rs::{constant_time, digest as sha2};
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, Row};

use super::TokenRecord;
use crate::ledger::fault::{Fault, damaged};
use crate::ledger::writer::Writing;

/// SHA-256 of a secret.
pub(super) type Digest = [u8; 32];

pub(super) fn digest(secret: &[u8]) -> Digest {
    let mut octets = [0; 32];
    octets.copy_from_slice(sha2::digest(&sha2::SHA256, secret).as_ref());
    octets
}

/// Compares in constant time.
pub(super) fn is_same(one: &Digest, other: &Digest) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

macro_rules! select_tokens {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, scopes, created_at, expires_at, last_used_at, revoked_at, digest FROM api_tokens ",
            $rest
        )
    };
}

pub(super) fn insert(writing: &Writing<'_>, record: &TokenRecord, digest: &Digest) -> Result<(), Fault> {
    writing.connection.execute(
        "INSERT INTO api_tokens (id, name, scopes, digest, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            &record.id,
            &record.name,
            record.scopes.to_string(),
            digest,
            record.created_at.0,
            record.expires_at.map(|end| end.0),
        ),
    )?;
    forget(writing, record.created_at)
}

/// Expired and revoked tokens kept, so that the operator can see what became of one.
const ENDED_KEPT: i64 = 1_000;

/// Most tokens deleted when one is created.
const FORGOTTEN_AT_ONCE: i64 = 32;

/// Deletes tokens that ended first. The last ones to end are kept: a clock that is ahead may only make them look
/// expired.
fn forget(writing: &Writing<'_>, now: UnixTime) -> Result<(), Fault> {
    writing.connection.execute(
        "DELETE FROM api_tokens WHERE id IN
             (SELECT id FROM (SELECT id, min(coalesce(revoked_at, expires_at), coalesce(expires_at, revoked_at)) AS ended
                              FROM api_tokens)
              WHERE ended <= ?1 ORDER BY ended DESC, id LIMIT ?3 OFFSET ?2)",
        (now.0, ENDED_KEPT, FORGOTTEN_AT_ONCE),
    )?;
    Ok(())
}

pub(super) fn find(connection: &Connection, id: &str) -> Result<Option<(TokenRecord, Digest)>, Fault> {
    let mut statement = connection.prepare_cached(select_tokens!("WHERE id = ?1"))?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let record = record(row)?;
    let digest = row.get(7)?;
    Ok(Some((record, digest)))
}

pub(super) fn list(connection: &Connection) -> Result<Vec<TokenRecord>, Fault> {
    let mut statement = connection.prepare_cached(select_tokens!("ORDER BY created_at, id"))?;
    let mut rows = statement.query([])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(row)?);
    }
    Ok(records)
}

pub(super) fn revoke(writing: &Writing<'_>, id: &str, now: UnixTime) -> Result<Option<TokenRecord>, Fault> {
    writing.connection.execute(
        "UPDATE api_tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
        (id, now.0),
    )?;
    Ok(find(writing.connection, id)?.map(|(record, _)| record))
}

pub(super) fn note_use(writing: &Writing<'_>, id: &str, now: UnixTime) -> Result<(), Fault> {
    writing
        .connection
        .execute("UPDATE api_tokens SET last_used_at = ?2 WHERE id = ?1", (id, now.0))?;
    Ok(())
}

fn record(row: &Row<'_>) -> Result<TokenRecord, Fault> {
    let id: String = row.get(0)?;
    let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(UnixTime));
    let scopes: String = row.get(2)?;
    Ok(TokenRecord {
        name: row.get(1)?,
        scopes: scopes
            .parse()
            .map_err(|error| damaged(format!("token {id}: {error}")))?,
        created_at: UnixTime(row.get(3)?),
        expires_at: time(4)?,
        last_used_at: time(5)?,
        revoked_at: time(6)?,
        id,
    })
}
