//! Freezing.

use async_trait::async_trait;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{Freezes, Frozen, Statement, Thaw, Thawing};
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension as _};

use super::SqliteLedger;
use super::fault::Fault;
use super::writer::Writing;

#[async_trait]
impl Freezes for SqliteLedger {
    async fn freeze(&self, freeze: Statement) -> Result<(), LedgerError> {
        self.write(move |writing| {
            check(writing.connection)?;
            writing.connection.execute(
                "INSERT INTO freezes (at, principal, reason) VALUES (?1, ?2, ?3)",
                (freeze.at.0, &freeze.principal, &freeze.reason),
            )?;
            Ok(())
        })
        .await
    }

    async fn thaw(&self, thaw: Thaw) -> Result<Thawing, LedgerError> {
        self.write(move |writing| self::thaw(writing, &thaw)).await
    }

    async fn frozen(&self) -> Result<Option<Frozen>, LedgerError> {
        self.read(|connection| Ok(lasting(connection)?.map(|(_, frozen)| frozen)))
            .await
    }
}

/// Refuses where issuance is frozen.
pub(super) fn check(connection: &Connection) -> Result<(), Fault> {
    match lasting(connection)? {
        None => Ok(()),
        Some((_, frozen)) => Err(LedgerError::Frozen(frozen.by).into()),
    }
}

fn lasting(connection: &Connection) -> Result<Option<(i64, Frozen)>, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT id, at, principal, reason, thaw_asked_at, thaw_asked_by, thaw_asked_reason FROM freezes
             WHERE thawed_at IS NULL ORDER BY id LIMIT 1",
        )?
        .query_row([], |row| {
            let asked: Option<i64> = row.get(4)?;
            let thaw_asked = asked
                .map(|at| -> rusqlite::Result<Statement> {
                    Ok(Statement {
                        at: UnixTime(at),
                        principal: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
                        reason: row.get::<_, Option<String>>(6)?.unwrap_or_default(),
                    })
                })
                .transpose()?;
            let by = Statement {
                at: UnixTime(row.get(1)?),
                principal: row.get(2)?,
                reason: row.get(3)?,
            };
            Ok((row.get(0)?, Frozen { by, thaw_asked }))
        })
        .optional()?;
    Ok(found)
}

fn thaw(writing: &Writing<'_>, thaw: &Thaw) -> Result<Thawing, Fault> {
    let (id, frozen) = lasting(writing.connection)?.ok_or(LedgerError::NotFrozen)?;
    let Thaw { by, alone } = thaw;
    if frozen.is_thawed_by(thaw) {
        writing.connection.execute(
            "UPDATE freezes SET thawed_at = ?2, thawed_by = ?3, thawed_reason = ?4, thawed_alone = ?5 WHERE id = ?1",
            (id, by.at.0, &by.principal, &by.reason, alone),
        )?;
        return Ok(Thawing::Thawed);
    }
    writing.connection.execute(
        "UPDATE freezes SET thaw_asked_at = ?2, thaw_asked_by = ?3, thaw_asked_reason = ?4 WHERE id = ?1",
        (id, by.at.0, &by.principal, &by.reason),
    )?;
    Ok(Thawing::Asked)
}
