//! The other records: CAs, rejections, reminders, counts.

use std::collections::HashSet;

use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::keystore::KeyName;
use chancery_authority::port::ledger::{AuthorityRecord, Counts, REJECTIONS_KEPT, Rejection};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, Row};

use super::fault::{Fault, damaged};
use super::issuers;
use super::writer::Writing;

/// Every CA whose certificate was issued, parents before children.
pub(crate) fn authorities(connection: &Connection) -> Result<Vec<AuthorityRecord>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT a.slug, a.parent, a.key, c.der FROM authorities a JOIN certificates c ON c.id = a.certificate
         WHERE c.issued_at IS NOT NULL ORDER BY c.id",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let ca_name =
            |text: String| CaName::new(text).map_err(|error| damaged(format!("a row of authorities: {error}")));
        found.push(AuthorityRecord {
            status: issuers::status(connection, &row.get::<_, String>(0)?)?,
            ca_name: ca_name(row.get(0)?)?,
            parent: row.get::<_, Option<String>>(1)?.map(ca_name).transpose()?,
            key: KeyName(row.get(2)?),
            certificate: row.get(3)?,
        });
    }
    Ok(parents_first(found))
}

/// Keeps the order, except that a child moves behind its parent. A parent that is missing is not waited for.
fn parents_first(mut waiting: Vec<AuthorityRecord>) -> Vec<AuthorityRecord> {
    let mut missing: HashSet<CaName> = waiting.iter().map(|ca| ca.ca_name.clone()).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = |ca: &AuthorityRecord| ca.parent.as_ref().is_none_or(|parent| !missing.contains(parent));
        // CAs that are each other's parents never become ready: take the first.
        let next = waiting.iter().position(ready).unwrap_or(0);
        let ca = waiting.remove(next);
        missing.remove(&ca.ca_name);
        ordered.push(ca);
    }
    ordered
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

/// Counts, updated in every transaction.
pub(crate) fn counts(connection: &Connection) -> Result<Counts, Fault> {
    let counts = connection
        .prepare_cached("SELECT issued, revoked, open_intents, rejected FROM counts")?
        .query_row([], |row| {
            Ok(Counts {
                issued: unsigned(row, 0)?,
                revoked: unsigned(row, 1)?,
                open_intents: unsigned(row, 2)?,
                rejected: unsigned(row, 3)?,
            })
        })?;
    Ok(counts)
}

/// A column that is never negative; SQLite has signed integers only.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ca(ca_name: &str, parent: Option<&str>) -> AuthorityRecord {
        AuthorityRecord {
            status: chancery_authority::port::ledger::IssuerStatus::default(),
            ca_name: CaName::new(ca_name).unwrap(),
            parent: parent.map(|parent| CaName::new(parent).unwrap()),
            key: KeyName(ca_name.into()),
            certificate: Vec::new(),
        }
    }

    #[test]
    fn parents_come_first_whatever_the_order_of_recording() {
        let recorded = vec![
            ca("grandchild", Some("child")),
            ca("other", Some("gone")),
            ca("child", Some("root")),
            ca("root", None),
        ];
        let ordered = parents_first(recorded);
        let ca_names: Vec<_> = ordered.iter().map(|ca| ca.ca_name.as_str()).collect();
        assert_eq!(ca_names, ["other", "root", "child", "grandchild"]);
    }

    #[test]
    fn parents_in_a_circle_come_to_an_end() {
        let ordered = parents_first(vec![ca("one", Some("two")), ca("two", Some("one"))]);
        assert_eq!(ordered.len(), 2);
    }
}
