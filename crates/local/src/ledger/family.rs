//! Families: the certificates of one key, and those that descend from them by renewal.
//!
//! Descendants are found through the index of predecessors, ancestors through primary keys. A line of renewals has at
//! most [`RENEWALS`] links, which bounds every recursion.

use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{
    CertificateIntent, FamilyPosition, IntentId, NotRenewable, RENEWALS, REVOKED_TOGETHER, Reach, Related, Revocation,
    Revoked, RevokedTogether, UNREADABLE_REPORTED, UnfinishedFamilies, UnfinishedFamily, UnreadableRow,
    compromises_key,
};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension, Row, Rows};

use super::certificate_row::{IntentState, by_id, padded_serial, row_by_serial};
use super::fault::{Fault, damaged};
use super::position::{IssuerCertificates, ListPosition};
use super::writer::Writing;
use super::{lost, revocation_rows};

/// `family`: every certificate and open intent of the key `?1`, and all their descendants.
macro_rules! family {
    ($query:literal) => {
        concat!(
            "WITH RECURSIVE family (id) AS (
                 SELECT id FROM certificates WHERE key = ?1 AND lost_at IS NULL
                 UNION
                 SELECT c.id FROM family f CROSS JOIN certificates c ON c.predecessor = f.id
                     WHERE c.predecessor IS NOT NULL AND c.lost_at IS NULL
             ) ",
            $query
        )
    };
}

/// The row that an intent renews.
#[derive(Clone, Copy)]
pub(crate) struct Predecessor {
    pub(crate) id: i64,
    /// Renewals in the line that leads to the successor, its own included.
    pub(crate) renewals: u32,
}

/// The row that an intent renews, or an error where it may not be renewed; `None` where the intent renews nothing.
pub(crate) fn predecessor(writing: &Writing<'_>, intent: &CertificateIntent) -> Result<Option<Predecessor>, Fault> {
    let Some(renewed) = &intent.renews else { return Ok(None) };
    let connection = writing.connection;
    let serial = renewed.serial;
    let refused = |why| Err(LedgerError::NotRenewable { serial, why }.into());
    let row = match writing.known_issuer(&renewed.issuer)? {
        Some(issuer) => row_by_serial(connection, Some(issuer), serial)?,
        None => None,
    };
    let row = row
        .filter(|row| row.state == IntentState::Issued)
        .ok_or(LedgerError::NotFound(serial))?;
    if let Some(revoked) = revoked_ancestor(connection, row.id)? {
        return refused(NotRenewable::Revoked(revoked));
    }
    if is_blocked(connection, row.record.key)? {
        return refused(NotRenewable::KeyBlocked);
    }
    let renewals: u32 = connection
        .prepare_cached("SELECT renewals FROM certificates WHERE id = ?1")?
        .query_row([row.id], |row| row.get(0))?;
    if renewals >= RENEWALS {
        return refused(NotRenewable::TooOften);
    }
    if let Some((successor, until)) = successor(connection, row.id, intent.at)? {
        return refused(NotRenewable::Renewed { successor, until });
    }
    Ok(Some(Predecessor {
        id: row.id,
        renewals: renewals + 1,
    }))
}

/// The nearest revoked certificate among this one and its ancestors.
fn revoked_ancestor(connection: &Connection, id: i64) -> Result<Option<Serial>, Fault> {
    let found: Option<Vec<u8>> = connection
        .prepare_cached(
            "WITH RECURSIVE line (id, predecessor) AS (
                 SELECT id, predecessor FROM certificates WHERE id = ?1
                 UNION
                 SELECT c.id, c.predecessor FROM line l CROSS JOIN certificates c ON c.id = l.predecessor
             )
             SELECT c.serial FROM line l JOIN revocations r ON r.certificate = l.id JOIN certificates c ON c.id = l.id
             LIMIT 1",
        )?
        .query_row([id], |row| row.get(0))
        .optional()?;
    found.map(|octets| read_serial(&octets)).transpose()
}

/// A successor that is neither expired nor revoked.
fn successor(connection: &Connection, id: i64, at: UnixTime) -> Result<Option<(Serial, UnixTime)>, Fault> {
    let found: Option<(Vec<u8>, i64)> = connection
        .prepare_cached(
            "SELECT c.serial, c.not_after FROM certificates c
             WHERE c.predecessor = ?1 AND c.predecessor IS NOT NULL AND c.lost_at IS NULL AND c.not_after > ?2
                 AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.certificate = c.id)
             LIMIT 1",
        )?
        .query_row((id, at.0), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found
        .map(|(octets, until)| Ok((read_serial(&octets)?, UnixTime(until))))
        .transpose()
}

fn read_serial(octets: &[u8]) -> Result<Serial, Fault> {
    padded_serial(octets).ok_or_else(|| damaged("a serial number of certificates is not of 20 octets"))
}

/// Whether a certificate of the key was revoked because the key is compromised.
pub(crate) fn is_blocked(connection: &Connection, key: KeyFingerprint) -> Result<bool, Fault> {
    let blocked = connection
        .prepare_cached("SELECT 1 FROM blocked_keys WHERE key = ?1")?
        .exists([&key.0])?;
    Ok(blocked)
}

/// Blocks the key of the certificate in that row, and gives up the family's open intents. The caller has checked that the
/// revocation's reason means a compromised key. Whether the key is blocked now: some rows have no key.
pub(crate) fn block(
    writing: &Writing<'_>,
    (id, key): (i64, KeyFingerprint),
    revocation: &Revocation,
) -> Result<bool, Fault> {
    if key.0 == [0; 32] {
        return Ok(false);
    }
    let connection = writing.connection;
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO blocked_keys (key, blocked_at, certificate, principal) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((key.0, revocation.at.0, id, &revocation.principal))?;
    let mut unreadable = Vec::new();
    let open = open_intents(connection, key)?;
    give_up(writing, open, revocation, &mut unreadable)?;
    for row in unreadable {
        tracing::error!(
            row.what,
            "an open intent of a compromised key cannot be read and was not given up: repair its row"
        );
    }
    Ok(true)
}

/// Revokes a certificate and, as far as `reach` says, its family.
pub(crate) fn revoke(
    writing: &Writing<'_>,
    issuer: &CaName,
    serial: Serial,
    revocation: &Revocation,
    reach: Reach,
) -> Result<RevokedTogether, Fault> {
    // First, with its key: damaged rows of other certificates must not keep this one from being revoked.
    let (id, certificate) = revocation_rows::revoke(writing, issuer, serial, revocation)?;
    let connection = writing.connection;
    let mut together = RevokedTogether {
        certificate,
        others: Vec::new(),
        unreadable: Vec::new(),
        has_more: false,
    };
    let unreadable = &mut together.unreadable;
    // Whatever the reason: a revoked certificate cannot be renewed, so renewals reserved before must not be completed
    // either.
    give_up(writing, descending(connection, id)?, revocation, unreadable)?;
    if !compromises_key(revocation.reason) {
        return Ok(together);
    }
    let key = match &together.certificate {
        Revoked::Now(record) | Revoked::Already(record) => record.key,
    };
    connection.execute(
        "INSERT OR IGNORE INTO blocked_keys (key, blocked_at, certificate, principal) VALUES (?1, ?2, ?3, ?4)",
        (key.0, revocation.at.0, id, &revocation.principal),
    )?;
    if reach == Reach::Certificate {
        // The key is blocked: its other open intents must not become certificates either.
        give_up(writing, of_key(connection, key)?, revocation, unreadable)?;
        return Ok(together);
    }
    give_up(writing, open_intents(connection, key)?, revocation, unreadable)?;
    let mut due = due(connection, key, revocation, unreadable)?;
    together.has_more = due.len() > REVOKED_TOGETHER;
    due.truncate(REVOKED_TOGETHER);
    for position in due {
        let id = position.certificate();
        match writing.apart(|| revocation_rows::revoke_at(writing, &position, revocation)) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(fault) => {
                add_unreadable(unreadable, id, fault, false)?;
                continue;
            }
        }
        match by_id(connection, id) {
            Ok(record) => together.others.push(record),
            Err(fault) => add_unreadable(unreadable, id, fault, true)?,
        }
    }
    if together.has_more {
        note_unfinished(connection, key, id, revocation)?;
    } else {
        connection
            .prepare_cached("DELETE FROM unfinished_families WHERE key = ?1")?
            .execute([&key.0])?;
    }
    Ok(together)
}

/// Records that a family is not revoked completely, in the transaction of the revocation: the caller may never
/// continue.
fn note_unfinished(
    connection: &Connection,
    key: KeyFingerprint,
    id: i64,
    revocation: &Revocation,
) -> Result<(), Fault> {
    connection.execute(
        "INSERT OR REPLACE INTO unfinished_families (key, certificate, revoked_at, reason, invalidity_date, principal)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            key.0,
            id,
            revocation.at.0,
            revocation.reason.code(),
            revocation.invalidity_date.map(|date| date.0),
            &revocation.principal,
        ),
    )?;
    Ok(())
}

/// Families that were revoked only in part. One that cannot be read is reported beside the others, so that it does not
/// block them; so is a mark that the revocations do not confirm, which somebody else may have written.
pub(crate) fn unfinished(
    connection: &Connection,
    after: Option<FamilyPosition>,
    limit: usize,
) -> Result<UnfinishedFamilies, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT i.slug, c.serial, u.revoked_at, u.reason, u.invalidity_date, u.principal, u.key, c.der,
             c.issued_at IS NOT NULL
                 AND EXISTS (SELECT 1 FROM revocations r WHERE r.certificate = c.id)
                 AND (EXISTS (SELECT 1 FROM blocked_keys b WHERE b.key = u.key)
                     OR EXISTS (SELECT 1 FROM certificates k CROSS JOIN revocations r ON r.certificate = k.id
                         WHERE k.key = u.key AND k.lost_at IS NULL AND r.reason IN (1, 2))),
             c.key = u.key
             FROM unfinished_families u
             JOIN certificates c ON c.id = u.certificate JOIN issuers i ON i.id = c.issuer
         WHERE u.revoked_at >= ?1 AND (u.revoked_at > ?1 OR c.serial > ?2) ORDER BY u.revoked_at, c.serial",
    )?;
    let (since, serial) = match &after {
        Some(after) => (after.revoked_at.0, after.serial.as_padded().as_slice()),
        None => (i64::MIN, [].as_slice()),
    };
    let mut rows = statement.query((since, serial))?;
    let mut unfinished = UnfinishedFamilies::default();
    while let Some(row) = rows.next()? {
        if unfinished.families.len() == limit {
            unfinished.next = unfinished.families.last().map(UnfinishedFamily::position);
            break;
        }
        match read_unfinished(row) {
            Ok(family) if is_confirmed(row)? => unfinished.families.push(family),
            Ok(family) => unfinished.add_unconfirmed(family.id),
            Err(fault) if fault.is_of_row() => {
                let serial: Vec<u8> = row.get(1)?;
                let serial = padded_serial(&serial).map_or_else(|| "?".to_owned(), |serial| serial.to_string());
                unfinished.add_unreadable(format!("the family of {serial}: {}", fault.detail()));
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(unfinished)
}

/// Whether a mark names a certificate of its key that is revoked, and that key is blocked, or a certificate of it is revoked
/// because it is compromised. Every mark is written in the transaction that does this.
fn is_confirmed(row: &Row<'_>) -> Result<bool, Fault> {
    let (key, der, is_revoked): (Vec<u8>, Vec<u8>, bool) = (row.get(6)?, row.get(7)?, row.get(8)?);
    // The certificate itself has its key, whatever its row says.
    let is_its_key = match Certificate::parse(&der) {
        Ok(certificate) => KeyFingerprint::of(certificate.spki_der()).0.as_slice() == key,
        Err(_) => row.get(9)?,
    };
    Ok(is_revoked && is_its_key)
}

fn read_unfinished(row: &Row<'_>) -> Result<UnfinishedFamily, Fault> {
    let reason: u8 = row.get(3)?;
    Ok(UnfinishedFamily {
        id: id(row)?,
        revocation: Revocation {
            at: UnixTime(row.get(2)?),
            reason: RevocationReason::from_code(reason)
                .ok_or_else(|| damaged(format!("unfinished_families: {reason} is no reason")))?,
            invalidity_date: row.get::<_, Option<i64>>(4)?.map(UnixTime),
            principal: row.get(5)?,
        },
    })
}

/// Gives those rows up, each in a savepoint; rows that cannot be read are added to `unreadable`.
fn give_up(
    writing: &Writing<'_>,
    open: Vec<i64>,
    revocation: &Revocation,
    unreadable: &mut Vec<UnreadableRow>,
) -> Result<(), Fault> {
    for id in open {
        if let Err(fault) = writing.apart(|| lost::give_up_row(writing, id, revocation.at)) {
            add_unreadable(unreadable, id, fault, false)?;
        }
    }
    Ok(())
}

/// Adds a row that cannot be read to `unreadable`. Any other failure fails the whole operation.
fn add_unreadable(unreadable: &mut Vec<UnreadableRow>, id: i64, fault: Fault, is_done: bool) -> Result<(), Fault> {
    if !fault.is_of_row() {
        return Err(fault);
    }
    let what = fault.detail();
    let named = format!("row {id} of certificates");
    let what = if what.contains(&named) {
        what
    } else {
        format!("{named}: {what}")
    };
    if unreadable.len() < UNREADABLE_REPORTED {
        unreadable.push(UnreadableRow { what, is_done });
    }
    Ok(())
}

/// Open intents of the key's family.
fn open_intents(connection: &Connection, key: KeyFingerprint) -> Result<Vec<i64>, Fault> {
    let mut statement = connection.prepare_cached(family!(
        "SELECT c.id FROM family f CROSS JOIN certificates c ON c.id = f.id
         WHERE c.issued_at IS NULL AND c.lost_at IS NULL"
    ))?;
    ids(statement.query([&key.0])?)
}

/// Open intents for the key itself.
fn of_key(connection: &Connection, key: KeyFingerprint) -> Result<Vec<i64>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM certificates WHERE key = ?1 AND issued_at IS NULL AND lost_at IS NULL")?;
    ids(statement.query([&key.0])?)
}

/// Open intents that renew that certificate, or one that descends from it.
fn descending(connection: &Connection, id: i64) -> Result<Vec<i64>, Fault> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE line (id) AS (
             SELECT ?1
             UNION
             SELECT c.id FROM line l CROSS JOIN certificates c ON c.predecessor = l.id
                 WHERE c.predecessor IS NOT NULL AND c.lost_at IS NULL
         )
         SELECT c.id FROM line l CROSS JOIN certificates c ON c.id = l.id
         WHERE c.issued_at IS NULL AND c.lost_at IS NULL",
    )?;
    ids(statement.query([id])?)
}

fn ids(rows: Rows<'_>) -> Result<Vec<i64>, Fault> {
    let ids = rows.mapped(|row| row.get(0)).collect::<Result<_, _>>()?;
    Ok(ids)
}

/// Reads the columns issuer name and serial number, in this order.
fn id(row: &Row<'_>) -> Result<IntentId, Fault> {
    let issuer = CaName::new(row.get::<_, String>(0)?);
    let issuer = issuer.map_err(|error| damaged(format!("a row of issuers: {error}")))?;
    let serial = read_serial(&row.get::<_, Vec<u8>>(1)?)?;
    Ok(IntentId { issuer, serial })
}

/// The family's certificates still to be revoked: one more than the limit shows that there are more. Expired ones are
/// included: a clock that is ahead would leave out valid ones, and nothing would revoke them later. Rows that cannot be
/// put on a CRL are reported; they stay due for ever, but do not count towards the limit.
fn due(
    connection: &Connection,
    key: KeyFingerprint,
    revocation: &Revocation,
    unreadable: &mut Vec<UnreadableRow>,
) -> Result<Vec<ListPosition>, Fault> {
    let mut statement = connection.prepare_cached(family!(
        "SELECT c.id, c.issuer, c.shard, c.serial, c.not_after, c.der, 1, i.slug
             FROM family f CROSS JOIN certificates c ON c.id = f.id LEFT JOIN issuers i ON i.id = c.issuer
             LEFT JOIN revocations r ON r.certificate = c.id
         WHERE c.issued_at IS NOT NULL AND (r.certificate IS NULL OR (c.key = ?1 AND ?2 = 1 AND r.reason <> 1))"
    ))?;
    let mut rows = statement.query((&key.0, revocation.reason.code()))?;
    let issuers = IssuerCertificates::read(connection)?;
    let mut due = Vec::new();
    while due.len() <= REVOKED_TOGETHER
        && let Some(row) = rows.next()?
    {
        match ListPosition::read(connection, row, &issuers) {
            Ok(position) => due.push(position),
            Err(fault) => add_unreadable(unreadable, row.get(0)?, fault, false)?,
        }
    }
    Ok(due)
}

/// The family's certificates that are neither expired nor revoked, without the certificate itself.
pub(crate) fn related(
    connection: &Connection,
    id: &IntentId,
    at: UnixTime,
    limit: usize,
) -> Result<Vec<Related>, Fault> {
    let row = IssuerCertificates::read(connection)?
        .row(connection, &id.issuer, id.serial)?
        .filter(|row| row.state == IntentState::Issued)
        .ok_or(LedgerError::NotFound(id.serial))?;
    let key = row.record.key;
    let ids: Vec<i64> = connection
        .prepare_cached(family!(
            "SELECT c.id FROM family f CROSS JOIN certificates c ON c.id = f.id
             WHERE c.issued_at IS NOT NULL AND c.not_after >= ?2 AND c.id <> ?3
                 AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.certificate = c.id)
             LIMIT ?4"
        ))?
        .query_map(
            (&key.0, at.0, row.id, i64::try_from(limit).unwrap_or(i64::MAX)),
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?;
    let records = ids.into_iter().map(|id| {
        let record = by_id(connection, id)?;
        Ok(Related {
            same_key: record.key == key,
            record,
        })
    });
    records.collect()
}
