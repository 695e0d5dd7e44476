//! CRL numbers, and the signed CRLs.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chancery_authority::port::LedgerError;
use chancery_authority::port::keystore::Receipt;
use chancery_authority::port::ledger::{
    AttemptOrigin, AttemptPosition, CRLS_KEPT, ChangeMark, CrlIntent, CrlPlan, CrlRecord, CrlReservation, CrlScope,
    CrlState, CrlUse, Crls, Outcome,
};
use chancery_authority::port::publication::ETag;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::certificate_row::issuer_number;
use super::crl_entries::Spool;
use super::crl_uses::{record_use, uses};
use super::fault::{Fault, damaged};
use super::monitoring::unsigned;
use super::shard::shard_number;
use super::writer::Writing;
use super::{SqliteLedger, attempts, begin_snapshot, schema};

#[async_trait]
impl Crls for SqliteLedger {
    /// Number and view are taken in one transaction, so that a higher number never has an older view: a serial number
    /// that is on a CRL is on every later one.
    async fn reserve(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError> {
        let path = Arc::clone(&self.0.path);
        let snapshot = self.read(move |_| schema::open_reader(&path)).await?;
        // Shared with the writing thread: its transaction may be run twice, and the second run takes the view again.
        let snapshot = Arc::new(Mutex::new(snapshot));
        let (scope, view) = (scope.clone(), Arc::clone(&snapshot));
        let shard = shard_number(scope.shard);
        let reserved = self.write(move |writing| {
            let (reserved, issuer) = reserve_number(writing, &scope, &plan)?;
            let view = view.lock().unwrap_or_else(PoisonError::into_inner);
            // The write lock is held: no commit comes between this view and the number.
            begin_snapshot(&view)?;
            // Read from the view, not in the transaction: that sees uncommitted changes of its group, which the view
            // does not list.
            let mark = mark(&view, issuer, shard)?;
            Ok((reserved, issuer, mark))
        });
        let ((number, not_believed), issuer, mark) = reserved.await?;
        let folder = self.path().parent().unwrap_or(Path::new(".")).to_owned();
        let copied = self.read(move |_| {
            let snapshot = snapshot.lock().unwrap_or_else(PoisonError::into_inner);
            Spool::copy(&snapshot, (issuer, shard), &plan, &folder)
        });
        Ok(CrlReservation {
            number,
            not_believed,
            mark,
            revocations: Box::new(copied.await?),
        })
    }

    async fn intend(&self, intent: CrlIntent, attempt: AttemptOrigin) -> Result<(), LedgerError> {
        let attempt = intent.first_attempt(attempt);
        self.write(move |writing| {
            intend(writing, &intent)?;
            attempts::insert(writing, &attempt)
        })
        .await
    }

    async fn open_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        let scope = scope.clone();
        self.read(move |connection| open_intents(connection, &scope, limit))
            .await
    }

    async fn complete(&self, crl: CrlRecord, attempt: AttemptPosition) -> Result<(), LedgerError> {
        self.write(move |writing| {
            complete(writing, &crl)?;
            let outcome = Outcome::Signed(crl.receipt.clone());
            attempts::conclude(writing.connection, attempt, &outcome, crl.made_at)?;
            Ok(())
        })
        .await
    }

    async fn mark_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        let scope = scope.clone();
        self.write(move |writing| published(writing, &scope, number, &etag))
            .await
    }

    async fn state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        let scope = scope.clone();
        self.read(move |connection| read_state(connection, &scope, at_most))
            .await
    }

    async fn record_use(&self, used: CrlUse) -> Result<(), LedgerError> {
        self.write(move |writing| record_use(writing.connection, writing.issuer(&used.scope.issuer)?, &used))
            .await
    }

    async fn uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        self.read(uses).await
    }
}

/// Gives out the next number of a scope: one more than the last number, than `plan.above`, and at least the floor that
/// a restore has set. A last number or a floor above `plan.at_most` is ignored as implausible. Returns the number, the
/// highest one ignored, and the row id of the issuer.
pub(crate) fn reserve_number(
    writing: &Writing<'_>,
    scope: &CrlScope,
    plan: &CrlPlan,
) -> Result<((u64, Option<u64>), i64), Fault> {
    let (issuer, shard) = (writing.issuer(&scope.issuer)?, shard_number(scope.shard));
    let connection = writing.connection;
    let counted: Option<i64> = connection
        .prepare_cached("SELECT number FROM crl_numbers WHERE issuer = ?1 AND shard = ?2")?
        .query_row((issuer, shard), |row| row.get(0))
        .optional()?;
    let floor: Option<i64> = connection
        .prepare_cached("SELECT value FROM properties WHERE name = 'crl_number_floor'")?
        .query_row((), |row| row.get(0))
        .optional()?;
    // A negative number was never counted to: as `u64::MAX` it is above every plausible bound.
    let counted = counted.map_or(0, |number| u64::try_from(number).unwrap_or(u64::MAX));
    let floor = floor.map_or(0, |number| u64::try_from(number).unwrap_or(u64::MAX));
    let (believed, not_believed): (Vec<u64>, Vec<u64>) = [counted, floor.saturating_sub(1)]
        .into_iter()
        .partition(|number| *number <= plan.at_most);
    let number = believed.into_iter().fold(plan.above, u64::max).saturating_add(1);
    connection
        .prepare_cached(
            "INSERT INTO crl_numbers (issuer, shard, number) VALUES (?1, ?2, ?3)
             ON CONFLICT (issuer, shard) DO UPDATE SET number = excluded.number",
        )?
        .execute((issuer, shard, stored_number(number)?))?;
    Ok(((number, not_believed.into_iter().max()), issuer))
}

/// Marks that the revocations of a scope have changed, in the transaction of the change.
pub(crate) fn mark_change(connection: &Connection, issuer: i64, shard: i64) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO crl_changes (issuer, shard, changes, changed_at) VALUES (?1, ?2, 1, unixepoch())
             ON CONFLICT (issuer, shard) DO UPDATE SET changes = changes + 1, changed_at = coalesce(changed_at, unixepoch())",
        )?
        .execute((issuer, shard))?;
    Ok(())
}

/// The change mark of a scope as that connection sees it: it describes a list read on the same connection in the same
/// transaction.
pub(crate) fn mark(connection: &Connection, issuer: i64, shard: i64) -> Result<ChangeMark, Fault> {
    let changes: Option<i64> = connection
        .prepare_cached("SELECT changes FROM crl_changes WHERE issuer = ?1 AND shard = ?2")?
        .query_row((issuer, shard), |row| row.get(0))
        .optional()?;
    Ok(ChangeMark(changes.unwrap_or(0).to_string()))
}

/// Records a CRL that is about to be signed.
pub(crate) fn intend(writing: &Writing<'_>, intent: &CrlIntent) -> Result<(), Fault> {
    let (issuer, shard) = (writing.issuer(&intent.scope.issuer)?, shard_number(intent.scope.shard));
    let number = stored_number(intent.number)?;
    let connection = writing.connection;
    let known: Option<Vec<u8>> = connection
        .prepare_cached("SELECT signing_input FROM crl_intents WHERE issuer = ?1 AND shard = ?2 AND number = ?3")?
        .query_row((issuer, shard, number), |row| row.get(0))
        .optional()?;
    let other = match known {
        Some(known) if known == intent.signing_input => return Ok(()),
        Some(_) => true,
        None => {
            oldest_kept(connection, issuer, shard, number.saturating_add(FAR))?.is_some_and(|oldest| number < oldest)
                || connection
                    .prepare_cached("SELECT 1 FROM crls WHERE issuer = ?1 AND shard = ?2 AND number = ?3")?
                    .exists((issuer, shard, number))?
        }
    };
    if other {
        return Err(LedgerError::CrlNumberTaken {
            issuer: intent.scope.issuer.clone(),
            number: intent.number,
        }
        .into());
    }
    connection
        .prepare_cached(
            "INSERT INTO crl_intents (issuer, shard, number, signing_input, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((issuer, shard, number, &intent.signing_input, intent.at.0))?;
    Ok(())
}

/// Intents whose CRL was never recorded, newest first.
pub(crate) fn open_intents(connection: &Connection, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, Fault> {
    let Some(issuer) = issuer_number(connection, &scope.issuer)? else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(
        "SELECT number, signing_input, at FROM crl_intents AS i WHERE issuer = ?1 AND shard = ?2 AND NOT EXISTS
             (SELECT 1 FROM crls WHERE issuer = i.issuer AND shard = i.shard AND number = i.number)
         ORDER BY number DESC LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let intents = statement.query_map((issuer, shard_number(scope.shard), limit), |row| {
        Ok(CrlIntent {
            scope: scope.clone(),
            number: unsigned(row, 0)?,
            signing_input: row.get(1)?,
            at: UnixTime(row.get(2)?),
        })
    })?;
    Ok(intents.collect::<Result<_, _>>()?)
}

/// From now on no CRL number below `floor` is given out.
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
    let (issuer, shard) = (writing.issuer(&crl.scope.issuer)?, shard_number(crl.scope.shard));
    let intended = writing
        .connection
        .prepare_cached("SELECT 1 FROM crl_intents WHERE issuer = ?1 AND shard = ?2 AND number = ?3")?
        .exists((issuer, shard, number))?;
    if !intended {
        return Err(unknown(&crl.scope, crl.number));
    }
    writing.connection.execute(
        "INSERT OR REPLACE INTO crls
             (issuer, shard, number, made_at, this_update, next_update, entries, digest, receipt, changes, etag)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            issuer,
            shard,
            number,
            crl.made_at.0,
            crl.this_update.0,
            crl.next_update.0,
            entries,
            &crl.digest,
            &crl.receipt.0,
            crl.mark.as_ref().map(|mark| &mark.0),
            crl.published.as_ref().map(|etag| &etag.0),
        ),
    )?;
    forget(writing.connection, issuer, shard, number)
}

/// Most rows of each kind deleted when a CRL is recorded: one is enough, and a ledger that has accumulated many shrinks
/// in time.
const FORGOTTEN_AT_ONCE: i64 = 32;

/// How far above a number others are considered: what is further off comes from damage, not from counting.
const FAR: i64 = 1 << 20;

/// The lowest of a scope's newest `CRLS_KEPT` numbers up to `newest`: CRLs below it may be gone. `None` where there are
/// fewer.
fn oldest_kept(connection: &Connection, issuer: i64, shard: i64, newest: i64) -> Result<Option<i64>, Fault> {
    let before = i64::try_from(CRLS_KEPT - 1).unwrap_or(i64::MAX);
    let oldest = connection
        .prepare_cached(
            "SELECT number FROM crl_intents WHERE issuer = ?1 AND shard = ?2 AND number <= ?4
             ORDER BY number DESC LIMIT 1 OFFSET ?3",
        )?
        .query_row((issuer, shard, before, newest), |row| row.get(0))
        .optional()?;
    Ok(oldest)
}

/// Deletes the oldest CRLs of a scope: a thousand shards would accumulate gigabytes. The newest published CRL stays,
/// however many were signed since: a restore needs it, and so does the decision which CRLs are due.
fn forget(connection: &Connection, issuer: i64, shard: i64, newest: i64) -> Result<(), Fault> {
    let Some(oldest) = oldest_kept(connection, issuer, shard, newest)? else {
        return Ok(());
    };
    connection
        .prepare_cached(
            "DELETE FROM crls WHERE issuer = ?1 AND shard = ?2 AND number IN
                 (SELECT number FROM crls WHERE issuer = ?1 AND shard = ?2 AND number < ?3 AND number IS NOT
                     (SELECT number FROM crls WHERE issuer = ?1 AND shard = ?2 AND etag IS NOT NULL AND number <= ?5
                      ORDER BY number DESC LIMIT 1)
                  ORDER BY number LIMIT ?4)",
        )?
        .execute((issuer, shard, oldest, FORGOTTEN_AT_ONCE, newest))?;
    connection
        .prepare_cached(
            "DELETE FROM crl_intents WHERE issuer = ?1 AND shard = ?2 AND number IN
                 (SELECT number FROM crl_intents WHERE issuer = ?1 AND shard = ?2 AND number < ?3 ORDER BY number LIMIT ?4)",
        )?
        .execute((issuer, shard, oldest, FORGOTTEN_AT_ONCE))?;
    Ok(())
}

/// Records the `ETag` under which a CRL was published.
pub(crate) fn published(writing: &Writing<'_>, scope: &CrlScope, number: u64, etag: &ETag) -> Result<(), Fault> {
    let changed = match writing.known_issuer(&scope.issuer)? {
        None => 0,
        Some(issuer) => {
            let (shard, number) = (shard_number(scope.shard), stored_number(number)?);
            let changed = writing.connection.execute(
                "UPDATE crls SET etag = ?4 WHERE issuer = ?1 AND shard = ?2 AND number = ?3",
                (issuer, shard, number, &etag.0),
            )?;
            // Changes that it does not cover happened after it was made.
            writing.connection.execute(
                "UPDATE crl_changes SET changed_at =
                     CASE WHEN crls.changes = CAST(crl_changes.changes AS TEXT) THEN NULL
                          ELSE max(coalesce(crl_changes.changed_at, crls.made_at), crls.made_at) END
                 FROM crls WHERE crls.issuer = ?1 AND crls.shard = ?2 AND crls.number = ?3
                     AND crl_changes.issuer = ?1 AND crl_changes.shard = ?2",
                (issuer, shard, number),
            )?;
            changed
        }
    };
    match changed {
        0 => Err(unknown(scope, number)),
        _ => Ok(()),
    }
}

fn unknown(scope: &CrlScope, number: u64) -> Fault {
    LedgerError::UnknownCrl {
        issuer: scope.issuer.clone(),
        number,
    }
    .into()
}

fn stored_number(number: u64) -> Result<i64, Fault> {
    i64::try_from(number).map_err(|_| damaged(format!("CRL number {number} was never given out")))
}

const COLUMNS: &str =
    "number, coalesce(made_at, this_update), this_update, next_update, entries, digest, receipt, changes, etag";

fn read(row: &Row<'_>, scope: &CrlScope) -> Result<CrlRecord, rusqlite::Error> {
    Ok(CrlRecord {
        scope: scope.clone(),
        number: unsigned(row, 0)?,
        made_at: UnixTime(row.get(1)?),
        this_update: UnixTime(row.get(2)?),
        next_update: UnixTime(row.get(3)?),
        entries: unsigned(row, 4)?,
        digest: row.get(5)?,
        receipt: Receipt(row.get(6)?),
        mark: row.get::<_, Option<String>>(7)?.map(ChangeMark),
        published: row.get::<_, Option<String>>(8)?.map(ETag),
    })
}

/// The state of a scope's CRLs up to number `at_most`. The statements share no transaction; their order keeps the
/// result safe.
pub(crate) fn read_state(connection: &Connection, scope: &CrlScope, at_most: u64) -> Result<CrlState, Fault> {
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let Some(issuer) = issuer_number(connection, &scope.issuer)? else {
        return Ok(CrlState {
            mark: ChangeMark("0".into()),
            ..CrlState::default()
        });
    };
    let shard = shard_number(scope.shard);
    let newest = |condition: &str| {
        connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM crls WHERE issuer = ?1 AND shard = ?2 AND number <= ?3 {condition}
                 ORDER BY number DESC LIMIT 1"
            ))?
            .query_row((issuer, shard, at_most), |row| read(row, scope))
            .optional()
    };
    // The mark first: a revocation that is recorded after it is not taken for covered.
    let mark = mark(connection, issuer, shard)?;
    let latest = newest("")?;
    let published = match &latest {
        Some(crl) if crl.published.is_some() => latest.clone(),
        _ => newest("AND etag IS NOT NULL")?,
    };
    let intended: Option<i64> = connection
        .prepare_cached("SELECT max(number) FROM crl_intents WHERE issuer = ?1 AND shard = ?2 AND number <= ?3")?
        .query_row((issuer, shard, at_most), |row| row.get(0))?;
    let intended = intended.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    let changed_at: Option<Option<i64>> = connection
        .prepare_cached("SELECT changed_at FROM crl_changes WHERE issuer = ?1 AND shard = ?2")?
        .query_row((issuer, shard), |row| row.get(0))
        .optional()?;
    Ok(CrlState {
        mark,
        changed_at: changed_at.flatten().map(UnixTime),
        number: latest.as_ref().map_or(0, |crl| crl.number).max(intended),
        latest,
        published,
    })
}
