//! Revocations.

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{
    CrlScope, Cursor, FamilyPosition, IntentId, Listed, Reach, Related, Revocation, Revocations, Revoked,
    RevokedTogether, ToRevoke, UnfinishedFamilies, Unlisted,
};
use chancery_authority::{CaName, Principal};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension as _};

use super::certificate_row::{Stage, known_reason, row_by_serial};
use super::certificates::certificate;
use super::family;
use super::fault::Fault;
use super::position::{Claims, ListPosition};
use super::writer::Writing;
use super::{SqliteLedger, crls, restored};

#[async_trait]
impl Revocations for SqliteLedger {
    async fn revoke(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        let issuer = issuer.clone();
        self.write(move |writing| family::revoke(writing, &issuer, serial, &revocation, reach))
            .await
    }

    async fn unfinished_families(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError> {
        self.read(move |connection| family::unfinished(connection, after, limit))
            .await
    }

    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError> {
        let id = id.clone();
        self.read(move |connection| family::related(connection, &id, at, limit))
            .await
    }

    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError> {
        let (scope, entry) = (scope.clone(), *entry);
        self.write(move |writing| relist(writing, &scope, &entry, not_after))
            .await
    }

    async fn learn_key(&self, certificate: &IntentId, key: KeyFingerprint, at: UnixTime) -> Result<bool, LedgerError> {
        let id = certificate.clone();
        self.write(move |writing| restored::hear_of_key(writing, &id, key, at))
            .await
    }

    async fn certificate_to_revoke(
        &self,
        serial: Serial,
        _common_name: Option<&str>,
    ) -> Result<Option<ToRevoke>, LedgerError> {
        self.read(move |connection| certificate_to_revoke(connection, serial))
            .await
    }

    async fn listed(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Listed>, LedgerError> {
        let (issuer, serials) = (issuer.clone(), serials.to_vec());
        self.read(move |connection| listed(connection, &issuer, &serials)).await
    }

    /// Only this program writes to the file, in transactions that change record and list together.
    async fn unlisted(&self, _issuer: &CaName, _at: UnixTime) -> Result<Unlisted, LedgerError> {
        Ok(Unlisted::default())
    }

    async fn unlisted_handled(&self, _issuer: &CaName, _next: Option<Cursor>) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// Revokes an issued certificate. One that is revoked stays as it is, unless the new reason replaces the first
/// (`is_worse`). Returns the row's id, too.
pub(crate) fn revoke(
    writing: &Writing<'_>,
    issuer: &CaName,
    serial: Serial,
    revocation: &Revocation,
) -> Result<(i64, Revoked), Fault> {
    let claims = Claims::read(writing.connection)?;
    let row = claims
        .row(writing.connection, issuer, serial)?
        .filter(|row| row.stage == Stage::Issued)
        .ok_or(LedgerError::NotFound(serial))?;
    let position = ListPosition::of(&row);
    let (mut record, _) = row.complete_to_revoke(writing.connection)?;
    let revocation = match &record.revocation {
        None => {
            insert(writing, &position, revocation)?;
            revocation.clone()
        }
        Some(first) if is_worse(first.reason, revocation.reason) => {
            let replacing = Revocation {
                at: first.at,
                ..revocation.clone()
            };
            replace(writing, &position, &replacing)?;
            replacing
        }
        Some(_) => return Ok((position.certificate, Revoked::Already(Box::new(record)))),
    };
    record.revocation = Some(revocation);
    Ok((position.certificate, Revoked::Now(Box::new(record))))
}

/// The same for an issued certificate of whose row only the position need be readable. Whether anything changed.
pub(crate) fn revoke_at(
    writing: &Writing<'_>,
    position: &ListPosition,
    revocation: &Revocation,
) -> Result<bool, Fault> {
    let first: Option<(i64, i64)> = writing
        .connection
        .prepare_cached("SELECT revoked_at, reason FROM revocations WHERE certificate = ?1")?
        .query_row([position.certificate], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match first {
        None => insert(writing, position, revocation)?,
        Some((at, reason)) if is_worse(known_reason(reason), revocation.reason) => {
            let at = UnixTime(at);
            replace(
                writing,
                position,
                &Revocation {
                    at,
                    ..revocation.clone()
                },
            )?;
        }
        Some(_) => return Ok(false),
    }
    Ok(true)
}

/// Only keyCompromise may replace another reason: relying parties that trust signatures made before the revocation must
/// learn it.
fn is_worse(earlier: RevocationReason, later: RevocationReason) -> bool {
    later == RevocationReason::KeyCompromise && earlier != RevocationReason::KeyCompromise
}

/// Gives a revocation the reason that a CRL has for it, where that is keyCompromise and the recorded one is not.
pub(crate) fn worsen(writing: &Writing<'_>, position: &ListPosition, listed: &Revocation) -> Result<(), Fault> {
    let standing: i64 = writing
        .connection
        .prepare_cached("SELECT reason FROM revocations WHERE certificate = ?1")?
        .query_row([position.certificate], |row| row.get(0))?;
    if is_worse(known_reason(standing), listed.reason) {
        replace(writing, position, listed)?;
    }
    Ok(())
}

/// Adds a serial number to the list of revocations.
pub(crate) fn insert(writing: &Writing<'_>, position: &ListPosition, revocation: &Revocation) -> Result<(), Fault> {
    writing
        .connection
        .prepare_cached(
            "INSERT INTO revocations
                 (issuer, shard, serial, not_after, revoked_at, reason, invalidity_date, certificate, principal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            position.issuer,
            position.shard,
            position.serial.as_padded(),
            position.not_after.0,
            revocation.at.0,
            revocation.reason.code(),
            revocation.invalidity_date.map(|date| date.0),
            position.certificate,
            &revocation.principal,
        ))?;
    writing.count(|counts| counts.revoked += 1);
    crls::mark_change(writing.connection, position.issuer, position.shard)
}

fn replace(writing: &Writing<'_>, position: &ListPosition, revocation: &Revocation) -> Result<(), Fault> {
    writing.connection.execute(
        "UPDATE revocations SET revoked_at = ?2, reason = ?3, invalidity_date = ?4, principal = ?5
         WHERE certificate = ?1",
        (
            position.certificate,
            revocation.at.0,
            revocation.reason.code(),
            revocation.invalidity_date.map(|date| date.0),
            &revocation.principal,
        ),
    )?;
    crls::mark_change(writing.connection, position.issuer, position.shard)
}

/// Which of the serial numbers are revoked.
pub(crate) fn listed(
    connection: &Connection,
    issuer: &CaName,
    serials: &[Serial],
) -> Result<HashMap<Serial, Listed>, Fault> {
    let mut listed = HashMap::new();
    for serial in serials {
        if let Some(record) = certificate(connection, Some(issuer), *serial)?
            && let Some(revocation) = record.revocation
        {
            let (reason, not_after) = (revocation.reason, record.not_after);
            listed.insert(*serial, Listed { reason, not_after });
        }
    }
    Ok(listed)
}

/// Puts a CRL entry back on its list, where the row is missing, or where its `not_after` is wrong. A certificate that
/// the ledger does not know cannot be listed; each new CRL takes its entry over from the published one.
pub(crate) fn relist(
    writing: &Writing<'_>,
    scope: &CrlScope,
    entry: &RevokedEntry,
    not_after: UnixTime,
) -> Result<(), Fault> {
    let row = Claims::read(writing.connection)?.row(writing.connection, &scope.issuer, entry.serial)?;
    let Some(row) = row.filter(|row| row.stage != Stage::Open) else {
        return Ok(());
    };
    let position = ListPosition::of(&row);
    let changed = writing.connection.execute(
        "UPDATE revocations SET not_after = ?2 WHERE certificate = ?1",
        (position.certificate, not_after.0),
    )?;
    if changed > 0 {
        return crls::mark_change(writing.connection, position.issuer, position.shard);
    }
    let revocation = Revocation {
        at: entry.revoked_at,
        reason: entry.reason,
        invalidity_date: entry.invalidity_date,
        principal: Principal::AUTHORITY.to_string(),
    };
    insert(writing, &position, &revocation)
}

/// One issued certificate, for revoking it: a damaged row of its predecessor does not make this fail.
pub(crate) fn certificate_to_revoke(connection: &Connection, serial: Serial) -> Result<Option<ToRevoke>, Fault> {
    let row = row_by_serial(connection, None, serial)?;
    let Some(row) = row.filter(|row| row.stage == Stage::Issued) else {
        return Ok(None);
    };
    let mut row = row;
    let differing = Claims::read(connection)?.tell(connection, &mut row)?;
    let (record, damaged) = row.complete_to_revoke(connection)?;
    let damaged: Vec<String> = differing.into_iter().chain(damaged).collect();
    let damaged = (!damaged.is_empty()).then(|| damaged.join("; "));
    Ok(Some(ToRevoke { record, damaged }))
}
