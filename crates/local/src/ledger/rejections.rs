//! Rejected requests.

use async_trait::async_trait;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{REJECTIONS_KEPT, Rejection, Rejections};
use chancery_x509::time::UnixTime;
use rusqlite::Connection;

use super::SqliteLedger;
use super::fault::Fault;
use super::writer::Writing;

#[async_trait]
impl Rejections for SqliteLedger {
    async fn record(&self, rejection: Rejection) -> Result<(), LedgerError> {
        self.write(move |writing| record_rejection(writing, &rejection)).await
    }

    async fn latest(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        self.read(move |connection| rejections(connection, limit)).await
    }
}

/// Rejections kept. Their ids rise by one, so the age rank of one follows from its id.
#[expect(clippy::cast_possible_wrap, reason = "far below where that matters")]
const KEPT: i64 = REJECTIONS_KEPT as i64;

/// Rejections deleted when one is recorded, at most: one is enough, and a ledger that has accumulated many shrinks in
/// time.
const FORGOTTEN_AT_ONCE: i64 = 32;

/// Records a refused request, and deletes the oldest beyond those kept.
pub(crate) fn record_rejection(writing: &Writing<'_>, rejection: &Rejection) -> Result<(), Fault> {
    writing
        .connection
        .prepare_cached(
            "INSERT INTO rejections (at, principal, common_name, code, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            rejection.at.0,
            &rejection.principal,
            &rejection.common_name,
            &rejection.code,
            &rejection.reason,
        ))?;
    let newest = writing.connection.last_insert_rowid();
    let forgotten = writing
        .connection
        .prepare_cached(
            "DELETE FROM rejections WHERE id IN (SELECT id FROM rejections WHERE id <= ?1 ORDER BY id LIMIT ?2)",
        )?
        .execute((newest - KEPT, FORGOTTEN_AT_ONCE))?;
    let forgotten = i64::try_from(forgotten).unwrap_or(i64::MAX);
    writing.count(|counts| counts.rejected += 1 - forgotten);
    Ok(())
}

/// The newest refused requests.
pub(crate) fn rejections(connection: &Connection, limit: usize) -> Result<Vec<Rejection>, Fault> {
    let rejections = connection
        .prepare_cached("SELECT at, principal, common_name, code, reason FROM rejections ORDER BY id DESC LIMIT ?1")?
        .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            Ok(Rejection {
                at: UnixTime(row.get(0)?),
                principal: row.get(1)?,
                common_name: row.get(2)?,
                code: row.get(3)?,
                reason: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rejections)
}
